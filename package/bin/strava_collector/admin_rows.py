"""How operators see what is in the store: rows of plain values, the same over REST and on the command line.

The first value of a row is its name. No field is called ``id``, ``title`` or ``updated``: Splunk's ``| rest`` gives
these to every row itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Optional, Union

from strava_collector.job import Job
from strava_collector.store.dead_letters import DeadLetter, Thing
from strava_collector.store.job_list import Count
from strava_collector.store.job_trail import Heard, JobTrail, Place

Value = Union[str, int, float, Sequence[str]]
Row = dict[str, Value]

#: Where the log lines of inputs and pages are.
SEARCH = "index=_internal source=*ta_strava_webhook* trail={trail} | sort _time"


def when(time: Optional[float]) -> str:
    """Return a time as ``2026-06-01T05:00:00.123Z``; empty if there is none."""
    if time is None:
        return ""
    try:
        moment = datetime.fromtimestamp(time, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return str(time)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def job_row(job: Job) -> Row:
    """A job as lists show it."""
    return {
        "job": job.id,
        "status": job.status.value,
        "outcome": job.outcome.value if job.outcome else "",
        "reason": job.reason.value,
        "kind": job.kind.value,
        "activity_id": job.activity_id,
        "athlete_id": job.athlete_id,
        "input": job.input,
        "priority": job.priority.name.lower(),
        "force": int(job.force),
        "attempts": job.attempts,
        "max_attempts": job.max_attempts,
        "next_run_at": when(job.next_run_at),
        "created_at": when(job.created_at),
        "updated_at": when(job.updated_at),
        "trail": job.trail,
        "error": job.error or "",
    }


def trail_row(found: JobTrail) -> Row:
    """A job with all that led to it and came of it."""
    known = found.known
    return {
        **job_row(found.job),
        "crashes": found.job.crashes,
        "claimed_at": when(found.job.claimed_at),
        "lease_expires_at": when(found.job.lease_expires_at),
        "notifications": [_heard(one) for one in found.notifications],
        "start_date": (known.start_date if known else None) or "",
        "collected_at": when(known.collected_at if known else None),
        "deleted": int(known.deleted) if known else 0,
        "places": [_place(one) for one in found.places],
        "search": SEARCH.format(trail=found.job.trail),
    }


def dead_letter_row(letter: DeadLetter) -> Row:
    """A job or a notification that failed for good; its name is what ``retry`` takes."""
    name = str(letter.id) if letter.thing is Thing.JOB else f"{letter.thing.value}:{letter.id}"
    return {
        "dead_letter": name,
        "kind": letter.kind,
        "activity_id": "" if letter.activity_id is None else letter.activity_id,
        "athlete_id": letter.athlete_id,
        "input": letter.input,
        "attempts": letter.attempts,
        "since": when(letter.since),
        "error": letter.reason,
    }


def count_row(count: Count) -> Row:
    """How many jobs of a sort there are."""
    outcome = count.outcome.value if count.outcome else ""
    name = ":".join(part for part in ("job", count.status.value, count.reason.value, outcome) if part)
    return {
        "sort": name,
        "thing": "job",
        "status": count.status.value,
        "reason": count.reason.value,
        "outcome": outcome,
        "count": count.jobs,
    }


def notifications_row(state: str, number: int) -> Row:
    """How many notifications are in a state."""
    return {
        "sort": f"notification:{state}",
        "thing": "notification",
        "status": state,
        "reason": "",
        "outcome": "",
        "count": number,
    }


def _heard(one: Heard) -> str:
    times = "once" if one.deliveries == 1 else f"{one.deliveries} times"
    state = f"{one.state}, {one.reason}" if one.reason else one.state
    return f"notification:{one.id} {one.aspect} received {when(one.received_at)}, sent {times}, {state}"


def _place(one: Place) -> str:
    left = f", tombstone {when(one.tombstone_at)}" if one.tombstone_at is not None else ""
    return f"index={one.index} _time={one.start_date} {one.state}{left}"
