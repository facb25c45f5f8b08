"""What SQLite's and the operating system's errors mean for the store, as sentences for who has to do
something.

Told apart by SQLite's messages, which have been the same for many years: error codes reach Python from 3.11
on only.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Optional

from strava_collector.errors import StoreUnavailable
from strava_collector.store.sqlite import sqlite3

#: Messages of SQLITE_CORRUPT and SQLITE_NOTADB, in the wording of old and new releases. An I/O error is not
#: among them: a disk that fails for a moment is no reason to give up a database. Nor is "malformed JSON".
_DAMAGE = ("disk image is malformed", "malformed database schema", "is not a database")


#: What comes of a failure: inputs go on until it works; whoever only looks in or does one thing has to come again.
TRIED_AGAIN = "It is tried again."
COME_AGAIN = "Try it again."


class DamagedRow(Exception):
    """A row holds what was never written into it."""

    def __init__(self, table: str, row_id: int) -> None:
        super().__init__(f"Row {row_id} of table {table} cannot be read.")


def is_damage(error: BaseException) -> bool:
    """Whether the database file is damaged; nothing but setting it aside helps then."""
    if isinstance(error, DamagedRow):
        return True
    return isinstance(error, sqlite3.DatabaseError) and any(text in str(error) for text in _DAMAGE)


def explain(error: BaseException, path: Path, waited: float, *, then: str = TRIED_AGAIN) -> Optional[StoreUnavailable]:
    """Return the error that says what is wrong with the store at ``path``; None if ours is the mistake.

    ``waited`` is the patience in seconds that a lock has outlasted; ``then`` says what comes of it.
    """
    if isinstance(error, OSError):
        return _explain_os(error, path, then)
    if (
        not isinstance(error, (sqlite3.OperationalError, sqlite3.InternalError))
        and type(error) is not _database_error()
    ):
        return None
    text = str(error)
    if "locked" in text:
        return locked(path, waited, then=then)
    if "database or disk is full" in text:
        return _full(path, then)
    if "unable to open database file" in text or "readonly database" in text or "read-only" in text:
        return _not_writable(path, then)
    if "disk I/O error" in text:
        return StoreUnavailable(
            f"The store {path} could not be read or written (disk I/O error): look for free space, a limit "
            f"on file sizes and the health of its disk. {then}"
        )
    return StoreUnavailable(f"The store {path} refused ({text}). {then}")


def locked(path: Path, waited: float, *, then: str = TRIED_AGAIN) -> StoreUnavailable:
    """The error for a lock that was not given back in time."""
    return StoreUnavailable(
        f"The store {path} stayed locked by somebody else for {waited:g} s. {then} If this goes on, find the process "
        "that has the file open."
    )


def damaged(path: Path, error: Optional[BaseException]) -> StoreUnavailable:
    """The error for those who leave repairs to others."""
    why = f" ({error})" if isinstance(error, sqlite3.Error) else ""
    return StoreUnavailable(
        f"The store {path} is damaged{why}. An input repairs it when it comes upon the damage; if that does not "
        "happen, see “A damaged database” in docs/operation.md."
    )


def under_repair(path: Path) -> StoreUnavailable:
    """The error for those who come while a repair is announced and not finished."""
    return StoreUnavailable(
        f"The store {path} is just being repaired by an input, or will be when one runs. Look again in a minute."
    )


def _database_error() -> type[BaseException]:
    # Not its subclasses: IntegrityError, ProgrammingError and DataError are mistakes of ours.
    return sqlite3.DatabaseError


def _explain_os(error: OSError, path: Path, then: str) -> StoreUnavailable:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return _full(path, then)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return _not_writable(path, then)
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return StoreUnavailable(
            f"The store needs the folder {path.parent}, but something that is not a folder is in its way: move it away."
        )
    return StoreUnavailable(f"The store {path} cannot be used ({error.strerror or type(error).__name__}). {then}")


def _full(path: Path, then: str) -> StoreUnavailable:
    return StoreUnavailable(f"There is no room to write to the store {path}: free some space on its disk. {then}")


def _not_writable(path: Path, then: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"The store {path} cannot be opened or written: the user that Splunk runs as needs to own the folder "
        f"{path.parent} and everything in it, with permission to write. {then}"
    )
