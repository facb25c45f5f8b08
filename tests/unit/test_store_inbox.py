"""The inbox: what is stored once, what comes again, in which order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from strava_collector.store import inbox
from strava_collector.store.database import Transaction
from strava_collector.store.inbox import REMEMBERED, State
from strava_collector.webhook import Receipt
from tests.support.store import RIDES, database, notification, query_plans

DAY = 86_400.0


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Transaction]:
    store = database(tmp_path)
    with store.write() as tx:
        yield tx
    store.close()


def add(tx: Transaction, object_id: int = 1, *, at: float = 1000.0, **fields: object) -> Receipt:
    return inbox.add(tx, input=RIDES, notification=notification(object_id, **fields), received_at=at)


def test_a_notification_waits_with_all_that_was_received(tx: Transaction) -> None:
    assert add(tx, 2**53 + 1, surprise=[1, {"ä": None}]) is Receipt.ACCEPTED
    (stored,) = inbox.waiting(tx, RIDES)
    assert stored.notification == notification(2**53 + 1, surprise=[1, {"ä": None}])
    assert (stored.state, stored.recorded, stored.deliveries, stored.again) == (
        State.PENDING,
        False,
        1,
        False,
    )
    assert (stored.input, stored.received_at) == (RIDES, 1000.0)


def test_notifications_wait_in_the_order_of_their_arrival_whatever_the_clock_says(tx: Transaction) -> None:
    for object_id, at in ((3, 1000.0), (1, 500.0), (2, 2000.0)):
        add(tx, object_id, at=at)
    assert [stored.notification.object_id for stored in inbox.waiting(tx, RIDES)] == [3, 1, 2]
    assert [stored.notification.object_id for stored in inbox.waiting(tx, RIDES, limit=2)] == [3, 1]


@pytest.mark.parametrize("state", [State.PENDING, State.DISPATCHING, State.HELD])
def test_a_redelivery_of_what_still_waits_is_counted_and_changes_nothing_else(tx: Transaction, state: State) -> None:
    add(tx)
    inbox.mark(tx, [1], state, now=1000.0)
    assert add(tx, at=1010.0) is Receipt.DUPLICATE
    assert inbox.counts(tx, RIDES)[state.value] == 1
    row = tx.execute("SELECT received_at, deliveries, again FROM notification").fetchone()
    assert tuple(row) == (1000.0, 2, 0)


def test_a_redelivery_of_a_dispatched_one_waits_again_and_stays_recorded(tx: Transaction) -> None:
    add(tx)
    inbox.mark(tx, [1], State.DISPATCHED, recorded=True, now=1001.0)
    assert inbox.waiting(tx, RIDES) == []
    assert add(tx, at=1010.0) is Receipt.DUPLICATE
    (stored,) = inbox.waiting(tx, RIDES)
    assert (stored.state, stored.recorded, stored.deliveries, stored.again) == (State.PENDING, True, 2, True)
    assert stored.received_at == 1000.0

    inbox.mark(tx, [1], State.DISPATCHED, now=1011.0)
    add(tx, at=1020.0)
    assert inbox.waiting(tx, RIDES)[0].deliveries == 3


def test_keys_in_another_order_make_no_other_notification(tx: Transaction) -> None:
    add(tx, updates={"title": "Messy", "type": "Bike"})
    assert add(tx, updates={"type": "Bike", "title": "Messy"}) is Receipt.DUPLICATE


@pytest.mark.parametrize(("later", "receipt"), [(REMEMBERED, Receipt.DUPLICATE), (REMEMBERED + 1, Receipt.ACCEPTED)])
def test_a_redelivery_is_recognised_for_seven_days(tx: Transaction, later: float, receipt: Receipt) -> None:
    add(tx, at=1000.0)
    add(tx, 2, at=1000.0)
    inbox.mark(tx, [1, 2], State.DISPATCHED, recorded=True, now=1001.0)
    assert add(tx, at=1000.0 + later) is receipt
    (stored,) = inbox.waiting(tx, RIDES)
    assert stored.recorded is (receipt is Receipt.DUPLICATE)
    assert stored.deliveries == (2 if receipt is Receipt.DUPLICATE else 1)


def test_a_clock_set_back_makes_no_duplicate_new(tx: Transaction) -> None:
    add(tx, at=1000.0 + 30 * DAY)
    inbox.mark(tx, [1], State.DISPATCHED, now=1001.0)
    assert add(tx, at=1000.0) is Receipt.DUPLICATE


def test_the_same_notification_at_two_inputs_belongs_to_both(tx: Transaction) -> None:
    add(tx)
    receipt = inbox.add(tx, input="other", notification=notification(), received_at=1000.0)
    assert receipt is Receipt.ACCEPTED
    assert len(inbox.waiting(tx, RIDES)) == len(inbox.waiting(tx, "other")) == 1


def test_what_was_interrupted_while_dispatching_comes_again(tx: Transaction) -> None:
    add(tx)
    inbox.mark(tx, [1], State.DISPATCHING, now=1001.0)
    assert [stored.state for stored in inbox.waiting(tx, RIDES)] == [State.DISPATCHING]


def test_held_notifications_wait_for_their_athlete_only(tx: Transaction) -> None:
    add(tx, 1, owner_id=10)
    add(tx, 2, owner_id=20)
    add(tx, 3, owner_id=30)
    inbox.mark(tx, [1, 2, 3], State.HELD, recorded=True, now=1001.0)
    assert inbox.waiting(tx, RIDES) == []
    assert inbox.release_held(tx, "other", [10, 20]) == 0
    assert inbox.release_held(tx, RIDES, []) == 0
    assert inbox.release_held(tx, RIDES, {10, 20}) == 2
    assert [stored.notification.owner_id for stored in inbox.waiting(tx, RIDES)] == [10, 20]
    assert all(stored.recorded for stored in inbox.waiting(tx, RIDES))


def test_only_what_was_dispatched_or_held_before_a_time_is_pruned_and_no_more_than_the_limit(tx: Transaction) -> None:
    for object_id in range(1, 8):
        add(tx, object_id, at=0.0)
    inbox.mark(tx, [1, 2, 3], State.DISPATCHED, now=10.0)
    inbox.mark(tx, [4], State.DISPATCHED, now=20.0)
    inbox.mark(tx, [5], State.HELD, now=10.0)
    inbox.mark(tx, [6], State.DISPATCHING, now=10.0)
    assert inbox.prune(tx, before=20.0, limit=2) == 3  # two dispatched, one held
    assert inbox.prune(tx, before=20.0, limit=2) == 1
    assert inbox.prune(tx, before=20.0, limit=2) == 0
    assert inbox.counts(tx, RIDES) == {"pending": 1, "dispatching": 1, "dispatched": 1, "held": 0}


def test_every_query_finds_its_rows_by_an_index_without_sorting(tx: Transaction) -> None:
    def use_all() -> None:
        add(tx)
        inbox.mark(tx, [1], State.DISPATCHED, now=1.0)
        add(tx)
        inbox.waiting(tx, RIDES)
        inbox.release_held(tx, RIDES, [1])
        inbox.prune(tx, before=1.0)
        inbox.counts(tx, RIDES)

    plans = query_plans(tx, use_all)
    assert len(plans) >= 7
    for query, plan in plans.items():
        assert "SCAN" not in plan, query
        assert "TEMP B-TREE" not in plan, query
