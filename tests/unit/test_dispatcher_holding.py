"""Notifications of unknown athletes and of foreign subscriptions: held, released, and dropped beyond the caps."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from strava_collector.dispatcher import TOGETHER, TOLD_EVERY
from strava_collector.notification_effects import MOST_HELD, MOST_HELD_PER_ATHLETE
from strava_collector.store import athletes as athletes_store
from strava_collector.store import inbox, subscriptions
from tests.support.collecting import ANNA, BEN, INPUT, STRANGER
from tests.support.dispatching import OURS, Dispatching
from tests.support.store import notification

FOREIGN = OURS + 1


@pytest.fixture
def d(tmp_path: Path) -> Iterator[Dispatching]:
    dispatching = Dispatching(tmp_path / "store")
    yield dispatching
    dispatching.close()


def fill(d: Dispatching, number: int, *, owners: int = 1, subscription: int = OURS, reason: str) -> None:
    """Hold so many notifications of so many strangers."""
    with d.database.write() as tx:
        for one in range(number):
            arrived = notification(
                one, owner_id=STRANGER + one % owners, subscription_id=subscription, aspect_type="update"
            )
            inbox.add(tx, input=INPUT.name, notification=arrived, received_at=d.clock.now())
        tx.execute("UPDATE notification SET state = 'dispatching', recorded = 1")
        tx.execute("UPDATE notification SET state = 'held', reason = ?", (reason,))


# Unknown athletes.


def test_a_strangers_activity_is_recorded_and_held_and_somebody_is_told(d: Dispatching) -> None:
    d.receive("create", owner=STRANGER)
    d.dispatch()
    assert len(d.index.notifications) == 1
    assert (d.live_jobs(), d.states(), d.reasons()) == ([], {"held": 1}, ["unknown athlete"])
    assert (d.strangers, d.foreigners) == (1, 0)
    assert d.counted() == {"held_unknown_athlete": 1}


def test_it_is_fetched_when_the_athlete_connects_and_recorded_only_once(d: Dispatching) -> None:
    d.receive("create", owner=STRANGER)
    d.dispatch()
    d.connect(ANNA, STRANGER)
    d.dispatch()
    assert d.live_jobs() == [(1, STRANGER)]
    assert (len(d.index.notifications), d.states()) == (1, {"dispatched": 1})


def test_an_athlete_of_another_application_is_a_stranger_here(d: Dispatching) -> None:
    assert d.settings is not None
    d.connect(ANNA, STRANGER)
    athletes = dict(d.settings.athletes)
    athletes[STRANGER] = type(athletes[STRANGER])("other", STRANGER, "Another application")
    d.settings = type(d.settings)(applications=d.settings.applications, athletes=athletes)
    d.receive("create", owner=STRANGER)
    d.dispatch()
    assert d.states() == {"held": 1}


def deauthorize(d: Dispatching, connected_at: str = "") -> None:
    with d.database.write() as tx:
        athletes_store.mark_deauthorized(
            tx, athlete_id=ANNA, reason="Withdrawn.", connected_at=connected_at, now=d.clock.now()
        )


def test_an_athlete_who_withdrew_the_permission_is_a_stranger(d: Dispatching) -> None:
    deauthorize(d)
    d.collect(1)
    d.receive("delete", 1)
    d.receive("update", ANNA, object_type="athlete", updates={"authorized": "false"})
    d.dispatch()
    assert d.index.activities == []
    assert d.states() == {"held": 1, "dispatched": 1}
    assert d.counted() == {"held_unknown_athlete": 1, "recorded_only": 1}
    with d.database.write() as tx:
        athletes_store.clear(tx, ANNA)
    d.dispatch()
    assert d.live_jobs() == [(1, ANNA)]


def test_an_athlete_who_has_connected_again_since_is_known(d: Dispatching) -> None:
    deauthorize(d, connected_at="an earlier consent")
    d.receive("create", 1)
    d.dispatch()
    assert d.live_jobs() == [(1, ANNA)]


def test_one_who_needs_to_reconnect_is_known(d: Dispatching) -> None:
    with d.database.write() as tx:
        athletes_store.mark_reconnect(
            tx, athlete_id=ANNA, reason="Refused.", connected_at="", now=d.clock.now(), probe_after=900.0
        )
    d.receive("create", 1)
    d.dispatch()
    assert d.live_jobs() == [(1, ANNA)]


def test_no_more_is_held_of_one_athlete_than_the_cap(d: Dispatching, caplog: pytest.LogCaptureFixture) -> None:
    fill(d, MOST_HELD_PER_ATHLETE - 1, reason="unknown athlete")
    for number in range(1, 5):
        d.receive("create", 100_000 + number, owner=STRANGER)
    d.receive("create", 5, owner=STRANGER + 1)
    assert d.dispatch() == 5
    assert sorted(event["object_id"] for event in d.index.notifications) == [5, 100_001]
    assert d.states() == {"held": MOST_HELD_PER_ATHLETE + 1}
    assert d.counted() == {"held_unknown_athlete": 2, "dropped_over_cap": 3}
    (warning,) = [record.getMessage() for record in caplog.records if "action=dropped" in record.getMessage()]
    assert "notifications=3" in warning
    assert d.live_jobs() == []


def test_no_more_is_held_of_all_athletes_together_than_the_cap(d: Dispatching) -> None:
    fill(d, MOST_HELD - 1, owners=100, reason="unknown athlete")
    for number in range(1, 4):
        d.receive("create", number + 100_000, owner=STRANGER + 1_000 + number)
    d.dispatch()
    assert [event["object_id"] for event in d.index.notifications] == [100_001]
    assert d.states() == {"held": MOST_HELD}
    assert d.counted() == {"held_unknown_athlete": 1, "dropped_over_cap": 2}


def test_strangers_who_fill_the_cap_take_nothing_from_athletes_who_are_connected(d: Dispatching) -> None:
    fill(d, MOST_HELD, owners=100, reason="unknown athlete")
    d.receive("create", 1, owner=ANNA)
    d.dispatch()
    assert d.live_jobs() == [(1, ANNA)]


def test_whoever_connects_gets_more_than_one_transaction_can_release(d: Dispatching) -> None:
    fill(d, 450, reason="unknown athlete")
    d.connect(ANNA, STRANGER)
    assert d.dispatch() == 450
    assert len(d.live_jobs()) == 450


def test_after_a_crash_what_was_to_be_held_is_fetched_if_the_athlete_has_connected_meanwhile(d: Dispatching) -> None:
    d.receive("create", owner=STRANGER)
    d.index.closed = True
    with pytest.raises(Exception, match="splunkd closed"):
        d.dispatch()
    assert d.states() == {"dispatching": 1}
    d.index.closed = False
    d.connect(ANNA, STRANGER)
    d.begin()
    d.dispatch()
    assert d.live_jobs() == [(1, STRANGER)]
    assert len(d.index.notifications) == 1


def test_after_a_crash_what_was_to_be_held_is_held_without_being_counted_twice(d: Dispatching) -> None:
    d.receive("create", owner=STRANGER)
    d.index.closed = True
    with pytest.raises(Exception, match="splunkd closed"):
        d.dispatch()
    d.index.closed = False
    d.begin()
    d.dispatch()
    assert (d.states(), d.counted()) == ({"held": 1}, {"held_unknown_athlete": 1})


# Foreign subscriptions.


@pytest.mark.parametrize(
    ("aspect", "fields"),
    [
        ("create", {}),
        ("delete", {}),
        ("delete", {"owner": STRANGER}),
        ("update", {"activity": ANNA, "object_type": "athlete", "updates": {"authorized": "false"}}),
        ("create", {"object_type": "route"}),
    ],
)
def test_what_names_a_foreign_subscription_is_recorded_and_held_whatever_it_says(
    d: Dispatching, aspect: str, fields: dict[str, object]
) -> None:
    d.collect(1)
    d.receive(aspect, subscription_id=FOREIGN, **fields)  # type: ignore[arg-type]
    d.dispatch()
    assert d.index.activities == []
    assert len(d.index.notifications) == 1
    assert (d.states(), d.reasons()) == ({"held": 1}, ["foreign subscription"])
    assert (d.strangers, d.foreigners) == (0, 1)
    assert d.counted() == {"foreign_subscription_held": 1}


def test_as_long_as_no_subscription_is_known_each_is_foreign(tmp_path: Path) -> None:
    d = Dispatching(tmp_path / "store", adopted=False)
    d.receive("create", 1)
    d.dispatch()
    assert (d.reasons(), d.foreigners) == (["foreign subscription"], 1)
    d.adopt(OURS)
    d.dispatch()
    assert d.live_jobs() == [(1, ANNA)]
    assert len(d.index.notifications) == 1
    assert d.counted() == {"foreign_subscription_held": 1, "foreign_subscription_adopted": 1}
    d.close()


def test_only_what_names_the_adopted_subscription_is_released(d: Dispatching) -> None:
    d.receive("create", 1, subscription_id=FOREIGN)
    d.receive("create", 2, subscription_id=FOREIGN + 1)
    d.dispatch()
    d.adopt(FOREIGN)
    d.dispatch()
    assert d.live_jobs() == [(1, ANNA)]
    assert d.states() == {"dispatched": 1, "held": 1}


def test_what_the_subscription_before_had_announced_is_genuine_for_a_day_after_another_is_adopted(
    d: Dispatching,
) -> None:
    d.dispatch()
    d.adopt(FOREIGN)
    d.receive("create", 1)
    d.clock.advance(subscriptions.FORMER_COUNTS - 1)
    d.receive("create", 2)
    d.clock.advance(2)
    d.receive("create", 3)
    # What counts is when it arrived, not when it is dispatched: the input may have been stopped meanwhile.
    d.clock.advance(3 * 86_400.0)
    d.dispatch()
    assert d.live_jobs() == [(1, ANNA), (2, ANNA)]
    assert [reason for reason in d.reasons() if reason] == ["foreign subscription"]


def test_a_subscription_that_was_never_ours_is_foreign_also_when_another_one_is_replaced(d: Dispatching) -> None:
    d.dispatch()
    d.adopt(FOREIGN)
    d.receive("create", 1, subscription_id=FOREIGN + 1)
    d.dispatch()
    assert d.reasons() == ["foreign subscription"]


def test_what_is_released_is_held_again_if_its_athlete_is_unknown(d: Dispatching) -> None:
    d.receive("create", 1, owner=STRANGER, subscription_id=FOREIGN)
    d.dispatch()
    d.adopt(FOREIGN)
    d.dispatch()
    assert d.reasons() == ["unknown athlete"]
    d.connect(STRANGER)
    d.dispatch()
    assert d.live_jobs() == [(1, STRANGER)]
    assert len(d.index.notifications) == 1


def test_forged_subscriptions_have_a_cap_of_their_own(d: Dispatching) -> None:
    fill(d, MOST_HELD_PER_ATHLETE, subscription=FOREIGN, reason="foreign subscription")
    d.receive("create", 100_001, owner=STRANGER, subscription_id=FOREIGN)
    d.receive("create", 100_002, owner=STRANGER, subscription_id=OURS)
    d.receive("create", 100_003, owner=ANNA, subscription_id=FOREIGN)
    d.dispatch()
    assert sorted(event["object_id"] for event in d.index.notifications) == [100_002, 100_003]
    assert d.counted() == {"dropped_over_cap": 1, "held_unknown_athlete": 1, "foreign_subscription_held": 1}


def test_forged_subscriptions_in_many_names_are_held_up_to_the_cap_for_all(d: Dispatching) -> None:
    fill(d, MOST_HELD, owners=100, subscription=FOREIGN, reason="foreign subscription")
    d.receive("create", 100_001, owner=BEN, subscription_id=FOREIGN)
    d.receive("create", 100_002, owner=BEN)
    d.dispatch()
    assert d.live_jobs() == [(100_002, BEN)]
    assert d.counted() == {"dropped_over_cap": 1}
    assert d.foreigners == 1


def test_no_line_is_logged_for_each_one_that_is_dropped(d: Dispatching, caplog: pytest.LogCaptureFixture) -> None:
    fill(d, MOST_HELD_PER_ATHLETE, reason="unknown athlete")
    for number in range(400):
        d.receive("create", 100_000 + number, owner=STRANGER)
    caplog.set_level(logging.INFO)
    d.dispatch()
    (first,) = [record.getMessage() for record in caplog.records]
    assert f"notifications={TOGETHER} " in first

    d.clock.advance(TOLD_EVERY)
    d.receive("create", 200_000, owner=STRANGER)
    d.dispatch()
    (_, second) = [record.getMessage() for record in caplog.records]
    assert f"notifications={400 - TOGETHER + 1} " in second
    assert d.counted() == {"dropped_over_cap": 401}


def test_a_held_one_that_was_sent_again_after_the_fetch_may_be_news_and_is_looked_at(d: Dispatching) -> None:
    second = int(d.clock.now())
    d.receive("create", event_time=second, subscription_id=FOREIGN)
    d.receive("create", event_time=second)
    d.dispatch()
    d.fetch()
    d.clock.advance(0.01)
    # Of two notifications in one second, the third looks like a redelivery of the first.
    d.receive("create", event_time=second, subscription_id=FOREIGN)
    d.adopt(FOREIGN)
    d.dispatch()
    assert d.live_jobs() == [(1, ANNA)]
