"""A look into the store from outside: by a page that shows something of it.

Nothing is created, repaired or migrated here, and nobody is kept waiting: who only looks has no part in the store's
life. What cannot be seen at once is not seen.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from strava_collector.errors import StoreUnavailable, StoreUnusable
from strava_collector.store import schema
from strava_collector.store.faults import COME_AGAIN, damaged, explain, is_damage, under_repair
from strava_collector.store.files import Files
from strava_collector.store.process_lock import FileLock
from strava_collector.store.sqlite import Transaction, connect_readonly, sqlite3

#: How long to wait for a lock, in seconds. Readers of a write-ahead log wait for nobody, but for a moment at its ends.
PATIENCE = 0.5


def exists(folder: Path) -> bool:
    """Whether there is a store in the folder; false as well if it must not be looked into."""
    try:
        return Files(folder).database.is_file()
    except OSError:
        return False


@contextmanager
def view(folder: Path) -> Iterator[Transaction]:
    """Open a read transaction on a store that is there. Raises StoreUnavailable with a sentence, for any reason."""
    if sqlite3 is None:
        raise StoreUnusable("This Python has no sqlite3 module, so the store cannot be read.")
    files = Files(folder)
    try:
        with _seat(files), _connection(files.database) as connection:
            yield connection
    except (sqlite3.Error, OSError) as error:
        if is_damage(error):
            raise damaged(files.database, error) from None
        problem = explain(error, files.database, PATIENCE, then=COME_AGAIN)
        if problem is None:
            raise
        raise problem from None


@contextmanager
def _seat(files: Files) -> Iterator[None]:
    """Share the store as every transaction does, so that nobody replaces the file meanwhile."""
    if not files.lock.is_file():  # opening the lock would create it
        raise StoreUnavailable(f"There is no store in {files.folder}.")
    lock = FileLock(files.lock)
    try:
        if files.marker.exists() or not lock.try_shared():
            raise under_repair(files.database)
        yield
    finally:
        lock.close()


@contextmanager
def _connection(path: Path) -> Iterator[Transaction]:
    # Where nobody has the file open, its log is not there, and SQLite would make one and leave it behind, even for a
    # reader. An immutable file is read without one. Should an input start in this very moment, the look may fail.
    is_open = path.with_name(path.name + "-wal").exists()
    uri = f"file:{quote(os.fspath(path))}?{'mode=ro' if is_open else 'immutable=1'}"
    connection = connect_readonly(uri, timeout=PATIENCE)
    try:
        found = schema.version(connection)
        if found == 0 and connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None:
            raise StoreUnusable(f"The store {path} is empty: the next input that starts begins it.")
        if found != len(schema.MIGRATIONS):
            raise StoreUnusable(
                f"The store {path} was written by another version of this add-on (schema {found}); it is brought up "
                "to date when an input starts."
            )
        connection.execute("BEGIN DEFERRED")
        yield connection
        connection.execute("ROLLBACK")
    finally:
        connection.close()
