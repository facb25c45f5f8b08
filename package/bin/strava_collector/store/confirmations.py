"""Jobs that ask whether an athlete still grants access: they wait for no turn, since all else of the athlete does."""

from __future__ import annotations

from collections.abc import Collection
from typing import Optional

from strava_collector.job import Job
from strava_collector.store import queue
from strava_collector.store.queue import JOB_LEASE_SECONDS
from strava_collector.store.sqlite import Row, Transaction


def claim(
    tx: Transaction, *, input: str, now: float, athletes: Collection[int], lease_seconds: float = JOB_LEASE_SECONDS
) -> Optional[Job]:
    """Take a due job that asks whether an athlete still grants access; None if there is none.

    It needs no turn, and the athlete may be one whose calls are refused: all else of the athlete depends on it.
    """
    for row in _waiting(tx, input):
        if row["next_run_at"] <= now and row["athlete_id"] in athletes:
            return queue.lease_out(tx, row["id"], now, lease_seconds)
    return None


def next_at(tx: Transaction, *, input: str, athletes: Collection[int]) -> Optional[float]:
    """When :func:`claim` will find something, in epoch seconds, maybe past; None if nothing waits."""
    times = (row["next_run_at"] for row in _waiting(tx, input) if row["athlete_id"] in athletes)
    return min(times, default=None)


def in_vain(tx: Transaction, athlete_id: int, since: float) -> tuple[int, float]:
    """Return how often since ``since`` Strava said that the athlete still grants access, and when last (or 0.0)."""
    row = tx.execute(
        "SELECT COUNT(*) AS n, COALESCE(MAX(claimed_at), 0.0) AS last FROM job WHERE activity_id = ?"
        " AND claimed_at >= ? AND athlete_id = ? AND kind = 'athlete' AND outcome = 'unchanged'",
        (athlete_id, float(since), athlete_id),
    ).fetchone()
    return row["n"], row["last"]


def _waiting(tx: Transaction, input: str) -> list[Row]:
    """The waiting ones; there is one per athlete at most. The first of the two statuses makes SQLite use the index."""
    return tx.execute(
        "SELECT id, athlete_id, next_run_at FROM job WHERE kind = 'athlete' AND status IN ('pending', 'working')"
        " AND status = 'pending' AND input = ? ORDER BY activity_id",
        (input,),
    ).fetchall()
