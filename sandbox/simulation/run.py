"""One case from beginning to end."""

from __future__ import annotations

import gc
import logging
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Optional

from sandbox.simulation.case import DAY, START, Case
from sandbox.simulation.host import Host
from sandbox.simulation.judge import judge
from sandbox.simulation.judge_history import compare
from sandbox.simulation.misfortunes import Misfortunes, misfortunes
from sandbox.simulation.post import Post
from sandbox.simulation.result import Result
from sandbox.simulation.timeline import Timeline
from sandbox.simulation.world import World
from strava_collector.errors import raised_at

#: A file system in memory, where there is one: what fsync costs, other tests measure.
_MEMORY = Path("/dev/shm")
#: Days without anything new after which everything must be done: the day's limit may have to begin anew twice; where
#: lists are read, a slow walk through all of them has to find what nobody told, and the history has to be complete.
_REST, _REST_WITH_LISTS = 3 * DAY, 10 * DAY


def run(case: Case) -> Result:
    """Simulate a case; one with a history also without it, to compare the delays."""
    result = _run(case)
    if case.lists:
        compare(result, _run(replace(case, history=0)))
    return result


def _run(case: Case) -> Result:
    timeline = Timeline(START)
    with _faults_of_ours() as faults, begun(case, timeline, misfortunes(case)) as (world, host, post):
        timeline.run_until(case.end + (_REST_WITH_LISTS if case.lists else _REST))
        return judge(case, world, host, post, faults)


@contextmanager
def begun(
    case: Case, timeline: Timeline, plan: Misfortunes, *, is_watched: bool = False
) -> Iterator[tuple[World, Host, Post]]:
    """All that takes part, begun and ready for the timeline to run. ``is_watched`` as for the host."""
    # Whatever draws from the global generator, a jitter for instance, draws the same for the same case.
    random.seed(f"simulation {case.seed}")
    with _folder() as place, _little_garbage():
        world = World(case, timeline, place / "certificates")
        try:
            host = Host(case, timeline, world, plan, place / "store", is_watched=is_watched)
            draws, losses = random.Random(f"post {case.seed}"), random.Random(f"losses {case.seed}")
            post = Post(timeline, plan, host.receive, draws, case.lost, losses)
            world.changed = host.gaps.changed
            world.begin(post, host.connected)
            host.begin()
            yield world, host, post
            host.close()
        finally:
            world.strava.stop()


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="simulation-", dir=_MEMORY if _MEMORY.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _little_garbage() -> Iterator[None]:
    """Hardly anything here is part of a cycle, and much stays to the end: looking for cycles takes time for nothing."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


class _Faults(logging.Handler):
    """Collects what the collector logs as a fault of its own: a line with an exception."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error: Optional[BaseException] = record.exc_info[1] if record.exc_info else None
        if error is not None:
            self.found.append(f"{record.getMessage()} {error!r} at {raised_at(error)}")


@contextmanager
def _faults_of_ours() -> Iterator[list[str]]:
    log = logging.getLogger("strava_collector")
    before = log.level, log.propagate
    handler = _Faults()
    log.addHandler(handler)
    log.setLevel(logging.WARNING)
    log.propagate = False
    try:
        yield handler.found
    finally:
        log.removeHandler(handler)
        log.level, log.propagate = before
