"""The store's promises with several processes at once: nothing lost, nothing doubled, one repair."""

from __future__ import annotations

import multiprocessing
import os
import random
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from multiprocessing.context import SpawnContext
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from queue import Empty
from typing import Callable

import pytest

from sandbox.patience import patience
from strava_collector.allowance import Allowance
from strava_collector.errors import StoreUnavailable
from strava_collector.job import Outcome, Priority, Status
from strava_collector.settings import Advanced
from strava_collector.store import applications, crashed_jobs, inbox, leases, queue
from strava_collector.store.database import Database
from strava_collector.store.files import Files
from strava_collector.store.process_lock import FileLock
from strava_collector.transport import Answer
from strava_collector.webhook import Receipt
from tests.support.clock import VirtualClock
from tests.support.store import RIDES, database, database_file, job_counts, join, notification, raw
from tests.support.waiting import until

JOBS = 400
#: A process that fails to come to its end within this time, in seconds, is stuck.
STUCK = 60.0


@pytest.fixture
def spawn() -> Iterator[Callable[..., BaseProcess]]:
    """Starts a function of this module in a process of its own, which is ended with the test."""
    processes: list[BaseProcess] = []
    context = multiprocessing.get_context("spawn")

    def start(target: Callable[..., None], *arguments: object) -> BaseProcess:
        process = context.Process(target=target, args=arguments, daemon=True)
        process.start()
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.join()
        process.close()


@pytest.fixture
def context() -> SpawnContext:
    return multiprocessing.get_context("spawn")


def all_end_well(processes: list[BaseProcess]) -> None:
    for process in processes:
        process.join(patience(STUCK))
        assert process.exitcode == 0


def work(folder: Path) -> None:
    """Claim and finish until there is nothing left; say in the database what was done, in the same transaction."""
    store = database(folder, patience=STUCK)
    chance = random.Random()
    while True:
        with store.write() as tx:
            job = queue.claim(tx, input=RIDES, now=1000.0)
            unfinished = job_counts(tx, RIDES)["working"]
        if job is None:
            if unfinished == 0:
                break
            continue
        with store.write() as tx:
            if chance.random() < 0.2:
                assert queue.reschedule(tx, job, run_at=1000.0, counts=False, error=None, now=1000.0)
            else:
                assert queue.finish(tx, job, status=Status.DONE, outcome=Outcome.COLLECTED, error=None, now=1000.0)
                tx.execute("INSERT INTO finished VALUES (?)", (job.activity_id,))
    store.close()


def test_four_processes_share_a_queue_and_neither_lose_nor_double_a_job(
    tmp_path: Path, spawn: Callable[..., BaseProcess]
) -> None:
    store = database(tmp_path)
    with store.write() as tx:
        tx.execute("CREATE TABLE finished (activity_id INTEGER)")
        for activity_id in range(JOBS):
            join(tx, activity_id)
    all_end_well([spawn(work, tmp_path) for _ in range(4)])
    with store.read() as tx:
        assert job_counts(tx, RIDES) == {"pending": 0, "working": 0, "done": JOBS, "failed": 0}
        finished = [row[0] for row in tx.execute("SELECT activity_id FROM finished").fetchall()]
    store.close()
    assert sorted(finished) == list(range(JOBS))


#: Processes that are killed, in a row, and how many others are at work meanwhile.
KILLED, AT_WORK = 4, 3
#: Reads that Strava allows, and calls at once that the setting allows, for the application of this test.
LIMIT, AT_ONCE = 100, 3
ADVANCED = Advanced(concurrency=AT_ONCE, cooldown=0.0)
APP = "4711"


def fetch_as_strava_lets_us(folder: Path, input: str, stop: Event) -> None:
    """Claim, reserve, refresh now and then, call, finish: all that the store coordinates, without the calls.

    Strava is a table that counts calls and those under way, in transactions of their own, as it would.
    """
    store = database(folder, patience=STUCK)
    clock = VirtualClock()
    allowance, chance, holder = Allowance(clock), random.Random(), f"{input} {os.getpid()}"
    with store.write() as tx:
        crashed_jobs.take_over(tx, input=input, now=clock.now())
    while not stop.is_set():
        with store.write() as tx:
            permission = allowance.permission(tx, APP, ADVANCED)
            job = (
                queue.claim(tx, input=input, now=clock.now(), cooldown=0.0)
                if permission.allows(Priority.LIVE)
                else None
            )
            if job is not None:
                allowance.reserve(tx, APP, str(job.lease_id), background=False)
                most = applications.under_way(tx, APP).calls
                tx.execute("UPDATE seen SET most_reserved = MAX(most_reserved, ?)", (most,))
            left = job_counts(tx, input)
        if job is None:
            if left["pending"] == left["working"] == 0 or permission.why is not None:
                break
            continue
        if chance.random() < 0.3 and not refresh(store, holder, clock):
            with store.write() as tx:
                allowance.release(tx, str(job.lease_id))
                assert queue.reschedule(tx, job, run_at=clock.now(), counts=False, error=None, now=clock.now())
            continue
        with store.write() as tx:
            # Strava gets the call, and counts it.
            tx.execute("UPDATE seen SET calls = calls + 1")
            calls = tx.execute("SELECT calls FROM seen").fetchone()[0]
        answer = Answer(200, dict.fromkeys(USAGE, f"{calls},{calls}"), b"", 0.0)
        with store.write() as tx:
            allowance.answered(tx, APP, str(job.lease_id), answer, retry_after=None)
            assert queue.finish(tx, job, status=Status.DONE, outcome=Outcome.COLLECTED, error=None, now=clock.now())
            tx.execute("INSERT INTO finished VALUES (?)", (job.activity_id,))
    store.close()


USAGE = ("x-ratelimit-usage", "x-readratelimit-usage")


def refresh(store: Database, holder: str, clock: VirtualClock) -> bool:
    """Rotate the one token, under its lease; False if somebody else is at it."""
    with store.write() as tx:
        if not leases.acquire(tx, name="tokens:1", holder=holder, now=clock.now(), seconds=60.0):
            return False
        (token,) = tx.execute("SELECT token FROM seen").fetchone()
    with store.write() as tx:
        # Strava gives a new one for the present one only.
        changed = tx.execute("UPDATE seen SET token = token + 1, refreshes = refreshes + 1 WHERE token = ?", (token,))
        assert changed.rowcount == 1, "a refresh token was used that is dead"
        leases.release(tx, name="tokens:1", holder=holder)
    return True


@pytest.mark.parametrize("jobs", [LIMIT - 20, LIMIT + 50], ids=["within the limit", "beyond the limit"])
def test_processes_that_are_killed_lose_no_job_and_no_limit(
    tmp_path: Path, spawn: Callable[..., BaseProcess], context: SpawnContext, jobs: int
) -> None:
    store = database(tmp_path)
    with store.write() as tx:
        tx.execute("CREATE TABLE finished (activity_id INTEGER)")
        tx.execute("CREATE TABLE seen (calls INTEGER, most_reserved INTEGER, token INTEGER, refreshes INTEGER)")
        tx.execute("INSERT INTO seen VALUES (0, 0, 0, 0)")
        for activity_id in range(jobs):
            join(tx, activity_id, input=f"input {activity_id % (AT_WORK + 1)}")
    stop = context.Event()
    at_work = [spawn(fetch_as_strava_lets_us, tmp_path, f"input {number}", stop) for number in range(AT_WORK)]
    doomed_input = f"input {AT_WORK}"
    for _ in range(KILLED):
        doomed = spawn(fetch_as_strava_lets_us, tmp_path, doomed_input, stop)
        before = _finished(store)
        while _finished(store) < before + 3 and doomed.is_alive() and any(one.is_alive() for one in at_work):
            pass
        doomed.kill()
        doomed.join()
    at_work.append(spawn(fetch_as_strava_lets_us, tmp_path, doomed_input, stop))
    all_end_well(at_work)

    with store.write() as tx:
        calls, most_reserved, _, refreshes = tx.execute("SELECT * FROM seen").fetchone()
        finished = [row[0] for row in tx.execute("SELECT activity_id FROM finished").fetchall()]
        counts = [job_counts(tx, f"input {number}") for number in range(AT_WORK + 1)]
        quota = applications.quota(tx, APP)
        under_way = applications.under_way(tx, APP).calls
    store.close()
    assert most_reserved <= AT_ONCE
    assert calls <= LIMIT
    assert len(finished) == len(set(finished)), "a job was done twice"
    assert sum(count["done"] + count["pending"] + count["failed"] for count in counts) == jobs
    assert sum(count["done"] for count in counts) == len(finished)
    assert [count["working"] for count in counts] == [0] * (AT_WORK + 1)
    assert under_way == 0, "a reservation was left behind"
    assert refreshes > 0
    # What is believed to be used is what Strava has counted, and what killed processes may have used besides.
    assert calls <= quota.reads_quarter.used <= calls + KILLED
    if jobs < LIMIT:
        assert sum(count["pending"] for count in counts) == 0
    else:
        assert calls >= LIMIT - KILLED


def _finished(store: Database) -> int:
    with store.read() as tx:
        return int(tx.execute("SELECT COUNT(*) FROM finished").fetchone()[0])


def deliver(folder: Path, numbers: list[int], receipts: list[Receipt]) -> None:
    store = database(folder, patience=STUCK)
    for number in numbers:
        with store.write() as tx:
            arrived = inbox.add(tx, input=RIDES, notification=notification(number), received_at=1000.0)
            receipts.append(arrived.receipt)
    store.close()


def deliver_and_report(folder: Path, numbers: list[int], report: multiprocessing.Queue[list[Receipt]]) -> None:
    receipts: list[Receipt] = []
    deliver(folder, numbers, receipts)
    report.put(receipts)


def test_threads_and_processes_that_deliver_the_same_store_each_notification_once(
    tmp_path: Path, spawn: Callable[..., BaseProcess], context: SpawnContext
) -> None:
    numbers = list(range(100))
    receipts: list[Receipt] = []
    report: multiprocessing.Queue[list[Receipt]] = context.Queue()
    processes = [spawn(deliver_and_report, tmp_path, numbers, report) for _ in range(2)]
    threads = [threading.Thread(target=deliver, args=(tmp_path, numbers, receipts)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(STUCK)
    for _ in processes:
        receipts.extend(report.get(timeout=STUCK))
    all_end_well(processes)
    report.close()
    assert Counter(receipts) == {Receipt.ACCEPTED: 100, Receipt.DUPLICATE: 500}
    store = database(tmp_path)
    with store.read() as tx:
        waiting = inbox.waiting(tx, RIDES)
    store.close()
    assert sorted(stored.notification.object_id for stored in waiting) == numbers
    assert {stored.deliveries for stored in waiting} == {6}


def take_the_lease(folder: Path, holder: str, rounds: int) -> None:
    """Count up a number that a lease protects, in two transactions as with a network call between them."""
    store = database(folder, patience=STUCK)
    while rounds:
        with store.write() as tx:
            mine = leases.acquire(tx, name="token", holder=holder, now=1000.0, seconds=60.0)
            value = tx.execute("SELECT value FROM token").fetchone()[0]
        if not mine:
            continue
        with store.write() as tx:
            tx.execute("UPDATE token SET value = ?", (value + 1,))
            leases.release(tx, name="token", holder=holder)
        rounds -= 1
    store.close()


def test_a_lease_has_one_holder_at_a_time_across_processes(tmp_path: Path, spawn: Callable[..., BaseProcess]) -> None:
    store = database(tmp_path)
    with store.write() as tx:
        tx.execute("CREATE TABLE token (value INTEGER)")
        tx.execute("INSERT INTO token VALUES (0)")
    all_end_well([spawn(take_the_lease, tmp_path, f"process {number}", 40) for number in range(3)])
    with store.read() as tx:
        assert tx.execute("SELECT value FROM token").fetchone()[0] == 120
    store.close()


def test_processes_that_open_a_new_store_at_the_same_time_all_get_it(
    tmp_path: Path, spawn: Callable[..., BaseProcess]
) -> None:
    all_end_well([spawn(deliver, tmp_path, [number], []) for number in range(4)])
    store = database(tmp_path)
    with store.read() as tx:
        assert len(inbox.waiting(tx, RIDES)) == 4
    store.close()


def look(folder: Path) -> None:
    store = database(folder)
    with store.read() as tx:
        inbox.counts(tx, RIDES)
    store.close()


def test_a_second_store_in_a_process_leaves_the_first_ones_locks_alone(
    tmp_path: Path, spawn: Callable[..., BaseProcess]
) -> None:
    # Closing any file handle takes all of a process's POSIX locks on that file away. SQLite knows that; who opens
    # the file past SQLite makes the next process that closes it delete the log that is in use here.
    first, second = database(tmp_path), database(tmp_path)
    for store in (first, second):
        with store.write() as tx:
            join(tx)
    all_end_well([spawn(look, tmp_path)])
    assert database_file(tmp_path).with_name("strava.db-wal").exists()
    first.close()
    second.close()


def deliver_until_told(folder: Path, number: int, acknowledged: multiprocessing.Queue[int], enough: Event) -> None:
    """Deliver one notification after the other as Strava does: what was refused is sent again."""
    store = database(folder, patience=5.0)
    while not enough.is_set():
        try:
            with store.write() as tx:
                inbox.add(tx, input=RIDES, notification=notification(number), received_at=1000.0)
        except StoreUnavailable:
            continue
        acknowledged.put(number)
        number += 1
    store.close()


def set_aside(folder: Path) -> int:
    names = [path.name for path in (folder / "store").glob("*.damaged-*")]
    return len([name for name in names if not name.endswith(("-wal", "-shm"))])


def damage_until_noticed(folder: Path, page: int, repairs: int) -> None:
    """Damage a page, counted from the end if negative, until somebody has noticed and repaired it."""

    def noticed() -> bool:
        # Sharing the lock keeps repairs away meanwhile, not the other processes.
        lock = FileLock(Files(folder / "store").lock)
        try:
            if set_aside(folder) == repairs:
                return True
            if lock.try_shared() and not Files(folder / "store").marker.exists():
                with suppress(sqlite3.Error), closing(raw(folder)) as file:
                    file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                where = page if page >= 0 else database_file(folder).stat().st_size // 4096 + page
                with database_file(folder).open("r+b") as damaged:
                    damaged.seek(4096 * where)
                    damaged.write(b"\xa5" * 4096)
            return False
        finally:
            lock.close()

    until(noticed, STUCK)


@pytest.mark.parametrize("page", [0, -1], ids=["its header", "the page with the newest rows"])
def test_processes_that_use_a_store_while_it_is_damaged_go_on_with_a_new_one(
    tmp_path: Path, spawn: Callable[..., BaseProcess], context: SpawnContext, page: int
) -> None:
    acknowledged: multiprocessing.Queue[int] = context.Queue()
    enough = context.Event()
    processes = [spawn(deliver_until_told, tmp_path, 1_000_000 * number, acknowledged, enough) for number in (1, 2)]
    seen: set[int] = set()

    def hear(number: int) -> None:
        for _ in range(number):
            seen.add(acknowledged.get(timeout=STUCK))

    hear(50)
    for round_number in (1, 2, 3):
        damage_until_noticed(tmp_path, page, round_number)
        hear(30)
    enough.set()
    while any(process.is_alive() for process in processes) or not acknowledged.empty():
        with suppress(Empty):
            seen.add(acknowledged.get(timeout=0.05))
    all_end_well(processes)
    acknowledged.close()

    store = database(tmp_path)
    with store.read() as tx:
        stored = [one.notification.object_id for one in inbox.waiting(tx, RIDES, 1_000_000)]
        assert [row[0] for row in tx.execute("PRAGMA integrity_check").fetchall()] == ["ok"]
    store.close()
    assert len(stored) == len(set(stored))
    if page == 0:
        assert seen <= set(stored), "of what was acknowledged, nothing is lost"
    else:
        # A page holds about ten notifications, with their rows for the indexes not even that.
        assert len(seen - set(stored)) <= 3 * 40
    assert set_aside(tmp_path) == 3
