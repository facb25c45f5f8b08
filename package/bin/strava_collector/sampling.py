"""Writes the samples of an activity, piece by piece, so that nobody else's events wait for long.

Each piece is written under the writer's turn, where lease, generation and the activity's place are checked once more.
What a crash leaves half written is written again as a whole, with a later ``collected_at``: searches take the samples
with the newest one.
"""

from __future__ import annotations

import logging
from typing import Optional, Union

from strava_collector.clock import Clock
from strava_collector.finished_line import say_finished
from strava_collector.job import Job, Outcome, Priority, Status
from strava_collector.logfmt import line
from strava_collector.sample_event import Collection, sample_events
from strava_collector.settings import Athlete, CollectorInput
from strava_collector.store import athletes, counters, queue, streams, sweeps, volume
from strava_collector.store.counters import Counted
from strava_collector.store.database import Database, Transaction
from strava_collector.stream_outcome import DoWithout, WriteSamples
from strava_collector.streams import Streams
from strava_collector.writer import Writer

log = logging.getLogger(__name__)


class Sampling:
    """Concludes the jobs of one input whose streams Strava has, or has not."""

    def __init__(self, collector_input: CollectorInput, *, database: Database, writer: Writer, clock: Clock) -> None:
        self._input = collector_input
        self._database = database
        self._writer = writer
        self._clock = clock

    def carry_out(self, job: Job, athlete: Athlete, decision: Union[WriteSamples, DoWithout]) -> None:
        """Do what was decided. Raises StoreUnavailable and OutputClosed; the job is to be put back then."""
        if isinstance(decision, WriteSamples):
            self._write(job, athlete, decision.streams)
        else:
            with self._database.write() as tx:
                self._finish(tx, job, Outcome.SKIPPED, why=decision.why)

    def _write(self, job: Job, athlete: Athlete, found: Streams) -> None:
        with self._database.write() as tx:
            start = streams.place(tx, job) if self._is_wanted(tx, job, athlete) else None
            if start is None:
                self._give_way(tx, job, athlete)
                return
            collected_at = streams.begin(tx, job.activity_id, now=self._clock.now())
        index = athlete.index or self._input.index
        collection = Collection(job.activity_id, job.athlete_id, start, collected_at, index, self._input.source)
        samples = size = 0
        for piece in found.pieces():
            events = sample_events(collection, piece)
            with self._writer.turn():
                with self._database.read() as tx:
                    may_write = self._is_wanted(tx, job, athlete) and streams.place(tx, job) == start
                if may_write:
                    self._writer.write_all(events)
            if not may_write:
                with self._database.write() as tx:
                    self._count_volume(tx, job, size)
                    self._give_way(tx, job, athlete)
                return
            samples += len(events)
            size += sum(len(event.data) for event in events)
        uneven = ",".join(found.uneven) or None
        log.info(line("samples_written", trail=job.trail, to_index=index, samples=samples, uneven=uneven))
        with self._database.write() as tx:
            self._count_volume(tx, job, size)
            self._finish(tx, job, Outcome.COLLECTED)

    def _is_wanted(self, tx: Transaction, job: Job, athlete: Athlete) -> bool:
        return queue.is_mine(tx, job) and not athletes.has_withdrawn(tx, job.athlete_id, athlete.connected_at)

    def _give_way(self, tx: Transaction, job: Job, athlete: Athlete) -> None:
        """The activity has changed or gone, or somebody else has the job: what was fetched is not written."""
        now = self._clock.now()
        queue.finish(tx, job, status=Status.DONE, outcome=Outcome.CANCELLED, error=None, now=now)
        if athletes.has_withdrawn(tx, job.athlete_id, athlete.connected_at):
            sweeps.cancel(tx, athlete_id=job.athlete_id, now=now)
        counters.count(tx, input=self._input.name, name=Counted.OVERTAKEN)
        log.info(line("overtaken", trail=job.trail, activity_id=job.activity_id))

    def _finish(self, tx: Transaction, job: Job, outcome: Outcome, *, why: Optional[str] = None) -> None:
        now = self._clock.now()
        if queue.is_mine(tx, job):  # otherwise the activity has changed since, and they may be others by now
            streams.collected(tx, job.activity_id, job.expected)
        queue.finish(tx, job, status=Status.DONE, outcome=outcome, error=why, now=now)
        say_finished(log, job, outcome, now, why=why)

    def _count_volume(self, tx: Transaction, job: Job, size: int) -> None:
        """History may write so much a day."""
        if job.priority is Priority.HISTORY and size:
            volume.add(tx, self._clock.now(), size)
