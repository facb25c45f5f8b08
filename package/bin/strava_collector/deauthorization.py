"""What follows when an athlete has withdrawn the permission and one call has confirmed it.

Notifications are not signed, so the confirmation is the worker's; from then on this goes through to the end:

1. the athlete is marked, which keeps everybody else from fetching and writing anything of hers,
2. her tokens are deleted,
3. her waiting jobs are cancelled,
4. every place that shows an activity of hers gets a tombstone and goes on the erase list, as do the places where old
   versions lie.

Each step leaves what tells the next run of the same job where to go on; the last two are those of ``burial``.
"""

from __future__ import annotations

import logging
from typing import Optional, Protocol

from strava_collector.burial import RECONNECTED, Burial, Departed, Progress
from strava_collector.clock import Clock
from strava_collector.job import Job
from strava_collector.logfmt import line
from strava_collector.secret import Secret
from strava_collector.settings import Athlete
from strava_collector.store import athletes, queue
from strava_collector.store.database import Database

log = logging.getLogger(__name__)


class Tokens(Protocol):
    """The part of the token keeper that is used here."""

    def forget(self, athlete_id: int, *, refused: Optional[Secret] = None) -> bool: ...


class Deauthorization:
    """Carries out confirmed deauthorizations for one input."""

    def __init__(
        self,
        *,
        database: Database,
        burial: Burial,
        tokens: Tokens,
        clock: Clock,
    ) -> None:
        self._database = database
        self._burial = burial
        self._tokens = tokens
        self._clock = clock
        #: By athlete, the token that Strava refused, until the tokens are deleted: if that fails, the next run must
        #: not take those of a new consent for it.
        self._refused: dict[int, Secret] = {}

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
        departed = Departed(
            athlete.athlete_id, athlete.connected_at, renew=lambda tx, now: queue.renew(tx, job, now=now)
        )
        # Who has connected again keeps her jobs; that nothing is buried either, the next step sees.
        if self._burial.cancel_jobs(departed) is Progress.INTERRUPTED:
            return False
        return self._bury(departed)

    def _mark(self, job: Job, athlete: Athlete, reason: str) -> bool:
        now = self._clock.now()
        with self._database.write() as tx:
            if not queue.renew(tx, job, now=now):
                return False
            again = athletes.has_withdrawn(tx, athlete.athlete_id, athlete.connected_at)
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

    def _bury(self, departed: Departed) -> bool:
        progress, buried = self._burial.bury(departed)
        if progress is Progress.INTERRUPTED:
            log.info(line("deauthorization_interrupted", athlete_id=departed.athlete_id, activities=buried))
            return False
        if progress is Progress.RECONNECTED:
            # What still stands in the index is hers to be shown again.
            log.warning(line("deauthorization_dropped", athlete_id=departed.athlete_id, why=RECONNECTED))
        else:
            log.info(line("deauthorization_complete", athlete_id=departed.athlete_id, activities=buried))
        return True
