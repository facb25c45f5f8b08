"""What inputs leave in the store for the set-up check: notes of challenges, signs of life."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sandbox.patience import patience
from strava_collector.errors import AnotherProcess
from strava_collector.heartbeat import EVERY
from strava_collector.pulse import Pulse
from strava_collector.store import challenges, heartbeats
from strava_collector.store.database import Database
from strava_collector.store.group_commit import GroupCommit
from strava_collector.store.heartbeats import Heartbeat
from strava_collector.store.process_lock import input_lock, is_at_work
from strava_collector.webhook import Receipt
from tests.support.clock import START, VirtualClock
from tests.support.store import RIDES, database, database_file, notification
from tests.support.waiting import until


def digest(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    with closing(database(tmp_path)) as store:
        yield store


def noted(store: Database) -> int:
    with store.read() as tx:
        return int(tx.execute("SELECT COUNT(*) FROM challenge").fetchone()[0])


def test_a_note_tells_whose_listener_answered(store: Database) -> None:
    with store.write() as tx:
        challenges.note(tx, input="a", digests=[digest(1)], now=START)
        assert challenges.noted_by(tx, digest(1)) == "a"
        assert challenges.noted_by(tx, digest(2)) is None


def test_notes_make_room_for_themselves(store: Database) -> None:
    with store.write() as tx:
        challenges.note(tx, input="other", digests=[digest(0)], now=START)
        for number in range(1, 3 * challenges.MOST):
            challenges.note(tx, input="a", digests=[digest(number)], now=START + number)
        assert challenges.noted_by(tx, digest(3 * challenges.MOST - 1)) == "a"
        assert challenges.noted_by(tx, digest(1)) is None
    assert noted(store) == challenges.MOST + 1


@pytest.mark.parametrize("hours", [-30, 30])
def test_old_notes_go_whatever_the_clock_does(store: Database, hours: int) -> None:
    with store.write() as tx:
        challenges.note(tx, input="a", digests=[digest(1)], now=START)
        challenges.note(tx, input="a", digests=[digest(2)], now=START + hours * 3600)
        assert challenges.noted_by(tx, digest(1)) is None
        challenges.prune(tx, before=START + 40 * 3600)
    assert noted(store) == 0


@pytest.fixture
def committer(store: Database) -> Iterator[GroupCommit]:
    committer = GroupCommit(store, input=RIDES, clock=VirtualClock(), committed=lambda: None)
    yield committer
    committer.stop(patience(60))


def test_the_committer_notes_a_challenge(store: Database, committer: GroupCommit) -> None:
    committer.note(digest(1))
    committer.start()
    until(lambda: noted(store) == 1)


def test_a_note_waits_until_the_store_can_be_written_to(
    tmp_path: Path, store: Database, committer: GroupCommit, caplog: pytest.LogCaptureFixture
) -> None:
    assert noted(store) == 0  # the file is made
    with caplog.at_level(logging.DEBUG, "strava_collector"), closing(sqlite3.connect(database_file(tmp_path))) as other:
        other.execute("BEGIN IMMEDIATE")
        committer.start()
        committer.note(digest(1))
        until(lambda: "challenge_not_noted" in caplog.text)
        other.execute("ROLLBACK")
    until(lambda: noted(store) == 1)


def test_notifications_get_their_receipt_while_notes_cannot_be_written(
    store: Database, committer: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object, **more: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(challenges, "note", broken)
    committer.start()
    given: list[object] = []
    for number in range(5):
        committer.note(digest(number))
        committer.submit(notification(number), given.append)
    until(lambda: len(given) == 5)
    assert set(given) == {Receipt.ACCEPTED}
    assert committer.failure is None


def test_a_committer_that_stops_does_not_wait_for_notes(
    tmp_path: Path, store: Database, committer: GroupCommit
) -> None:
    assert noted(store) == 0
    with closing(sqlite3.connect(database_file(tmp_path))) as other:
        other.execute("BEGIN IMMEDIATE")
        committer.start()
        for number in range(100):
            committer.note(digest(number))
        committer.stop(patience(60))  # the notes last for ever, on a clock that stands still
        assert not committer._thread.is_alive()
        other.execute("ROLLBACK")


def test_signs_of_life_are_left_each_minute_and_when_something_changes(store: Database) -> None:
    clock = VirtualClock()
    pulse = Pulse(store, clock, input="a")

    def left() -> dict[str, Heartbeat]:
        with store.read() as tx:
            return dict(heartbeats.of_input(tx, "a"))

    pulse.beat({"listener": "", "worker": ""})
    first = left()
    assert first == {"listener": Heartbeat(clock.now()), "worker": Heartbeat(clock.now())}
    clock.advance(EVERY / 2)
    pulse.beat({"listener": "", "worker": ""})
    assert left() == first
    pulse.beat({"listener": "The port is taken.", "worker": ""})
    assert left()["listener"] == Heartbeat(clock.now(), "The port is taken.")
    clock.advance(EVERY)
    pulse.beat({"listener": "The port is taken.", "worker": ""})
    assert left()["worker"].at == clock.now()
    with store.write() as tx:
        heartbeats.prune(tx, before=clock.now() + 1)
    assert left() == {}


def test_a_store_that_is_locked_costs_a_sign_of_life_and_nothing_else(tmp_path: Path, store: Database) -> None:
    assert noted(store) == 0
    clock = VirtualClock()
    with closing(database(tmp_path, patience=0.05)) as hasty:
        pulse = Pulse(hasty, clock, input="a")
        with closing(sqlite3.connect(database_file(tmp_path))) as other:
            other.execute("BEGIN IMMEDIATE")
            pulse.beat({"listener": ""})
            other.execute("ROLLBACK")
        pulse.beat({"listener": ""})  # not at once: others wait for the store as well
        with store.read() as tx:
            assert heartbeats.of_input(tx, "a") == {}
        clock.advance(15)
        pulse.beat({"listener": ""})
    with store.read() as tx:
        assert heartbeats.of_input(tx, "a") != {}


def test_whether_a_process_works_is_seen_by_its_lock(tmp_path: Path) -> None:
    assert not is_at_work(tmp_path, "home")
    assert list(tmp_path.iterdir()) == []
    with input_lock(tmp_path, "home"):
        assert is_at_work(tmp_path, "home")
    assert not is_at_work(tmp_path, "home")
    lock = input_lock(tmp_path, "home")
    try:
        lock.acquire()
    except AnotherProcess:
        pytest.fail("a look must not keep the lock")
    lock.release()
