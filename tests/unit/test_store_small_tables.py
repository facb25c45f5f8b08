"""Quota windows, leases by name, athletes' standing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from strava_collector.store import athletes, leases, windows
from strava_collector.store.athletes import AthleteState, Standing
from strava_collector.store.database import Transaction
from tests.support.store import database


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Transaction]:
    store = database(tmp_path)
    with store.write() as tx:
        yield tx
    store.close()


def test_an_applications_windows_are_what_was_saved_last(tx: Transaction) -> None:
    assert windows.load(tx, "12345") is None
    windows.save(tx, "12345", '{"read": 1}', 1.0)
    windows.save(tx, "12345", '{"read": 2}', 2.0)
    windows.save(tx, "67890", "{}", 2.0)
    assert windows.load(tx, "12345") == '{"read": 2}'
    assert windows.load(tx, "67890") == "{}"


def test_a_lease_belongs_to_one_holder_until_it_ends(tx: Transaction) -> None:
    assert leases.acquire(tx, name="token-1", holder="a", now=100.0, seconds=30.0)
    assert not leases.acquire(tx, name="token-1", holder="b", now=129.9, seconds=30.0)
    assert leases.acquire(tx, name="token-2", holder="b", now=129.9, seconds=30.0)
    assert leases.acquire(tx, name="token-1", holder="b", now=130.0, seconds=30.0)
    assert not leases.acquire(tx, name="token-1", holder="a", now=131.0, seconds=30.0)


def test_a_holder_may_prolong_its_lease(tx: Transaction) -> None:
    assert leases.acquire(tx, name="token", holder="a", now=100.0, seconds=30.0)
    assert leases.acquire(tx, name="token", holder="a", now=120.0, seconds=30.0)
    assert not leases.acquire(tx, name="token", holder="b", now=140.0, seconds=30.0)


def test_only_its_holder_gives_a_lease_back(tx: Transaction) -> None:
    leases.acquire(tx, name="token", holder="a", now=100.0, seconds=30.0)
    leases.release(tx, name="token", holder="b")
    assert not leases.acquire(tx, name="token", holder="b", now=101.0, seconds=30.0)
    leases.release(tx, name="token", holder="a")
    assert leases.acquire(tx, name="token", holder="b", now=101.0, seconds=30.0)


def test_a_lease_does_not_wait_for_a_clock_that_was_set_back(tx: Transaction) -> None:
    leases.acquire(tx, name="token", holder="a", now=10_000.0, seconds=30.0)
    assert not leases.acquire(tx, name="token", holder="b", now=6_400.0, seconds=30.0)
    assert not leases.acquire(tx, name="token", holder="b", now=6_429.0, seconds=30.0)
    assert leases.acquire(tx, name="token", holder="b", now=6_430.0, seconds=30.0)


def test_an_athlete_is_in_good_standing_until_marked_and_after_being_cleared(tx: Transaction) -> None:
    assert athletes.standing(tx, 7) is None
    athletes.mark(tx, athlete_id=7, state=AthleteState.RECONNECT, reason="Refused.", token_mark="ab12", now=1.0)
    assert athletes.standing(tx, 7) == Standing(7, AthleteState.RECONNECT, 1.0, "Refused.", "ab12")
    athletes.clear(tx, 7)
    athletes.clear(tx, 7)
    assert athletes.standing(tx, 7) is None


def test_since_when_stays_while_the_state_does(tx: Transaction) -> None:
    athletes.mark(tx, athlete_id=7, state=AthleteState.RECONNECT, reason="One.", now=1.0)
    athletes.mark(tx, athlete_id=7, state=AthleteState.RECONNECT, reason="Two.", now=2.0)
    assert athletes.standing(tx, 7) == Standing(7, AthleteState.RECONNECT, 1.0, "Two.", None)
    athletes.mark(tx, athlete_id=7, state=AthleteState.DEAUTHORIZED, reason="Three.", now=3.0)
    assert athletes.standing(tx, 7) == Standing(7, AthleteState.DEAUTHORIZED, 3.0, "Three.", None)
