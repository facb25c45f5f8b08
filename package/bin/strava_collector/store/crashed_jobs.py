"""Jobs whose process died while it worked on them: they go back into the queue, or are given up."""

from __future__ import annotations

import logging
from typing import Optional

from strava_collector.logfmt import line
from strava_collector.store import applications, counters
from strava_collector.store.queue import JOB_LEASE_SECONDS
from strava_collector.store.sqlite import Row, Transaction

log = logging.getLogger(__name__)

CRASHED = "The process ended while it worked on this job."
CRASHED_TOO_OFTEN = (
    "The process ended each time that it worked on this job, {crashes} times in a row, so it is not tried "
    "again. Look for what the log says just before the input was started again, then retry the job by hand."
)


def take_over(tx: Transaction, *, input: str, now: float) -> int:
    """Requeue at once what the input's last process was working on when it died; return how many jobs.

    To be called by the process that holds the input's lock, before it claims anything. Each counts as a
    crash: a job that kills its process five times in a row is given up instead of killing it for ever.
    """
    crashed = tx.execute(
        "SELECT id, input, trail, crashes, max_attempts, lease_id FROM job WHERE input = ? AND status = 'working'",
        (input,),
    )
    return _requeue(tx, crashed.fetchall(), now)


def expire(
    tx: Transaction, *, now: float, lease_seconds: float = JOB_LEASE_SECONDS, input: Optional[str] = None
) -> int:
    """Requeue the jobs of all inputs, or of one, whose lease has run out, like :func:`take_over`; return how many."""
    # A lease that ends later than any could by now was granted before the clock was set back. It gets the
    # time of a new one, so that a dead worker's job does not wait until the clock has caught up.
    latest = float(now + lease_seconds)
    tx.execute(
        "UPDATE job SET lease_expires_at = ? WHERE status = 'working' AND lease_expires_at > ?",
        (latest, latest),
    )
    crashed = tx.execute(
        "SELECT id, input, trail, crashes, max_attempts, lease_id FROM job"
        " WHERE status = 'working' AND lease_expires_at <= ?",
        (float(now),),
    )
    return _requeue(tx, [row for row in crashed.fetchall() if input in (None, row["input"])], now)


def _requeue(tx: Transaction, crashed: list[Row], now: float) -> int:
    for row in crashed:
        applications.abandon(tx, row["lease_id"], now)
        crashes = row["crashes"] + 1
        if crashes < row["max_attempts"]:
            tx.execute(
                "UPDATE job SET status = 'pending', crashes = ?, error = ?, next_run_at = ?,"
                " lease_id = NULL, lease_expires_at = NULL, updated_at = ? WHERE id = ?",
                (crashes, CRASHED, float(now), float(now), row["id"]),
            )
        else:
            why = CRASHED_TOO_OFTEN.format(crashes=crashes)
            tx.execute(
                "UPDATE job SET status = 'failed', outcome = 'dead letter', crashes = ?, error = ?,"
                " lease_id = NULL, lease_expires_at = NULL, updated_at = ? WHERE id = ?",
                (crashes, why, float(now), row["id"]),
            )
            counters.count(tx, input=row["input"], name=counters.Counted.DEAD_LETTER)
            log.error(line("given_up", trail=row["trail"], jobs=1, why=why))
    return len(crashed)
