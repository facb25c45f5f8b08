"""Opens the store and gives out transactions; the one place that handles what can go wrong with the file.

A transaction has a *seat*: a shared lock on ``store.lock`` as long as it lasts. Whoever finds the file
damaged puts up a marker, waits until all seats of all processes are empty, and then repairs it (``salvage``).
Connections that are idle meanwhile notice at their next use that the file is another one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Optional

from strava_collector.clock import Clock
from strava_collector.errors import StoreUnavailable, StoreUnusable
from strava_collector.logfmt import line
from strava_collector.store import salvage, schema
from strava_collector.store.faults import COME_AGAIN, TRIED_AGAIN, explain, is_damage, locked, under_repair
from strava_collector.store.faults import damaged as damaged_store
from strava_collector.store.files import Files
from strava_collector.store.process_lock import FileLock
from strava_collector.store.sqlite import Transaction, connect, sqlite3

__all__ = ["Database", "StoreReplaced", "Transaction"]

log = logging.getLogger(__name__)

#: Between two looks whether another process is through with its repair, in seconds.
_PAUSE = 0.005

#: A file that is damaged again right after it was made anew is a matter for people.
_MOST_REPAIRS = 3

#: Write transactions after which a checkpoint is worth while: each puts some ten pages of 4 KiB into SQLite's log.
CHECKPOINT_AFTER = 100
#: Pages in the log, 16 MB, with which a commit does what is left to do of a checkpoint, and the log begins anew. It
#: must not be much longer, nor the file be cut: overwriting costs the disk less than half of what a growing file does.
LONGEST_LOG = 4_000

#: Old releases of SQLite, when closing the last connection to a file that was renamed meanwhile, deleted the log that
#: belongs to the new file. From which release on they look first is not documented; 3.40 does.
_CLOSES_SAFELY = (3, 31)


#: Held while a file is created, so that no other thread of this process, whichever Database it uses, has it open and
#: locked when the one that created it closes it (see ``Files.make_private``).
_OPENING = threading.Lock()


class StoreReplaced(StoreUnavailable):
    """The file turned out to be damaged in the middle of a transaction and has been replaced; doing it again
    helps.
    """


class _Identity(NamedTuple):
    """Which file a path leads to; it is not reused as long as a connection keeps the file open."""

    device: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> Optional[_Identity]:
        try:
            status = path.stat()
        except OSError:
            return None
        return cls(status.st_dev, status.st_ino)


class _Connection:
    """An open database with its seat. One thread at a time uses it."""

    def __init__(self, sql: Transaction, seat: FileLock, identity: Optional[_Identity]) -> None:
        self.sql = sql
        self.seat = seat
        self.identity = identity

    def close(self) -> None:
        try:
            self.sql.close()
        except sqlite3.Error as error:
            log.debug(line("store_close_failed", error=str(error)))
        self.seat.close()


class Database:
    """The store of a host. Threads and processes may use it at the same time.

    It is opened when first needed, and opened again after every failure, so it recovers by itself as soon as
    the reason of the failure has gone.
    """

    def __init__(self, folder: Path, *, clock: Clock, patience: float = 10.0, guest: bool = False) -> None:
        """Take note of the folder. ``patience`` is how long to wait for others, in seconds of real time.

        A ``guest`` does one thing and goes: it repairs nothing, because nobody would learn of that, and its errors do
        not promise that it tries again.

        Raises :class:`StoreUnusable` if this Python has no SQLite.
        """
        if sqlite3 is None:
            raise StoreUnusable(
                "This Python has no sqlite3 module, without which the add-on cannot keep what it has "
                "acknowledged: run it with the Python that comes with Splunk."
            )
        self._files = Files(folder)
        self._path = self._files.database
        self._clock = clock
        self._patience = patience
        self._guest = guest
        self._then = COME_AGAIN if guest else TRIED_AGAIN
        self._writer = threading.Lock()
        self._repairing = threading.Lock()
        self._guard = threading.Lock()
        self._idle: list[_Connection] = []
        self._abandoned: list[_Connection] = []
        self._closed = False
        self._inside = threading.local()
        #: Write transactions since the last checkpoint by this object.
        self._written = 0

    @contextmanager
    def write(self, patience: Optional[float] = None) -> Iterator[Transaction]:
        """Open a write transaction: committed to disk at the end of the block, undone if the block raises.

        One writer at a time; threads and processes wait for their turn, ``patience`` seconds in all. Raises
        :class:`StoreUnavailable`, before the block or at its end; then nothing of it has been stored. The one
        exception is damage that shows during the commit itself, where it cannot be told.
        """
        waits = self._patience if patience is None else patience
        deadline = self._deadline(waits)
        with self._one_at_a_time():
            if not self._writer.acquire(timeout=max(0.0, waits)):
                raise locked(self._path, waits, then=self._then)
            try:
                with self._transaction("BEGIN IMMEDIATE", deadline, waits) as tx:
                    yield tx
                self._written += 1
            finally:
                self._writer.release()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open a read transaction: one consistent snapshot that keeps no writer waiting. Raises
        StoreUnavailable.
        """
        with (
            self._one_at_a_time(),
            self._transaction("BEGIN DEFERRED", self._deadline(self._patience), self._patience) as tx,
        ):
            yield tx

    def checkpoint(self) -> None:
        """Bring SQLite's log into the file if much has been written since the last time. Raises StoreUnavailable.

        It waits for the disk, and nobody waits for it: transactions go on meanwhile.
        """
        if self._written >= CHECKPOINT_AFTER:
            self._written = 0
            self._checkpoint("PASSIVE")

    def empty_log(self) -> bool:
        """Bring SQLite's log into the file and empty it, so that nothing that was overwritten is left in it.

        False if somebody uses the store just now; then it is to be tried again. Raises StoreUnavailable.
        """
        return self._checkpoint("TRUNCATE")

    def _checkpoint(self, mode: str) -> bool:
        with self._one_at_a_time():
            # Outside of any transaction: this is where others might have one.
            connection = self._begin("SELECT 1", self._deadline(self._patience), self._patience)
            try:
                busy = connection.sql.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()[0]
            except sqlite3.Error as error:
                connection.close()
                problem = explain(error, self._path, self._patience, then=self._then)
                if problem is None:
                    raise
                raise problem from error
            self._put_back(connection)
            return not busy

    def close(self) -> None:
        """Close all connections; those in use when their transaction ends. Whoever comes later is refused."""
        with self._guard:
            self._closed = True
            connections, self._idle = self._idle, []
        for connection in connections:
            connection.close()

    # A transaction from its beginning to its end.

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        # A transaction within a transaction would wait for itself; what belongs together takes the same one.
        if getattr(self._inside, "yes", False):
            raise RuntimeError("This thread has a transaction open: pass it on instead of opening another.")
        self._inside.yes = True
        try:
            yield
        finally:
            self._inside.yes = False

    @contextmanager
    def _transaction(self, begin: str, deadline: float, waits: float) -> Iterator[Transaction]:
        connection = self._begin(begin, deadline, waits)
        try:
            yield connection.sql
            connection.sql.execute("COMMIT")
        except BaseException as error:
            damaged = is_damage(error)
            problem = explain(error, self._path, waits, then=self._then) if isinstance(error, sqlite3.Error) else None
            self._undo(connection, reusable=not damaged and problem is None)
            if damaged:
                self._repair(connection.identity, self._deadline(waits), error)
                raise StoreReplaced(
                    f"The store {self._path} was damaged and has been replaced; what was about to be stored "
                    "is to be tried again."
                ) from error
            if problem is not None:
                raise problem from error
            raise
        self._put_back(connection)

    def _begin(self, begin: str, deadline: float, waits: float) -> _Connection:
        for _ in range(_MOST_REPAIRS):
            connection: Optional[_Connection] = None
            try:
                connection = self._take(deadline, waits)
                remaining = max(0, int((deadline - time.monotonic()) * 1000))
                connection.sql.execute(f"PRAGMA busy_timeout = {remaining}")
                connection.sql.execute(begin)
                return connection
            except (sqlite3.Error, OSError) as error:
                if connection is not None:
                    connection.close()
                if not is_damage(error):
                    problem = explain(error, self._path, waits, then=self._then)
                    if problem is None:
                        raise
                    raise problem from error
                self._repair(
                    connection.identity if connection is not None else _Identity.of(self._path),
                    deadline,
                    error,
                )
        raise StoreUnavailable(
            f"The store {self._path} is damaged again each time that it is made anew: check the disk and the "
            "memory of this host."
        )

    def _undo(self, connection: _Connection, *, reusable: bool) -> None:
        try:
            if connection.sql.in_transaction:
                connection.sql.execute("ROLLBACK")
        except sqlite3.Error:
            reusable = False
        if reusable:
            self._put_back(connection)
        else:
            connection.close()

    # Connections and their seats.

    def _take(self, deadline: float, waits: float) -> _Connection:
        """Return a seated connection to the present file. Raises sqlite3.Error, OSError, StoreUnavailable."""
        while True:
            with self._guard:
                if self._closed:
                    raise StoreUnavailable("The store has been closed because the collector is stopping.")
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                break
            if (
                connection.identity == _Identity.of(self._path)
                and connection.seat.try_shared()
                and not self._files.marker.exists()
                and connection.identity == _Identity.of(self._path)
            ):
                return connection
            self._discard(connection)
        while True:
            self._files.make_folder()
            seat = FileLock(self._files.lock)
            try:
                if seat.try_shared() and not self._files.marker.exists():
                    return self._open(seat, deadline)
            except BaseException:
                seat.close()
                raise
            seat.close()
            if self._files.marker.exists():
                self._repair(None, deadline, None)
            elif time.monotonic() >= deadline:
                raise locked(self._path, waits, then=self._then)
            else:
                time.sleep(_PAUSE)

    def _open(self, seat: FileLock, deadline: float) -> _Connection:
        remaining = max(0.0, deadline - time.monotonic())
        with _OPENING:
            self._files.make_private(self._path)
            sql = connect(self._path, timeout=remaining)
        try:
            schema.refuse_newer(sql, str(self._path))
            mode = self._set_journal_mode(sql, deadline)
            if mode != "wal":
                raise StoreUnusable(
                    f"The store {self._path} cannot use SQLite's write-ahead log (it got {mode!r}): its "
                    "folder must be on a local disk, not on a network share. Move SPLUNK_DB, or mount "
                    "another file system there."
                )
            # FULL: a commit is on disk when it returns, also if the power fails right after.
            sql.execute("PRAGMA synchronous = FULL")
            # On macOS, only this makes the disk write what it has been given; elsewhere it does nothing.
            sql.execute("PRAGMA fullfsync = ON")
            # Else every hundredth commit has to wait for a checkpoint, and with it all whom it was to answer
            # (docs/decisions/0015-checkpoints-aside.md).
            sql.execute(f"PRAGMA wal_autocheckpoint = {LONGEST_LOG}")
            # Finds more damage for next to nothing.
            sql.execute("PRAGMA cell_size_check = ON")
            schema.migrate(sql)
            return _Connection(sql, seat, _Identity.of(self._path))
        except BaseException:
            sql.close()
            raise

    @staticmethod
    def _set_journal_mode(sql: Transaction, deadline: float) -> str:
        # Several processes that open a new file at once get "locked" here without SQLite's own waiting.
        while True:
            try:
                return str(sql.execute("PRAGMA journal_mode = WAL").fetchone()[0]).lower()
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() >= deadline:
                    raise
                time.sleep(_PAUSE)

    def _put_back(self, connection: _Connection) -> None:
        connection.seat.unlock()
        with self._guard:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def _discard(self, connection: _Connection) -> None:
        """Let go of a connection to a file that has been replaced."""
        if sqlite3.sqlite_version_info >= _CLOSES_SAFELY:
            connection.close()
        else:
            connection.seat.close()
            self._abandoned.append(connection)

    # Repair.

    def _repair(self, damaged: Optional[_Identity], deadline: float, error: Optional[BaseException]) -> None:
        """Have the damaged file replaced, by this process or another; returns when it is done.

        ``damaged`` is the file that somebody found damaged, None to join a repair that is announced already. Raises
        StoreUnavailable if it cannot be done, or is not to be done by a guest.
        """
        if self._guest:
            raise under_repair(self._path) if error is None else damaged_store(self._path, error)
        if not self._repairing.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise self._under_repair()
        try:
            with self._guard:
                idle, self._idle = self._idle, []
            for connection in idle:
                self._discard(connection)
            if damaged is not None:
                if damaged != _Identity.of(self._path) and not self._files.marker.exists():
                    return
                self._files.announce()
            seat = FileLock(self._files.lock)
            try:
                while not seat.try_alone():
                    if time.monotonic() >= deadline:
                        raise self._under_repair()
                    time.sleep(_PAUSE)
                if self._files.marker.exists():
                    self._replace(damaged, error)
            finally:
                seat.close()
        except (OSError, sqlite3.Error) as failure:
            problem = explain(failure, self._path, self._patience)
            if problem is None:
                raise
            raise problem from failure
        finally:
            self._repairing.release()

    def _replace(self, damaged: Optional[_Identity], error: Optional[BaseException]) -> None:
        if damaged is not None and damaged != _Identity.of(self._path) and self._path.exists():
            # Another process was quicker, and the marker is the one that we have put up in vain.
            self._files.withdraw()
            return
        result = salvage.replace(self._files, self._clock.now())
        if result is not None:
            log.error(salvage.describe(result, str(error or "a repair was interrupted")))

    def _under_repair(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"The store {self._path} is damaged, and other processes still use it: it is replaced as soon as "
            "they have let go. It is tried again."
        )

    @staticmethod
    def _deadline(patience: float) -> float:
        # Waiting for another thread or process takes real time, whatever clock the collector runs on.
        return time.monotonic() + patience
