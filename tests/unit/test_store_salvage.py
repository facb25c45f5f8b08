"""A damaged file is set aside, a new one is started, and what can be read of the unfinished work is in it."""

from __future__ import annotations

import logging
import random
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Callable

import pytest

from sandbox.patience import patience
from strava_collector.errors import StoreUnavailable
from strava_collector.notification_rules import Hold
from strava_collector.store import inbox, ledger, queue, salvage
from strava_collector.store.database import Database, StoreReplaced
from strava_collector.store.files import Files
from strava_collector.store.inbox import State
from strava_collector.webhook import Receipt
from tests.support.store import RIDES, database, database_file, job_counts, join, notification, raw
from tests.support.waiting import ended

PAGE = 4096
#: Sparse ids as Strava's are, in no order.
ACTIVITIES = [10_000_000_000 + (number * 7_919_317) % 1_000_003 * 997 for number in range(160)]
ROWS = len(ACTIVITIES)
EVERYTHING = {
    "notification": ROWS,
    "job": ROWS,
    "activity": ROWS,
    "place": ROWS,
    "athlete": 0,
    "application": 0,
    "subscription": 0,
    "counter": 0,
    "volume": 0,
    "covered": 0,
    "walk": 0,
    "profile": 0,
    "gear": 0,
    "miss": 0,
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with 160 of everything, closed; tests work with copies of it."""
    folder = tmp_path_factory.mktemp("filled")
    store = database(folder)
    with store.write() as tx:
        for activity_id in ACTIVITIES:
            inbox.add(tx, input=RIDES, notification=notification(activity_id), received_at=1000.0)
            join(tx, activity_id)
            ledger.place_event(
                tx,
                activity_id=activity_id,
                athlete_id=134815,
                start_date="2026-06-01T06:00:00Z",
                index="strava",
                input=RIDES,
                now=1000.0,
                detailed=True,
                fingerprint="a-b",
            )
    with store.write() as tx:
        inbox.mark(tx, range(1, 61), State.DISPATCHING, now=1001.0)
        inbox.mark(tx, range(1, 51), State.DISPATCHED, recorded=True, now=1001.0)
        inbox.mark(tx, range(51, 61), State.HELD, recorded=True, now=1001.0, reason=Hold.UNKNOWN_ATHLETE.value)
        for _ in range(30):
            queue.claim(tx, input=RIDES, now=1000.0)
    store.close()
    return folder


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    shutil.copytree(filled / "store", tmp_path / "store")
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Iterator[Database]:
    store = database(folder)
    yield store
    store.close()


def garble(folder: Path, start: int, length: int) -> None:
    """Overwrite a part of the file with what is no database."""
    with database_file(folder).open("r+b") as file:
        file.seek(start)
        file.write(random.Random(start).randbytes(length))


def set_aside(folder: Path) -> list[str]:
    return sorted(
        path.name
        for path in database_file(folder).parent.glob("*.damaged-*")
        if not path.name.endswith(("-wal", "-shm"))
    )


def contents(store: Database) -> dict[str, int]:
    with store.read() as tx:
        return {table: tx.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in EVERYTHING}


def use_everything(store: Database) -> None:
    """Touch every page that holds rows or leads to them."""
    with store.write() as tx:
        for table in EVERYTHING:
            tx.execute(f"SELECT COUNT(*), MAX(LENGTH(QUOTE(rowid))) FROM {table} NOT INDEXED").fetchall()
            tx.execute(f"PRAGMA integrity_check({table})").fetchall()
        for row in tx.execute("SELECT * FROM notification NOT INDEXED").fetchall():
            inbox.add(tx, input=RIDES, notification=notification(row["object_id"]), received_at=1002.0)
        for activity_id in ACTIVITIES:
            ledger.find(tx, activity_id)
            ledger.place_tombstones(tx, activity_id=activity_id, now=1.0)
            queue.fetch_begun_since(tx, activity_id, 134815, 0.0)
        while queue.claim(tx, input=RIDES, now=2000.0) is not None:
            pass
        job_counts(tx, RIDES)
        raise Rollback


class Rollback(Exception):
    """Ends a transaction without any trace."""


def use_until_it_is_well(store: Database) -> int:
    """Use the store until that works; return how often it did not."""
    for failures in range(5):
        try:
            use_everything(store)
        except Rollback:
            return failures
        except StoreReplaced:
            pass
    raise AssertionError("The store does not recover.")


@pytest.mark.parametrize("length", [16, 100, PAGE])
def test_a_lost_header_costs_nothing_but_the_header(
    folder: Path, store: Database, length: int, caplog: pytest.LogCaptureFixture
) -> None:
    garble(folder, 0, length)
    assert contents(store) == EVERYTHING
    (name,) = set_aside(folder)
    assert name == "strava.db.damaged-20260601T060000Z"
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    message = record.getMessage()
    assert message.startswith("action=store_replaced ")
    assert str(database_file(folder).with_name(name)) in message
    for table in ("notification", "job", "activity", "place"):
        assert f"saved_{table}={ROWS}" in message


def test_rows_are_what_they_were(folder: Path, store: Database) -> None:
    with closing(raw(folder)) as file:
        before = {table: set(file.execute(f"SELECT * FROM {table}")) for table in EVERYTHING}
    garble(folder, 0, PAGE)
    contents(store)
    store.close()
    with closing(raw(folder)) as file:
        assert {table: set(file.execute(f"SELECT * FROM {table}")) for table in EVERYTHING} == before
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_redeliveries_are_still_recognised_and_leases_still_hold(folder: Path, store: Database) -> None:
    garble(folder, 0, PAGE)
    with store.write() as tx:
        for activity_id in (ACTIVITIES[0], ACTIVITIES[55], ACTIVITIES[-1]):
            arrival = inbox.add(tx, input=RIDES, notification=notification(activity_id), received_at=1002.0)
            assert arrival.receipt is Receipt.DUPLICATE
        assert job_counts(tx, RIDES) == {"pending": ROWS - 30, "working": 30, "done": 0, "failed": 0}
        job = queue.find(tx, 1)
        assert job is not None
        assert queue.is_mine(tx, job)


def test_new_rows_get_ids_that_no_lost_row_can_have_had(folder: Path, store: Database) -> None:
    garble(folder, 0, PAGE)
    with store.write() as tx:
        inbox.add(tx, input=RIDES, notification=notification(1), received_at=1002.0)
        assert inbox.waiting(tx, RIDES, 1000)[-1].id > 1_000_000_000


def test_any_one_page_that_is_lost_costs_no_rows_but_its_own(filled: Path, tmp_path: Path) -> None:
    pages = database_file(filled).stat().st_size // PAGE
    assert pages > 30
    worst = 0
    for page in range(1, pages):
        folder = tmp_path / str(page)
        shutil.copytree(filled / "store", folder / "store")
        garble(folder, page * PAGE, PAGE)
        store = database(folder)
        failures = use_until_it_is_well(store)
        assert failures <= 1
        found = contents(store)
        store.close()
        lost = {table: EVERYTHING[table] - found[table] for table in EVERYTHING}
        assert len([table for table in lost if lost[table]]) <= 1, (page, lost)
        assert failures <= len(set_aside(folder)) <= 1
        worst = max(worst, sum(lost.values()))
        shutil.rmtree(folder)
    assert 0 < worst <= 90


def test_several_lost_pages_far_apart_leave_what_lies_between(folder: Path, store: Database) -> None:
    leaves = pages_of(folder, "notification")
    assert len(leaves) >= 6
    for page in (leaves[1], leaves[-2]):
        garble(folder, page * PAGE, PAGE)
    use_until_it_is_well(store)
    assert ROWS * (1 - 3.5 / len(leaves)) <= contents(store)["notification"] < ROWS
    assert contents(store)["job"] == ROWS


def pages_of(folder: Path, table: str) -> list[int]:
    """Numbers, from 0, of the leaf pages with the rows of the table, in the order of the file."""
    content = database_file(folder).read_bytes()
    with closing(raw(folder)) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    start = (root - 1) * PAGE
    assert content[start] == 5, "an interior page of a table"
    cells = int.from_bytes(content[start + 3 : start + 5], "big")
    children = []
    for cell in range(cells):
        pointer = int.from_bytes(content[start + 12 + 2 * cell : start + 14 + 2 * cell], "big")
        children.append(int.from_bytes(content[start + pointer : start + pointer + 4], "big") - 1)
    return [*children, int.from_bytes(content[start + 8 : start + 12], "big") - 1]


@pytest.mark.parametrize("share", [0.9, 0.5, 0.1])
def test_of_a_truncated_file_the_part_that_is_there_is_read(folder: Path, store: Database, share: float) -> None:
    size = database_file(folder).stat().st_size
    with database_file(folder).open("r+b") as file:
        file.truncate(int(size * share) // 512 * 512)
    use_until_it_is_well(store)
    assert len(set_aside(folder)) == 1
    if share > 0.5:
        assert sum(contents(store).values()) > 2 * ROWS


@pytest.mark.parametrize("content", [b"x" * 600, b"garbage" * 10_000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_of_what_was_never_a_database_nothing_is_read_and_the_store_works(tmp_path: Path, content: bytes) -> None:
    database_file(tmp_path).parent.mkdir()
    database_file(tmp_path).write_bytes(content)
    store = database(tmp_path)
    with store.write() as tx:
        join(tx)
    assert contents(store)["job"] == 1
    (name,) = set_aside(tmp_path)
    assert database_file(tmp_path).with_name(name).read_bytes() == content
    store.close()


def test_what_was_committed_but_is_only_in_the_log_is_read_too(folder: Path, store: Database) -> None:
    with store.write() as tx:
        join(tx, 42)
    copy = folder / "crashed"
    # A copy of all files of a store in use is what a crash leaves.
    shutil.copytree(folder / "store", copy / "store")
    garble(copy, 0, PAGE)
    crashed = database(copy)
    use_until_it_is_well(crashed)
    assert contents(crashed)["job"] == ROWS + 1
    crashed.close()


def test_a_notification_whose_text_is_not_what_was_received_is_left_out(
    folder: Path, store: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(raw(folder)) as file:
        file.execute("UPDATE notification SET body = replace(body, 'create', 'delete') WHERE id = 100")
        file.execute("UPDATE notification SET body = '{' WHERE id = 101")
    garble(folder, 0, 100)
    assert contents(store)["notification"] == ROWS - 2
    assert "incomplete=notification" in caplog.text


def test_a_row_that_cannot_be_read_is_damage_too(folder: Path, store: Database) -> None:
    with closing(raw(folder)) as file:
        file.execute("UPDATE notification SET body = '{' WHERE id = 101")
    with pytest.raises(StoreReplaced), store.read() as tx:
        inbox.waiting(tx, RIDES)
    with store.read() as tx:
        assert len(inbox.waiting(tx, RIDES, 1000)) == ROWS - 61


def test_damage_that_shows_in_the_middle_of_a_transaction_undoes_it_and_is_repaired(
    folder: Path, store: Database
) -> None:
    leaves = pages_of(folder, "activity")
    garble(folder, leaves[2] * PAGE, PAGE)
    with pytest.raises(StoreReplaced, match="has been replaced"), store.write() as tx:
        join(tx, 42)
        for activity_id in ACTIVITIES:
            ledger.find(tx, activity_id)
    with store.write() as tx:
        assert tx.execute("SELECT COUNT(*) FROM job WHERE activity_id = 42").fetchone()[0] == 0
        join(tx, 42)
    assert contents(store)["job"] == ROWS + 1


def test_a_repair_waits_for_transactions_that_are_open(folder: Path) -> None:
    first, second = database(folder), database(folder, patience=0.05)
    with first.read() as tx:
        assert job_counts(tx, RIDES)["pending"] == ROWS - 30
        garble(folder, 0, PAGE)
        with pytest.raises(StoreUnavailable, match="other processes still use it"), second.write():
            pass
    with second.write() as tx:
        assert job_counts(tx, RIDES)["pending"] == ROWS - 30
    assert contents(first) == EVERYTHING
    assert len(set_aside(folder)) == 1
    first.close()
    second.close()


def test_many_threads_that_meet_the_damage_repair_it_once(folder: Path, store: Database) -> None:
    garble(folder, 0, PAGE)
    begin = threading.Barrier(8)
    failures: list[BaseException] = []

    def add(number: int) -> None:
        begin.wait(patience(60))
        try:
            with store.write() as tx:
                join(tx, number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    ended(*threads)
    assert failures == []
    assert contents(store)["job"] == ROWS + 8
    assert len(set_aside(folder)) == 1


def test_a_repair_that_is_interrupted_anywhere_is_finished_by_the_next_process(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    steps = ("_move", "_sync_folder", "_carry_over", "_insert", "_remove", "_continue_ids_from", "_forget_oldest")
    originals: dict[str, Callable[..., object]] = {name: getattr(salvage, name) for name in steps}
    original_withdraw = Files.withdraw
    interrupted = 0
    for dies_at in range(1, 100):
        countdown = iter(range(dies_at - 1, -1, -1))

        def die(countdown: Iterator[int] = countdown) -> None:
            if next(countdown, -1) == 0:
                raise KeyboardInterrupt

        def dying(name: str, die: Callable[[], None] = die) -> Callable[..., object]:
            def step(*arguments: object) -> object:
                die()
                return originals[name](*arguments)

            return step

        def withdraw(files: Files, die: Callable[[], None] = die) -> None:
            die()
            original_withdraw(files)

        folder = tmp_path / str(dies_at)
        shutil.copytree(filled / "store", folder / "store")
        with database_file(folder).with_name("strava.db-wal").open("wb"):
            pass  # a log, so that there is something to be left behind
        garble(folder, 0, PAGE)
        store = database(folder)
        with monkeypatch.context() as patch:
            for name in steps:
                patch.setattr(salvage, name, dying(name))
            patch.setattr(Files, "withdraw", withdraw)
            try:
                contents(store)
                died = False
            except KeyboardInterrupt:
                died = True
        store.close()
        interrupted += died
        again = database(folder)
        assert contents(again) == EVERYTHING, dies_at
        again.close()
        assert set_aside(folder) == ["strava.db.damaged-20260601T060000Z"]
        left = {path.name for path in (folder / "store").iterdir() if "damaged" not in path.name}
        assert left == {"strava.db", "store.lock"}, dies_at
        shutil.rmtree(folder)
        if not died:
            break
    assert interrupted > 15


def test_a_repair_for_which_there_is_no_room_is_done_later(
    folder: Path, store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    garble(folder, 0, PAGE)

    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", no_room)
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="no room"), store.write():
                pass
    assert contents(store) == EVERYTHING
    assert len(set_aside(folder)) == 1


def test_only_the_newest_five_damaged_files_are_kept(tmp_path: Path) -> None:
    store = database(tmp_path)
    for _ in range(7):
        contents(store)
        store._idle.pop().close()
        garble(tmp_path, 0, PAGE)
        contents(store)
    names = set_aside(tmp_path)
    assert names == [f"strava.db.damaged-20260601T060000Z-{number}" for number in range(3, 8)]
    store.close()


@pytest.mark.parametrize("message", ["disk I/O error", "database is locked", "malformed JSON"])
def test_nothing_but_damage_sets_the_file_aside(folder: Path, store: Database, message: str) -> None:
    with pytest.raises(StoreUnavailable), store.write():
        raise sqlite3.OperationalError(message)
    assert contents(store) == EVERYTHING
    assert set_aside(folder) == []
