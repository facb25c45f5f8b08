"""What there is to list of an athlete, each with when: the newest, the slow walk through everything, history."""

from __future__ import annotations

from strava_collector import walk
from strava_collector.list_page import Look
from strava_collector.ownership import Owner
from strava_collector.settings import ActivitiesInput, Athlete
from strava_collector.store import walks
from strava_collector.store.sqlite import Transaction
from strava_collector.walk import Purpose, Wanted


def due_lists(
    tx: Transaction, activities_input: ActivitiesInput, athlete: Athlete, owner: Owner, now: float
) -> list[tuple[float, Look]]:
    """Return the next page of each list that the input walks through, with when it is due, maybe past."""
    wanted = wanted_of(activities_input)
    covered = walks.covered(tx, athlete.athlete_id, athlete.connected_at)
    window, slow, past = (
        walks.under_way(tx, athlete.athlete_id, purpose, athlete.connected_at)
        for purpose in (Purpose.WINDOW, Purpose.PASS, Purpose.HISTORY)
    )
    due = now if window is not None else walk.window_due(covered, wanted, now)
    found = [(due, window or walk.new_window(covered, wanted, now))]
    pass_due = now if slow is not None else walk.pass_due(athlete.athlete_id, covered, wanted, now)
    if pass_due is not None:
        found.append((pass_due, slow or walk.new_pass(covered, wanted, now)))
    history = walk.history_walk(covered, wanted, now, past)
    if history is not None:
        found.append((now, history))
    return [(at, Look(athlete, owner, one, covered, wanted)) for at, one in found]


def wanted_of(activities_input: ActivitiesInput) -> Wanted:
    """Return what an input wants of its athletes' lists."""
    start = activities_input.start_date
    return Wanted(
        start=walk.BEGINNING if start is None else int(start),
        interval=activities_input.interval,
        look_back=activities_input.look_back,
        oldest_first=activities_input.oldest_first,
        summaries_only=activities_input.summaries_only,
    )
