"""Measures jobs a second through the built input, from the claim to the finish, against the bare HTTP fetches.

Both have three threads with a kept-alive connection each, fetch activities of the same kind, and get them from the same
stand-in for Strava, in turn. Waiting times and limits are out of the way: no cooldown, Strava's limits far off.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.strava import Athlete, Limits
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

THROUGH = "jobs: claim, fetch, write, finish"
BARE = "bare HTTP fetches"


@dataclass
class Jobs:
    """By round."""

    per_second: dict[str, list[float]] = field(default_factory=lambda: {THROUGH: [], BARE: []})
    #: Seconds of processor time that the input took for a job.
    cpu: list[float] = field(default_factory=list)


def measure(folder: Path, extent: Extent) -> Jobs:
    """Run the built input with jobs in its store, and the bare fetches beside it, in turn."""
    jobs = Jobs()
    with built_input(folder, advanced=_SETTINGS, limits=_LIMITS) as built:
        strava = built.sandbox.strava
        other = strava.add_athlete("Bea", "Costa")
        token = strava.connect(built.application, other).access_token
        command = [sys.executable, "-B", "-m", "tests.bench.bare_fetches", strava.api_url]
        command += [str(built.sandbox.certificates.ca_file), str(THREADS)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as bare:
            assert bare.stdin is not None
            assert bare.stdout is not None
            for number in range(-1, extent.job_rounds):  # round -1 warms up
                wait_until_at_rest(built.process)
                before = built.process.cpu_times()
                through = _through_the_input(built, _record(built, built.athlete, extent.jobs))
                after = built.process.cpu_times()
                wait_until_at_rest(built.process)
                bare.stdin.write(json.dumps([token, _record(built, other, extent.jobs)]) + "\n")
                bare.stdin.flush()
                fetched = extent.jobs / float(bare.stdout.readline())
                if number >= 0:
                    jobs.per_second[THROUGH].append(through)
                    jobs.per_second[BARE].append(fetched)
                    used = after.user + after.system - before.user - before.system
                    jobs.cpu.append(used / extent.jobs)
            bare.stdin.close()
    return jobs


def _record(built: BuiltInput, athlete: Athlete, count: int) -> list[int]:
    """New activities that nobody is told of."""
    return [built.sandbox.strava.record(athlete, notify=False).id for _ in range(count)]


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


def table(jobs: Jobs) -> str:
    """Return the figures as text."""
    lines = [f"{'activities':38} {'a second':>9} {'quartiles':>13}"]
    for way, figures in jobs.per_second.items():
        spread = Spread.of(figures)
        lines.append(f"{way:38} {spread.median:9,.0f} {f'{spread.low:,.0f}–{spread.high:,.0f}':>13}")
    lines.append(f"processor time of the input for a job: {1_000 * Spread.of(jobs.cpu).median:.1f} ms")
    return "\n".join(lines)


def verdicts(jobs: Jobs) -> list[Verdict]:
    """Judge the ratio."""
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


def raw(jobs: Jobs) -> dict[str, object]:
    """Return all that was measured, for a JSON file."""
    return {"per_second": jobs.per_second, "cpu_seconds": jobs.cpu}
