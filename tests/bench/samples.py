"""Measures how fast the samples of a long ride get out, and how much memory that takes.

*Through the writer* is all that the collector does between Strava's parsed answer and splunkd: lease and place looked
up in the store for each piece, the writer's turn, splunklib's XML, one write and one flush per piece, the job's end.
Two bare loops write the same XML with none of that: one lets splunklib write event by event, as a simple input would;
the other only puts texts together, which is the least that can be done.
"""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Callable, TextIO

from splunklib import modularinput

from strava_collector.clock import SystemClock
from strava_collector.job import Job, Kind, Priority, Reason
from strava_collector.privacy import KEEP_ALL
from strava_collector.sample_event import Collection, sample_events
from strava_collector.sampling import Sampling
from strava_collector.settings import ActivitiesInput, Athlete
from strava_collector.splunk_output import SplunkOutput
from strava_collector.store import ledger, queue
from strava_collector.store.database import Database
from strava_collector.stream_outcome import WriteSamples
from strava_collector.streams import Streams, read_streams
from strava_collector.writer import Writer
from tests.bench.verdict import Verdict
from tests.support.long_ride import SAMPLES, long_ride

ROUNDS = 15
INPUT = ActivitiesInput("club", "strava", "App", streams=True)
ATHLETE = Athlete("anna", 134815, "App")
START = "2026-06-01T05:00:00Z"
RIDE = 1234567890

THROUGH = "through the writer"
BARE = "bare loop, splunklib event by event"
LEAST = "bare loop, texts only"


@dataclass
class Samples:
    """Samples per second, by way and round, and what they took in memory."""

    per_second: dict[str, list[float]] = field(default_factory=dict)
    #: The most bytes of Python's that reading the answer and writing its samples held at once, the answer apart.
    peak: int = 0
    #: Bytes of the answer.
    answer: int = 0

    def ratio(self, way: str) -> float:
        """How long ``way`` takes less than the writer: the median over the rounds."""
        both = zip(self.per_second[way], self.per_second[THROUGH])
        return statistics.median(bare / through for bare, through in both)


def measure(rounds: int = ROUNDS, samples: int = SAMPLES) -> Samples:
    """Return what was measured."""
    body = long_ride(samples)
    measured = Samples(answer=len(body))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        store = stack.enter_context(closing(Database(folder, clock=SystemClock())))
        out = stack.enter_context((folder / "out.xml").open("w", encoding="ascii"))
        _measure_speed(measured, store, out, read_streams(body, KEEP_ALL), rounds)
        tracemalloc.start()
        _through_the_writer(store, out, read_streams(body, KEEP_ALL))
        measured.peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return measured


def _measure_speed(measured: Samples, store: Database, out: TextIO, found: Streams, rounds: int) -> None:
    ways: dict[str, Callable[[], float]] = {
        THROUGH: lambda: _through_the_writer(store, out, found),
        BARE: lambda: _timed(out, lambda: _event_by_event(out, found)),
        LEAST: lambda: _timed(out, lambda: _texts(out, found)),
    }
    for number in range(-1, rounds):  # round -1 warms up
        for way, run in ways.items():
            seconds = run()
            if number >= 0:
                measured.per_second.setdefault(way, []).append(len(found) / seconds)


def _through_the_writer(store: Database, out: TextIO, found: Streams) -> float:
    job = _claimed(store)
    output = SplunkOutput(modularinput.EventWriter(out, out))
    sampling = Sampling(INPUT, database=store, writer=Writer(output), clock=SystemClock())
    return _timed(out, lambda: sampling.carry_out(job, ATHLETE, WriteSamples(found)))


def _claimed(store: Database) -> Job:
    """A job for the samples of an activity that is in the index."""
    now = SystemClock().now()
    with store.write() as tx:
        ledger.place_event(
            tx,
            activity_id=RIDE,
            athlete_id=ATHLETE.athlete_id,
            start_date=START,
            index="strava",
            input=INPUT.name,
            detailed=True,
            fingerprint="fingerprint",
            now=now,
        )
        queue.join(
            tx,
            kind=Kind.STREAMS,
            activity_id=RIDE,
            athlete_id=ATHLETE.athlete_id,
            input=INPUT.name,
            reason=Reason.POLLING,
            priority=Priority.HISTORY,
            force=True,
            due_at=now,
            now=now,
            trail="0123456789ab",
            expected="key",
        )
        job = queue.claim(tx, input=INPUT.name, now=now)
    if job is None:
        raise AssertionError("The job is due.")
    return job


def _event_by_event(out: TextIO, found: Streams) -> None:
    writer = modularinput.EventWriter(out, out)
    for piece in found.pieces():
        for event in sample_events(_collection(), piece):
            writer.write_event(
                modularinput.Event(
                    data=event.data,
                    stanza=event.source,
                    time=f"{event.time:.3f}",
                    index=event.index,
                    source=event.source,
                    sourcetype=event.sourcetype,
                )
            )


def _texts(out: TextIO, found: Streams) -> None:
    for piece in found.pieces():
        for event in sample_events(_collection(), piece):
            out.write(
                f'<event stanza="{event.source}" unbroken="1"><time>{event.time:.3f}</time>'
                f"<source>{event.source}</source>"
                f"<sourcetype>{event.sourcetype}</sourcetype><index>{event.index}</index><data>{event.data}</data>"
                "<done /></event>"
            )


def _collection() -> Collection:
    return Collection(RIDE, ATHLETE.athlete_id, START, 1_780_293_600.123, "strava", INPUT.source)


def _timed(out: TextIO, write: Callable[[], None]) -> float:
    out.seek(0)
    out.truncate()
    begin = time.perf_counter()
    write()
    out.flush()
    return time.perf_counter() - begin


def table(measured: Samples) -> str:
    """Return the figures as text."""
    lines = [f"{'samples of eight hours':38} {'samples/s':>10} {'quartiles':>17} {'of it':>6}"]
    for way, figures in measured.per_second.items():
        low, median, high = statistics.quantiles(figures, n=4)
        spread = f"{low:,.0f}–{high:,.0f}"
        lines.append(f"{way:38} {median:10,.0f} {spread:>17} {measured.ratio(way):5.2f}×")
    lines.append(f"memory at most {measured.peak / 1e6:.1f} MB, for an answer of {measured.answer / 1e6:.1f} MB")
    return "\n".join(lines)


def verdicts(measured: Samples) -> Sequence[Verdict]:
    """Judge what was measured."""
    return [
        Verdict(
            "samples of eight hours through the writer",
            measured.ratio(LEAST),
            must=2.5,
            aim=1.5,
            unit="times the bare loop's time",
        ),
        Verdict("memory for the samples of eight hours", measured.peak / 1e6, must=12.0, aim=9.0, unit="MB"),
    ]


def raw(measured: Samples) -> dict[str, object]:
    """Return all that was measured, for a JSON file."""
    return {"samples_per_second": measured.per_second, "peak_bytes": measured.peak, "answer_bytes": measured.answer}
