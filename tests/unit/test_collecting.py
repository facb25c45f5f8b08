"""From the inbox to the index: the whole of the worker and the dispatcher, in virtual time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from strava_collector.secret import Secret
from strava_collector.transport import Answer
from tests.support.collecting import (
    ANNA,
    BAD_TOKEN,
    BEN,
    NOT_FOUND,
    STRANGER,
    Collect,
    athletes,
    counts,
    renewal,
    ride,
)
from tests.support.scripted_transport import answer


def test_a_saved_ride_reaches_the_index_with_its_notification(collect: Collect) -> None:
    c = collect(ride(7, distance=40_000.5))
    c.receive("create", 7)
    c.run()
    (activity,) = c.index.activities
    assert (activity["id"], activity["distance"], activity["collected_by"]) == (7, 40_000.5, "webhook")
    assert [event["object_id"] for event in c.index.notifications] == [7]
    assert {event.source for event in c.index.events} == {"strava_webhook://club"}


def test_nothing_is_fetched_before_the_settle_time_is_over(collect: Collect) -> None:
    c = collect()
    c.receive()
    c.run(seconds=1.9)
    assert c.transport.requests == []


def test_a_burst_of_edits_becomes_one_fetch(collect: Collect) -> None:
    c = collect(ride(1, name="third"))
    for title in ("first", "second", "third"):
        c.receive("update", 1, updates={"title": title})
        c.dispatcher.dispatch()
        c.clock.advance(0.5)
    c.run()
    assert [event["name"] for event in c.index.activities] == ["third"]
    assert len(c.index.notifications) == 3


def test_a_delete_writes_a_tombstone_at_once_and_is_confirmed_later(collect: Collect) -> None:
    c = collect(ride(1), NOT_FOUND)
    c.receive("create", 1)
    c.run()
    c.receive("delete", 1)
    c.dispatcher.dispatch()
    tombstone = c.index.activities[-1]
    assert tombstone["deleted"] is True
    assert tombstone["start_date"] == c.index.activities[0]["start_date"]
    assert c.index.latest() == {}
    c.run()
    assert len(c.index.activities) == 2
    assert len(c.transport.requests) == 2


def test_a_forged_delete_is_found_out_and_the_ride_comes_back(collect: Collect) -> None:
    c = collect(ride(1), ride(1))
    c.receive("create", 1)
    c.run()
    c.receive("delete", 1)
    c.run()
    assert list(c.index.latest()) == [1]


def test_a_forged_owner_can_neither_delete_nor_displace_an_athletes_ride(collect: Collect) -> None:
    c = collect(ride(1))
    c.receive("create", 1)
    c.run()
    c.receive("delete", 1, owner=BEN)
    c.receive("update", 1, owner=BEN)
    for _ in range(3):
        c.run(seconds=700)
    assert list(c.index.latest()) == [1]
    assert len(c.transport.requests) == 1
    assert len(c.index.notifications) == 3


def test_a_forged_owner_who_comes_first_does_not_get_hold_of_the_true_ones_ride(collect: Collect) -> None:
    c = collect(ride(1), ride(1), *[NOT_FOUND] * 20)
    c.receive("create", 1, owner=BEN)
    c.run(seconds=0.5)
    c.receive("create", 1, owner=ANNA)
    for _ in range(8):
        c.run(seconds=3_601)
    assert c.index.latest()[1]["athlete"] == {"id": ANNA}
    assert not [event for event in c.index.activities if "deleted" in event]


def test_an_expired_token_is_renewed_and_saved_before_it_is_used(collect: Collect) -> None:
    c = collect(BAD_TOKEN, renewal(1), ride(1))
    c.receive("create", 1)
    c.run()
    assert list(c.index.latest()) == [1]
    assert c.tokens.tokens[ANNA].refresh_token.reveal() == "new-refresh-1"
    used = c.transport.requests[-1].headers["Authorization"]
    assert used == Secret("Bearer new-access-1")


@pytest.mark.parametrize(
    "wrong",
    [
        ride(2),
        answer([1]),
        answer(b"{"),
        answer({"id": 1, "athlete": {"id": ANNA}}),
        replace(ride(1), body=ride(1, distance=1).body.replace(b'"distance": 1', b'"distance": 1e999')),
    ],
)
def test_an_answer_that_is_not_the_activity_is_never_written(collect: Collect, wrong: Answer) -> None:
    c = collect(wrong, ride(1))
    c.receive("create", 1)
    c.run()
    assert c.index.activities == []
    c.run(seconds=31)
    assert list(c.index.latest()) == [1]


def test_a_strangers_activity_is_recorded_but_held_until_the_athlete_connects(collect: Collect) -> None:
    c = collect(ride(5, owner=STRANGER))
    c.receive("create", 5, owner=STRANGER)
    c.run()
    assert len(c.index.notifications) == 1
    assert c.transport.requests == []
    c.connect(*athletes(ANNA, BEN, STRANGER))
    c.tokens.tokens[STRANGER] = c.tokens.tokens[ANNA]
    c.run()
    assert list(c.index.latest()) == [5]
    assert len(c.index.notifications) == 1


def test_nothing_is_decided_before_the_settings_are_known(collect: Collect) -> None:
    c = collect(ride(1))
    known, c.settings = c.settings, None
    c.receive("create", 1)
    c.run()
    assert c.index.events == []
    c.settings = known
    c.run()
    assert list(c.index.latest()) == [1]


def test_an_athletes_own_index_takes_all_of_the_athletes_events(collect: Collect) -> None:
    c = collect(ride(1))
    (anna,) = athletes(ANNA)
    c.connect(replace(anna, index="anna"))
    c.receive("create", 1)
    c.run()
    assert {event.index for event in c.index.events} == {"anna"}


def test_other_notifications_are_recorded_without_a_fetch(collect: Collect) -> None:
    c = collect()
    c.receive("update", ANNA, object_type="athlete", updates={"weight": "70"})
    c.receive("archive", 1)
    c.run()
    assert len(c.index.notifications) == 2
    assert counts(c) == {}


def test_one_notification_that_cannot_be_written_holds_up_no_other(collect: Collect) -> None:
    c = collect(*[ride(number) for number in range(1, 6)])
    c.index.poison = '"object_id":3,'
    for number in range(1, 6):
        c.receive("create", number)
    c.run()
    for _ in range(5):
        c.run(seconds=15)
    assert sorted(event["object_id"] for event in c.index.notifications)[-2:] == [4, 5]
    assert set(c.index.latest()) == {1, 2, 3, 4, 5}


def test_a_key_of_strava_s_cannot_pose_as_a_tombstone(collect: Collect) -> None:
    c = collect(ride(1, deleted=True))
    c.receive("create", 1)
    c.run()
    assert c.index.latest()[1]["strava_deleted"] is True


def test_a_fault_of_ours_holds_up_neither_the_thread_nor_the_others(
    collect: Collect, caplog: pytest.LogCaptureFixture
) -> None:
    c = collect(ride(1), ride(2))
    c.index.poison = '"id":1,'
    c.receive("create", 1)
    c.clock.advance(0.1)
    c.receive("create", 2)
    c.run()
    assert list(c.index.latest()) == [2]
    assert "action=failed_unexpectedly" in caplog.text
    assert counts(c) == {"pending": 1, "done": 1}
