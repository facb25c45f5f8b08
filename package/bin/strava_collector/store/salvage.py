"""Sets a damaged database aside, starts a new one, and carries over what can still be read.

Only called by who has the store alone. Every step can be interrupted by a crash and taken up again by another
process: the marker stays until the new file is in its place, and it names the file that was set aside.

SQLite has no checksums. What is found here is what SQLite itself calls malformed, and what our own
constraints and hashes refuse; a bit that was flipped within a title stays unnoticed.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Optional, Union

from strava_collector.logfmt import line
from strava_collector.store import first_pages, leaf_pages, schema
from strava_collector.store.damaged_table import TableReader
from strava_collector.store.files import Files
from strava_collector.store.sqlite import Row, Transaction, connect, sqlite3
from strava_collector.webhook import NotANotification, notification_from_json

#: Files that belong to a database by SQLite's naming.
_COMPANIONS = ("-wal", "-shm")

#: How many damaged databases are kept. A disk that fails again and again must not be filled with them.
_KEPT = 5

#: In the order of their worth: if the disk is too full for all, the unfinished work is safe first.
_TABLES = (
    *("notification", "job", "activity", "place", "athlete", "application", "subscription", "counter", "volume"),
    *("covered", "walk", "profile", "gear", "miss"),
)

#: How far lists have been walked through. It says that the ledger has what is there; if the ledger has lost something,
#: these are forgotten, so that the lists bring it back.
_CURSORS = ("covered", "walk")

#: Tables of later migrations: an older database lacks them, and in a migrated one their root pages lie anywhere.
_LATER = ("volume", *_CURSORS, "profile", "gear", "miss")


#: Epoch seconds are more than this; the number of a day since the epoch is less than that.
_A_TIME = 1_000_000_000
_NO_DAY = 50_000

#: What is in the file for a column's type; whole numbers are kept as such.
_TYPES: Mapping[str, tuple[type, ...]] = {"INTEGER": (int,), "REAL": (int, float), "TEXT": (str,)}


@dataclass(frozen=True)
class Replaced:
    """What became of a damaged database."""

    set_aside: Path
    #: Rows carried over, by table.
    saved: Mapping[str, int]
    #: Tables that had a part which could not be read.
    incomplete: tuple[str, ...]


def describe(result: Replaced, reason: str) -> str:
    """Return the log line that tells the user what happened and what it means."""
    return line(
        "store_replaced",
        reason=reason,
        set_aside=str(result.set_aside),
        **{f"saved_{table}": count for table, count in result.saved.items()},
        incomplete=",".join(result.incomplete) or "none",
        hint="The store was damaged: a new one is in use, with what could be read of the old one. "
        "Check the disk; fetch again what is missing; then the set-aside file may be deleted.",
    )


def replace(files: Files, now: float) -> Optional[Replaced]:
    """Set the database aside and put a new one into its place; None if only the marker was left of a repair.

    Raises OSError or sqlite3.Error, for instance when the disk is full; then it can be called again.
    """
    set_aside = files.folder / _set_aside_name(files, now)
    result = None
    if not (set_aside.exists() and files.database.exists()):
        # The log first: a database without it would be opened as an older state of itself.
        for suffix in (*_COMPANIONS, ""):
            _move(_companion(files.database, suffix), _companion(set_aside, suffix))
        _sync_folder(files.folder)
        result = _start_anew(files, set_aside, now)
    files.withdraw()
    _forget_oldest(files)
    return result


def _set_aside_name(files: Files, now: float) -> str:
    """The name in the marker, put there by who began this repair; a new one if this is the beginning."""
    named = files.marker.read_text(encoding="ascii", errors="replace").strip()
    if re.fullmatch(re.escape(files.database.name) + r"\.damaged-[0-9TZ-]+", named):
        return named
    stamp = datetime.fromtimestamp(now, timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    name = f"{files.database.name}.damaged-{stamp}"
    others = [number for path in _all_set_aside(files) for base, number in [_age(path)] if base == name]
    if others:
        name = f"{name}-{max(others) + 1}"
    beginning = _companion(files.marker, ".new")
    beginning.write_text(name, encoding="ascii")
    beginning.replace(files.marker)
    return name


def _start_anew(files: Files, set_aside: Path, now: float) -> Replaced:
    new, copy = files.folder / "new.db", files.folder / "salvage.db"
    _remove(new)
    _remove(copy)
    try:
        # The set-aside file is evidence; SQLite changes what it opens, so it gets a copy. Without the index
        # of the log, which SQLite makes again from the log.
        for suffix in ("", "-wal"):
            if _companion(set_aside, suffix).exists():
                files.make_private(_companion(copy, suffix))
                shutil.copyfile(_companion(set_aside, suffix), _companion(copy, suffix))
        files.make_private(new)
        target = connect(new)
        try:
            schema.migrate(target)
            saved, incomplete = _carry_over(copy, new, target, set_aside)
            _continue_ids_from(target, now)
        finally:
            target.close()
    finally:
        _remove(copy)
    new.replace(files.database)
    _sync_folder(files.folder)
    return Replaced(set_aside, saved, incomplete)


def _carry_over(
    copy: Path, new: Path, target: Transaction, set_aside: Path
) -> tuple[Mapping[str, int], tuple[str, ...]]:
    saved = dict.fromkeys(_TABLES, 0)
    unread = set(_TABLES)
    files, is_grafted = [copy, set_aside], False
    opened = _open_source(copy, new)
    if opened is not None:
        source, is_grafted = opened
        files = files if is_grafted else [copy]
        try:
            found = _tables(source)
            readers = {table: TableReader(source, table) for table in _TABLES if table in found}
            unread = {*_LATER} if is_grafted else set()
            for table, reader in readers.items():
                if table in unread or (table in _CURSORS and "activity" in unread):
                    continue
                saved[table], refused = _insert(target, table, reader.rows())
                if reader.incomplete or refused:
                    unread.add(table)
        finally:
            # Closing also brings what is in the log into the file, as far as SQLite can.
            source.close()
    # Of the ledger, nobody knows what is lost.
    forgotten = _CURSORS if "activity" in unread else ()
    incomplete = tuple(table for table in _TABLES if table in unread or table in forgotten)
    size = leaf_pages.page_size(new)
    for table in incomplete:
        if table not in forgotten:
            for file in files:
                rows, _ = _insert(target, table, _rows_of(table, target, file, size))
                saved[table] += rows
    # Tables that were only looked for page by page have not been found to lack anything.
    return saved, tuple(table for table in incomplete if table in forgotten or not (is_grafted and table in _LATER))


def _rows_of(table: str, target: Transaction, file: Path, page_size: int) -> Iterator[Mapping[str, leaf_pages.Value]]:
    """What lies about in the pages of the file and has as many columns as the table has or had, with values of their
    types.

    A row stays as it was written when the table gets further columns; those have their defaults then.
    """
    columns = target.execute(f"PRAGMA table_info({table})").fetchall()
    lengths = schema.widths(table)
    # In SQLite's files, an integer that is the primary key is kept as the row id only.
    (key, *others) = [column for column in columns if column["pk"]]
    is_row_id = not others and key["type"] == "INTEGER"
    for row_id, values in leaf_pages.rows(file, page_size):
        if len(values) in lengths:
            row = {column["name"]: value for column, value in zip(columns, values)}
            if is_row_id and row[key["name"]] is not None:
                continue
            if all(
                value is None or isinstance(value, _TYPES[column["type"]]) for column, value in zip(columns, values)
            ):
                yield {**row, key["name"]: row_id} if is_row_id else row


def _open_source(copy: Path, model: Path) -> Optional[tuple[Transaction, bool]]:
    """Open the copy of a damaged database; None if nothing can be read. Also return whether its first pages are those
    of ``model``.

    Page 1 holds SQLite's header and the root of the table of tables. Ours are always made in the same order in an
    empty file, so their root pages are always the same, and when those first pages are lost, the ones of a new
    database, which ``model`` is, will do: page 1 alone if that is enough, else all with a part of the table of tables.
    """
    size = leaf_pages.page_size(model)
    first = first_pages.numbers(model, size)
    for lost in ((), first[:1], first):
        first_pages.graft(copy, model, lost, size)
        source = connect(copy)
        try:
            # Makes SQLite go on with what it finds, for instance when the file is shorter than it says.
            source.execute("PRAGMA writable_schema = ON")
            source.text_factory = _decode
            if _tables(source).issuperset({*_TABLES} - {*_LATER}):
                return source, bool(lost)
        except sqlite3.Error:
            pass
        source.close()
    return None


def _tables(source: Transaction) -> set[str]:
    return {row[0] for row in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _insert(
    target: Transaction, table: str, rows: Iterable[Union[Row, Mapping[str, leaf_pages.Value]]]
) -> tuple[int, bool]:
    """Write rows that are not there yet into the new database; return how many, and whether any was left out.

    Left out is what breaks a rule of the schema, and a notification that is not what its hash says.
    """
    known = [row["name"] for row in target.execute(f"PRAGMA table_info({table})").fetchall()]
    saved, refused = 0, False
    target.execute("BEGIN")
    for row in rows:
        present = row.keys()
        columns = [name for name in known if name in present]
        written = 0
        if _is_genuine(table, row):
            written = target.execute(
                f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",  # noqa: S608  # constants only
                [row[name] for name in columns],
            ).rowcount
        saved += written
        refused = refused or not written
    target.execute("COMMIT")
    return saved, refused


def _is_genuine(table: str, row: Union[Row, Mapping[str, leaf_pages.Value]]) -> bool:
    """Whether a notification that still has to be worked on is the one that was received, and numbers are no times."""
    if table == "volume":
        # An athlete's id with the two times of the pace looks like a day with two numbers.
        return (
            isinstance(row["day"], int)
            and row["day"] < _NO_DAY
            and isinstance(row["calls"], int)
            and row["calls"] < _A_TIME
        )
    if table != "notification" or row["state"] == "dispatched":
        # Kept for its hash only.
        return True
    try:
        # A store that was made before something could be left out has no such column.
        kept_digest = row["kept_digest"] if "kept_digest" in row.keys() else None  # noqa: SIM118 - a row is no dict
        return bool(notification_from_json(str(row["body"])).digest == (kept_digest or row["digest"]))
    except NotANotification:
        return False


def _continue_ids_from(target: Transaction, now: float) -> None:
    """Let new rows have ids that no lost row can have had: somebody may still hold those and mean the old
    rows.
    """
    for table in ("notification", "job"):
        newest = target.execute(f"SELECT MAX(id) FROM {table}").fetchone()[0] or 0  # noqa: S608  # constants only
        target.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        target.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, max(newest, int(now) * 1000)))


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def _companion(database: Path, suffix: str) -> Path:
    return database.with_name(database.name + suffix)


def _move(path: Path, target: Path) -> None:
    if path.exists():
        path.replace(target)


def _remove(database: Path) -> None:
    for suffix in ("", "-journal", *_COMPANIONS):
        _companion(database, suffix).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Bring renames to disk, where folders can be synchronised; elsewhere the file system does it itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _forget_oldest(files: Files) -> None:
    for path in sorted(_all_set_aside(files), key=_age)[:-_KEPT]:
        _remove(path)


def _all_set_aside(files: Files) -> list[Path]:
    found = files.folder.glob(f"{files.database.name}.damaged-*")
    return [path for path in found if not path.name.endswith(_COMPANIONS)]


def _age(set_aside: Path) -> tuple[str, int]:
    """The name with its time, and the number among those of the same second."""
    base, mark, number = set_aside.name.rpartition("Z-")
    return (f"{base}Z", int(number)) if mark and number.isdigit() else (set_aside.name, 1)
