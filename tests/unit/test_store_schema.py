"""The tables and their migrations."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from strava_collector.errors import StoreUnusable
from strava_collector.store import inbox, schema
from tests.support.store import database, database_file, join, notification, raw

TWO_MORE = (
    *schema.MIGRATIONS,
    ("ALTER TABLE job ADD COLUMN note TEXT", "UPDATE job SET note = 'migrated'"),
    ("CREATE TABLE erased (activity_id INTEGER PRIMARY KEY)",),
)


def test_an_empty_folder_gets_the_current_schema(tmp_path: Path) -> None:
    store = database(tmp_path)
    with store.read() as tx:
        assert schema.version(tx) == len(schema.MIGRATIONS) == 4
    store.close()


def test_a_database_of_the_first_version_keeps_what_it_has(tmp_path: Path) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.migrate(connection, schema.MIGRATIONS[:1])
        join(_with_names(connection), 7)
        connection.execute("INSERT INTO subscription (client_id, subscription_id, since) VALUES ('4711', 5, 1.0)")
        schema.migrate(connection)
        assert schema.version(connection) == len(schema.MIGRATIONS)
        assert connection.execute("SELECT activity_id FROM job").fetchone()[0] == 7
        assert connection.execute("SELECT subscription_id FROM subscription").fetchone()[0] == 5
        assert connection.execute("SELECT COUNT(*) FROM subscription_watch").fetchone()[0] == 0


def test_a_current_database_is_opened_as_it_is(tmp_path: Path) -> None:
    first = database(tmp_path)
    with first.write() as tx:
        join(tx, 7)
    first.close()
    second = database(tmp_path)
    with second.read() as tx:
        assert tx.execute("SELECT activity_id FROM job").fetchone()[0] == 7
    second.close()


def test_a_database_of_a_newer_version_is_refused_and_not_touched(tmp_path: Path) -> None:
    database(tmp_path).close()
    database_file(tmp_path).parent.mkdir()
    with closing(raw(tmp_path)) as connection:
        connection.execute("CREATE TABLE of_the_future (id)")
        connection.execute("PRAGMA user_version = 99")
    before = database_file(tmp_path).read_bytes()

    store = database(tmp_path)
    for _ in range(2):
        with pytest.raises(StoreUnusable, match=r"newer version of this add-on \(schema 99"), store.write():
            pass
    store.close()

    assert database_file(tmp_path).read_bytes() == before
    assert {path.name for path in database_file(tmp_path).parent.iterdir()} == {"strava.db", "store.lock"}


def test_an_older_database_keeps_its_rows_through_all_missing_migrations() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.migrate(connection)
        join(_with_names(connection), 7)
        schema.migrate(connection, TWO_MORE)
        assert schema.version(connection) == len(TWO_MORE)
        assert connection.execute("SELECT activity_id, note FROM job").fetchall()[0][:] == (7, "migrated")
        assert connection.execute("SELECT * FROM erased").fetchall() == []


def test_a_migration_that_fails_in_the_middle_leaves_the_database_as_it_was() -> None:
    broken = (*TWO_MORE, ("CREATE TABLE fine (id)", "CREATE TABLE not fine at all"))
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.migrate(connection)
        before = list(connection.iterdump())
        with pytest.raises(sqlite3.OperationalError, match="syntax error"):
            schema.migrate(connection, broken)
        assert list(connection.iterdump()) == before
        assert schema.version(connection) == len(schema.MIGRATIONS)
        assert not connection.in_transaction


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE job SET status = 'asleep'",
        "UPDATE job SET kind = 'route'",
        "UPDATE job SET priority = 3",
        "UPDATE job SET reason = 'boredom'",
        "UPDATE job SET status = 'working'",
        "UPDATE job SET lease_id = 'somebody'",
        "UPDATE job SET status = 'done'",
        "UPDATE job SET outcome = 'collected'",
        "UPDATE job SET claimed_generation = 2",
        "UPDATE job SET next_run_at = 'tomorrow'",
        "INSERT INTO job SELECT id + 1, kind, activity_id, athlete_id, input, reason, priority, force,"
        " status, outcome, attempts, crashes, max_attempts, next_run_at, error, trail, expected, created_at,"
        " updated_at,"
        " generation, claimed_generation, claimed_at, lease_id, lease_expires_at FROM job",
        "UPDATE notification SET state = 'lost'",
        "UPDATE notification SET deliveries = 0",
        "INSERT INTO place (activity_id, start_date, index_name, state) VALUES (1, 'x', 'main', 'leaving')",
        "INSERT INTO athlete (athlete_id, state, since, reason, connected_at, probe_at)"
        " VALUES (1, 'tired', 1.0, '', '', 1.0)",
        "UPDATE notification SET state = 'dispatched'",
        "UPDATE notification SET state = 'held'",
        "UPDATE notification SET state = 'dispatching', reason = 'none'",
    ],
)
def test_the_database_refuses_what_must_not_be(tmp_path: Path, change: str) -> None:
    store = database(tmp_path)
    with store.write() as tx:
        join(tx, 7)
        inbox.add(tx, input="rides", notification=notification(), received_at=1.0)
    with pytest.raises(sqlite3.IntegrityError), store.write() as tx:
        tx.execute(change)
    store.close()


@pytest.mark.parametrize("status", ["pending", "failed"])
def test_a_finished_job_stays_finished(tmp_path: Path, status: str) -> None:
    store = database(tmp_path)
    with store.write() as tx:
        join(tx, 7)
        tx.execute("UPDATE job SET status = 'done', outcome = 'collected'")
    with pytest.raises(sqlite3.IntegrityError, match="stays finished"), store.write() as tx:
        tx.execute("UPDATE job SET status = ?, outcome = NULLIF('dead letter', ?)", (status, status))
    store.close()


def _with_names(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.row_factory = sqlite3.Row
    return connection
