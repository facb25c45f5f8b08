"""From jobs to events: claim, check the quota, fetch, note in the ledger, write, finish.

``work`` does one job and returns; threads and waiting are the service's matter.
"""

from __future__ import annotations

import logging
import threading
from typing import Callable, Optional, Protocol

from strava_collector import outcome
from strava_collector.clock import Clock
from strava_collector.errors import CollectorError
from strava_collector.events import Tombstone, activity_event, tombstone_event
from strava_collector.fetcher import Connection, Fetcher, reserve
from strava_collector.job import Job, Outcome, Status
from strava_collector.logfmt import line
from strava_collector.outcome import Circumstances, Decision, Fetched, Finish, Renew, Result, TryAgain, Write
from strava_collector.quota import Quota
from strava_collector.settings import Athlete, Settings, WebhookInput
from strava_collector.store import ledger, queue, windows
from strava_collector.store.database import Database, Transaction
from strava_collector.writer import Writer

log = logging.getLogger(__name__)

#: Pause before a job is looked at again whose athlete or application is not configured at the moment, in seconds.
UNCONFIGURED_PAUSE = 60.0


class Problems(Protocol):
    """Where the worker says what only people can mend."""

    def report(self, topic: str, text: str) -> None: ...

    def resolved(self, topic: str) -> None: ...


class Worker:
    """Does the jobs of one input, in as many threads as call :meth:`work`."""

    def __init__(
        self,
        webhook_input: WebhookInput,
        *,
        database: Database,
        fetcher: Fetcher,
        writer: Writer,
        clock: Clock,
        settings: Callable[[], Optional[Settings]],
        connection: Callable[[], Optional[Connection]],
        bulletin: Problems,
    ) -> None:
        self._input = webhook_input
        self._source = f"strava_webhook://{webhook_input.name}"
        self._database = database
        self._fetcher = fetcher
        self._writer = writer
        self._clock = clock
        self._settings = settings
        self._connection = connection
        self._bulletin = bulletin
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
        with self._database.read() as tx:
            due = queue.next_due(tx, self._input.name)
        if due is None or due > self._clock.now():
            return False
        with self._database.write() as tx:
            job = queue.claim(
                tx,
                input=self._input.name,
                now=self._clock.now(),
                per_athlete=max(1, settings.advanced.concurrency - 1),
            )
            athlete = self._ready(tx, job, settings, connection) if job is not None else None
        if job is None:
            return False
        if athlete is not None:
            self._take_in_hand(job)
            try:
                self._do_safely(job, athlete, settings, connection)
            except BaseException:
                self._drop(job)
                raise
            self._let_go(job)
        return True

    def next_due(self) -> Optional[float]:
        """When the next job is due, in epoch seconds; None if none waits."""
        with self._database.read() as tx:
            return queue.next_due(tx, self._input.name)

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

    def _ready(self, tx: Transaction, job: Job, settings: Settings, connection: Connection) -> Optional[Athlete]:
        """Check what a fetch needs, and count it; put the job back and return None if something is missing."""
        now = self._clock.now()
        athlete = settings.athletes.get(job.athlete_id)
        if athlete is None or athlete.application != self._input.application:
            why = "The job's athlete is not connected to this input's application at the moment."
            queue.reschedule(tx, job, run_at=now + UNCONFIGURED_PAUSE, counts=False, error=why, now=now)
            return None
        until = reserve(tx, connection.application, now)
        if until is not None:
            why = "The limit of calls that Strava allows is used up; the job waits for the next window."
            queue.reschedule(tx, job, run_at=until, counts=False, error=job.error or why, now=now)
            log.info(line("waiting_for_quota", activity_id=job.activity_id, seconds=until - now))
            return None
        return athlete

    def _do_safely(self, job: Job, athlete: Athlete, settings: Settings, connection: Connection) -> None:
        """A fault of ours on one activity must hold up neither the others nor the thread."""
        try:
            self._do(job, athlete, settings, connection)
        except CollectorError:
            raise
        except Exception as error:
            log.exception(line("failed_unexpectedly", activity_id=job.activity_id, error=type(error).__name__))
            why = f"The add-on failed at this activity ({type(error).__name__}); its log has the details."
            result = outcome.NoAnswer(why)
            self._carry_out(job, athlete, self._decide(job, result, settings, connection, renewed=True))

    def _do(self, job: Job, athlete: Athlete, settings: Settings, connection: Connection) -> None:
        started = self._clock.monotonic()
        attempt = self._fetcher.fetch(job, athlete, connection)
        decision = self._decide(job, attempt.result, settings, connection, renewed=False)
        if isinstance(decision, Renew):
            log.info(line("token_refused", athlete_id=job.athlete_id, activity_id=job.activity_id))
            with self._database.write() as tx:
                # The second call counts too. It is made even if it is one too many: half a fetch would be wasted.
                reserve(tx, connection.application, self._clock.now())
            attempt = self._fetcher.fetch(job, athlete, connection, rejected=attempt.token)
            decision = self._decide(job, attempt.result, settings, connection, renewed=True)
        log.info(
            line(
                "fetched",
                activity_id=job.activity_id,
                athlete_id=job.athlete_id,
                result=_describe(attempt.result),
                attempt=job.attempts + 1,
                seconds=self._clock.monotonic() - started,
            )
        )
        self._carry_out(job, athlete, decision)

    def _decide(
        self, job: Job, result: Result, settings: Settings, connection: Connection, *, renewed: bool
    ) -> Decision:
        now = self._clock.now()
        with self._database.read() as tx:
            known = ledger.find(tx, job.activity_id)
            if known is not None and known.start_date is not None and known.athlete_id != job.athlete_id:
                known = None  # another athlete's activity: what this fetch finds says nothing about it
            quota = Quota.from_json(windows.load(tx, connection.application.client_id))
        at = Circumstances(
            now=now,
            attempts=job.attempts,
            max_attempts=job.max_attempts,
            created_at=job.created_at,
            error=job.error,
            collected=known is not None and known.start_date is not None and not known.deleted,
            deleted=known is not None and known.deleted,
            delete_announced=known is not None and None is not known.delete_time == known.event_time,
            announced_at=known.announced_at if known is not None else None,
            renewed=renewed,
            quota_frees_at=quota.waits_until(now) or now,
            retry_base=settings.advanced.retry_base,
        )
        return outcome.decide(result, at)

    def _carry_out(self, job: Job, athlete: Athlete, decision: Decision) -> None:
        if isinstance(decision, Write):
            self._bulletin.resolved(f"athlete_{job.athlete_id}")
            self._write(job, athlete, decision.fetched)
        elif isinstance(decision, Finish):
            self._finish(job, decision)
        elif isinstance(decision, TryAgain):
            now = self._clock.now()
            with self._database.write() as tx:
                queue.reschedule(tx, job, run_at=decision.at, counts=decision.counts, error=decision.why, now=now)
            if decision.for_people:
                self._bulletin.report(f"athlete_{job.athlete_id}", f"Athlete “{athlete.name}”: {decision.why}")
            log.warning(
                line(
                    "postponed",
                    activity_id=job.activity_id,
                    athlete_id=job.athlete_id,
                    seconds=decision.at - now,
                    why=decision.why,
                )
            )
        else:  # a renewal that leads to a renewal would go on for ever
            raise AssertionError("A token is renewed once a fetch.")

    def _write(self, job: Job, athlete: Athlete, fetched: Fetched) -> None:
        index = athlete.index or self._input.index
        with self._writer.turn():
            with self._database.write() as tx:
                placed = (
                    ledger.place_event(
                        tx,
                        activity_id=job.activity_id,
                        athlete_id=job.athlete_id,
                        start_date=fetched.start,
                        index=index,
                        input=self._input.name,
                        now=self._clock.now(),
                    )
                    if queue.is_mine(tx, job)
                    else None
                )
            if placed is None:
                self._give_way(job)
                return
            for grave in placed.tombstones:
                self._writer.write(tombstone_event(grave, self._source))
            self._writer.write(
                activity_event(
                    fetched.activity,
                    start=fetched.start,
                    collected_at=placed.collected_at,
                    reason=job.reason.value,
                    input_name=self._input.name,
                    index=index,
                    source=self._source,
                )
            )
        with self._database.write() as tx:
            ledger.left(tx, placed.tombstones)
            queue.finish(tx, job, status=Status.DONE, outcome=Outcome.COLLECTED, error=None, now=self._clock.now())
        log.info(
            line(
                "indexed",
                activity_id=job.activity_id,
                athlete_id=job.athlete_id,
                index=index,
                tombstones=len(placed.tombstones),
                reason=job.reason.value,
                since_notification=self._clock.now() - job.created_at,
            )
        )

    def _give_way(self, job: Job) -> None:
        """A newer notification overtook the fetch: what was fetched may be outdated, so it is fetched again."""
        now = self._clock.now()
        with self._database.write() as tx:
            queue.finish(tx, job, status=Status.DONE, outcome=Outcome.CANCELLED, error=None, now=now)
        log.info(line("overtaken", activity_id=job.activity_id, athlete_id=job.athlete_id))

    def _finish(self, job: Job, decision: Finish) -> None:
        status = Status.FAILED if decision.outcome is Outcome.DEAD_LETTER else Status.DONE
        graves: tuple[Tombstone, ...] = ()
        with self._writer.turn():
            if decision.tombstone:
                with self._database.write() as tx:
                    if queue.is_mine(tx, job):
                        graves = ledger.place_tombstones(tx, activity_id=job.activity_id, now=self._clock.now())
            for grave in graves:
                self._writer.write(tombstone_event(grave, self._source))
        with self._database.write() as tx:
            ledger.left(tx, graves)
            queue.finish(tx, job, status=status, outcome=decision.outcome, error=decision.why, now=self._clock.now())
        level = logging.ERROR if status is Status.FAILED else logging.INFO
        log.log(
            level,
            line(
                "finished",
                activity_id=job.activity_id,
                athlete_id=job.athlete_id,
                outcome=decision.outcome.value,
                tombstones=len(graves),
                why=decision.why,
            ),
        )


def _describe(result: Result) -> str:
    """A word for the log."""
    return str(result.status) if isinstance(result, outcome.Refused) else type(result).__name__.lower()
