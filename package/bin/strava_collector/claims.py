"""Which job is done next, and when: the queue's turns within what the application may call.

The quota, the circuit and the athletes' standing are asked before a job is claimed, so that what cannot be done stays
where it is, with its due time.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Optional

from strava_collector.allowance import Allowance, Permission, Usage
from strava_collector.clock import Clock
from strava_collector.fetcher import Connection
from strava_collector.job import Job, Kind, Outcome, Priority, Reason, Status
from strava_collector.logfmt import line
from strava_collector.ownership import Owned
from strava_collector.settings import Athlete, CollectorInput, Settings
from strava_collector.store import athletes, confirmations, counters, ledger, queue, streams, turns
from strava_collector.store.database import Database, Transaction

log = logging.getLogger(__name__)

#: What is due, and has only calls under way or another thread in its way, is looked at again after this, in seconds.
SOON = 0.25
#: No pause is longer, in seconds.
LONGEST_PAUSE = 86_400.0
#: Needless jobs that are finished in one transaction.
_NEEDLESS_AT_ONCE = 100


@dataclass(frozen=True)
class Assignment:
    """A claimed job with all that its call needs, the call itself being counted."""

    job: Job
    athlete: Athlete
    connection: Connection
    settings: Settings
    #: Reads used before the call, for the log.
    before: Usage
    #: What its calls count as: the job's priority, or history if it belongs to a backlog.
    counts_as: Priority

    @property
    def client_id(self) -> str:
        return self.connection.application.client_id

    @property
    def lease_id(self) -> str:
        return str(self.job.lease_id)


class Claims:
    """Claims the jobs of one input."""

    def __init__(
        self, collector_input: CollectorInput, *, database: Database, allowance: Allowance, clock: Clock
    ) -> None:
        self._input = collector_input
        self._owned = Owned(collector_input)
        self._database = database
        self._allowance = allowance
        self._clock = clock
        #: Until when nothing is claimed for an athlete, None standing for all: something of ours is in the way.
        self._paused: dict[Optional[int], float] = {}

    def pause(self, athlete_id: Optional[int], until: float) -> None:
        """Claim nothing for this athlete, or for anybody if None, until then: the next job would fare no better."""
        self._paused[athlete_id] = until

    def next_due(self, settings: Settings, connection: Connection) -> Optional[float]:
        """When the next job can be done, in epoch seconds, maybe past; None if none waits that ever can."""
        now = self._clock.now()
        with self._database.read() as tx:
            permission = self._allowance.permission(tx, connection.application.client_id, settings.advanced)
            ready = self._ready(tx, settings, now)
            confirmation = confirmations.next_at(tx, input=self._input.name, athletes=self._awake(settings, now))
            over = min((until for until in self._paused.values() if until > now), default=None)
            everything = _earliest(confirmation, self._due(tx, ready, settings, Permission(Priority.HISTORY)))
            if permission.lowest is Priority.HISTORY:
                return _earliest(over, everything)
            until = now + SOON if permission.until is None else permission.until
            due = None if everything is None else max(everything, until)
            if permission.lowest is not None:
                due = _earliest(due, confirmation, self._due(tx, ready, settings, permission))
            return _earliest(over, due)

    def claim(self, settings: Settings, connection: Connection) -> Optional[Assignment]:
        """Claim the job whose turn it is, and count its call. None if nothing can be done now.

        Those on the way that need no call are finished. Raises StoreUnavailable.
        """
        with self._database.write() as tx:
            for _ in range(_NEEDLESS_AT_ONCE):
                job = self._next(tx, settings, connection)
                if job is None:
                    return None
                if not _is_needless(tx, job, streams_wanted=self._input.streams):
                    return self._assign(tx, job, settings, connection)
                queue.finish(tx, job, status=Status.DONE, outcome=Outcome.UNCHANGED, error=None, now=self._clock.now())
                counters.count(tx, input=self._input.name, name=counters.Counted.NEEDLESS)
        return None

    def _next(self, tx: Transaction, settings: Settings, connection: Connection) -> Optional[Job]:
        permission = self._allowance.permission(tx, connection.application.client_id, settings.advanced)
        if permission.lowest is None:
            return None
        now = self._clock.now()
        return confirmations.claim(
            tx, input=self._input.name, now=now, athletes=self._awake(settings, now)
        ) or queue.claim(
            tx,
            input=self._input.name,
            now=now,
            athletes=self._ready(tx, settings, now),
            lowest=permission.lowest,
            backlog=permission.backlog,
            per_athlete=max(1, settings.advanced.concurrency - 1),
            cooldown=settings.advanced.cooldown,
        )

    def _assign(self, tx: Transaction, job: Job, settings: Settings, connection: Connection) -> Assignment:
        now, client_id = self._clock.now(), connection.application.client_id
        athletes.probing(tx, job.athlete_id, now, athletes.PROBE_AFTER)
        is_backlog = job.priority is Priority.LIVE and turns.is_backlog(tx, job.athlete_id, now)
        counts_as = Priority.HISTORY if is_backlog else job.priority
        before = self._allowance.reserve(tx, client_id, str(job.lease_id), background=counts_as is Priority.HISTORY)
        # A retry's line would say nothing that its "attempted" does not.
        log.log(
            logging.DEBUG if job.error is not None else logging.INFO,
            line(
                "claimed",
                trail=job.trail,
                job=job.id,
                activity_id=job.activity_id,
                attempt=job.attempts + 1,
                waited=max(0.0, now - job.next_run_at),
            ),
        )
        return Assignment(job, settings.athletes[job.athlete_id], connection, settings, before, counts_as)

    def _ready(self, tx: Transaction, settings: Settings, now: float) -> frozenset[int]:
        """The athletes in whose name calls can be made."""
        return self._awake(settings, now) - athletes.blocked(tx, now)

    def _awake(self, settings: Settings, now: float) -> frozenset[int]:
        """Our athletes, but for those whose jobs are paused. A pause that was set while the clock was ahead is over."""
        paused = {who for who, until in list(self._paused.items()) if now < until <= now + LONGEST_PAUSE}
        return frozenset() if None in paused else self._owned.ids(settings) - {who for who in paused if who is not None}

    def _due(
        self, tx: Transaction, ready: Collection[int], settings: Settings, permission: Permission
    ) -> Optional[float]:
        if permission.lowest is None:
            return None
        return queue.next_due(
            tx,
            input=self._input.name,
            now=self._clock.now(),
            athletes=ready,
            lowest=permission.lowest,
            backlog=permission.backlog,
            cooldown=settings.advanced.cooldown,
        )


def _earliest(*times: Optional[float]) -> Optional[float]:
    return min((time for time in times if time is not None), default=None)


def _is_needless(tx: Transaction, job: Job, *, streams_wanted: bool) -> bool:
    """Whether the index has the activity in full, and nothing says that it has changed; or has no use for samples."""
    if job.kind is Kind.STREAMS:
        return not streams_wanted or streams.is_needless(tx, job)
    if job.kind is not Kind.ACTIVITY or job.force or job.reason is not Reason.POLLING:
        return False
    known = ledger.find(tx, job.activity_id)
    # Without a digest the newest version may not have got as far as the index: the process died while it was written.
    is_there = known is not None and known.start_date is not None and not known.deleted and known.digest is not None
    return known is not None and is_there and known.detailed and known.suspicion is None
