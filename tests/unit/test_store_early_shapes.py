"""Stores of before the first release, as they were: everything in them is taken over."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Set
from contextlib import closing
from pathlib import Path

import pytest

from strava_collector.store import athletes, crashed_jobs, early_shapes, inbox, ledger, queue, schema
from strava_collector.store.athletes import AthleteState
from strava_collector.store.database import Database
from tests.support.store import RIDES, database, database_file, notification, raw

FOLDER = Path(__file__).resolve().parents[1] / "support" / "early_stores"
FIRST = FOLDER / "first.sql"
STORES = sorted(FOLDER.glob("*.sql"))
#: After everything in the stores has happened.
LATER = 1_780_300_000.0
ANNA, BEN, GONE, STRANGER = 134815, 227615, 330001, 999

#: Quota, and how keeping the subscription went, are learnt from Strava's next answers.
LEARNT_AGAIN = {"quota_window", "subscription_watch"}

Rows = list[dict[str, object]]


def rows(connection: sqlite3.Connection) -> dict[str, Rows]:
    """Of each table, by the names of its columns."""
    found = {}
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        cursor = connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2")
        names = [column[0] for column in cursor.description]
        found[table] = [dict(zip(names, row)) for row in cursor.fetchall()]
    return found


def shape(connection: sqlite3.Connection) -> set[tuple[str, ...]]:
    return set(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL"))


def put(folder: Path, store: Path) -> None:
    """Lay the store down as an older version has left it."""
    file = database_file(folder)
    file.parent.mkdir(mode=0o700, parents=True)
    file.touch(mode=0o600)
    with closing(raw(folder)) as connection:
        connection.executescript(store.read_text("utf-8"))


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Database]:
    """The store of the first version of all, opened by today's."""
    put(tmp_path, FIRST)
    store = database(tmp_path)
    yield store
    store.close()


@pytest.mark.parametrize("store", STORES, ids=lambda file: file.stem)
def test_an_early_store_has_the_shape_of_a_new_one_and_all_its_rows(tmp_path: Path, store: Path) -> None:
    put(tmp_path, store)
    with closing(raw(tmp_path)) as connection:
        before = rows(connection)
        assert all(before[table] for table in ("notification", "job", "activity", "place", "athlete"))
    opened = database(tmp_path)
    with opened.write():
        pass
    opened.close()
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as new, closing(raw(tmp_path)) as connection:
        schema.migrate(new)
        assert shape(connection) == shape(new)
        after = rows(connection)
    for table in before.keys() - LEARNT_AGAIN:
        kept = before[table][0].keys() & after[table][0].keys() - {"reason"} if before[table] else set()
        assert _only(kept, after[table]) == _only(kept, before[table]), table


def _only(names: Set[str], rows: Rows) -> Rows:
    return [{name: row[name] for name in names} for row in rows]


def test_what_was_acknowledged_before_goes_on(first: Database) -> None:
    with first.write() as tx:
        assert crashed_jobs.take_over(tx, input=RIDES, now=LATER) == 1
        waiting = inbox.waiting(tx, RIDES)
        assert [one.notification.object_id for one in waiting] == [17, 18]
        assert all(len(one.trail) == 12 for one in waiting)
        assert inbox.release_held(tx, RIDES, [STRANGER], now=LATER) == 1
        claimed = [queue.claim(tx, input=RIDES, now=LATER) for _ in range(4)]
        assert sorted(job.activity_id for job in claimed if job is not None) == [14, 15, 16]
        assert len({job.trail for job in claimed if job is not None}) == 3
        (parked,) = [job for job in claimed if job is not None and job.activity_id == 15]
        assert (parked.attempts, parked.error) == (2, "Strava answered 503.")


def test_what_was_collected_before_is_known(first: Database) -> None:
    with first.read() as tx:
        there, gone = ledger.find(tx, 11), ledger.find(tx, 12)
        assert there is not None and not there.deleted
        assert gone is not None and gone.deleted


def test_who_had_to_reconnect_is_tried_again(first: Database) -> None:
    with first.write() as tx:
        assert {one.athlete_id: one.state for one in athletes.standings(tx)} == {
            BEN: AthleteState.RECONNECT,
            GONE: AthleteState.DEAUTHORIZED,
        }
        # The connection whose tokens were refused nobody had noted then; if they still are, Strava says so again.
        assert list(athletes.welcome_back(tx, {BEN: "1780000000"})) == [BEN]


def test_a_number_that_was_given_once_is_not_given_again(first: Database) -> None:
    with first.write() as tx:
        tx.execute("DELETE FROM notification")
        assert inbox.add(tx, input=RIDES, notification=notification(21), received_at=LATER).notification_id == 6


def test_taking_over_in_the_middle_leaves_the_store_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_shapes, "_FILLINGS", {})
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(FIRST.read_text("utf-8"))
        before = list(connection.iterdump())
        with pytest.raises(sqlite3.IntegrityError, match="trail"):
            schema.migrate(connection)
        assert list(connection.iterdump()) == before
        assert schema.version(connection) == 1


@pytest.mark.parametrize("number", [1, 2, 3])
def test_each_number_that_was_given_is_among_the_stores(number: int) -> None:
    assert any(f"PRAGMA user_version = {number};" in store.read_text("utf-8") for store in STORES)
