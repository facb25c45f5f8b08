"""A job of the queue, as a worker gets it."""

from __future__ import annotations

from strava_collector.job import Job, Kind, Priority, Reason, Status

#: When everything about it happened, in epoch seconds.
NOW = 1_714_545_000.0
JOB = Job(
    id=1,
    kind=Kind.ACTIVITY,
    activity_id=7,
    athlete_id=134815,
    input="rides",
    reason=Reason.WEBHOOK,
    priority=Priority.LIVE,
    force=False,
    status=Status.WORKING,
    outcome=None,
    attempts=0,
    crashes=0,
    max_attempts=5,
    next_run_at=NOW,
    error=None,
    trail="trail",
    expected=None,
    created_at=NOW,
    updated_at=NOW,
    generation=1,
    claimed_generation=1,
    lease_id="lease",
    lease_expires_at=NOW + 300,
    claimed_at=NOW,
)
