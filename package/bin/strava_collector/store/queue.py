"""The queue: jobs, who may work on them, and what becomes of them.

``pending`` → ``working`` → ``done`` or ``failed``, or back to ``pending``. A job is claimed under a lease;
every update by a worker says "where the lease is mine", so that one who comes back late changes nothing. A
notification that arrives meanwhile raises the job's ``generation``, and finishing a job whose generation is
not the claimed one sends it back to ``pending``: the last state of an activity always wins.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Optional

from strava_collector.job import MAX_ATTEMPTS, Job, Kind, Outcome, Priority, Reason, Status
from strava_collector.store import applications, turns
from strava_collector.store.sqlite import Row, Transaction

#: How long a lease lasts unless it is renewed, in seconds: longer than any fetch, short enough to wait for.
JOB_LEASE_SECONDS = 300.0

#: Later than any clock shows, in epoch seconds.
_NEVER = 1e12


@dataclass(frozen=True)
class Joined:
    """What became of a wish."""

    job_id: int
    #: The job's trail: that of the wish it began with.
    trail: str
    #: The wish shares a fetch that was asked for already.
    merged: bool


_NEW = """
    INSERT INTO job (kind, activity_id, athlete_id, input, reason, priority, force, status, max_attempts, next_run_at,
                     trail, expected, created_at, updated_at)
    VALUES (:kind, :activity_id, :athlete_id, :input, :reason, :priority, :force, 'pending', :max_attempts, :due_at,
            :trail, :expected, :now, :now)
"""

#: The lease of a working job belongs to its input; a waiting one goes to the athlete's present owner.
_FURTHER = """
    UPDATE job SET
        generation = generation + 1,
        priority = MIN(priority, :priority),
        force = MAX(force, :force),
        reason = CASE WHEN :priority < priority THEN :reason ELSE reason END,
        attempts = 0, crashes = 0, error = NULL,
        next_run_at = CASE WHEN :first_since_claim THEN :due_at ELSE MIN(next_run_at, :due_at) END,
        expected = COALESCE(:expected, expected),
        input = CASE WHEN status = 'pending' THEN :input ELSE input END,
        updated_at = :now
    WHERE id = :id
"""


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
    trail: str,
    expected: Optional[str] = None,
) -> Joined:
    """Ask for something to be fetched at ``due_at``: a new job, or a further wish to the live one.

    Joining raises the generation, takes the higher priority, ORs ``force`` and starts counting attempts
    afresh. A job that waits keeps its time if that is earlier, so that a burst counts from its first
    notification; one that is being worked on will run again at ``due_at``. ``activity_id`` is the id of
    whatever ``kind`` says. Another athlete's wish is another job: notifications are not signed, and one with a
    false owner must not get hold of the true one's. ``expected`` is what the newest notification says of the
    activity; None leaves it as it is.
    """
    wish = {
        "kind": kind.value,
        "activity_id": activity_id,
        "athlete_id": athlete_id,
        "input": input,
        "reason": reason.value,
        "priority": int(priority),
        "force": int(force),
        "due_at": float(due_at),
        "now": float(now),
        "expected": expected,
    }
    live = tx.execute(
        "SELECT id, trail, status, generation, claimed_generation FROM job WHERE kind = :kind"
        " AND activity_id = :activity_id AND athlete_id = :athlete_id AND status IN ('pending', 'working')",
        wish,
    ).fetchone()
    if live is None:
        new = tx.execute(_NEW, {**wish, "trail": trail, "max_attempts": MAX_ATTEMPTS}).lastrowid
        return Joined(int(new or 0), trail, merged=False)
    working = live["status"] == Status.WORKING.value
    first_since_claim = working and live["generation"] == live["claimed_generation"]
    tx.execute(_FURTHER, {**wish, "id": live["id"], "first_since_claim": int(first_since_claim)})
    return Joined(live["id"], live["trail"], merged=not first_since_claim)


def live_trail(tx: Transaction, activity_id: int, athlete_id: int) -> Optional[str]:
    """Return the trail of the activity's live job; None if it has none."""
    row = _live_activity(tx, activity_id, athlete_id)
    return None if row is None else str(row["trail"])


def live_expected(tx: Transaction, activity_id: int, athlete_id: int) -> Optional[str]:
    """Return what the newest notification of the activity's live job says of it; None if nothing."""
    row = _live_activity(tx, activity_id, athlete_id)
    return None if row is None else row["expected"]


def claim(
    tx: Transaction,
    *,
    input: str,
    now: float,
    athletes: Optional[Collection[int]] = None,
    lowest: Priority = Priority.HISTORY,
    backlog: bool = True,
    per_athlete: int = 1_000_000,
    cooldown: float = 0.0,
    lease_seconds: float = JOB_LEASE_SECONDS,
) -> Optional[Job]:
    """Take the input's next due job under a lease, see ``turns``. None if it is nobody's turn."""
    turn = turns.next_turn(tx, input, turns.Rules(athletes, lowest, per_athlete, cooldown, backlog), now)
    if turn is None:
        return None
    due = tx.execute(
        "SELECT id FROM job WHERE input = ? AND priority = ? AND status = 'pending' AND athlete_id = ?"
        " ORDER BY next_run_at, id LIMIT 1",
        (input, int(turn.priority), turn.athlete_id),
    ).fetchone()
    job = lease_out(tx, due["id"], now, lease_seconds)
    turns.take(tx, turn.athlete_id, turn.priority, cooldown, now)
    return job


def join_again(tx: Transaction, row: Row, *, priority: Priority, now: float) -> Joined:
    """Wish once more, by hand, for what the finished job of this row has fetched or could not fetch."""
    return join(
        tx,
        kind=Kind(row["kind"]),
        activity_id=row["activity_id"],
        athlete_id=row["athlete_id"],
        input=row["input"],
        reason=Reason.MANUAL,
        priority=priority,
        force=True,
        due_at=now,
        now=now,
        trail=row["trail"],
        # Of an activity it is what an old notification said; of streams what belongs to the job itself.
        expected=row["expected"] if row["kind"] == Kind.STREAMS.value else None,
    )


def find(tx: Transaction, job_id: int) -> Optional[Job]:
    """Return the job with this id, whatever its status."""
    row = tx.execute("SELECT * FROM job WHERE id = ?", (job_id,)).fetchone()
    return None if row is None else _job(row)


def next_due(
    tx: Transaction,
    *,
    input: str,
    now: float,
    athletes: Optional[Collection[int]] = None,
    lowest: Priority = Priority.HISTORY,
    backlog: bool = True,
    cooldown: float = 0.0,
) -> Optional[float]:
    """When :func:`claim` will find something, in epoch seconds, maybe past; None if nothing waits."""
    return turns.next_at(tx, input, turns.Rules(athletes, lowest, cooldown=cooldown, backlog=backlog), now)


def is_mine(tx: Transaction, job: Job) -> bool:
    """Whether the lease of a claimed job still holds and no notification has joined since the claim."""
    row = tx.execute(
        "SELECT generation, claimed_generation FROM job WHERE id = ? AND status = 'working' AND lease_id = ?",
        _lease(job),
    ).fetchone()
    return row is not None and row["generation"] == row["claimed_generation"]


def renew(tx: Transaction, job: Job, *, now: float, lease_seconds: float = JOB_LEASE_SECONDS) -> bool:
    """Make the lease last ``lease_seconds`` from now; False if it is no longer mine."""
    return _changed(
        tx.execute(
            "UPDATE job SET lease_expires_at = ?, updated_at = ? WHERE id = ? AND status = 'working' AND lease_id = ?",
            (float(now + lease_seconds), float(now), *_lease(job)),
        ).rowcount
    )


def finish(
    tx: Transaction,
    job: Job,
    *,
    status: Status,
    outcome: Outcome,
    error: Optional[str],
    now: float,
    counts: bool = False,
) -> bool:
    """End a claimed job, or send it back to pending if a notification has joined since; False if not mine.

    ``counts`` says whether it ends with a failed attempt.
    """
    if status not in (Status.DONE, Status.FAILED):
        raise ValueError(f"A job does not finish as {status.value}.")
    applications.abandon(tx, str(job.lease_id), now)
    if _went_back(tx, job, now):
        return True
    return _changed(
        tx.execute(
            "UPDATE job SET status = ?, outcome = ?, error = ?, attempts = attempts + ?, lease_id = NULL,"
            " lease_expires_at = NULL, updated_at = ? WHERE id = ? AND status = 'working' AND lease_id = ?",
            (status.value, outcome.value, error, int(counts), float(now), *_lease(job)),
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
    applications.abandon(tx, str(job.lease_id), now)
    if _went_back(tx, job, now, priority=priority):
        return True
    return _changed(
        tx.execute(
            "UPDATE job SET status = 'pending', attempts = attempts + ?, crashes = 0, next_run_at = ?, error = ?,"
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


def fetch_begun_since(
    tx: Transaction,
    activity_id: int,
    athlete_id: int,
    since: float,
    *,
    kind: Kind = Kind.ACTIVITY,
    now: float = _NEVER,
) -> bool:
    """Whether a fetch of the activity itself, in the athlete's name, has begun at ``since`` or later.

    One that seems to begin after ``now`` began while the clock was ahead, nobody knows when. One that was cancelled
    since has seen nothing: its athlete had withdrawn the permission, and may have connected again.
    """
    row = tx.execute(
        "SELECT 1 FROM job WHERE activity_id = ? AND claimed_at BETWEEN ? AND ? AND athlete_id = ? AND kind = ?"
        " AND COALESCE(outcome, '') <> 'cancelled' LIMIT 1",
        (activity_id, float(since), now, athlete_id, kind.value),
    ).fetchone()
    return row is not None


def waiting(tx: Transaction, input: str) -> dict[Priority, int]:
    """Return how many of the input's jobs wait, by their priority. Looks at each of them."""
    return {
        priority: tx.execute(
            "SELECT COUNT(*) AS n FROM job WHERE input = ? AND priority = ? AND status = 'pending'",
            (input, int(priority)),
        ).fetchone()["n"]
        for priority in Priority
    }


def oldest_due(tx: Transaction, *, input: str) -> Optional[float]:
    """Return since when the input's live job that has been due for longest could have been fetched; None without one.

    Those of athletes whose access does not work wait for people and do not count. Looks at each live job that waits.
    """
    row = tx.execute(
        # The plus keeps SQLite from walking through all of history in the order of time to find the first live one.
        "SELECT MIN(+next_run_at) AS due FROM job WHERE input = ? AND priority = ? AND status = 'pending'"
        " AND athlete_id NOT IN (SELECT athlete_id FROM athlete)",
        (input, int(Priority.LIVE)),
    ).fetchone()
    return None if row["due"] is None else float(row["due"])


def lease_out(tx: Transaction, job_id: int, now: float, lease_seconds: float) -> Optional[Job]:
    """Give a pending job to whoever asks; for those who have found it their turn."""
    tx.execute(
        "UPDATE job SET status = 'working', lease_id = ?, lease_expires_at = ?,"
        " claimed_generation = generation, claimed_at = ?, updated_at = ? WHERE id = ?",
        (uuid.uuid4().hex, float(now + lease_seconds), float(now), float(now), job_id),
    )
    return find(tx, job_id)


def _live_activity(tx: Transaction, activity_id: int, athlete_id: int) -> Optional[Row]:
    row: Optional[Row] = tx.execute(
        "SELECT trail, expected FROM job WHERE kind = 'activity' AND activity_id = ? AND athlete_id = ?"
        " AND status IN ('pending', 'working')",
        (activity_id, athlete_id),
    ).fetchone()
    return row


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
        crashes=row["crashes"],
        max_attempts=row["max_attempts"],
        next_run_at=row["next_run_at"],
        error=row["error"],
        trail=row["trail"],
        expected=row["expected"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        generation=row["generation"],
        claimed_generation=row["claimed_generation"],
        lease_id=row["lease_id"],
        lease_expires_at=row["lease_expires_at"],
        claimed_at=row["claimed_at"],
    )
