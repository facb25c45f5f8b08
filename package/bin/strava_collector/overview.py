"""What waits, what for and how long, for people: the line in the log, and the set-up check."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Optional

from strava_collector.allowance import Allowance
from strava_collector.job import Priority
from strava_collector.settings import Advanced, Settings
from strava_collector.store import applications, athletes, dead_letters, queue
from strava_collector.store.sqlite import Transaction


@dataclass(frozen=True)
class Overview:
    """The state of one input's queue and of its application; dead letters and athletes are those of the host."""

    #: Jobs that wait, and how many of them are reconciliation and history.
    waiting: int
    reconciliation: int
    history: int
    #: Seconds for which the live job that has been due for longest could have been fetched, but for limits; None if
    #: none waits. Those of athletes who have to connect again do not count.
    oldest: Optional[int]
    #: Why nothing can be fetched now and until when, for instance ``paused until 14:15 UTC, day limit``; None if
    #: something can.
    pause: Optional[str]
    #: The same for history alone.
    history_pause: Optional[str]
    #: When all that waits will have been fetched at the present limits, ``2026-06-01T14:15Z``, as far as it waits for
    #: them and not for people; None if nothing waits.
    done_at: Optional[str]
    #: How many calls a day history can make at present; None if none of it waits.
    history_per_day: Optional[int]
    #: Reads that were used in the quarter hour and on the day.
    used: str
    #: How many may be used, in the same form.
    limits: str
    #: 429s since the store was made.
    refusals: int
    dead_letters: int
    #: Athletes who need to reconnect, or have withdrawn the permission.
    athletes: int


def overview(
    tx: Transaction, *, input: str, client_id: str, allowance: Allowance, settings: Settings, now: float
) -> Overview:
    """Look at everything; counts the jobs, so it is for people, not for loops."""
    advanced = settings.advanced
    waiting = queue.waiting(tx, input)
    oldest = queue.oldest_due(tx, input=input)
    total, history = sum(waiting.values()), waiting[Priority.HISTORY]
    circuit = applications.circuit(tx, client_id)
    opens = circuit.waits_until(now)
    pause: Optional[str]
    history_pause: Optional[str]
    if opens is not None:
        pause = history_pause = f"paused until {clock_time(opens)}, {circuit.breach.value if circuit.breach else ''}"
    else:
        pause = _pause(tx, allowance, client_id, advanced, Priority.LIVE)
        history_pause = _pause(tx, allowance, client_id, advanced, Priority.HISTORY)
    return Overview(
        waiting=total,
        reconciliation=waiting[Priority.RECONCILIATION],
        history=history,
        oldest=None if oldest is None else max(0, int(now - oldest)),
        pause=pause,
        history_pause=history_pause,
        done_at=_date(max(allowance.done_at(tx, client_id, advanced, waiting), opens or now)) if total else None,
        history_per_day=allowance.history_per_day(tx, client_id, advanced) if history else None,
        used=str(allowance.usage(tx, client_id)),
        limits=str(allowance.limits(tx, client_id, advanced)),
        refusals=applications.quota(tx, client_id).refusals,
        dead_letters=dead_letters.count_dead_letters(tx),
        athletes=sum(found.athlete_id in settings.athletes for found in athletes.standings(tx)),
    )


def clock_time(time: float) -> str:
    """Return a time of day for people: ``14:15 UTC``."""
    minutes = math.ceil(time / 60) % 1440
    return f"{minutes // 60:02d}:{minutes % 60:02d} UTC"


def _date(time: float) -> str:
    return datetime.fromtimestamp(math.ceil(time / 60) * 60, timezone.utc).strftime("%Y-%m-%dT%H:%MZ")


def _pause(
    tx: Transaction, allowance: Allowance, client_id: str, advanced: Advanced, priority: Priority
) -> Optional[str]:
    pause = allowance.pause(tx, client_id, advanced, priority)
    return None if pause is None else f"paused until {clock_time(pause.until)}, {pause.why}"
