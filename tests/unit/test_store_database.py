"""Transactions: what they promise to threads and processes, and how the store recovers."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from strava_collector.errors import StoreUnavailable, StoreUnusable
from strava_collector.store import sqlite as sqlite_module
from strava_collector.store.database import Database
from tests.support.clock import VirtualClock
from tests.support.store import database, database_file, join, raw
from tests.support.waiting import ended


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    store = database(tmp_path)
    yield store
    store.close()


def jobs(store: Database) -> int:
    with store.read() as tx:
        return int(tx.execute("SELECT COUNT(*) FROM job").fetchone()[0])


def test_what_was_committed_is_there_after_a_restart(tmp_path: Path, store: Database) -> None:
    with store.write() as tx:
        join(tx)
    store.close()
    again = database(tmp_path)
    assert jobs(again) == 1
    again.close()


def test_a_block_that_raises_is_undone(store: Database) -> None:
    with pytest.raises(KeyError), store.write() as tx:
        join(tx)
        raise KeyError
    assert jobs(store) == 0


def test_a_commit_is_on_disk_when_it_returns(store: Database) -> None:
    with store.write() as tx:
        assert tx.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert tx.execute("PRAGMA synchronous").fetchone()[0] == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_nobody_else_may_look_into_the_store(tmp_path: Path, store: Database) -> None:
    before = os.umask(0)
    try:
        with store.write() as tx:
            join(tx)
    finally:
        os.umask(before)
    folder = database_file(tmp_path).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == dict.fromkeys(("strava.db", "strava.db-wal", "strava.db-shm", "store.lock"), 0o600)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_folder_that_others_may_read_is_closed_to_them(tmp_path: Path, store: Database) -> None:
    folder = database_file(tmp_path).parent
    folder.mkdir()
    folder.chmod(0o755)
    assert jobs(store) == 0
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_reader_sees_one_state_while_a_writer_changes_it(store: Database) -> None:
    with store.write() as tx:
        join(tx, 1)

    def add() -> None:
        with store.write() as tx:
            join(tx, 2)

    with store.read() as tx:
        assert tx.execute("SELECT COUNT(*) FROM job").fetchone()[0] == 1
        writer = threading.Thread(target=add)
        writer.start()
        ended(writer)
        assert tx.execute("SELECT COUNT(*) FROM job").fetchone()[0] == 1
    assert jobs(store) == 2


def test_writers_in_threads_take_turns(store: Database) -> None:
    def add(first: int) -> None:
        for number in range(first, first + 25):
            with store.write() as tx:
                join(tx, number)

    threads = [threading.Thread(target=add, args=(1000 * number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    ended(*threads)
    assert jobs(store) == 200


def test_a_transaction_within_a_transaction_is_a_mistake(store: Database) -> None:
    with store.write(), pytest.raises(RuntimeError, match="pass it on"), store.read():
        pass
    with store.read(), pytest.raises(RuntimeError, match="pass it on"), store.write():
        pass
    assert jobs(store) == 0


def test_a_writer_waits_no_longer_for_another_thread_than_its_patience(store: Database) -> None:
    errors: list[StoreUnavailable] = []

    def impatient() -> None:
        try:
            with store.write(patience=0.05):
                pass
        except StoreUnavailable as error:
            errors.append(error)

    with store.write():
        thread = threading.Thread(target=impatient)
        thread.start()
        ended(thread)
    assert "locked by somebody else for 0.05 s" in str(errors[0])
    with store.write(patience=0.05) as tx:
        join(tx)
    assert jobs(store) == 1


def test_a_database_locked_by_another_program_is_refused_with_a_sentence_until_it_is_free(
    tmp_path: Path, store: Database
) -> None:
    assert jobs(store) == 0
    with closing(raw(tmp_path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable) as refusal, store.write(patience=0.05):
            pass
        assert str(database_file(tmp_path)) in str(refusal.value)
        assert "find the process that has the file open" in str(refusal.value)
        assert jobs(store) == 0, "reading goes on"
        other.execute("ROLLBACK")
    with store.write(patience=0.05) as tx:
        join(tx)
    assert jobs(store) == 1


def test_a_new_database_is_not_opened_over_a_lock_either(tmp_path: Path) -> None:
    database_file(tmp_path).parent.mkdir()
    with closing(raw(tmp_path)) as other:
        other.execute("CREATE TABLE theirs (id)")
        other.execute("BEGIN EXCLUSIVE")
        store = database(tmp_path, patience=0.05)
        with pytest.raises(StoreUnavailable, match="stayed locked"), store.read():
            pass
        other.execute("ROLLBACK")
        assert jobs(store) == 0
        store.close()


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path, store: Database) -> None:
    folder = database_file(tmp_path).parent
    folder.write_text("in the way")
    with pytest.raises(StoreUnavailable, match="not a folder is in its way") as refusal, store.write():
        pass
    assert str(folder) in str(refusal.value)
    folder.unlink()
    assert jobs(store) == 0


def test_a_folder_where_the_file_should_be_is_refused_until_it_is_gone(tmp_path: Path, store: Database) -> None:
    database_file(tmp_path).mkdir(parents=True)
    with pytest.raises(StoreUnavailable), store.write():
        pass
    database_file(tmp_path).rmdir()
    assert jobs(store) == 0


def test_a_folder_that_was_deleted_is_made_again(tmp_path: Path, store: Database) -> None:
    with store.write() as tx:
        join(tx)
    shutil.rmtree(database_file(tmp_path).parent)
    assert jobs(store) == 0
    with store.write() as tx:
        join(tx)
    assert jobs(store) == 1


def test_a_file_that_was_replaced_is_noticed_at_the_next_use(tmp_path: Path, store: Database) -> None:
    with store.write() as tx:
        join(tx)
    other = database(tmp_path / "other")
    assert jobs(other) == 0
    other.close()
    for companion in ("-wal", "-shm"):
        database_file(tmp_path).with_name(f"strava.db{companion}").unlink()
    database_file(tmp_path / "other").replace(database_file(tmp_path))
    assert jobs(store) == 0
    with store.write() as tx:
        join(tx, 1)
        join(tx, 2)
    assert jobs(store) == 2
    with closing(raw(tmp_path)) as file:
        assert file.execute("SELECT COUNT(*) FROM job").fetchone()[0] == 2


def test_a_mistake_of_ours_is_not_taken_for_a_fault_of_the_store(store: Database) -> None:
    with pytest.raises(sqlite3.IntegrityError), store.write() as tx:
        tx.execute("INSERT INTO probe (id, at) VALUES (2, 1.0)")
    with pytest.raises(OverflowError), store.write() as tx:
        tx.execute("INSERT INTO probe (id, at) VALUES (1, ?)", (2**63,))
    assert jobs(store) == 0


def test_a_file_system_without_wal_is_refused_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_shared_memory(path: Path, *, timeout: float) -> sqlite3.Connection:
        # SQLite's own way of locking for network shares, where WAL is impossible.
        return sqlite3.connect(
            f"file:{path}?vfs=unix-dotfile",
            uri=True,
            timeout=timeout,
            isolation_level=None,
            check_same_thread=False,
        )

    monkeypatch.setattr("strava_collector.store.database.connect", without_shared_memory)
    store = database(tmp_path)
    with (
        pytest.raises(StoreUnusable, match=r"write-ahead log \(it got 'delete'\).*local disk"),
        store.write(),
    ):
        pass
    store.close()


def test_a_python_without_sqlite_is_refused_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strava_collector.store.database.sqlite3", None)
    with pytest.raises(StoreUnusable, match="no sqlite3 module"):
        Database(tmp_path, clock=VirtualClock())
    assert sqlite_module.sqlite3 is not None


def test_after_close_everybody_is_refused(store: Database) -> None:
    assert jobs(store) == 0
    store.close()
    with pytest.raises(StoreUnavailable, match="closed"), store.write():
        pass
    store.close()


def test_close_lets_a_transaction_come_to_its_end(tmp_path: Path, store: Database) -> None:
    with store.write() as tx:
        store.close()
        join(tx)
    again = database(tmp_path)
    assert jobs(again) == 1
    again.close()


def test_connections_are_used_again_and_all_closed(tmp_path: Path, store: Database) -> None:
    threads = [threading.Thread(target=jobs, args=(store,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    ended(*threads)
    for _ in range(20):
        jobs(store)
    assert len(store._idle) <= 4
    store.close()
    # The last connection to close takes SQLite's log away with it.
    assert not database_file(tmp_path).with_name("strava.db-wal").exists()
