"""Takes what is an athlete's out of the queue and out of the index, in short transactions.

Two have a use for it: a withdrawal of the permission that a job has confirmed (``deauthorization``), and an athlete
whose row was deleted (``forgetting``). Each says under which lease it acts; both stop as soon as the athlete has
connected again. Every step leaves what tells the next one where to go on, so a crash anywhere repeats at most one
batch. Ten thousand activities take a hundred short transactions, between which the input may stop.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import Enum
from typing import Callable

from strava_collector.clock import Clock
from strava_collector.erase_list import ErasedBecause, erase_lines
from strava_collector.errors import CollectorError
from strava_collector.events import Tombstone, tombstone_event
from strava_collector.logfmt import line
from strava_collector.profile import farewell_event
from strava_collector.store import athletes, farewell, ledger, sweeps
from strava_collector.store.database import Database, Transaction
from strava_collector.writer import Writer

log = logging.getLogger(__name__)

#: Activities of one batch. Each has one place that shows it and seldom one more that a crash left, so a transaction
#: writes about 200 rows.
BATCH = 100

RECONNECTED = "The athlete has other tokens by now, so the permission exists."


class Progress(Enum):
    """How far a step has come."""

    #: Nothing is left of it.
    COMPLETE = "complete"
    #: The input stops, or somebody else has taken the work: the next run goes on.
    INTERRUPTED = "interrupted"
    #: The athlete has connected again: what still stands stays.
    RECONNECTED = "reconnected"


@dataclass(frozen=True)
class Departed:
    """Who is to be buried, and under which lease."""

    athlete_id: int
    #: The connection that has ended; a standing of another one does not count.
    connected_at: str
    #: Prolongs the lease, in the transaction of each batch and at the time now; False if it is no longer ours.
    renew: Callable[[Transaction, float], bool]


class Burial:
    """One input's way to bury."""

    def __init__(
        self,
        *,
        database: Database,
        writer: Writer,
        clock: Clock,
        source: str,
        index: str,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """``source`` and ``index`` are the input's, for what it writes; ``stopping`` says that it is about to end."""
        self._database = database
        self._writer = writer
        self._clock = clock
        self._source = source
        self._index = index
        #: Of whom this process has written that all is to be erased.
        self._farewells: set[tuple[int, str]] = set()
        self._stopping = stopping

    def cancel_jobs(self, departed: Departed) -> Progress:
        """Cancel the athlete's waiting jobs, whichever input they wait for. Raises StoreUnavailable."""
        progress, cancelled = self.in_batches(departed, sweeps.cancel)
        if cancelled:
            log.info(line("jobs_cancelled", athlete_id=departed.athlete_id, jobs=cancelled))
        return progress

    def in_batches(self, departed: Departed, step: Callable[..., int]) -> tuple[Progress, int]:
        """Call ``step(tx, athlete_id=…, now=…)``, each time in a transaction of its own, until it finds nothing to do.

        Returns also how much it did in all. Raises StoreUnavailable.
        """
        done = 0
        while True:
            if self._stopping():
                return Progress.INTERRUPTED, done
            now = self._clock.now()
            with self._database.write() as tx:
                if not departed.renew(tx, now):
                    return Progress.INTERRUPTED, done
                if not holds(tx, departed):
                    return Progress.RECONNECTED, done
                batch = step(tx, athlete_id=departed.athlete_id, now=now)
            if not batch:
                return Progress.COMPLETE, done
            done += batch

    def bury(self, departed: Departed) -> tuple[Progress, int]:
        """Write a tombstone at every place that shows an activity of the athlete's, and put it on the erase list, as
        well as the places where old versions lie; in the end an event that says that she has left.

        Passes are made until one finds nothing: a fetch that was under way may have written behind the first one.
        Returns also how many activities were buried. Raises StoreUnavailable, SessionExpired and OutputClosed.
        """
        buried, after, found = 0, 0, False
        while True:
            if self._stopping():
                return Progress.INTERRUPTED, buried
            written: list[Tombstone] = []
            erased: list[Tombstone] = []
            with self._writer.turn():
                now = self._clock.now()
                with self._database.write() as tx:
                    if not departed.renew(tx, now):
                        return Progress.INTERRUPTED, buried
                    if not holds(tx, departed):
                        return Progress.RECONNECTED, buried
                    batch = ledger.collected_of(tx, departed.athlete_id, after=after, limit=BATCH)
                    for activity_id in batch:
                        written += ledger.place_tombstones(tx, activity_id=activity_id, now=now)
                        erased += ledger.graves(tx, activity_id)
                for grave in written:
                    self._write(grave)
            erase_lines(log, erased, ErasedBecause.DEAUTHORIZED)
            if batch:
                with self._database.write() as tx:
                    ledger.left(tx, written)
                buried, after, found = buried + len(batch), batch[-1], True
            elif found:
                after, found = 0, False
            else:
                return self._say_farewell(departed, again=buried > 0), buried

    def _say_farewell(self, departed: Departed, *, again: bool) -> Progress:
        """Write the event by which the erase list knows who has left; once, unless something was left to be buried."""
        who = (departed.athlete_id, departed.connected_at)
        if who in self._farewells and not again:
            return Progress.COMPLETE
        with self._writer.turn():
            now = self._clock.now()
            with self._database.write() as tx:
                if not departed.renew(tx, now):
                    return Progress.INTERRUPTED
                if not holds(tx, departed):
                    return Progress.RECONNECTED
                found = farewell.find(tx, departed.athlete_id, now)
                farewell.forget_around(tx, departed.athlete_id)
            self._writer.write(
                farewell_event(
                    departed.athlete_id,
                    collected_at=found.collected_at,
                    index=found.index or self._index,
                    source=self._source,
                )
            )
        self._farewells.add(who)
        return Progress.COMPLETE

    def _write(self, grave: Tombstone) -> None:
        """Write a tombstone. One that only a fault of ours can spoil must not hold up the thousands after it: its place
        is on the erase list all the same."""
        try:
            self._writer.write(tombstone_event(grave, self._source))
        except CollectorError:
            raise
        except Exception as error:
            log.exception(line("tombstone_not_written", activity_id=grave.activity_id, error=type(error).__name__))


def holds(tx: Transaction, departed: Departed) -> bool:
    """Whether the withdrawal still holds: the athlete has not connected again since."""
    found = athletes.standing(tx, departed.athlete_id)
    return found is not None and found.withdraws(departed.connected_at)
