"""Counters, and the subscription of each application."""

from __future__ import annotations

from strava_collector.store import counters, subscriptions
from strava_collector.store.counters import Counted
from strava_collector.store.database import Transaction
from tests.support.store import RIDES


def test_a_counter_that_nobody_raised_is_zero(tx: Transaction) -> None:
    assert counters.read(tx, RIDES) == {name.value: 0 for name in Counted}


def test_counters_add_up_for_each_input_alone(tx: Transaction) -> None:
    counters.count(tx, input=RIDES, name=Counted.MERGED)
    counters.count(tx, input=RIDES, name=Counted.MERGED, by=4)
    counters.count(tx, input="other", name=Counted.MERGED)
    counters.count(tx, input=RIDES, name=Counted.DROPPED)
    found = counters.read(tx, RIDES)
    assert (found["merged"], found["dropped_over_cap"]) == (5, 1)
    assert counters.read(tx, "other")["merged"] == 1


def test_several_are_counted_at_once_and_nothing_makes_no_row(tx: Transaction) -> None:
    counters.count_all(tx, input=RIDES, counted={Counted.RECEIVED: 3, Counted.REDELIVERED: 0})
    assert counters.read(tx, RIDES)["received"] == 3
    assert tx.execute("SELECT COUNT(*) FROM counter").fetchone()[0] == 1


def test_a_counter_of_an_earlier_release_is_still_shown(tx: Transaction) -> None:
    tx.execute("INSERT INTO counter (input, name, value) VALUES (?, 'of_old', 7)", (RIDES,))
    assert counters.read(tx, RIDES)["of_old"] == 7


def test_names_are_what_a_search_can_use_as_fields() -> None:
    assert all(name.value.replace("_", "").isalpha() and name.value.islower() for name in Counted)


def test_no_subscription_is_known_until_one_is_adopted(tx: Transaction) -> None:
    assert subscriptions.known(tx, "4711") is None
    assert subscriptions.adopt(tx, client_id="4711", subscription_id=5, now=10.0)
    assert subscriptions.known(tx, "4711") == 5
    assert subscriptions.known(tx, "4712") is None


def test_another_subscription_takes_the_place_of_the_first(tx: Transaction) -> None:
    subscriptions.adopt(tx, client_id="4711", subscription_id=5, now=10.0)
    assert not subscriptions.adopt(tx, client_id="4711", subscription_id=5, now=20.0)
    assert tx.execute("SELECT since FROM subscription").fetchone()[0] == 10.0
    assert subscriptions.adopt(tx, client_id="4711", subscription_id=6, now=30.0)
    assert [tuple(row) for row in tx.execute("SELECT * FROM subscription")] == [("4711", 6, 30.0)]
