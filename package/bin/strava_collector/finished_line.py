"""The line that a job's end leaves in the log, whatever it has fetched."""

from __future__ import annotations

import logging
from typing import Optional

from strava_collector.job import Job, Outcome
from strava_collector.logfmt import line


def say_finished(
    log: logging.Logger, job: Job, outcome: Outcome, now: float, *, why: Optional[str] = None, tombstones: int = 0
) -> None:
    """Log that the job has ended and how; a dead letter is an error."""
    log.log(
        logging.ERROR if outcome is Outcome.DEAD_LETTER else logging.INFO,
        line(
            "finished",
            trail=job.trail,
            activity_id=job.activity_id,
            athlete_id=job.athlete_id,
            outcome=outcome.value,
            reason=job.reason.value,
            tombstones=tombstones or None,
            delay=max(0.0, now - job.created_at),
            why=why,
        ),
    )
