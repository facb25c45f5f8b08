"""Databases from before the first release, whose tables have not yet the shape that their number stands for.

Until then tables were changed in place, several times under the same number. Here what is there is held against what
the number means now: a table that differs is made anew, and its rows move in. Once every database has a number that was
given after that, nothing of this is needed any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from strava_collector.store.sqlite import Transaction, sqlite3

#: What columns get that a table did not have and that must not be empty, as SQL over the former row.
_FILLINGS: Mapping[tuple[str, str], str] = {
    # As inbox.py makes them: a redelivery has the same one.
    ("notification", "trail"): "substr(digest, 1, 12)",
    ("job", "trail"): "lower(hex(randomblob(6)))",
    # Of no connection: whoever is configured is in good standing and is tried, and Strava says whether that is so.
    ("athlete", "connected_at"): "''",
    ("athlete", "probe_at"): "since",
}
#: Columns that may have to say what they were allowed not to say.
_COMPLETED: Mapping[tuple[str, str], str] = {
    # At that time a notification was held for one reason only.
    ("notification", "reason"): "CASE WHEN state IN ('held', 'dead letter')"
    " THEN coalesce(reason, CASE state WHEN 'held' THEN 'unknown athlete' ELSE 'given up' END) END",
}
#: What was noted of looks at Strava that are made anew anyway; in another shape it is not worth moving.
_LOOKED_UP_AGAIN = frozenset({"subscription_watch", "subscription_call"})


@dataclass(frozen=True)
class _Part:
    """A table, an index or a trigger."""

    kind: str
    name: str
    table: str
    sql: str


def bring_up(connection: Transaction, migrations: Iterable[Iterable[str]]) -> None:
    """Within an open transaction, give the database the shape that these migrations make. Errors of SQLite pass.

    Tables that they do not know are dropped: what was in the only one is learnt again from Strava's next answer.
    """
    wanted, found = _shape(migrations), _parts(connection)
    if wanted == found:
        return
    for part in found.values():
        if part.kind != "table" and wanted.get(part.name) != part:
            connection.execute(f"DROP {part.kind} {part.name}")
    for part in found.values():
        if part.kind == "table" and part.name not in wanted:
            connection.execute(f"DROP TABLE {part.name}")
    for part in wanted.values():
        if part.kind == "table" and found.get(part.name) != part:
            _make_table(connection, part, is_there=part.name in found)
    standing = _parts(connection)
    for part in wanted.values():
        if part.kind != "table" and part.name not in standing:
            connection.execute(part.sql)


def _make_table(connection: Transaction, table: _Part, *, is_there: bool) -> None:
    if not is_there:
        connection.execute(table.sql)
        return
    former = f"former_shape_of_{table.name}"
    connection.execute(f"ALTER TABLE {table.name} RENAME TO {former}")
    connection.execute(table.sql)
    if table.name not in _LOOKED_UP_AGAIN:
        _move(connection, former, table.name)
    connection.execute(f"DROP TABLE {former}")


def _move(connection: Transaction, former: str, name: str) -> None:
    had = _columns(connection, former)
    values: dict[str, str] = {}
    for column in _columns(connection, name):
        if column in had:
            values[column] = _COMPLETED.get((name, column), column)
        elif (name, column) in _FILLINGS:
            values[column] = _FILLINGS[name, column]
    connection.execute(
        f"INSERT INTO {name} ({', '.join(values)}) SELECT {', '.join(values.values())} FROM {former} ORDER BY rowid"  # noqa: S608 - names of ours
    )
    # Numbers that were given once are not given again, even if their rows are gone.
    connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
    connection.execute("INSERT INTO sqlite_sequence SELECT ?, seq FROM sqlite_sequence WHERE name = ?", (name, former))


def _columns(connection: Transaction, table: str) -> list[str]:
    return [str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})")]


def _shape(migrations: Iterable[Iterable[str]]) -> dict[str, _Part]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for migration in migrations:
            for statement in migration:
                connection.execute(statement)
        return _parts(connection)
    finally:
        connection.close()


def _parts(connection: Transaction) -> dict[str, _Part]:
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {row[1]: _Part(*row) for row in rows if not row[1].startswith("sqlite_")}
