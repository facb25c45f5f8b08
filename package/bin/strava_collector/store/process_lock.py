"""Locks between processes, which the operating system frees when their holder dies, however it dies."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Optional

from strava_collector.errors import AnotherProcess, StoreUnavailable

#: Between two attempts to get a lock that somebody else holds, in seconds.
_PAUSE = 0.01

if sys.platform == "win32":
    import msvcrt

    # Windows locks ranges of bytes and knows no shared ones here: who shares locks one byte of these, who
    # wants to be alone locks them all. They lie behind the content, which could not be read otherwise.
    _FIRST_BYTE, _SEATS = 1 << 20, 64

    def _lock(descriptor: int, *, shared: bool) -> bool:
        for seat in range(_SEATS) if shared else (0,):
            os.lseek(descriptor, _FIRST_BYTE + seat, os.SEEK_SET)
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1 if shared else _SEATS)
                return True
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EDEADLK):
                    raise
        return False

else:
    import fcntl

    def _lock(descriptor: int, *, shared: bool) -> bool:
        # flock, not fcntl.lockf: a lock by lockf is lost as soon as anything in this process closes the same
        # file.
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                return False
            raise
        return True


class FileLock:
    """A lock on a file: many may share it, or one may have it alone. Locks of one process exclude each other
    too.

    The file is created when missing and stays, because a lock on a file that somebody deletes protects
    nothing. Methods raise OSError when the file cannot be opened or locked.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: Optional[int] = None
        self._open()

    def try_shared(self) -> bool:
        """Take the lock together with others, unless somebody has it alone."""
        return _lock(self._opened(), shared=True)

    def try_alone(self) -> bool:
        """Take the lock alone, unless anybody has it."""
        return _lock(self._opened(), shared=False)

    def unlock(self) -> None:
        """Give the lock back and keep the file open, to take it again soon."""
        if sys.platform == "win32":
            # Which byte it was, only closing the file knows.
            self.close()
            self._open()
        else:
            fcntl.flock(self._opened(), fcntl.LOCK_UN)

    def close(self) -> None:
        """Give the lock back, if held, and close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def write(self, text: str) -> None:
        """Replace the file's content, for people who look at it."""
        os.ftruncate(self._opened(), 0)
        os.lseek(self._opened(), 0, os.SEEK_SET)
        os.write(self._opened(), text.encode("ascii", "replace"))

    def read(self) -> str:
        """The file's content, at most 100 bytes of it."""
        os.lseek(self._opened(), 0, os.SEEK_SET)
        return os.read(self._opened(), 100).decode("ascii", "replace")

    def _open(self) -> None:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)

    def _opened(self) -> int:
        if self._descriptor is None:
            raise ValueError("This lock has been closed.")
        return self._descriptor


class ProcessLock:
    """A lock that one process holds until it releases it or dies; as a context manager it does not wait."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: Optional[FileLock] = None

    @property
    def path(self) -> Path:
        """The lock's file."""
        return self._path

    def acquire(self, timeout: float = 0.0) -> None:
        """Take the lock, waiting ``timeout`` seconds at most.

        Raises :class:`AnotherProcess` if somebody else keeps it, :class:`StoreUnavailable` if its file cannot
        be used.
        """
        if self._held is not None:
            raise RuntimeError(f"The lock {self._path.name} is held already, by this very object.")
        # The wait is for another process, so it is real time, whatever clock the collector runs on.
        deadline = time.monotonic() + timeout
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FileLock(self._path)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            while not lock.try_alone():
                if time.monotonic() >= deadline:
                    holder = lock.read().strip()
                    raise AnotherProcess(
                        f"Another process{f' (id {holder})' if holder.isdigit() else ''} holds the lock {self._path}."
                    )
                time.sleep(_PAUSE)
            lock.write(f"{os.getpid()}\n")
        except OSError as error:
            lock.close()
            raise self._unusable(error) from error
        except BaseException:
            lock.close()
            raise
        self._held = lock

    def is_held_elsewhere(self) -> bool:
        """Whether somebody holds the lock now; makes nothing, and false if that cannot be told."""
        try:
            if not self._path.is_file():
                return False
            lock = FileLock(self._path)
        except OSError:
            return False
        try:
            return not lock.try_shared()
        except OSError:
            return False
        finally:
            lock.close()

    def release(self) -> None:
        """Give the lock back; does nothing if it is not held."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def __enter__(self) -> ProcessLock:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.release()

    def _unusable(self, error: OSError) -> StoreUnavailable:
        return StoreUnavailable(
            f"The lock file {self._path} cannot be used ({error.strerror}): its folder must be writable by "
            "the user that Splunk runs as and have some room left."
        )


def rows_lock(folder: Path) -> ProcessLock:
    """The lock of whoever changes which athletes and applications there are; ``folder`` is the store's."""
    return ProcessLock(folder / "rows.lock")


def is_at_work(folder: Path, input_name: str) -> bool:
    """Whether a process works for the input now. Raises StoreUnavailable if that cannot be seen.

    For a moment the lock is shared: a process that begins just then finds it taken, and tries again a second later.
    """
    path = input_lock(folder, input_name).path
    if not path.is_file():  # opening it would make it
        return False
    try:
        lock = FileLock(path)
        try:
            return not lock.try_shared()
        finally:
            lock.close()
    except OSError as error:
        raise StoreUnavailable(
            f"The lock file {path} cannot be looked at ({error.strerror}): run this as the user that Splunk runs as."
        ) from None


def input_lock(folder: Path, input_name: str) -> ProcessLock:
    """The lock that makes sure that one process at a time works for an input; ``folder`` is the store's."""
    # An input's name may hold any character and be long; the hash keeps different names apart.
    readable = re.sub(r"[^A-Za-z0-9_-]", "_", input_name)[:40]
    marked = hashlib.sha256(input_name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return ProcessLock(folder / f"input-{readable}-{marked}.lock")
