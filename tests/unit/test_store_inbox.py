"""The inbox: what is stored once, what comes again, in which order, and what is held."""

from __future__ import annotations

import pytest

from strava_collector.job import Kind, Priority, Reason
from strava_collector.notification_rules import Hold
from strava_collector.store import counters, inbox, queue
from strava_collector.store.database import Transaction
from strava_collector.store.inbox import REMEMBERED, Arrival, State, Stored
from strava_collector.store.sqlite import sqlite3
from strava_collector.webhook import Receipt
from tests.support.store import RIDES, notification

DAY = 86_400.0
UNKNOWN, FOREIGN = Hold.UNKNOWN_ATHLETE, Hold.FOREIGN_SUBSCRIPTION


def arrive(tx: Transaction, object_id: int = 1, *, at: float = 1000.0, input: str = RIDES, **fields: object) -> Arrival:
    return inbox.add(tx, input=input, notification=notification(object_id, **fields), received_at=at)


def add(tx: Transaction, object_id: int = 1, *, at: float = 1000.0, input: str = RIDES, **fields: object) -> Receipt:
    return arrive(tx, object_id, at=at, input=input, **fields).receipt


def dispatched(tx: Transaction, *ids: int, now: float = 1001.0) -> None:
    inbox.mark(tx, ids, State.DISPATCHING, now=now)
    inbox.mark(tx, ids, State.DISPATCHED, recorded=True, now=now)


def held(tx: Transaction, *ids: int, why: Hold = UNKNOWN, now: float = 1001.0) -> None:
    inbox.mark(tx, ids, State.DISPATCHING, now=now)
    inbox.mark(tx, ids, State.HELD, recorded=True, reason=why.value, now=now)


def ask_for(tx: Transaction, activity_id: int, *, trail: str, athlete_id: int = 134815) -> None:
    queue.join(
        tx,
        kind=Kind.ACTIVITY,
        activity_id=activity_id,
        athlete_id=athlete_id,
        input=RIDES,
        reason=Reason.WEBHOOK,
        priority=Priority.LIVE,
        force=False,
        due_at=1000.0,
        now=1000.0,
        trail=trail,
    )


def stored(tx: Transaction, notification_id: int) -> Stored:
    (found,) = [one for one in inbox.waiting(tx, RIDES) if one.id == notification_id]
    return found


def test_a_notification_waits_with_all_that_was_received(tx: Transaction) -> None:
    assert add(tx, 2**53 + 1, surprise=[1, {"ä": None}]) is Receipt.ACCEPTED
    (one,) = inbox.waiting(tx, RIDES)
    assert one.notification == notification(2**53 + 1, surprise=[1, {"ä": None}])
    assert (one.state, one.recorded, one.deliveries, one.again, one.replay) == (State.PENDING, False, 1, False, False)
    assert (one.input, one.received_at, one.updated_at) == (RIDES, 1000.0, 1000.0)


def test_notifications_wait_in_the_order_of_their_arrival_whatever_the_clock_says(tx: Transaction) -> None:
    for object_id, at in ((3, 1000.0), (1, 500.0), (2, 2000.0)):
        add(tx, object_id, at=at)
    assert [one.notification.object_id for one in inbox.waiting(tx, RIDES)] == [3, 1, 2]
    assert [one.notification.object_id for one in inbox.waiting(tx, RIDES, limit=2)] == [3, 1]


def test_one_can_be_had_alone_as_long_as_it_waits(tx: Transaction) -> None:
    first, second = arrive(tx, 1), arrive(tx, 2)
    (found,) = inbox.waiting_one(tx, second.notification_id)
    assert found.notification.object_id == 2
    dispatched(tx, first.notification_id)
    assert inbox.waiting_one(tx, first.notification_id) == []


@pytest.mark.parametrize("state", [State.PENDING, State.HELD, State.DEAD_LETTER])
def test_a_redelivery_of_what_still_waits_is_counted_and_changes_nothing_else(tx: Transaction, state: State) -> None:
    add(tx)
    if state is State.HELD:
        held(tx, 1)
    elif state is State.DEAD_LETTER:
        inbox.mark(tx, [1], state, reason="A fault.", now=1001.0)
    assert add(tx, at=1010.0) is Receipt.DUPLICATE
    assert inbox.counts(tx, RIDES)[state.value] == 1
    row = tx.execute("SELECT received_at, deliveries, again FROM notification").fetchone()
    assert tuple(row) == (1000.0, 2, 0)


def test_a_redelivery_of_a_dispatched_one_waits_again_and_stays_recorded(tx: Transaction) -> None:
    add(tx)
    dispatched(tx, 1)
    assert inbox.waiting(tx, RIDES) == []
    assert add(tx, at=1010.0) is Receipt.DUPLICATE
    one = stored(tx, 1)
    assert (one.state, one.recorded, one.deliveries, one.again) == (State.PENDING, True, 2, True)
    assert (one.received_at, one.updated_at) == (1000.0, 1010.0)

    dispatched(tx, 1, now=1011.0)
    assert inbox.waiting(tx, RIDES) == []
    add(tx, at=1020.0)
    assert stored(tx, 1).deliveries == 3


def test_a_redelivery_while_the_first_is_being_dispatched_is_looked_at_after_it(tx: Transaction) -> None:
    add(tx)
    inbox.mark(tx, [1], State.DISPATCHING, now=1001.0)
    assert add(tx, at=1002.0) is Receipt.DUPLICATE
    inbox.mark(tx, [1], State.DISPATCHED, recorded=True, now=1003.0)
    assert stored(tx, 1).again
    dispatched(tx, 1, now=1004.0)
    assert inbox.waiting(tx, RIDES) == []


def test_a_redelivery_of_one_whose_event_is_to_be_written_again_is_not_taken_for_that(tx: Transaction) -> None:
    add(tx)
    dispatched(tx, 1)
    tx.execute("UPDATE notification SET state = 'pending', replay = 1")
    assert not stored(tx, 1).again
    add(tx, at=1010.0)
    assert (stored(tx, 1).replay, stored(tx, 1).again) == (True, True)
    dispatched(tx, 1)
    assert tx.execute("SELECT replay FROM notification").fetchone()[0] == 0


def test_keys_in_another_order_make_no_other_notification(tx: Transaction) -> None:
    add(tx, updates={"title": "Messy", "type": "Bike"})
    assert add(tx, updates={"type": "Bike", "title": "Messy"}) is Receipt.DUPLICATE


@pytest.mark.parametrize(("later", "receipt"), [(REMEMBERED, Receipt.DUPLICATE), (REMEMBERED + 1, Receipt.ACCEPTED)])
def test_a_redelivery_is_recognised_for_seven_days(tx: Transaction, later: float, receipt: Receipt) -> None:
    add(tx, at=1000.0)
    add(tx, 2, at=1000.0)
    dispatched(tx, 1, 2)
    assert add(tx, at=1000.0 + later) is receipt
    (one,) = inbox.waiting(tx, RIDES)
    assert one.recorded is (receipt is Receipt.DUPLICATE)
    assert one.deliveries == (2 if receipt is Receipt.DUPLICATE else 1)


def test_a_clock_set_back_makes_no_duplicate_new(tx: Transaction) -> None:
    add(tx, at=1000.0 + 30 * DAY)
    dispatched(tx, 1)
    assert add(tx, at=1000.0) is Receipt.DUPLICATE


def test_the_same_notification_at_two_inputs_belongs_to_both(tx: Transaction) -> None:
    add(tx)
    assert add(tx, input="other") is Receipt.ACCEPTED
    assert len(inbox.waiting(tx, RIDES)) == len(inbox.waiting(tx, "other")) == 1


def test_what_was_interrupted_while_dispatching_comes_again(tx: Transaction) -> None:
    add(tx)
    inbox.mark(tx, [1], State.DISPATCHING, now=1001.0)
    assert [one.state for one in inbox.waiting(tx, RIDES)] == [State.DISPATCHING]


# The trail.


def test_a_trail_begins_with_the_notification_and_a_redelivery_follows_it(tx: Transaction) -> None:
    first = arrive(tx)
    assert first == Arrival(Receipt.ACCEPTED, 1, notification().digest[:12])
    dispatched(tx, 1)
    assert arrive(tx) == Arrival(Receipt.DUPLICATE, 1, first.trail)
    assert stored(tx, 1).trail == first.trail


def test_notifications_of_an_activity_that_wait_together_share_the_trail_of_the_first(tx: Transaction) -> None:
    first = arrive(tx, 1)
    assert arrive(tx, 1, aspect_type="update").trail == first.trail
    inbox.mark(tx, [1, 2], State.DISPATCHING, now=1001.0)
    assert arrive(tx, 1, aspect_type="delete").trail == first.trail


def test_a_notification_takes_the_trail_of_the_fetch_that_is_asked_for(tx: Transaction) -> None:
    ask_for(tx, 1, trail="ride")
    assert arrive(tx, 1).trail == "ride"
    assert queue.live_trail(tx, 1, 134815) == "ride"


def test_another_ones_trail_is_not_taken(tx: Transaction) -> None:
    arrive(tx, 1)
    ask_for(tx, 1, trail="ride", athlete_id=2)
    for other in (
        arrive(tx, 2),
        arrive(tx, 1, owner_id=3),
        arrive(tx, 1, object_type="athlete"),
        arrive(tx, 1, input="other", event_time=5),
    ):
        row = tx.execute("SELECT digest FROM notification WHERE id = ?", (other.notification_id,)).fetchone()
        assert other.trail == row["digest"][:12]


def test_a_finished_notification_lends_its_trail_to_nobody(tx: Transaction) -> None:
    first = arrive(tx, 1)
    dispatched(tx, 1)
    assert arrive(tx, 1, aspect_type="update").trail != first.trail


# The same second.


def test_another_notification_of_the_same_second_is_found(tx: Transaction) -> None:
    arrive(tx, 1, aspect_type="delete")
    assert not inbox.shares_its_second(tx, stored(tx, 1))
    arrive(tx, 1, event_time=5)
    arrive(tx, 1, owner_id=3)
    arrive(tx, 1, object_type="athlete")
    arrive(tx, 1, input="other")
    arrive(tx, 2)
    assert not inbox.shares_its_second(tx, stored(tx, 1))
    arrive(tx, 1, aspect_type="create")
    assert inbox.shares_its_second(tx, stored(tx, 1))


@pytest.mark.parametrize(("others", "shares"), [(49, False), (50, True)])
def test_where_there_are_too_many_to_look_through_the_answer_is_yes(tx: Transaction, others: int, shares: bool) -> None:
    arrive(tx, 1)
    for number in range(others):
        arrive(tx, 1, event_time=number)
    assert inbox.shares_its_second(tx, stored(tx, 1)) is shares


def test_one_that_cannot_be_read_any_more_may_have_been_of_the_same_second(tx: Transaction) -> None:
    arrive(tx, 1)
    arrive(tx, 1, event_time=5)
    dispatched(tx, 2)
    tx.execute("UPDATE notification SET body = 'lost' WHERE id = 2")
    assert inbox.shares_its_second(tx, stored(tx, 1))


# Held, and given up.


def test_held_notifications_wait_for_their_athlete_only(tx: Transaction) -> None:
    for object_id, owner in ((1, 10), (2, 20), (3, 30), (4, 10)):
        add(tx, object_id, owner_id=owner)
    held(tx, 1, 2, 3)
    held(tx, 4, why=FOREIGN)
    assert inbox.waiting(tx, RIDES) == []
    assert inbox.release_held(tx, "other", [10, 20], now=150.0) == 0
    assert inbox.release_held(tx, RIDES, [], now=150.0) == 0
    assert inbox.release_held(tx, RIDES, {10, 20}, now=150.0) == 2
    assert [one.notification.owner_id for one in inbox.waiting(tx, RIDES)] == [10, 20]
    assert all(one.recorded for one in inbox.waiting(tx, RIDES))


def test_held_notifications_wait_for_their_subscription_only(tx: Transaction) -> None:
    for object_id, subscription in ((1, 10), (2, 20), (3, 10)):
        add(tx, object_id, subscription_id=subscription)
    held(tx, 1, 2, why=FOREIGN)
    held(tx, 3)
    assert inbox.release_foreign(tx, RIDES, 30, now=150.0) == 0
    assert inbox.release_foreign(tx, "other", 10, now=150.0) == 0
    assert inbox.release_foreign(tx, RIDES, 10, now=150.0) == 1
    assert [one.id for one in inbox.waiting(tx, RIDES)] == [1]
    assert counters.read(tx, RIDES)["foreign_subscription_adopted"] == 1


def test_no_more_are_released_at_once_than_the_limit(tx: Transaction) -> None:
    for object_id in range(1, 7):
        add(tx, object_id, owner_id=object_id % 2)
    held(tx, *range(1, 7))
    assert inbox.release_held(tx, RIDES, [0, 1], now=150.0, limit=4) == 4
    assert inbox.release_held(tx, RIDES, [0, 1], now=150.0, limit=4) == 2
    held(tx, *range(1, 7), why=FOREIGN)
    assert inbox.release_foreign(tx, RIDES, 120475, now=150.0, limit=4) == 4
    assert inbox.release_foreign(tx, RIDES, 120475, now=150.0, limit=4) == 2


def test_held_ones_are_counted_by_reason_and_athlete_up_to_a_limit(tx: Transaction) -> None:
    for object_id in range(1, 6):
        add(tx, object_id, owner_id=10 if object_id < 4 else 20)
    held(tx, 1, 2, 4)
    held(tx, 5, why=FOREIGN)
    assert inbox.held_count(tx, input=RIDES, why=UNKNOWN, limit=10) == 3
    assert inbox.held_count(tx, input=RIDES, why=UNKNOWN, limit=2) == 2
    assert inbox.held_count(tx, input=RIDES, why=UNKNOWN, limit=10, athlete_id=10) == 2
    assert inbox.held_count(tx, input=RIDES, why=FOREIGN, limit=10, athlete_id=10) == 0
    assert inbox.held_count(tx, input="other", why=UNKNOWN, limit=10) == 0


def test_refused_ones_are_dead_letters_up_to_the_newest_that_was_asked_about(tx: Transaction) -> None:
    for object_id in range(1, 5):
        add(tx, object_id)
    held(tx, 1, 2, 4, why=FOREIGN)
    held(tx, 3)
    assert inbox.newest_foreign(tx, RIDES) == 4
    assert inbox.newest_foreign(tx, "other") is None
    assert inbox.refuse_foreign(tx, RIDES, up_to=3, keep=10, reason="Forged.", now=1002.0) == 2
    rows = tx.execute("SELECT id, reason FROM notification WHERE state = 'dead letter'").fetchall()
    assert [tuple(row) for row in rows] == [(1, "Forged."), (2, "Forged.")]
    assert inbox.counts(tx, RIDES) == {
        "pending": 0,
        "dispatching": 0,
        "dispatched": 0,
        "held": 2,
        "dead letter": 2,
    }


def test_no_more_dead_letters_are_made_of_refused_ones_than_are_to_be_kept(tx: Transaction) -> None:
    for object_id in range(1, 5):
        add(tx, object_id)
    inbox.mark(tx, [1], State.DEAD_LETTER, reason="A fault.", now=1001.0)
    held(tx, 2, 3, 4, why=FOREIGN)
    assert inbox.refuse_foreign(tx, RIDES, up_to=4, keep=2, reason="Forged.", now=1002.0) == 3
    assert [row["id"] for row in tx.execute("SELECT id FROM notification ORDER BY id")] == [1, 2]
    assert counters.read(tx, RIDES)["foreign_subscription_refused"] == 3


@pytest.mark.parametrize("state", [State.HELD, State.DEAD_LETTER])
def test_who_gives_up_a_notification_has_to_say_why(tx: Transaction, state: State) -> None:
    add(tx)
    inbox.mark(tx, [1], State.DISPATCHING, now=1001.0)
    with pytest.raises(sqlite3.IntegrityError):
        inbox.mark(tx, [1], state, now=1001.0)


def test_a_redelivery_does_not_prolong_how_long_one_is_held(tx: Transaction) -> None:
    add(tx, at=1000.0)
    held(tx, 1, now=1001.0)
    add(tx, at=5000.0)
    assert inbox.prune(tx, before=1002.0) == 1


def test_only_what_was_dispatched_or_held_before_a_time_is_pruned_and_no_more_than_the_limit(tx: Transaction) -> None:
    for object_id in range(1, 9):
        add(tx, object_id, at=0.0)
    dispatched(tx, 1, 2, 3, now=10.0)
    dispatched(tx, 4, now=20.0)
    held(tx, 5, now=10.0)
    inbox.mark(tx, [6], State.DISPATCHING, now=10.0)
    inbox.mark(tx, [8], State.DEAD_LETTER, reason="A fault.", now=10.0)
    assert inbox.prune(tx, before=20.0, limit=2) == 3  # two dispatched, one held
    assert inbox.prune(tx, before=20.0, limit=2) == 1
    assert inbox.prune(tx, before=20.0, limit=2) == 0
    assert inbox.counts(tx, RIDES) == {"pending": 1, "dispatching": 1, "dispatched": 1, "held": 0, "dead letter": 1}
    assert counters.read(tx, RIDES)["expired_while_held"] == 1
