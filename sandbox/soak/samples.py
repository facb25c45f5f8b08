"""Looks at the input's process and its database, once a second."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from sandbox.patience import patience
from sandbox.soak.slopes import Point, Slope, slope

_EVERY = 1.0
_MB = 1_000_000.0
#: Seconds to wait for a turn to write: SQLite has no queue, and the input writes all the time.
_TURN = 60.0


@dataclass(frozen=True)
class Sample:
    """One look."""

    #: Seconds since the first one.
    at: float
    #: Resident, in MB.
    memory: float
    descriptors: int
    threads: int
    #: The file and its log of writes, in MB.
    database: float


@dataclass(frozen=True)
class Growth:
    """What the database may grow by in an hour, because the add-on keeps it."""

    #: Activities, which are kept for good.
    activities: float
    #: Notifications and jobs, which are kept for seven days; none if they were made to look older.
    notifications: float

    @property
    def megabytes(self) -> float:
        return (self.activities * ACTIVITY_BYTES + self.notifications * NOTIFICATION_BYTES) / _MB


#: What one activity takes in the ledger, and one notification with its job in the queue, indexes included; measured,
#: and then half as much again, for pages are never quite full.
ACTIVITY_BYTES = 1_000
NOTIFICATION_BYTES = 3_000
#: A peak of the log of writes, or a page more or less in a free list, is no growth, in MB per hour.
_DATABASE_SLACK = 2.0
#: MB per hour. An interpreter's heap settles for a while; what a lost object per notification costs is far more.
MEMORY = 6.0
DESCRIPTORS = 2.0
THREADS = 1.0


class Sampler(threading.Thread):
    """Samples until it is stopped, or the process has ended."""

    def __init__(self, pid: int, database: Path) -> None:
        super().__init__(name="sampler")
        self._process = psutil.Process(pid)
        self._database = database
        self._ended = threading.Event()
        self.samples: list[Sample] = []
        #: The process ended while it was looked at.
        self.lost_sight = False

    def run(self) -> None:
        begin = time.monotonic()
        while not self._ended.wait(_EVERY):
            try:
                self.samples.append(self._look(time.monotonic() - begin))
            except psutil.Error:
                self.lost_sight = True
                return

    def stop(self) -> None:
        self._ended.set()
        if self.ident is not None:
            self.join()

    def _look(self, at: float) -> Sample:
        with self._process.oneshot():
            return Sample(
                at=at,
                memory=self._process.memory_info().rss / _MB,
                descriptors=self._process.num_fds(),
                threads=self._process.num_threads(),
                database=sum(_size(self._database.with_name(name)) for name in ("strava.db", "strava.db-wal")) / _MB,
            )


def slopes(samples: Sequence[Sample], growth: Growth) -> list[Slope]:
    """Judge everything that was sampled after the warm-up."""

    def points(name: str) -> list[Point]:
        return [(sample.at, float(getattr(sample, name))) for sample in samples]

    return [
        slope("memory", "MB", points("memory"), MEMORY),
        slope("descriptors", "open", points("descriptors"), DESCRIPTORS),
        slope("threads", "running", points("threads"), THREADS),
        slope("database", "MB", points("database"), round(growth.megabytes + _DATABASE_SLACK, 1)),
    ]


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def make_look_old(database: Path, *, finished_before: float, by: float) -> None:
    """Let finished notifications and jobs look older by so many seconds, so that the input deletes them by itself.

    In real life they are kept for seven days. What is held, waits or was given up stays as it is.
    """
    connection = sqlite3.connect(database, timeout=patience(_TURN), isolation_level=None)
    try:
        for table, state in (("notification", "state = 'dispatched'"), ("job", "status = 'done'")):
            connection.execute(
                f"UPDATE {table} SET updated_at = updated_at - ? WHERE {state} AND updated_at < ? AND updated_at > ?",
                (by, finished_before, finished_before - by / 2),
            )
    finally:
        connection.close()
