"""One job with what led to it and what came of it, for operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from strava_collector.job import Job, Kind
from strava_collector.store import ledger, queue
from strava_collector.store.ledger import Known
from strava_collector.store.sqlite import Row, Transaction
from strava_collector.webhook import NotANotification, notification_from_json

#: Notifications that are shown, the newest.
_MOST = 100


@dataclass(frozen=True)
class Heard:
    """A notification of the same trail."""

    id: int
    #: create, update or delete; empty if it cannot be read any more.
    aspect: str
    #: Of the first delivery, in epoch seconds.
    received_at: float
    #: How often Strava has sent it.
    deliveries: int
    state: str
    #: Why it is held, or a dead letter.
    reason: Optional[str]


@dataclass(frozen=True)
class Place:
    """A place in an index that has or had a version of the activity."""

    index: str
    start_date: str
    state: str
    #: In epoch seconds; None as long as the newest version is there.
    tombstone_at: Optional[float]


@dataclass(frozen=True)
class JobTrail:
    """All that the store knows of a job."""

    job: Job
    notifications: tuple[Heard, ...]
    #: None for what is no activity, and for an activity that was never heard of.
    known: Optional[Known]
    places: tuple[Place, ...]


def find(tx: Transaction, job_id: int) -> Optional[JobTrail]:
    """Return the job with its trail; None if there is no such job."""
    job = queue.find(tx, job_id)
    if job is None:
        return None
    heard = tx.execute(
        "SELECT id, body, received_at, deliveries, state, reason FROM notification"
        " WHERE object_id = ? AND athlete_id = ? AND trail = ? ORDER BY id DESC LIMIT ?",
        (job.activity_id, job.athlete_id, job.trail, _MOST),
    ).fetchall()
    of_activity = job.kind in (Kind.ACTIVITY, Kind.STREAMS)
    places = tx.execute(
        "SELECT start_date, index_name, state, tombstone_ms FROM place WHERE activity_id = ?"
        " ORDER BY start_date, index_name",
        (job.activity_id if of_activity else -1,),
    ).fetchall()
    return JobTrail(
        job,
        tuple(_heard(row) for row in reversed(heard)),
        ledger.find(tx, job.activity_id) if of_activity else None,
        tuple(_place(row) for row in places),
    )


def _heard(row: Row) -> Heard:
    try:
        aspect = notification_from_json(row["body"]).aspect_type
    except NotANotification:
        aspect = ""
    return Heard(row["id"], aspect, row["received_at"], row["deliveries"], row["state"], row["reason"])


def _place(row: Row) -> Place:
    grave = row["tombstone_ms"]
    return Place(row["index_name"], row["start_date"], row["state"], None if grave is None else grave / 1000)
