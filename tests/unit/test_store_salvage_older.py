"""Repairs of a database that an older version began, and of what walks, volumes and profiles have left in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from strava_collector.listing import Miss
from strava_collector.store import around, misses, schema, volume, walks
from strava_collector.store.database import Database, StoreReplaced
from strava_collector.walk import Covered, Purpose, Spans, Walk
from tests.support.store import RIDES, database, database_file, notification, raw

PAGE = 4096
ROWS = 300
ANNA = 134815
NOW = 1_780_293_600.25
LATER = ("covered", "walk", "profile", "gear", "miss", "volume")


def make_old(folder: Path, versions: int) -> None:
    """A database as an older version of the add-on has left it, with rows."""
    file = database_file(folder)
    file.parent.mkdir(mode=0o700, parents=True)
    file.touch(mode=0o600)
    with closing(raw(folder)) as connection:
        schema.migrate(connection, schema.MIGRATIONS[:versions])
        connection.execute("BEGIN")
        for number in range(ROWS):
            activity_id = 10_000_000_000 + number * 977
            connection.execute(
                "INSERT INTO activity (activity_id, athlete_id, start_date, collected_ms, digest, input, created_at,"
                " updated_at) VALUES (?, ?, '2026-06-01T06:00:00Z', 1000000, ?, ?, 1000.0, 1000.0)",
                (activity_id, ANNA, "d" * 64, RIDES),
            )
            told = notification(activity_id)
            connection.execute(
                "INSERT INTO notification (input, digest, athlete_id, object_type, object_id, subscription_id, body,"
                " received_at, trail, state, updated_at) VALUES (?, ?, ?, 'activity', ?, ?, ?, 1000.0, 't', 'pending',"
                " 1000.0)",
                (RIDES, told.digest, ANNA, activity_id, told.subscription_id, told.body_json()),
            )
        # Two numbers beside a key, as the volume of a day has them.
        connection.execute("INSERT INTO pace VALUES (7, 1780293600.0, 1780293600.0)")
        connection.execute("COMMIT")


def fill_later_tables(store: Database) -> None:
    """What looking at lists and profiles leaves."""
    about = walks.About("Anna", "App", "lists", RIDES, 14_400.0, 0)
    with store.write() as tx:
        walks.save(tx, ANNA, Covered(Spans(((5, 9),)), NOW, NOW), connected_at="1.0", about=about, now=NOW)
        walks.go_on(tx, ANNA, Walk(Purpose.PASS, NOW, 1, 9, False, 5, 1, False))
        around.begin_profile(tx, ANNA)
        around.profile_seen(tx, ANNA, digest="p" * 64, now=NOW)
        around.note_use(tx, athlete_id=ANNA, gear_id="b1", now=NOW)
        misses.add(tx, activity_id=1, athlete_id=ANNA, input=RIDES, kind=Miss.NEW, now=NOW)
        volume.add(tx, NOW, 5_000)


def rows(folder: Path, *tables: str) -> dict[str, list[tuple[object, ...]]]:
    with closing(raw(folder)) as file:
        return {table: sorted(file.execute(f"SELECT * FROM {table}"), key=repr) for table in tables}


def lose(folder: Path, table: str) -> None:
    """Overwrite the root page of a table, or page 1."""
    with closing(raw(folder)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = file.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone() or (1,)
    with database_file(folder).open("r+b") as content:
        content.seek((page - 1) * PAGE)
        content.write(b"\xa5" * PAGE)


def repair(folder: Path, table: str) -> None:
    """Come upon the damage."""
    store = database(folder)
    try:
        with store.write() as tx:
            tx.execute(f"SELECT COUNT(*), MAX(LENGTH(QUOTE(rowid))) FROM {table} NOT INDEXED").fetchall()
    except StoreReplaced:
        pass
    finally:
        store.close()
    assert list(database_file(folder).parent.glob("*.damaged-*"))


@pytest.fixture(params=[1, 2])
def migrated(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A store that was begun by an older version and has been migrated."""
    make_old(tmp_path, request.param)
    store = database(tmp_path)
    fill_later_tables(store)
    store.close()
    return tmp_path


@pytest.mark.parametrize("table", ["activity", "notification", "page 1", *LATER])
def test_rows_that_were_written_before_a_table_had_all_its_columns_survive(migrated: Path, table: str) -> None:
    kept = ("activity", "notification", *LATER)
    before = rows(migrated, *kept)
    assert [len(before[name]) for name in kept] == [ROWS, ROWS, *[1] * len(LATER)]
    lose(migrated, table)
    repair(migrated, "activity" if table == "page 1" else table)
    after = rows(migrated, *kept)
    # A page that is itself the whole table is lost with it; and lists are walked through anew if the ledger may lack
    # something.
    lost = {table} & {*LATER} or ({"covered", "walk"} if table in ("activity", "page 1") else set())
    assert {name for name in kept if after[name] != before[name]} <= lost, {n: len(after[n]) for n in kept}
    if table == "activity":
        assert after["covered"] == after["walk"] == []


@pytest.mark.parametrize("versions", [1, 2])
@pytest.mark.parametrize("table", ["activity", "notification"])
def test_an_older_database_that_is_damaged_before_it_was_migrated_keeps_its_rows(
    tmp_path: Path, table: str, versions: int
) -> None:
    make_old(tmp_path, versions)
    lose(tmp_path, table)
    repair(tmp_path, table)
    found = rows(tmp_path, "activity", "notification", "volume", "profile")
    assert {name: len(content) for name, content in found.items()} == {
        "activity": ROWS,
        "notification": ROWS,
        "volume": 0,
        "profile": 0,
    }


@pytest.fixture
def current(tmp_path: Path) -> Iterator[Path]:
    """A store of the present version."""
    store = database(tmp_path)
    fill_later_tables(store)
    store.close()
    yield tmp_path


def test_a_repair_keeps_what_saves_calls_and_repeated_events_and_the_volume_of_the_day(current: Path) -> None:
    before = rows(current, *LATER)
    lose(current, "challenge")
    repair(current, "challenge")
    assert rows(current, *LATER) == before


def test_a_table_has_the_widths_of_its_history() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.migrate(connection)
        now = len(connection.execute("PRAGMA table_info(activity)").fetchall())
    assert schema.widths("activity") == {12, now}
    assert len(schema.widths("covered")) == 1
