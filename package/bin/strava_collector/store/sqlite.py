"""SQLite, if this Python has it.

Some Pythons are built without ``sqlite3``. The collector must end with a sentence then, not with an
ImportError, so all parts of the store take the module from here and
:class:`~strava_collector.store.database.Database` complains.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    import sqlite3
except ImportError:
    sqlite3 = None  # type: ignore[assignment]  # nothing of it is used before Database has refused to be made

if TYPE_CHECKING:
    #: An open transaction: a connection between BEGIN and COMMIT.
    Transaction = sqlite3.Connection
    #: A row that gives its columns by name.
    Row = sqlite3.Row
else:
    Transaction = Any
    Row = Any

__all__ = ["Row", "Transaction", "connect", "connect_readonly", "sqlite3"]


def connect(path: Path, *, timeout: float = 0.0) -> Transaction:
    """Open a SQLite file without any transaction handling by Python; rows give their columns by name.

    Any thread may use and close the connection; that it is one at a time is for the caller to see to.
    """
    connection = sqlite3.connect(os.fspath(path), timeout=timeout, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection


def connect_readonly(uri: str, *, timeout: float = 0.0) -> Transaction:
    """Open a SQLite file by its URI, ``file:…?mode=ro``; one that is not there is an error."""
    connection = sqlite3.connect(uri, timeout=timeout, isolation_level=None, check_same_thread=False, uri=True)
    connection.row_factory = sqlite3.Row
    return connection
