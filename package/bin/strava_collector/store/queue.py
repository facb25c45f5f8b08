"""The queue: jobs, who may work on them, and what becomes of them.

``pending`` → ``working`` → ``done`` or ``failed``, or back to ``pending``. A job is claimed under a lease;
every update by a worker says "where the lease is mine", so that one who comes back late changes nothing. A
notification that arrives meanwhile raises the job's ``generation``, and finishing a job whose generation is
not the claimed one sends it back to ``pending``: the last state of an activity always wins.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Optional

from strava_collector.job import MAX_ATTEMPTS, Job, Kind, Outcome, Priority, Reason, Status
from strava_collector.store.sqlite import Row, Transaction

#: How long a lease lasts unless it is renewed, in seconds: longer than any fetch, short enough to wait for.
LEASE_SECONDS = 300.0

CRASHED = "The process ended while it worked on this job."
CRASHED_TOO_OFTEN = (
    "The process ended each time that it worked on this job, {attempts} times in a row, so it is not tried "
    "again. Look for what the log says just before the input was started again, then retry the job by hand."
)


def join(
    tx: Transaction,
    *,
    kind: Kind,
    activity_id: int,
    athlete_id: int,
    input: str,
    reason: Reason,
    priority: Priority,
    force: bool,
    due_at: float,
    now: float,
) -> None:
    """Ask for something to be fetched at ``due_at``: a new job, or a further wish to the live one.

    Joining raises the generation, takes the higher priority, ORs ``force`` and starts counting attempts
    afresh. A job that waits keeps its time if that is earlier, so that a burst counts from its first
    notification; one that is being worked on will run again at ``due_at``. ``activity_id`` is the id of
    whatever ``kind`` says. Another athlete's wish is another job: notifications are not signed, and one with a
    false owner must not get hold of the true one's.
    """
    live = tx.execute(
        "SELECT id, status, generation, claimed_generation FROM job"
        " WHERE kind = ? AND activity_id = ? AND athlete_id = ? AND status IN ('pending', 'working')",
        (kind.value, activity_id, athlete_id),
    ).fetchone()
    if live is None:
        tx.execute(
            "INSERT INTO job (kind, activity_id, athlete_id, input, reason, priority, force, status, "
            "max_attempts,"
            " next_run_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?)",
            (
                kind.value,
                activity_id,
                athlete_id,
                input,
                reason.value,
                int(priority),
                int(force),
                MAX_ATTEMPTS,
                float(due_at),
                float(now),
                float(now),
            ),
        )
        return
    working = live["status"] == Status.WORKING.value
    first_since_claim = working and live["generation"] == live["claimed_generation"]
    tx.execute(
        "UPDATE job SET generation = generation + 1, priority = MIN(priority, ?), force = MAX(force, ?),"
        " reason = CASE WHEN ? < priority THEN ? ELSE reason END, attempts = 0, error = NULL, updated_at = ?,"
        " next_run_at = CASE WHEN ? THEN ? ELSE MIN(next_run_at, ?) END,"
        # The lease of a working job belongs to its input; a waiting one goes to the athlete's present owner.
        " input = CASE WHEN status = 'pending' THEN ? ELSE input END"
        " WHERE id = ?",
        (
            int(priority),
            int(force),
            int(priority),
            reason.value,
            float(now),
            int(first_since_claim),
            float(due_at),
            float(due_at),
            input,
            live["id"],
        ),
    )


def claim(
    tx: Transaction, *, input: str, now: float, lease_seconds: float = LEASE_SECONDS, per_athlete: int = 1_000_000
) -> Optional[Job]:
    """Take the input's next due job under a lease: by priority, then by due time. None if nothing is due.

    An athlete with ``per_athlete`` jobs under way has to wait, so that calls that hang leave room for others.
    """
    under_way = Counter(
        row["athlete_id"]
        for row in tx.execute("SELECT athlete_id FROM job WHERE input = ? AND status = 'working'", (input,))
    )
    busy = [athlete_id for athlete_id, jobs in under_way.items() if jobs >= per_athlete]
    others = f"AND athlete_id NOT IN ({','.join('?' * len(busy))})"
    # One search per priority, because within one the index is in the order of due times: a thousand live jobs
    # that wait for their time must not be walked through to find the history job that is due.
    for priority in Priority:
        due = tx.execute(
            "SELECT id FROM job WHERE input = ? AND status = 'pending' AND priority = ? AND next_run_at <= ?"  # noqa: S608 - question marks only
            f" {others} ORDER BY next_run_at, id LIMIT 1",
            (input, int(priority), float(now), *busy),
        ).fetchone()
        if due is not None:
            tx.execute(
                "UPDATE job SET status = 'working', lease_id = ?, lease_expires_at = ?,"
                " claimed_generation = generation, claimed_at = ?, updated_at = ? WHERE id = ?",
                (uuid.uuid4().hex, float(now + lease_seconds), float(now), float(now), due["id"]),
            )
            return find(tx, due["id"])
    return None


def find(tx: Transaction, job_id: int) -> Optional[Job]:
    """Return the job with this id, whatever its status."""
    row = tx.execute("SELECT * FROM job WHERE id = ?", (job_id,)).fetchone()
    return None if row is None else _job(row)


def next_due(tx: Transaction, input: str) -> Optional[float]:
    """When the input's earliest waiting job is due, in epoch seconds, maybe past; None if nothing waits."""
    times = [
        tx.execute(
            "SELECT MIN(next_run_at) AS due FROM job WHERE input = ? AND status = 'pending' AND priority = ?",
            (input, int(priority)),
        ).fetchone()["due"]
        for priority in Priority
    ]
    return min((time for time in times if time is not None), default=None)


def is_mine(tx: Transaction, job: Job) -> bool:
    """Whether the lease of a claimed job still holds and no notification has joined since the claim."""
    row = tx.execute(
        "SELECT generation, claimed_generation FROM job WHERE id = ? AND status = 'working' AND lease_id = ?",
        _lease(job),
    ).fetchone()
    return row is not None and row["generation"] == row["claimed_generation"]


def renew(tx: Transaction, job: Job, *, now: float, lease_seconds: float = LEASE_SECONDS) -> bool:
    """Make the lease last ``lease_seconds`` from now; False if it is no longer mine."""
    return _changed(
        tx.execute(
            "UPDATE job SET lease_expires_at = ?, updated_at = ? WHERE id = ? AND status = 'working' AND lease_id = ?",
            (float(now + lease_seconds), float(now), *_lease(job)),
        ).rowcount
    )


def finish(tx: Transaction, job: Job, *, status: Status, outcome: Outcome, error: Optional[str], now: float) -> bool:
    """End a claimed job, or send it back to pending if a notification has joined since; False if not mine."""
    if status not in (Status.DONE, Status.FAILED):
        raise ValueError(f"A job does not finish as {status.value}.")
    if _went_back(tx, job, now):
        return True
    return _changed(
        tx.execute(
            "UPDATE job SET status = ?, outcome = ?, error = ?, lease_id = NULL, lease_expires_at = NULL,"
            " updated_at = ? WHERE id = ? AND status = 'working' AND lease_id = ?",
            (status.value, outcome.value, error, float(now), *_lease(job)),
        ).rowcount
    )


def reschedule(
    tx: Transaction,
    job: Job,
    *,
    run_at: float,
    counts: bool,
    error: Optional[str],
    now: float,
    priority: Optional[Priority] = None,
) -> bool:
    """Put a claimed job back until ``run_at``; False if it is no longer mine.

    ``counts`` says whether this was a failed attempt. If a notification has joined since the claim, the job
    is treated as new: due when that notification said, without attempts, and ``priority`` can only raise it.
    """
    if _went_back(tx, job, now, priority=priority):
        return True
    return _changed(
        tx.execute(
            "UPDATE job SET status = 'pending', attempts = attempts + ?, next_run_at = ?, error = ?,"
            " priority = COALESCE(?, priority), lease_id = NULL, lease_expires_at = NULL, updated_at = ?"
            " WHERE id = ? AND status = 'working' AND lease_id = ?",
            (
                int(counts),
                float(run_at),
                error,
                None if priority is None else int(priority),
                float(now),
                *_lease(job),
            ),
        ).rowcount
    )


def take_over(tx: Transaction, *, input: str, now: float) -> int:
    """Requeue at once what the input's last process was working on when it died; return how many jobs.

    To be called by the process that holds the input's lock, before it claims anything. Each counts as an
    attempt: a job that kills its process five times is given up instead of killing it for ever.
    """
    crashed = tx.execute("SELECT id, attempts, max_attempts FROM job WHERE input = ? AND status = 'working'", (input,))
    return _requeue(tx, crashed.fetchall(), now)


def expire(tx: Transaction, *, now: float, lease_seconds: float = LEASE_SECONDS) -> int:
    """Requeue the jobs of all inputs whose lease has run out, like :func:`take_over`; return how many."""
    # A lease that ends later than any could by now was granted before the clock was set back. It gets the
    # time of a new one, so that a dead worker's job does not wait until the clock has caught up.
    latest = float(now + lease_seconds)
    tx.execute(
        "UPDATE job SET lease_expires_at = ? WHERE status = 'working' AND lease_expires_at > ?",
        (latest, latest),
    )
    crashed = tx.execute(
        "SELECT id, attempts, max_attempts FROM job WHERE status = 'working' AND lease_expires_at <= ?",
        (float(now),),
    )
    return _requeue(tx, crashed.fetchall(), now)


def hurry(tx: Transaction, *, input: str, now: float) -> int:
    """Make due what waits after a failure, because the reason may have gone; return how many jobs."""
    return tx.execute(
        "UPDATE job SET next_run_at = ?, updated_at = ? WHERE input = ? AND status = 'pending'"
        " AND priority IN (0, 1, 2) AND next_run_at > ? AND error IS NOT NULL",
        (float(now), float(now), input, float(now)),
    ).rowcount


def pull_back(tx: Transaction, *, input: str, now: float, longest: float) -> int:
    """Make due what would wait longer than anything may: the clock was ahead when its time was set."""
    return tx.execute(
        "UPDATE job SET next_run_at = ?, updated_at = ? WHERE input = ? AND status = 'pending'"
        " AND priority IN (0, 1, 2) AND next_run_at > ?",
        (float(now), float(now), input, float(now + longest)),
    ).rowcount


def fetch_begun_since(tx: Transaction, activity_id: int, athlete_id: int, since: float) -> bool:
    """Whether a fetch of the activity itself, in the athlete's name, has begun at ``since`` or later."""
    row = tx.execute(
        "SELECT 1 FROM job WHERE activity_id = ? AND claimed_at >= ? AND athlete_id = ? AND kind = 'activity' LIMIT 1",
        (activity_id, float(since), athlete_id),
    ).fetchone()
    return row is not None


def prune(tx: Transaction, *, before: float, limit: int = 200) -> int:
    """Delete jobs that were done before ``before``, ``limit`` at most; return how many. Dead letters stay."""
    return tx.execute(
        "DELETE FROM job WHERE id IN"
        " (SELECT id FROM job WHERE status = 'done' AND updated_at < ? ORDER BY updated_at LIMIT ?)",
        (float(before), limit),
    ).rowcount


def counts(tx: Transaction, input: str) -> Mapping[str, int]:
    """Return how many jobs of the input have each status; every status is a key."""
    found = dict.fromkeys((status.value for status in Status), 0)
    rows = tx.execute("SELECT status, COUNT(*) AS n FROM job WHERE input = ? GROUP BY status", (input,))
    found.update((row["status"], row["n"]) for row in rows.fetchall())
    return found


def _went_back(tx: Transaction, job: Job, now: float, *, priority: Optional[Priority] = None) -> bool:
    """Send a job that somebody joined since the claim back to pending; the join has set when it is due."""
    return _changed(
        tx.execute(
            "UPDATE job SET status = 'pending', priority = MIN(priority, COALESCE(?, priority)),"
            " lease_id = NULL, lease_expires_at = NULL, updated_at = ?"
            " WHERE id = ? AND status = 'working' AND lease_id = ? AND generation <> claimed_generation",
            (None if priority is None else int(priority), float(now), *_lease(job)),
        ).rowcount
    )


def _requeue(tx: Transaction, crashed: list[Row], now: float) -> int:
    for row in crashed:
        attempts = row["attempts"] + 1
        if attempts < row["max_attempts"]:
            tx.execute(
                "UPDATE job SET status = 'pending', attempts = ?, error = ?, next_run_at = ?,"
                " lease_id = NULL, lease_expires_at = NULL, updated_at = ? WHERE id = ?",
                (attempts, CRASHED, float(now), float(now), row["id"]),
            )
        else:
            tx.execute(
                "UPDATE job SET status = 'failed', outcome = 'dead letter', attempts = ?, error = ?,"
                " lease_id = NULL, lease_expires_at = NULL, updated_at = ? WHERE id = ?",
                (attempts, CRASHED_TOO_OFTEN.format(attempts=attempts), float(now), row["id"]),
            )
    return len(crashed)


def _lease(job: Job) -> tuple[int, Optional[str]]:
    return job.id, job.lease_id


def _changed(rowcount: int) -> bool:
    return rowcount == 1


def _job(row: Row) -> Job:
    return Job(
        id=row["id"],
        kind=Kind(row["kind"]),
        activity_id=row["activity_id"],
        athlete_id=row["athlete_id"],
        input=row["input"],
        reason=Reason(row["reason"]),
        priority=Priority(row["priority"]),
        force=bool(row["force"]),
        status=Status(row["status"]),
        outcome=None if row["outcome"] is None else Outcome(row["outcome"]),
        attempts=row["attempts"],
        max_attempts=row["max_attempts"],
        next_run_at=row["next_run_at"],
        error=row["error"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        generation=row["generation"],
        claimed_generation=row["claimed_generation"],
        lease_id=row["lease_id"],
        lease_expires_at=row["lease_expires_at"],
        claimed_at=row["claimed_at"],
    )
