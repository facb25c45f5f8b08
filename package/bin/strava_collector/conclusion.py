"""Carries out what was decided about a job: events out, ledger and queue told, people told.

Whatever is written is decided in one transaction before it, under the writer's turn, where lease and generation are
checked once more; what is out is noted in another one after it. A crash in between repeats events, it loses none.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Optional

from strava_collector import settlement
from strava_collector.clock import Clock
from strava_collector.deauthorization import Deauthorization
from strava_collector.erase_list import ErasedBecause, erase_lines
from strava_collector.events import Tombstone, activity_digest, activity_event, tombstone_event
from strava_collector.fetcher import SPLUNKD_PAUSE
from strava_collector.fingerprint import fingerprint
from strava_collector.finished_line import say_finished
from strava_collector.follow_up import follow_up
from strava_collector.job import Job, Outcome, Priority, Status
from strava_collector.logfmt import line
from strava_collector.outcome import CONTRADICTED, Decision, Depart, Finish, Obstacle, TryAgain, Write
from strava_collector.ownership import LeftOut
from strava_collector.ports import Problems
from strava_collector.privacy import Privacy, of_activity
from strava_collector.secret import Secret
from strava_collector.settings import Athlete, CollectorInput
from strava_collector.store import athletes, counters, ledger, queue, sweeps, volume
from strava_collector.store.counters import Counted
from strava_collector.store.database import Database, Transaction
from strava_collector.store.ledger import Placed
from strava_collector.token_keeper import RefreshBusy, TokenStoreUnavailable
from strava_collector.writer import Writer

log = logging.getLogger(__name__)


class Conclusion:
    """Concludes the jobs of one input."""

    def __init__(
        self,
        collector_input: CollectorInput,
        *,
        database: Database,
        writer: Writer,
        deauthorization: Deauthorization,
        clock: Clock,
        bulletin: Problems,
        left_out: LeftOut,
    ) -> None:
        self._input = collector_input
        self._left_out = left_out
        self._database = database
        self._writer = writer
        self._deauthorization = deauthorization
        self._clock = clock
        self._bulletin = bulletin

    def carry_out(self, job: Job, athlete: Athlete, decision: Decision, *, refused: Optional[Secret] = None) -> None:
        """Do what was decided; ``refused`` is the token that Strava did not accept, if there was one.

        Raises StoreUnavailable, OutputClosed and SessionExpired; the job is to be put back then.
        """
        if isinstance(decision, Write):
            self._bulletin.resolved(settlement.topic(athlete))
            self._write(job, athlete, decision)
        elif isinstance(decision, Finish):
            self._finish(job, decision)
        elif isinstance(decision, TryAgain):
            self._put_back(job, athlete, decision)
        elif isinstance(decision, Depart):
            self._depart(job, athlete, decision, refused)
        else:  # a renewal that leads to a renewal would go on for ever
            raise AssertionError("A token is renewed once a fetch.")

    # An activity.

    def _write(self, job: Job, athlete: Athlete, decision: Write) -> None:
        fetched, index = decision.fetched, athlete.index or self._input.index
        privacy = self._left_out.of(athlete)
        # What the user does not want kept is not in the index: whether anything has changed there, the digest tells.
        # Whether it has changed at Strava, lists are compared for, whatever is kept of it.
        activity = of_activity(fetched.activity, privacy)
        digest, seen = activity_digest(activity), fingerprint(fetched.activity)
        with self._writer.turn():
            with self._database.write() as tx:
                if not queue.is_mine(tx, job) or athletes.has_withdrawn(tx, job.athlete_id, athlete.connected_at):
                    self._give_way(tx, job)
                    self._cancel_if_withdrawn(tx, job, athlete)
                    return
                if not job.force and ledger.holds(
                    tx, activity_id=job.activity_id, start_date=fetched.start, index=index, digest=digest
                ):
                    ledger.unchanged(tx, job.activity_id, fingerprint=seen, now=self._clock.now())
                    self._end(tx, job, decision, Outcome.UNCHANGED, index, privacy)
                    return
                placed = ledger.place_event(
                    tx,
                    activity_id=job.activity_id,
                    athlete_id=job.athlete_id,
                    start_date=fetched.start,
                    index=index,
                    input=self._input.name,
                    now=self._clock.now(),
                    detailed=True,
                    fingerprint=seen,
                )
            size = self._write_events(job, activity, fetched.start, placed, index)
        log.info(line("written", trail=job.trail, to_index=index, tombstones=len(placed.tombstones) or None))
        with self._database.write() as tx:
            ledger.left(tx, placed.tombstones)
            ledger.written(tx, job.activity_id, collected_at=placed.collected_at, digest=digest)
            if job.priority is Priority.HISTORY:
                volume.add(tx, self._clock.now(), size)
            self._end(tx, job, decision, Outcome.COLLECTED, index, privacy)

    def _write_events(self, job: Job, activity: Mapping[str, object], start: str, placed: Placed, index: str) -> int:
        """Write what has to be written for a version; return the bytes of its event."""
        for grave in placed.tombstones:
            self._writer.write(tombstone_event(grave, self._input.source))
        event = activity_event(
            activity,
            start=start,
            collected_at=placed.collected_at,
            reason=job.reason.value,
            input_name=self._input.name,
            index=index,
            source=self._input.source,
        )
        self._writer.write(event)
        return len(event.data.encode())

    def _end(self, tx: Transaction, job: Job, decision: Write, outcome: Outcome, index: str, privacy: Privacy) -> None:
        """Finish a job whose activity is in the index, or put it back to fetch once more."""
        now = self._clock.now()
        if decision.again_at is not None:
            queue.reschedule(tx, job, run_at=decision.again_at, counts=False, error=CONTRADICTED, now=now)
            counters.count(tx, input=self._input.name, name=Counted.CONTRADICTED)
            log.info(line("contradicted", trail=job.trail, seconds=decision.again_at - now))
            return
        queue.finish(tx, job, status=Status.DONE, outcome=outcome, error=None, now=now)
        follow_up(
            tx,
            job,
            decision.fetched.activity,
            collector_input=self._input,
            privacy=privacy,
            index=index,
            now=now,
        )
        if outcome is Outcome.UNCHANGED:
            counters.count(tx, input=self._input.name, name=Counted.UNCHANGED)
        say_finished(log, job, outcome, now)

    def _give_way(self, tx: Transaction, job: Job) -> None:
        """A newer notification overtook the fetch: what was fetched may be outdated, so it is fetched again."""
        queue.finish(tx, job, status=Status.DONE, outcome=Outcome.CANCELLED, error=None, now=self._clock.now())
        counters.count(tx, input=self._input.name, name=Counted.OVERTAKEN)
        log.info(line("overtaken", trail=job.trail, activity_id=job.activity_id))

    def _cancel_if_withdrawn(self, tx: Transaction, job: Job, athlete: Athlete) -> None:
        """A job that was under way while the athlete withdrew the permission must not wait for ever."""
        if athletes.has_withdrawn(tx, job.athlete_id, athlete.connected_at):
            sweeps.cancel(tx, athlete_id=job.athlete_id, now=self._clock.now())

    # Everything that ends without one.

    def _finish(self, job: Job, decision: Finish) -> None:
        status = Status.FAILED if decision.outcome is Outcome.DEAD_LETTER else Status.DONE
        graves: tuple[Tombstone, ...] = ()
        to_be_erased: tuple[Tombstone, ...] = ()
        with self._writer.turn():
            if decision.tombstone:
                with self._database.write() as tx:
                    if queue.is_mine(tx, job):
                        graves = ledger.place_tombstones(
                            tx, activity_id=job.activity_id, now=self._clock.now(), doubted=decision.doubted
                        )
                        to_be_erased = ledger.graves(tx, job.activity_id)
            for grave in graves:
                self._writer.write(tombstone_event(grave, self._input.source))
        erase_lines(log, to_be_erased, ErasedBecause.DELETED)
        now = self._clock.now()
        with self._database.write() as tx:
            ledger.left(tx, graves)
            queue.finish(
                tx,
                job,
                status=status,
                outcome=decision.outcome,
                error=decision.why,
                counts=decision.counts,
                now=now,
            )
            ended = queue.find(tx, job.id)
            if ended is None or ended.status is not status:  # a newer notification has joined meanwhile
                log.info(line("overtaken", trail=job.trail, activity_id=job.activity_id))
                return
            if decision.gives_up:
                ledger.give_up(tx, job.activity_id, now)
            if status is Status.FAILED:
                counters.count(tx, input=self._input.name, name=Counted.DEAD_LETTER)
        say_finished(log, job, decision.outcome, now, why=decision.why, tombstones=len(graves))

    def _put_back(self, job: Job, athlete: Athlete, decision: TryAgain) -> None:
        now = self._clock.now()
        with self._database.write() as tx:
            queue.reschedule(tx, job, run_at=decision.at, counts=decision.counts, error=decision.why, now=now)
            self._cancel_if_withdrawn(tx, job, athlete)
            if decision.obstacle in (Obstacle.RECONNECT, Obstacle.NO_TOKENS):
                settlement.note_refusal(tx, athlete, decision.why, now)
        if decision.obstacle in (Obstacle.RECONNECT, Obstacle.NO_TOKENS):
            settlement.tell_refusal(self._bulletin, athlete, decision.why)
        log.warning(
            line(
                "postponed",
                trail=job.trail,
                activity_id=job.activity_id,
                athlete_id=job.athlete_id,
                seconds=decision.at - now,
                why=decision.why,
            )
        )

    def _depart(self, job: Job, athlete: Athlete, decision: Depart, refused: Optional[Secret]) -> None:
        """The athlete has withdrawn the permission."""
        try:
            complete = self._deauthorization.carry_out(job, athlete, decision.why, refused=refused)
        except (RefreshBusy, TokenStoreUnavailable) as error:
            self._put_back(job, athlete, TryAgain(self._clock.now() + SPLUNKD_PAUSE, str(error), counts=False))
            return
        if complete:
            self._finish(job, Finish(Outcome.DELETED, decision.why))
            self._bulletin.report(
                settlement.topic(athlete),
                f"Athlete “{athlete.name}” has withdrawn the permission at Strava. All activities are marked as "
                "deleted; what the index still holds and has to be erased, the search index=_internal action=erase "
                f"athlete_id={athlete.athlete_id} lists.",
            )
        else:
            self._put_back(job, athlete, TryAgain(self._clock.now(), decision.why, counts=False))
