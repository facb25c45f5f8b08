"""What operators see of history: a row per athlete whose activities are listed, over REST and on the command line."""

from __future__ import annotations

from strava_collector.admin_desk import Desk
from strava_collector.admin_rows import Row, when
from strava_collector.progress import Progress, progress
from strava_collector.store import misses, walks
from strava_collector.store.walks import Listed
from strava_collector.walk import BEGINNING


def history(desk: Desk) -> list[Row]:
    """Return how far each athlete's history has come, by the athletes' names. Raises StoreUnavailable."""
    now = desk.clock.now()
    with desk.read() as tx:
        return [
            _row(
                one,
                progress(tx, one),
                missed_today=misses.on_day(tx, now, athlete_id=one.athlete_id).all,
                missed_yesterday=misses.on_day(tx, now - 86_400.0, athlete_id=one.athlete_id).all,
            )
            for one in walks.listed(tx)
        ]


def _row(one: Listed, found: Progress, *, missed_today: int, missed_yesterday: int) -> Row:
    about = one.about
    return {
        "athlete": about.athlete or str(one.athlete_id),
        "athlete_id": one.athlete_id,
        "input": about.input,
        "owner": about.owner,
        "found": found.found,
        "collected": found.in_full,
        "waiting": found.waiting,
        "given_up": found.given_up,
        "lists": found.lists,
        "estimate": one.said if found.waiting else "",
        "wanted_from": "" if about.wanted_from <= BEGINNING else when(about.wanted_from),
        "listed_at": when(one.covered.window_at),
        "walked_at": when(one.covered.pass_at),
        "missed_today": missed_today,
        "missed_yesterday": missed_yesterday,
        "trouble": one.trouble,
    }
