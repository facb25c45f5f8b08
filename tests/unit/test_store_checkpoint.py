"""Checkpoints: SQLite's log gets into the file without any commit waiting for it, and does not grow for ever."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from strava_collector.store import database as database_module
from strava_collector.store.database import CHECKPOINT_AFTER, Database
from tests.support.collecting import Collect, ride
from tests.support.store import database, database_file, join


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    store = database(tmp_path)
    yield store
    store.close()


def write(store: Database, times: int, *, first: int = 1) -> None:
    for number in range(times):
        with store.write() as tx:
            for one in range(4):
                join(tx, first + 4 * number + one)


def jobs(store: Database) -> int:
    with store.read() as tx:
        return int(tx.execute("SELECT COUNT(*) FROM job").fetchone()[0])


def log_size(folder: Path) -> int:
    return database_file(folder).with_name("strava.db-wal").stat().st_size


def test_commits_leave_the_file_to_a_checkpoint(tmp_path: Path, store: Database) -> None:
    write(store, 1)
    before = database_file(tmp_path).read_bytes()
    write(store, 3 * CHECKPOINT_AFTER, first=10)
    assert log_size(tmp_path) > 1_000 * 4_096  # of SQLite's own accord it would have made one
    assert database_file(tmp_path).read_bytes() == before

    store.checkpoint()

    assert len(database_file(tmp_path).read_bytes()) > len(before)
    assert jobs(store) == 4 + 4 * 3 * CHECKPOINT_AFTER


def test_a_checkpoint_is_for_what_is_worth_it(tmp_path: Path, store: Database) -> None:
    write(store, CHECKPOINT_AFTER - 10)
    before = database_file(tmp_path).read_bytes()
    store.checkpoint()
    assert database_file(tmp_path).read_bytes() == before

    write(store, 10, first=10_000)
    store.checkpoint()
    after = database_file(tmp_path).read_bytes()
    assert after != before

    write(store, 10, first=20_000)
    store.checkpoint()
    assert database_file(tmp_path).read_bytes() == after


def test_a_checkpoint_waits_for_nobody(tmp_path: Path, store: Database) -> None:
    write(store, CHECKPOINT_AFTER)
    before = database_file(tmp_path).read_bytes()
    with (
        closing(database(tmp_path)) as writer,
        closing(database(tmp_path)) as reader,
        writer.write() as tx,
        reader.read() as snapshot,
    ):
        join(tx, 99_999)
        assert snapshot.execute("SELECT COUNT(*) FROM job").fetchone()[0] == 4 * CHECKPOINT_AFTER
        store.checkpoint()
        assert database_file(tmp_path).read_bytes() != before
    assert jobs(store) == 4 * CHECKPOINT_AFTER + 1


def test_without_anybody_who_makes_checkpoints_the_log_has_an_end(
    tmp_path: Path, store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "LONGEST_LOG", 200)
    write(store, 20)  # some 100 pages
    short = log_size(tmp_path)
    write(store, 200, first=1_000)

    assert log_size(tmp_path) < 3 * short


def test_what_was_committed_survives_a_crash_with_a_long_log(tmp_path: Path, store: Database) -> None:
    write(store, 2 * CHECKPOINT_AFTER)
    for name in ("strava.db", "strava.db-wal"):
        target = tmp_path / "after" / "store" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(database_file(tmp_path).with_name(name), target)

    after = database(tmp_path / "after")

    assert jobs(after) == 8 * CHECKPOINT_AFTER
    after.close()


def test_the_upkeep_of_an_input_sees_to_it(collect: Collect) -> None:
    c = collect(ride(1))
    with c.database.read() as tx:
        file = Path(tx.execute("PRAGMA database_list").fetchone()["file"])
    before = file.read_bytes()
    for number in range(CHECKPOINT_AFTER):
        with c.database.write() as tx:
            join(tx, 1_000 + number)
    assert file.read_bytes() == before

    c.upkeep.look(c.settings)

    assert file.read_bytes() != before
