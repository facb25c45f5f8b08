"""What is kept of activities' samples: which were collected last, and when; the ledger has the rest."""

from __future__ import annotations

from typing import Optional

from strava_collector.job import Job, Kind
from strava_collector.store.sqlite import Transaction


def place(tx: Transaction, job: Job) -> Optional[str]:
    """Return the ``start_date`` of the activity whose samples a job is to collect.

    None if nobody wants them any more: the activity is deleted, was never collected, or is another athlete's.
    """
    row = tx.execute(
        "SELECT start_date FROM activity WHERE activity_id = ? AND athlete_id = ? AND deleted = 0",
        (job.activity_id, job.athlete_id),
    ).fetchone()
    return None if row is None else row["start_date"]


def is_needless(tx: Transaction, job: Job) -> bool:
    """Whether a claimed job has nothing to collect any more."""
    return place(tx, job) is None


def collected_key(tx: Transaction, activity_id: int) -> Optional[str]:
    """Return the key (``streams.stream_key``) of the samples that were collected last; None if none were."""
    row = tx.execute("SELECT stream_key FROM activity WHERE activity_id = ?", (activity_id,)).fetchone()
    return None if row is None else row["stream_key"]


def awaited_key(tx: Transaction, activity_id: int, athlete_id: int) -> Optional[str]:
    """Return the key of the samples that a live job is to collect; None if there is no such job."""
    row = tx.execute(
        "SELECT expected FROM job WHERE kind = ? AND activity_id = ? AND athlete_id = ?"
        " AND status IN ('pending', 'working')",
        (Kind.STREAMS.value, activity_id, athlete_id),
    ).fetchone()
    return None if row is None else row["expected"]


def begin(tx: Transaction, activity_id: int, *, now: float) -> float:
    """Return the ``collected_at`` of samples that are about to be written: now, or later than all before.

    Also later than the activity's events and tombstones: those of one that has come back are not to be erased.
    """
    row = tx.execute(
        "SELECT MAX(COALESCE(collected_ms, 0), COALESCE(streams_ms, 0)) AS last FROM activity WHERE activity_id = ?",
        (activity_id,),
    ).fetchone()
    milliseconds = round(now * 1000) if row is None else max(round(now * 1000), row["last"] + 1)
    tx.execute("UPDATE activity SET streams_ms = ? WHERE activity_id = ?", (milliseconds, activity_id))
    return float(milliseconds / 1000)


def collected(tx: Transaction, activity_id: int, key: Optional[str]) -> None:
    """The samples with this key are in the index, or there are none."""
    if key is not None:
        tx.execute("UPDATE activity SET stream_key = ? WHERE activity_id = ?", (key, activity_id))
