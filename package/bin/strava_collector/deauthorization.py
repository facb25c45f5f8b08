"""What follows when an athlete has withdrawn the permission and one call has confirmed it.

Notifications are not signed, so the confirmation is the worker's; from then on this goes through to the end:

1. the athlete is marked, which keeps everybody else from fetching and writing anything of hers,
2. her tokens are deleted,
3. her waiting jobs are cancelled,
4. every place that shows an activity of hers gets a tombstone and goes on the erase list, as do the places where old
   versions lie.

Each step leaves what tells the next run of the same job where to go on, so a crash anywhere repeats at most one batch.
Ten thousand activities take a hundred short transactions, between which the input may stop.
"""

from __future__ import annotations

import logging
from typing import Callable, Optional, Protocol

from strava_collector.clock import Clock
from strava_collector.erase_list import ErasedBecause, erase_lines
from strava_collector.errors import CollectorError
from strava_collector.events import Tombstone, tombstone_event
from strava_collector.job import Job
from strava_collector.logfmt import line
from strava_collector.secret import Secret
from strava_collector.settings import Athlete
from strava_collector.store import athletes, ledger, queue, sweeps
from strava_collector.store.athletes import AthleteState
from strava_collector.store.database import Database, Transaction
from strava_collector.writer import Writer

log = logging.getLogger(__name__)

#: Activities of one batch. Each has one place that shows it and seldom one more that a crash left, so a transaction
#: writes about 200 rows.
BATCH = 100

RECONNECTED = "The athlete has other tokens by now, so the permission exists."


class Tokens(Protocol):
    """The part of the token keeper that is used here."""

    def forget(self, athlete_id: int, *, refused: Optional[Secret] = None) -> bool: ...


class Deauthorization:
    """Carries out confirmed deauthorizations for one input."""

    def __init__(
        self,
        *,
        database: Database,
        writer: Writer,
        tokens: Tokens,
        clock: Clock,
        source: str,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """``source`` is the input's, for the tombstones; ``stopping`` says that the input is about to end."""
        self._database = database
        self._writer = writer
        self._tokens = tokens
        self._clock = clock
        self._source = source
        self._stopping = stopping
        #: By athlete, the token that Strava refused, until the tokens are deleted: if that fails, the next run must
        #: not take those of a new consent for it.
        self._refused: dict[int, Secret] = {}

    def begun(self, athlete: Athlete) -> bool:
        """Whether this athlete's deauthorization has been confirmed before: of this connection, not an older one.

        Then an athlete without tokens needs no further confirmation, because it is we who deleted them.
        """
        with self._database.read() as tx:
            return self._still_holds(tx, athlete)

    def carry_out(self, job: Job, athlete: Athlete, reason: str, *, refused: Optional[Secret] = None) -> bool:
        """Do all that is left to do. False if the job has to be put back, because the input stops or it was taken away.

        ``job`` is the one that confirmed it, claimed and under its lease; it is neither finished nor put back here.
        ``reason`` is a sentence. ``refused`` is the token that Strava did not accept, if there was one: an athlete who
        has other tokens by now has connected again, and nothing more is done. Raises RefreshBusy and
        TokenStoreUnavailable (come back later), StoreUnavailable, SessionExpired and OutputClosed.
        """
        if not self._mark(job, athlete, reason):
            return False
        if refused is not None:
            self._refused[athlete.athlete_id] = refused
        forgotten = self._tokens.forget(athlete.athlete_id, refused=self._refused.get(athlete.athlete_id))
        self._refused.pop(athlete.athlete_id, None)
        if not forgotten:
            with self._database.write() as tx:
                athletes.clear(tx, athlete.athlete_id)
            log.warning(line("deauthorization_dropped", athlete_id=athlete.athlete_id, why=RECONNECTED))
            return True
        log.info(line("tokens_deleted", athlete_id=athlete.athlete_id))
        return self._cancel(job, athlete) and self._bury(job, athlete)

    def _mark(self, job: Job, athlete: Athlete, reason: str) -> bool:
        now = self._clock.now()
        with self._database.write() as tx:
            if not queue.renew(tx, job, now=now):
                return False
            again = self._still_holds(tx, athlete)
            if not again:
                athletes.mark_deauthorized(
                    tx,
                    athlete_id=athlete.athlete_id,
                    reason=reason,
                    connected_at=athlete.connected_at,
                    now=now,
                )
        log.warning(line("deauthorized", athlete_id=athlete.athlete_id, again=again, why=reason))
        return True

    def _cancel(self, job: Job, athlete: Athlete) -> bool:
        """Cancel the athlete's waiting jobs, whichever input they wait for; this one is at work, not waiting."""
        cancelled = 0
        while True:
            if self._stopping():
                return False
            now = self._clock.now()
            with self._database.write() as tx:
                if not queue.renew(tx, job, now=now):
                    return False
                # Who has connected again keeps her jobs; that nothing is buried either, the next step sees.
                holds = self._still_holds(tx, athlete)
                batch = sweeps.cancel(tx, athlete_id=athlete.athlete_id, now=now) if holds else 0
            cancelled += batch
            if not batch:
                break
        if cancelled:
            log.info(line("jobs_cancelled", athlete_id=athlete.athlete_id, jobs=cancelled))
        return True

    def _bury(self, job: Job, athlete: Athlete) -> bool:
        """Write the tombstones. Passes are made until one finds nothing: a fetch that was under way may have written
        behind the first one."""
        buried, after, found = 0, 0, False
        while True:
            if self._stopping():
                log.info(line("deauthorization_interrupted", athlete_id=athlete.athlete_id, activities=buried))
                return False
            batch: list[int] = []
            written: list[Tombstone] = []
            erased: list[Tombstone] = []
            with self._writer.turn():
                now = self._clock.now()
                with self._database.write() as tx:
                    if not queue.renew(tx, job, now=now):
                        return False
                    if not self._still_holds(tx, athlete):
                        # What still stands in the index is hers to be shown again.
                        log.warning(line("deauthorization_dropped", athlete_id=athlete.athlete_id, why=RECONNECTED))
                        return True
                    batch = ledger.collected_of(tx, athlete.athlete_id, after=after, limit=BATCH)
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
                log.info(line("deauthorization_complete", athlete_id=athlete.athlete_id, activities=buried))
                return True

    def _write(self, grave: Tombstone) -> None:
        """Write a tombstone. One that only a fault of ours can spoil must not hold up the thousands after it: its place
        is on the erase list all the same."""
        try:
            self._writer.write(tombstone_event(grave, self._source))
        except CollectorError:
            raise
        except Exception as error:
            log.exception(line("tombstone_not_written", activity_id=grave.activity_id, error=type(error).__name__))

    @staticmethod
    def _still_holds(tx: Transaction, athlete: Athlete) -> bool:
        found = athletes.standing(tx, athlete.athlete_id)
        return (
            found is not None
            and found.state is AthleteState.DEAUTHORIZED
            and found.connected_at == athlete.connected_at
        )
