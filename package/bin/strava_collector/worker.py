"""From jobs to events: claim what may be fetched, fetch it, decide what follows.

``work`` does one job and returns; threads and waiting are the service's matter. What may be fetched is decided by
``claims``, what follows by ``outcome``, and ``conclusion`` carries it out.
"""

from __future__ import annotations

import logging
import threading
from typing import Callable, Optional

from strava_collector import outcome, settlement
from strava_collector.allowance import Allowance, Usage
from strava_collector.circuit import Circuit
from strava_collector.claims import SOON, Assignment, Claims
from strava_collector.clock import Clock
from strava_collector.conclusion import Conclusion
from strava_collector.errors import CollectorError
from strava_collector.expectation import contradicts
from strava_collector.fetcher import Attempt, Connection, Fetcher
from strava_collector.job import Job, Kind
from strava_collector.logfmt import line
from strava_collector.outcome import (
    Circumstances,
    Fetched,
    Postponed,
    Renew,
    Result,
    TryAgain,
)
from strava_collector.sampling import Sampling
from strava_collector.secret import Secret
from strava_collector.settings import Settings
from strava_collector.store import athletes, ledger, queue, turns
from strava_collector.store.athletes import AthleteState
from strava_collector.store.database import Database, Transaction
from strava_collector.stream_outcome import DoWithout, StreamDecision, WriteSamples, decide_streams

log = logging.getLogger(__name__)

#: Stands for all streams where the circuit counts different activities that fail. No activity has this id.
STREAMS_ALONE = 0
#: What a list showed so short a time ago was there, in seconds: a refusal may be about to end.
JUST_LISTED = 86_400.0
#: Tokens that were refused so long before a notification of the withdrawal were refused for another reason, in seconds.
REFUSED_BEFORE = 3600.0


class Worker:
    """Does the jobs of one input, in as many threads as call :meth:`work`."""

    def __init__(
        self,
        *,
        database: Database,
        claims: Claims,
        fetcher: Fetcher,
        allowance: Allowance,
        conclusion: Conclusion,
        sampling: Sampling,
        clock: Clock,
        settings: Callable[[], Optional[Settings]],
        connection: Callable[[], Optional[Connection]],
    ) -> None:
        self._database = database
        self._claims = claims
        self._fetcher = fetcher
        self._allowance = allowance
        self._conclusion = conclusion
        self._sampling = sampling
        self._clock = clock
        self._settings = settings
        self._connection = connection
        self._in_hand: dict[int, Job] = {}
        self._dropped: dict[int, Job] = {}
        self._in_hand_lock = threading.Lock()

    def work(self) -> bool:
        """Do one due job; False if there is none or nothing can be done now.

        Raises StoreUnavailable, OutputClosed and SessionExpired. A job that was claimed is put back then, by the next
        call or by the next process of the input.
        """
        self.put_back()
        settings, connection = self._settings(), self._connection()
        if settings is None or connection is None:
            return False
        due = self._claims.next_due(settings, connection)
        if due is None or due > self._clock.now():
            return False
        assignment = self._claims.claim(settings, connection)
        if assignment is None:
            return False
        self._take_in_hand(assignment.job)
        try:
            self._do_safely(assignment)
        except BaseException:
            self._drop(assignment.job)
            raise
        self._let_go(assignment.job)
        return True

    def next_due(self) -> Optional[float]:
        """When the next job can be done, in epoch seconds, maybe past; None if none waits that ever can."""
        settings, connection = self._settings(), self._connection()
        if settings is None or connection is None:
            return None
        return self._claims.next_due(settings, connection)

    def renew_leases(self) -> None:
        """Keep the leases of the jobs in hand: a full pipe to splunkd is not a dead worker."""
        with self._in_hand_lock:
            jobs = list(self._in_hand.values())
        if jobs:
            with self._database.write() as tx:
                for job in jobs:
                    queue.renew(tx, job, now=self._clock.now())

    def put_back(self, *, also_in_hand: bool = False) -> None:
        """Put back the jobs that a failure interrupted, without counting it as an attempt.

        ``also_in_hand`` is for the end: a thread that is still at work on such a job finds that its lease is gone, and
        drops what it fetched.
        """
        with self._in_hand_lock:
            jobs = [*self._dropped.values(), *(self._in_hand.values() if also_in_hand else ())]
        if not jobs:
            return
        now = self._clock.now()
        with self._database.write() as tx:
            for job in jobs:
                queue.reschedule(tx, job, run_at=now, counts=False, error=job.error, now=now)
        with self._in_hand_lock:
            for job in jobs:
                self._dropped.pop(job.id, None)

    def _take_in_hand(self, job: Job) -> None:
        with self._in_hand_lock:
            self._in_hand[job.id] = job

    def _let_go(self, job: Job) -> None:
        with self._in_hand_lock:
            self._in_hand.pop(job.id, None)

    def _drop(self, job: Job) -> None:
        with self._in_hand_lock:
            self._dropped[job.id] = self._in_hand.pop(job.id)

    # The call, and what follows from it.

    def _do_safely(self, at: Assignment) -> None:
        """A fault of ours on one activity must hold up neither the others nor the thread."""
        try:
            self._do(at)
        except CollectorError:
            raise
        except Exception as error:
            log.exception(line("failed_unexpectedly", trail=at.job.trail, error=type(error).__name__))
            result = outcome.NoAnswer(
                f"The add-on failed at this activity ({type(error).__name__}); its log has the details."
            )
            with self._database.read() as tx:
                circumstances = self._circumstances(tx, at, result, Circuit(), renewed=True, unproven=False)
            self._conclusion.carry_out(at.job, at.athlete, outcome.decide(result, circumstances))

    def _do(self, at: Assignment) -> None:
        attempt, decision = self._attempt(at, rejected=None)
        refused = attempt.token
        if isinstance(decision, Renew):
            pause = self._second_call(at)
            if pause is None:
                attempt, decision = self._attempt(at, rejected=refused)
                refused = attempt.token or refused
            else:
                decision = pause
        if isinstance(decision, (WriteSamples, DoWithout)):
            self._sampling.carry_out(at.job, at.athlete, decision)
        else:
            self._conclusion.carry_out(at.job, at.athlete, decision, refused=refused)

    def _decide(self, at: Assignment, result: Result, circumstances: Circumstances) -> StreamDecision:
        if at.job.kind is Kind.STREAMS:
            return decide_streams(result, circumstances, priority=at.job.priority)
        if at.job.kind is not Kind.ATHLETE:
            return outcome.decide(result, circumstances)
        with self._database.read() as tx:
            found = athletes.standing(tx, at.job.athlete_id)
        refused_before = (
            found is not None
            and found.state is AthleteState.RECONNECT
            and found.connected_at == at.athlete.connected_at
            and found.since < at.job.created_at - REFUSED_BEFORE
        )
        # Confirmed before, of this connection and not an older one: then it is we who have deleted the tokens.
        begun = found is not None and found.withdraws(at.athlete.connected_at)
        return outcome.decide_departure(result, circumstances, refused_before=refused_before, begun=begun)

    def _attempt(self, at: Assignment, *, rejected: Optional[Secret]) -> tuple[Attempt, StreamDecision]:
        """Make the job's call, settle what it means for the calls to come, and decide what follows."""
        started = self._clock.monotonic()
        attempt = self._fetcher.fetch(at.job, at.athlete, at.connection, rejected=rejected)
        with self._database.write() as tx:
            after = self._settle(tx, at, attempt)
            unproven = self._allowance.has_failed_since(tx, at.client_id, _subject(at.job))
            circuit = self._learn(tx, at, attempt.result)
            circumstances = self._circumstances(
                tx, at, attempt.result, circuit, renewed=rejected is not None, unproven=unproven
            )
        log.info(
            line(
                "attempted",
                trail=at.job.trail,
                result=outcome.describe(attempt.result),
                seconds=self._clock.monotonic() - started,
                quota_before=str(at.before),
                quota_after=str(after),
            )
        )
        return attempt, self._decide(at, attempt.result, circumstances)

    def _second_call(self, at: Assignment) -> Optional[TryAgain]:
        """Count another call for the same job. If the quota has none left, the job waits with the token refused."""
        log.info(line("token_refused", trail=at.job.trail, athlete_id=at.job.athlete_id))
        with self._database.write() as tx:
            permission = self._allowance.reserve_if_allowed(
                tx, at.client_id, at.lease_id, at.settings.advanced, at.counts_as
            )
        if permission.allows(at.counts_as):
            return None
        return TryAgain(permission.until or self._clock.now() + SOON, outcome.UNAUTHORIZED_ONCE, counts=False)

    def _settle(self, tx: Transaction, at: Assignment, attempt: Attempt) -> Usage:
        """Account for the call that was reserved."""
        if attempt.answer is None and not attempt.made and at.job.kind is not Kind.ATHLETE:
            turns.give_back(tx, at.job.athlete_id, at.job.priority, at.settings.advanced.cooldown)
        if isinstance(attempt.result, Postponed):
            self._claims.pause(None if attempt.result.for_all else at.job.athlete_id, attempt.result.until)
        return settlement.account(tx, self._allowance, at.client_id, at.lease_id, attempt)

    def _learn(self, tx: Transaction, at: Assignment, result: Result) -> Circuit:
        """What a result says about the way to Strava, for whatever is called next."""
        return settlement.learn(
            tx,
            self._allowance,
            at.client_id,
            result,
            athlete_id=at.job.athlete_id,
            subject=_subject(at.job),
            retry_base=at.settings.advanced.retry_base,
        )

    def _circumstances(
        self, tx: Transaction, at: Assignment, result: Result, circuit: Circuit, *, renewed: bool, unproven: bool
    ) -> Circumstances:
        job, now = at.job, self._clock.now()
        known = ledger.find(tx, job.activity_id)
        if known is not None and known.start_date is not None and known.athlete_id != job.athlete_id:
            known = None  # another athlete's activity: what this fetch finds says nothing about it
        pause = self._allowance.pause(tx, at.client_id, at.settings.advanced, at.counts_as)
        contradicted = contradicts(job.expected, result.activity) if isinstance(result, Fetched) else None
        return Circumstances(
            now=now,
            attempts=job.attempts,
            max_attempts=job.max_attempts,
            error=job.error,
            collected=known is not None and known.start_date is not None and not known.deleted,
            deleted=known is not None and known.deleted,
            delete_announced=known is not None and None is not known.delete_time == known.event_time,
            announced_at=known.announced_at if known is not None else None,
            renewed=renewed,
            quota_frees_at=now if pause is None else pause.until,
            circuit_opens_at=circuit.waits_until(now),
            unproven=unproven,
            created_at=job.created_at,
            contradicted=contradicted,
            missing=known is not None and not known.deleted and known.suspicion == ledger.MISSING,
            just_listed=known is not None
            and known.listed_at is not None
            and now - JUST_LISTED < known.listed_at <= now,
            came_back=known is not None and known.came_back,
            retry_base=at.settings.advanced.retry_base,
        )


def _subject(job: Job) -> int:
    """Whose failure a job's is: streams that fail must not keep activities from being fetched, however many do."""
    return STREAMS_ALONE if job.kind is Kind.STREAMS else job.activity_id
