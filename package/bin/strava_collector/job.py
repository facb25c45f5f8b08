"""The job: one piece of work for the worker, and the words that describe it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Optional


class Kind(str, Enum):
    """What is to be fetched."""

    ACTIVITY = "activity"
    STREAMS = "streams"
    ATHLETE = "athlete"


class Reason(str, Enum):
    """Why it is to be fetched; goes into the event as ``collected_by``."""

    WEBHOOK = "webhook"
    POLLING = "polling"
    MANUAL = "manual"


class Priority(IntEnum):
    """What goes first: the lower number."""

    LIVE = 0
    RECONCILIATION = 1
    HISTORY = 2


class Status(str, Enum):
    """Where a job stands. A job that is pending or working is *live*: there is one of these per kind and activity."""

    #: Waits until ``next_run_at``.
    PENDING = "pending"
    #: A worker holds its lease.
    WORKING = "working"
    #: Finished; ``outcome`` says how.
    DONE = "done"
    #: Given up; ``outcome`` and ``error`` say why.
    FAILED = "failed"


class Outcome(str, Enum):
    """How a finished job ended."""

    COLLECTED = "collected"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    DEAD_LETTER = "dead letter"


#: Attempts before a job is given up, unless a rule of its own applies.
MAX_ATTEMPTS = 5


@dataclass(frozen=True)
class Job:
    """A row of the queue as it was read; times are seconds since the epoch."""

    id: int
    kind: Kind
    activity_id: int
    athlete_id: int
    #: Name of the input that owns the job; only its process may claim it.
    input: str
    reason: Reason
    priority: Priority
    #: Fetch even if nothing says that the activity changed.
    force: bool
    status: Status
    outcome: Optional[Outcome]
    #: Failed attempts since the last notification.
    attempts: int
    #: How often in a row the process ended while it worked on the job.
    crashes: int
    max_attempts: int
    next_run_at: float
    #: The last error, as a sentence.
    error: Optional[str]
    #: By this the log tells its story, from the notification that it began with.
    trail: str
    #: What the newest notification says of the activity, see ``expectation``.
    expected: Optional[str]
    created_at: float
    updated_at: float
    #: Raised by each notification that joins; a fetch serves the generation that it claimed, no later one.
    generation: int
    claimed_generation: Optional[int]
    lease_id: Optional[str]
    lease_expires_at: Optional[float]
    #: When the newest fetch of this job began; tells a redelivery whether a fetch has happened since.
    claimed_at: Optional[float]
