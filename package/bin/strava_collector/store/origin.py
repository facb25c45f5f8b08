"""Whose an activity is, and which input collects it, as far as the store has heard of it."""

from __future__ import annotations

from typing import Optional

from strava_collector.store import inputs, job_list
from strava_collector.store.sqlite import Transaction


def athlete_of(tx: Transaction, activity_id: int) -> Optional[int]:
    """Return the athlete of the activity: by what was collected, else by a job, else by a notification."""
    for query in (
        "SELECT athlete_id FROM activity WHERE activity_id = ?",
        "SELECT athlete_id FROM job WHERE activity_id = ? AND kind = 'activity' LIMIT 1",
        "SELECT athlete_id FROM notification WHERE object_id = ? AND object_type = 'activity' LIMIT 1",
    ):
        row = tx.execute(query, (activity_id,)).fetchone()
        if row is not None:
            return int(row["athlete_id"])
    return None


def input_of(tx: Transaction, activity_id: int, athlete_id: int) -> Optional[str]:
    """Return the input that collected the activity, else the one that last had to do with the athlete."""
    row = tx.execute("SELECT input FROM activity WHERE activity_id = ?", (activity_id,)).fetchone()
    if row is not None and row["input"] is not None:
        return str(row["input"])
    job = job_list.of_activity(tx, activity_id)
    if job is None or job.athlete_id != athlete_id:
        job = next(iter(job_list.newest(tx, job_list.Only(athlete_id=athlete_id), limit=1)), None)
    if job is not None:
        return job.input
    for name in inputs.with_notifications(tx):
        heard = tx.execute(
            "SELECT 1 FROM notification WHERE input = ? AND state = 'dispatched' AND athlete_id = ? LIMIT 1",
            (name, athlete_id),
        ).fetchone()
        if heard is not None:
            return name
    return None
