"""How far an athlete's history has come, in numbers and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from strava_collector.allowance import Allowance
from strava_collector.job import Priority
from strava_collector.settings import Advanced
from strava_collector.store import ledger_lists, queue
from strava_collector.store.sqlite import Transaction
from strava_collector.store.walks import Listed
from strava_collector.walk import BEGINNING

#: What is said when nothing is left to do.
COMPLETE = "complete"


@dataclass(frozen=True)
class Progress:
    """The state of one athlete's history."""

    #: Activities that the index shows, how many of them in full, how many wait, how many can never be had in full.
    found: int
    in_full: int
    waiting: int
    given_up: int
    #: ``complete``, or how far the lists have been walked through.
    lists: str


def progress(tx: Transaction, listed: Listed) -> Progress:
    """Count for one athlete. Looks at each of the athlete's activities, so it is for people, not for loops."""
    counts = ledger_lists.counts(tx, listed.athlete_id)
    waiting = ledger_lists.waiting(tx, listed.athlete_id)
    return Progress(counts.found, counts.in_full, waiting, counts.given_up, lists_of(listed))


def lists_of(listed: Listed) -> str:
    """Say how far the athlete's lists have been walked through."""
    covered, start = listed.covered, listed.about.wanted_from
    if covered.window_at is None:
        return "not begun"
    gaps = covered.spans.gaps(start, int(covered.window_at))
    if not gaps:
        return COMPLETE
    low, high = gaps[-1]
    if low <= max(start, BEGINNING) and len(gaps) == 1:
        return f"back to {_date(high + 1)}"
    return f"not yet from {_date(low)} to {_date(high)}"


def estimate(tx: Transaction, allowance: Allowance, client_id: str, advanced: Advanced, owner: str, now: float) -> str:
    """Say when all that waits at the input ``owner`` will be there: ``done in about 12 days at 600 calls per day``."""
    waiting: Mapping[Priority, int] = queue.waiting(tx, owner)
    if not sum(waiting.values()):
        return ""
    seconds = allowance.done_at(tx, client_id, advanced, waiting) - now
    per_day = allowance.history_per_day(tx, client_id, advanced)
    return f"done in about {about(seconds)} at {per_day} calls per day"


def about(seconds: float) -> str:
    """Say a time roughly: ``12 days``, ``5 hours``, ``10 minutes``."""
    for name, length in (("day", 86_400.0), ("hour", 3600.0), ("minute", 60.0)):
        number = round(seconds / length)
        if number > 1 or (number == 1 and seconds >= 0.9 * length):
            return f"{number} {name}{'' if number == 1 else 's'}"
    return "a minute"


def _date(second: int) -> str:
    return datetime.fromtimestamp(max(second, BEGINNING), timezone.utc).strftime("%Y-%m-%d").rjust(10, "0")
