"""Measures the resident memory of the built input's process: at rest, under connections, before a million rows.

What is told is VmRSS, the whole of it: pages that the process shares with others, such as libraries, are counted too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import psutil

from strava_collector.clock import SystemClock
from strava_collector.store.database import Database
from tests.bench import rows
from tests.bench.extent import Extent
from tests.bench.load import Load
from tests.bench.subjects import STANZA, BuiltInput
from tests.bench.verdict import Verdict

CONNECTIONS = 256
#: Between two looks, in seconds.
_LOOK = 0.05


@dataclass(frozen=True)
class Memory:
    """Bytes; the most that was seen of each."""

    at_rest: int
    #: While so many clients each make one connection after the other, and while they keep them.
    connecting: int
    connected: int
    with_rows: int
    rows: int


class Watch:
    """Notes the most that a process had while it was watched."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._over = threading.Event()
        self.most = 0

    def run(self) -> None:
        """Look until told to end."""
        while not self._over.wait(_LOOK):
            self.most = max(self.most, self._process.memory_info().rss)

    def end(self) -> None:
        self._over.set()


@contextmanager
def _watched(process: psutil.Process) -> Iterator[Watch]:
    watch = Watch(process)
    thread = threading.Thread(target=watch.run, name="memory", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.end()
        thread.join()


def measure(load: Load, built: BuiltInput, extent: Extent) -> Memory:
    """Starts the input anew twice: what was done before does not count, and the rows are there from the start."""
    inputs = built.sandbox.splunkd.inputs
    inputs.stop(STANZA)
    inputs.start(STANZA)
    built.sandbox.wait_until_healthy(built.input)
    with _watched(built.process) as rest:
        time.sleep(extent.memory_seconds)
    under = {}
    for keep_alive in (False, True):
        with _watched(built.process) as watch:
            load.run(
                built.target,
                connections=CONNECTIONS,
                seconds=extent.seconds,
                warm_up=extent.warm_up,
                keep_alive=keep_alive,
            )
        under[keep_alive] = watch.most
    inputs.stop(STANZA)
    with closing(Database(built.store, clock=SystemClock())) as store:
        rows.fill_waiting(store, extent.waiting_rows, input=STANZA, athlete_id=built.athlete.id)
    inputs.start(STANZA)
    with _watched(built.process) as waiting:
        # What waits is counted first, and while it is too much, notifications and the health check are refused.
        time.sleep(extent.memory_seconds)
    return Memory(rest.most, under[False], under[True], waiting.most, extent.waiting_rows)


def table(memory: Memory) -> str:
    """Return the figures as text."""
    return "\n".join(
        [
            "VmRSS of the input, the most that was seen",
            f"  at rest                                     {memory.at_rest / 1e6:6.1f} MB",
            f"  {CONNECTIONS} clients, a new connection each request  {memory.connecting / 1e6:6.1f} MB",
            f"  {CONNECTIONS} kept-alive connections                  {memory.connected / 1e6:6.1f} MB",
            f"  {memory.rows:,} rows waiting                      {memory.with_rows / 1e6:6.1f} MB",
        ]
    )


def verdicts(memory: Memory) -> list[Verdict]:
    """Judge each."""
    connected = max(memory.connecting, memory.connected)
    return [
        Verdict("memory at rest", memory.at_rest / 1e6, must=80, aim=45, unit="MB"),
        Verdict(f"memory at {CONNECTIONS} connections", connected / 1e6, must=120, aim=70, unit="MB"),
        Verdict("memory with 10^6 rows waiting", memory.with_rows / 1e6, must=150, aim=80, unit="MB"),
    ]


def raw(memory: Memory) -> dict[str, object]:
    """Return all that was measured, in bytes, for a JSON file."""
    return dict(vars(memory))
