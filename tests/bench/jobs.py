"""Measures jobs a second through the built input, from the claim to the finish, against the bare HTTP fetches.

Both have three threads with a kept-alive connection each and fetch the same kind of activities, long rides, from the
stand-in for Strava, in turn. Waiting times and limits are out of the way: no cooldown, Strava's limits far off.

To make a ride's text takes the stand-in some 35 ms, still a fraction of what Strava takes. So it is measured a second
time with texts that were made beforehand: then hardly anything is left of the bare fetch, and what is seen is what the
add-on costs. That is told and not judged.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from sandbox.strava import Athlete, Limits, StravaStandIn
from sandbox.strava.exchange import Answer, Call
from strava_collector.clock import SystemClock
from strava_collector.job import Kind, Priority, Reason
from strava_collector.store import queue
from strava_collector.store.bell import ring
from strava_collector.store.database import Database
from tests.bench.extent import Extent
from tests.bench.spread import Spread, ratio
from tests.bench.subjects import STANZA, BuiltInput, built_input, wait_until_at_rest
from tests.bench.verdict import Verdict
from tests.support.waiting import until

THREADS = 3
_LIMITS = Limits(overall=(1_000_000, 10_000_000), read=(1_000_000, 10_000_000))
_SETTINGS = {"cooldown": 0, "settle_time": 0}

_FETCH = "/api/v3/activities/"
#: As Strava tells its limits.
_HEADERS = {
    "X-RateLimit-Limit": "1000000,10000000",
    "X-RateLimit-Usage": "1,1",
    "X-ReadRateLimit-Limit": "1000000,10000000",
    "X-ReadRateLimit-Usage": "1,1",
}

THROUGH = "jobs: claim to finish"
BARE = "bare HTTP fetches"


@dataclass
class Jobs:
    """By round."""

    per_second: dict[str, list[float]] = field(default_factory=lambda: {THROUGH: [], BARE: []})
    #: Seconds of processor time that the input took for a job.
    cpu: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Measured:
    """Both ways, from the stand-in as it is and from texts made beforehand."""

    as_it_is: Jobs
    from_shelf: Jobs


#: Makes new activities that nobody is told of, and returns their ids.
Supply = Callable[[], list[int]]


def measure(folder: Path, extent: Extent) -> Measured:
    """Run the built input with jobs in its store, and the bare fetches beside it, in turn."""
    with built_input(folder, advanced=_SETTINGS, limits=_LIMITS) as built, ExitStack() as stack:
        strava = built.sandbox.strava
        other = strava.add_athlete("Bea", "Costa")
        bare = BareFetches(built, strava.connect(built.application, other).access_token, stack)

        def rides(athlete: Athlete) -> Supply:
            return lambda: [strava.record(athlete, notify=False).id for _ in range(extent.jobs)]

        as_it_is = _rounds(built, bare, rides(built.athlete), rides(other), extent.job_rounds)
        shelf = Shelf(strava, built.athlete, extent.jobs)
        return Measured(as_it_is, _rounds(built, bare, shelf.fill, shelf.fill, extent.job_rounds))


def _rounds(built: BuiltInput, bare: BareFetches, ours: Supply, theirs: Supply, rounds: int) -> Jobs:
    jobs = Jobs()
    for number in range(-1, rounds):  # round -1 warms up
        activities = ours()
        wait_until_at_rest(built.process)
        before = built.process.cpu_times()
        through = _through_the_input(built, activities)
        after = built.process.cpu_times()
        wait_until_at_rest(built.process)
        fetched = bare.per_second(theirs())
        if number >= 0:
            jobs.per_second[THROUGH].append(through)
            jobs.per_second[BARE].append(fetched)
            jobs.cpu.append((after.user + after.system - before.user - before.system) / len(activities))
    return jobs


class BareFetches:
    """A process that fetches and does nothing else."""

    def __init__(self, built: BuiltInput, token: str, stack: ExitStack) -> None:
        self._token = token
        command = [sys.executable, "-B", "-m", "tests.bench.bare_fetches", built.sandbox.strava.api_url]
        command += [str(built.sandbox.certificates.ca_file), str(THREADS)]
        self._child = stack.enter_context(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        stack.callback(self._child.terminate)

    def per_second(self, activities: list[int]) -> float:
        """Fetch these."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps([self._token, activities]) + "\n")
        self._child.stdin.flush()
        return len(activities) / float(self._child.stdout.readline())


class Shelf:
    """Answers fetches of activities from texts made beforehand, in the stand-in's server."""

    def __init__(self, strava: StravaStandIn, athlete: Athlete, count: int) -> None:
        ride = strava.record(athlete, notify=False)
        self._ride = strava.detail(ride)
        self._ids = itertools.count(ride.id + 1)
        self._count = count
        self._texts: dict[str, bytes] = {}
        server = strava._server
        self._otherwise = server.answer
        server.answer = self._answer

    def fill(self) -> list[int]:
        """Put new activities there, and return their ids."""
        ids = list(itertools.islice(self._ids, self._count))
        self._texts = {str(one): json.dumps({**self._ride, "id": one}).encode() for one in ids}
        return ids

    def _answer(self, call: Call) -> Answer:
        text = self._texts.get(call.path[len(_FETCH) :]) if call.path.startswith(_FETCH) else None
        return self._otherwise(call) if text is None else Answer(200, text, dict(_HEADERS))


def _through_the_input(built: BuiltInput, activities: Sequence[int]) -> float:
    """Jobs a second, from the first claim to the last finish."""
    with closing(Database(built.store, clock=SystemClock(), guest=True)) as store:
        with store.write() as tx:
            for activity in activities:
                queue.join(
                    tx,
                    kind=Kind.ACTIVITY,
                    activity_id=activity,
                    athlete_id=built.athlete.id,
                    input=STANZA,
                    reason=Reason.WEBHOOK,
                    priority=Priority.LIVE,
                    force=True,
                    due_at=time.time() - 1,
                    now=time.time(),
                    trail="0123456789ab",
                )
        ring(built.store)
        span = "SELECT MIN(claimed_at), MAX(updated_at), COUNT(*) FROM job WHERE outcome = 'collected'"
        span += " AND activity_id BETWEEN ? AND ?"
        bounds = (min(activities), max(activities))

        def done() -> int:
            with store.read() as tx:
                return int(tx.execute(span, bounds).fetchone()[2])

        until(lambda: done() == len(activities), 120)
        with store.read() as tx:
            first, last, _ = tx.execute(span, bounds).fetchone()
    return len(activities) / float(last - first)


def table(measured: Measured) -> str:
    """Return the figures as text."""
    lines = [f"{'rides':40} {'a second':>9} {'quartiles':>13}"]
    for title, jobs in (("", measured.as_it_is), (", texts ready", measured.from_shelf)):
        for way, figures in jobs.per_second.items():
            spread = Spread.of(figures)
            lines.append(f"{way + title:40} {spread.median:9,.0f} {f'{spread.low:,.0f}–{spread.high:,.0f}':>13}")
    lines.append(f"processor time of the input for a job: {1_000 * Spread.of(measured.from_shelf.cpu).median:.1f} ms")
    return "\n".join(lines)


def verdicts(measured: Measured) -> list[Verdict]:
    """Judge the ratio."""
    jobs = measured.as_it_is
    return [
        Verdict(
            "jobs/s through claim, fetch, write and finish against the bare HTTP fetches",
            ratio(jobs.per_second[THROUGH], jobs.per_second[BARE]).median,
            must=0.5,
            aim=0.8,
            unit="times",
            more_is_better=True,
        )
    ]


def raw(measured: Measured) -> dict[str, object]:
    """Return all that was measured, for a JSON file."""
    return {name: {"per_second": jobs.per_second, "cpu_seconds": jobs.cpu} for name, jobs in vars(measured).items()}
