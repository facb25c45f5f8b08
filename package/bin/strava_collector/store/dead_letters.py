"""Dead letters: what failed for good, for operators to look at and to try again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Optional

from strava_collector.errors import CollectorError
from strava_collector.job import Priority, Status
from strava_collector.store import inputs, queue
from strava_collector.store.sqlite import Row, Transaction

#: Nothing would ever claim a job of an athlete who withdrew the permission, but for the one that carries that out.
_PERMITTED = "(kind = 'athlete' OR athlete_id NOT IN (SELECT athlete_id FROM athlete WHERE state = 'deauthorized'))"


class NoSuchDeadLetter(CollectorError):
    """There is nothing with this number to retry."""


class NotADeadLetter(CollectorError):
    """Only what has failed for good can be retried."""


class PermissionWithdrawn(CollectorError):
    """The athlete has to connect again before anything can be fetched."""


class Thing(str, Enum):
    """What failed."""

    JOB = "job"
    NOTIFICATION = "notification"


@dataclass(frozen=True)
class DeadLetter:
    """Something that failed for good and waits for an operator."""

    thing: Thing
    #: Among things of its kind.
    id: int
    #: A job's ``kind``, a notification's ``object_type``.
    kind: str
    #: None for a notification about an athlete.
    activity_id: Optional[int]
    athlete_id: int
    input: str
    #: A sentence.
    reason: str
    #: Fetches that failed and counted, the last one included; for a notification, how often Strava sent it.
    attempts: int
    #: When it was given up, in seconds since the epoch.
    since: float


@dataclass(frozen=True)
class Retried:
    """What became of a dead letter."""

    #: The job that does it now; None for a notification, which waits to be dispatched.
    job_id: Optional[int]
    trail: str


def dead_letters(tx: Transaction, *, limit: int, offset: int = 0) -> list[DeadLetter]:
    """Return dead letters, the newest first."""
    known = inputs.with_notifications(tx)
    rows = tx.execute(
        "SELECT 'job' AS thing, id, kind, activity_id, athlete_id, input, COALESCE(error, '') AS reason,"  # noqa: S608 - question marks only
        " attempts, updated_at AS since FROM job WHERE status = 'failed'"
        " UNION ALL"
        " SELECT 'notification', id, object_type, CASE object_type WHEN 'athlete' THEN NULL ELSE object_id END,"
        f" athlete_id, input, reason, deliveries, updated_at FROM notification WHERE {_dead_in(known)}"
        " ORDER BY since DESC, thing, id DESC LIMIT ? OFFSET ?",
        (*known, limit, offset),
    )
    return [_dead_letter(row) for row in rows.fetchall()]


def count_dead_letters(tx: Transaction) -> int:
    """Return how many dead letters there are."""
    known = inputs.with_notifications(tx)
    row = tx.execute(
        "SELECT (SELECT COUNT(*) FROM job WHERE status = 'failed')"  # noqa: S608 - question marks only
        f" + (SELECT COUNT(*) FROM notification WHERE {_dead_in(known)}) AS n",
        known,
    ).fetchone()
    return int(row["n"])


def retry_job(tx: Transaction, job_id: int, now: float) -> Retried:
    """Do a failed job again, at once and before everything else; its dead letter is gone.

    Raises NoSuchDeadLetter, NotADeadLetter and PermissionWithdrawn.
    """
    row = tx.execute("SELECT * FROM job WHERE id = ?", (job_id,)).fetchone()
    if row is None:
        raise NoSuchDeadLetter(
            f"There is no job {job_id} in the store. It may have been retried already; look at the list again."
        )
    if row["status"] != Status.FAILED.value:
        raise NotADeadLetter(f"Job {job_id} is {row['status']}; only a failed job can be retried.")
    if tx.execute(f"SELECT 1 FROM job WHERE id = ? AND {_PERMITTED}", (job_id,)).fetchone() is None:  # noqa: S608 - our own words
        raise PermissionWithdrawn(
            f"Athlete {row['athlete_id']} has withdrawn the permission at Strava, so job {job_id} cannot be retried. "
            "Connect the athlete again on Configuration → Athletes first."
        )
    return _do_again(tx, row, now)


def retry_notification(tx: Transaction, notification_id: int, now: float) -> Retried:
    """Dispatch a notification again that was set aside; its dead letter is gone.

    Raises NoSuchDeadLetter and NotADeadLetter.
    """
    row = tx.execute("SELECT state, trail FROM notification WHERE id = ?", (notification_id,)).fetchone()
    if row is None:
        raise NoSuchDeadLetter(
            f"There is no notification {notification_id} in the store. What is older than the time for which "
            "notifications are kept has been deleted; look at the list again."
        )
    if row["state"] != "dead letter":
        raise NotADeadLetter(f"Notification {notification_id} is {row['state']}; only a dead letter can be retried.")
    _dispatch_again(tx, notification_id, now)
    return Retried(None, row["trail"])


def retry_all(tx: Transaction, now: float, limit: int = 200) -> int:
    """Retry dead letters, ``limit`` at most, and return how many; to be called until it returns 0.

    The same ``now`` has to be given each time: what fails again meanwhile is newer and is left alone. So are jobs of
    athletes who have withdrawn the permission.
    """
    jobs = tx.execute(
        f"SELECT * FROM job WHERE status = 'failed' AND updated_at <= ? AND {_PERMITTED} ORDER BY updated_at LIMIT ?",  # noqa: S608 - our own words
        (float(now), limit),
    ).fetchall()
    for job in jobs:
        _do_again(tx, job, now)
    known = inputs.with_notifications(tx)
    notifications = tx.execute(
        f"SELECT id FROM notification WHERE {_dead_in(known)} AND updated_at <= ? LIMIT ?",  # noqa: S608 - question marks only
        (*known, float(now), limit - len(jobs)),
    ).fetchall()
    for notification in notifications:
        _dispatch_again(tx, notification["id"], now)
    return len(jobs) + len(notifications)


def _do_again(tx: Transaction, row: Row, now: float) -> Retried:
    # Deleted, not changed: a finished job stays finished, and it must not be listed any more.
    tx.execute("DELETE FROM job WHERE id = ?", (row["id"],))
    joined = queue.join_again(tx, row, priority=Priority.LIVE, now=now)
    return Retried(joined.job_id, joined.trail)


def _dispatch_again(tx: Transaction, notification_id: int, now: float) -> None:
    tx.execute(
        "UPDATE notification SET state = 'pending', reason = NULL, updated_at = ? WHERE id = ?",
        (float(now), notification_id),
    )


def _dead_in(known: Sequence[str]) -> str:
    """The condition for dead letters of these inputs. Without them, no index would find the few among the many."""
    return f"input IN ({','.join('?' * len(known))}) AND state = 'dead letter'"


def _dead_letter(row: Row) -> DeadLetter:
    return DeadLetter(
        thing=Thing(row["thing"]),
        id=row["id"],
        kind=row["kind"],
        activity_id=row["activity_id"],
        athlete_id=row["athlete_id"],
        input=row["input"],
        reason=row["reason"],
        attempts=row["attempts"],
        since=row["since"],
    )
