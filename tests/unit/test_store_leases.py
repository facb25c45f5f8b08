"""Leases by name."""

from __future__ import annotations

from strava_collector.store import leases
from strava_collector.store.database import Transaction


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
