"""What follows when the row of an athlete has been deleted from *Configuration → Athletes*.

The page has withdrawn the permission at Strava, marked the athlete in the store and deleted the tokens and the row. The
rest is done here, by whichever input runs, because only an input can write to the index: waiting jobs are dropped,
every place that shows an activity gets its tombstone and goes on the erase list, and then all that the store knows of
the athlete is deleted, last of all the mark. A crash anywhere goes on where it was. If the athlete connects again
meanwhile, nothing more is taken away.

It runs in a thread of its own: a pipe that splunkd does not read must hold up neither a fetch nor the main thread.
"""

from __future__ import annotations

import logging
import uuid
from typing import Callable, Optional, Protocol

from strava_collector.burial import RECONNECTED, Burial, Departed, Progress, holds
from strava_collector.clock import Clock
from strava_collector.logfmt import line
from strava_collector.settings import Settings
from strava_collector.store import athletes, farewell, leases, ledger
from strava_collector.store.athletes import AthleteState, Standing
from strava_collector.store.database import Database, Transaction

log = logging.getLogger(__name__)

#: Seconds between two looks for somebody who has gone.
EVERY = 5.0
#: Seconds of a lease. It is renewed with each batch, and the next input takes over when its holder has died.
FORGETTING_LEASE_SECONDS = 120.0
#: Somebody who was marked so short a time ago, in seconds, may be about to lose her row: the settings are read again.
NEWLY_MARKED = 30.0


class Bulletin(Protocol):
    """The part of the bulletin that is used here."""

    def resolved(self, topic: str) -> None: ...


class Forgetting:
    """Forgets athletes whose rows were deleted, in one process."""

    def __init__(
        self,
        *,
        database: Database,
        burial: Burial,
        clock: Clock,
        bulletin: Bulletin,
        owner: str,
        hurry: Callable[[], None] = lambda: None,
    ) -> None:
        """``owner`` names what only one process at a time can be, for instance an input; ``hurry`` is called when the
        settings should be read soon."""
        self._database = database
        self._burial = burial
        self._clock = clock
        self._bulletin = bulletin
        self._holder = f"{owner} {uuid.uuid4().hex}"
        self._hurry = hurry
        #: When somebody who has departed and still has a row was first seen, by the monotonic clock.
        self._seen: dict[int, float] = {}

    def look(self, settings: Optional[Settings]) -> float:
        """Forget whoever is to be forgotten; returns when to look again, in seconds.

        Raises StoreUnavailable, SessionExpired and OutputClosed; the next look goes on.
        """
        if settings is None:
            return EVERY
        with self._database.read() as tx:
            departed = [found for found in athletes.standings(tx) if found.state is AthleteState.DEAUTHORIZED]
        self._hurry_for([found.athlete_id for found in departed if found.athlete_id in settings.athletes])
        for found in departed:
            if found.athlete_id not in settings.athletes:
                self._forget(found)
        return EVERY

    def _hurry_for(self, athlete_ids: list[int]) -> None:
        monotonic = self._clock.monotonic()
        self._seen = {athlete_id: self._seen.get(athlete_id, monotonic) for athlete_id in athlete_ids}
        if any(monotonic < since + NEWLY_MARKED for since in self._seen.values()):
            self._hurry()

    def _forget(self, found: Standing) -> None:
        """Do all that can be done now: not the end while a fetch is under way, and nothing while another input does."""
        departed = Departed(found.athlete_id, found.connected_at, renew=self._renew(found.athlete_id))
        progress, forgotten = self._burial.in_batches(departed, farewell.forget_waiting)
        buried = 0
        if progress is Progress.COMPLETE:
            progress, buried = self._burial.bury(departed)
        if progress is Progress.COMPLETE and self._is_busy(found.athlete_id):
            progress = Progress.INTERRUPTED
        for step in (farewell.forget_activities, farewell.forget_notifications):
            if progress is Progress.COMPLETE:
                progress, rows = self._burial.in_batches(departed, step)
                forgotten += rows
        if progress is Progress.COMPLETE:
            progress = self._end(departed)
        if progress is Progress.RECONNECTED:
            log.warning(line("forgetting_dropped", athlete_id=found.athlete_id, why=RECONNECTED))
        elif progress is Progress.COMPLETE:
            self._bulletin.resolved(f"athlete_{found.athlete_id}")
            log.info(line("athlete_forgotten", athlete_id=found.athlete_id, activities=buried, rows=forgotten))
        elif buried or forgotten:
            log.info(line("forgetting_interrupted", athlete_id=found.athlete_id, activities=buried, rows=forgotten))

    def _is_busy(self, athlete_id: int) -> bool:
        """Whether a fetch or a list began before the mark and is under way: what it leaves has to be found later."""
        with self._database.read() as tx:
            return farewell.has_work(tx, athlete_id) or farewell.is_listed(tx, athlete_id, self._clock.now())

    def _end(self, departed: Departed) -> Progress:
        """Delete the mark, if nothing depends on it any more: as long as there is one, no fetch under way writes."""
        athlete_id, now = departed.athlete_id, self._clock.now()
        with self._database.write() as tx:
            if not departed.renew(tx, now):
                return Progress.INTERRUPTED
            if not holds(tx, departed):
                return Progress.RECONNECTED
            if farewell.has_work(tx, athlete_id) or farewell.is_listed(tx, athlete_id, now):
                return Progress.INTERRUPTED
            if ledger.collected_of(tx, athlete_id, limit=1):
                return Progress.INTERRUPTED
            farewell.forget(tx, athlete_id, now)
            leases.release(tx, name=_lease(athlete_id), holder=self._holder)
        return Progress.COMPLETE

    def _renew(self, athlete_id: int) -> Callable[[Transaction, float], bool]:
        def renew(tx: Transaction, now: float) -> bool:
            return leases.acquire(
                tx, name=_lease(athlete_id), holder=self._holder, now=now, seconds=FORGETTING_LEASE_SECONDS
            )

        return renew


def _lease(athlete_id: int) -> str:
    return f"forgetting:{athlete_id}"
