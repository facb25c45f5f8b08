"""From the inbox to the index: the whole of the worker and the dispatcher, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from strava_collector.errors import TransportError, TransportFault
from strava_collector.secret import Secret
from strava_collector.store import queue
from strava_collector.transport import Answer
from strava_collector.writer import OutputClosed
from tests.support.collecting import ANNA, BEN, INPUT, STRANGER, Collecting, athletes, ride
from tests.support.scripted_transport import answer, refusal

NOT_FOUND = answer({"message": "Resource Not Found", "errors": []}, 404)
BAD_TOKEN = refusal("Athlete", "access_token", "invalid", 401)
BROKEN = answer(b"<html>", 503)


def renewal(number: int) -> Answer:
    return answer(
        {
            "token_type": "Bearer",
            "access_token": f"new-access-{number}",
            "refresh_token": f"new-refresh-{number}",
            "expires_at": 1_900_000_000,
            "expires_in": 21_600,
        }
    )


Collect = Callable[..., Collecting]


@pytest.fixture
def collect(tmp_path: Path) -> Iterator[Collect]:
    """Makes a Collecting with the answers that Strava is to give, and closes it."""
    made: list[Collecting] = []

    def factory(*script: Answer) -> Collecting:
        made.append(Collecting(tmp_path / "store", *script))
        return made[-1]

    yield factory
    for collecting in made:
        collecting.close()


def counts(collecting: Collecting) -> dict[str, int]:
    with collecting.database.read() as tx:
        return {status: number for status, number in queue.counts(tx, INPUT.name).items() if number}


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


def test_a_notification_during_the_fetch_makes_it_run_once_more(collect: Collect) -> None:
    c = collect(ride(1, name="old"), ride(1, name="new"))

    def interrupted() -> None:
        c.receive("update", 1, updates={"title": "new"})
        c.dispatcher.dispatch()

    c.during_call(1, interrupted)
    c.receive("create", 1)
    c.run()
    c.run()
    assert c.index.activities[-1]["name"] == "new"
    assert counts(c)["done"] == 1


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


def test_a_delete_during_the_fetch_is_not_overwritten_by_it(collect: Collect) -> None:
    c = collect(ride(1), ride(1, name="just fetched"), NOT_FOUND)
    c.receive("create", 1)
    c.run()

    def interrupted() -> None:
        c.receive("delete", 1)
        c.dispatcher.dispatch()

    c.during_call(2, interrupted)
    c.receive("update", 1)
    c.run()
    c.run()
    assert [event.get("deleted") for event in c.index.activities] == [None, True]


def test_a_delete_before_its_create_was_processed_ends_quietly(collect: Collect) -> None:
    c = collect(NOT_FOUND)
    c.receive("create", 1)
    c.clock.advance(1)
    c.receive("delete", 1)
    c.run()
    assert c.index.activities == []
    assert counts(c) == {"done": 1}


def test_hide_and_show_ends_with_the_ride_in_the_index(collect: Collect) -> None:
    c = collect(ride(1), NOT_FOUND, NOT_FOUND, ride(1))
    c.receive("create", 1)
    c.run()
    c.receive("delete", 1)
    c.run()
    c.receive("create", 1)  # shown again, and Strava is late: 404 once more before it is there
    c.run()
    assert c.index.latest() == {}
    c.run(seconds=40)
    assert list(c.index.latest()) == [1]


def test_an_outdated_delete_changes_nothing_if_the_ride_is_still_there(collect: Collect) -> None:
    c = collect(ride(1), ride(1))
    c.receive("create", 1)
    c.run()
    c.receive("delete", 1, event_time=int(c.clock.now()) - 3600)
    c.run()
    assert list(c.index.latest()) == [1]
    assert len(c.index.notifications) == 2


def test_an_outdated_delete_takes_effect_if_the_ride_is_gone(collect: Collect) -> None:
    c = collect(ride(1), NOT_FOUND, NOT_FOUND)
    c.receive("create", 1)
    c.run()
    c.receive("delete", 1, event_time=int(c.clock.now()) - 3600)
    c.run()
    c.run(seconds=601)
    assert c.index.latest() == {}


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


def test_an_edit_and_a_delete_within_one_second_end_deleted(collect: Collect) -> None:
    c = collect(ride(1), NOT_FOUND)
    c.receive("create", 1)
    c.run()
    when = int(c.clock.now())
    c.receive("update", 1, event_time=when)
    c.receive("delete", 1, event_time=when)
    c.run()
    assert c.index.latest() == {}


def test_a_forged_notification_from_the_future_does_not_outdate_a_later_delete(collect: Collect) -> None:
    c = collect(ride(1), ride(1), NOT_FOUND)
    c.receive("create", 1)
    c.run()
    c.receive("update", 1, event_time=2**62)
    c.run()
    c.receive("delete", 1)
    c.dispatcher.dispatch()
    assert c.index.latest() == {}


def test_an_edit_that_moves_the_start_leaves_a_tombstone_at_the_old_place(collect: Collect) -> None:
    c = collect(ride(1), ride(1, start="2026-05-30T05:00:00Z"))
    c.receive("create", 1)
    c.run()
    c.receive("update", 1)
    c.run()
    old, tombstone, new = c.index.activities
    assert (tombstone["start_date"], tombstone["deleted"]) == (old["start_date"], True)
    assert old["collected_at"] < tombstone["collected_at"] < new["collected_at"]
    assert c.index.latest()[1]["start_date"] == "2026-05-30T05:00:00Z"


def test_a_redelivery_writes_no_second_event_and_causes_no_second_fetch(collect: Collect) -> None:
    c = collect(ride(1))
    when = int(c.clock.now())
    c.receive("create", 1, event_time=when)
    c.run()
    c.receive("create", 1, event_time=when)
    c.run()
    assert len(c.index.notifications) == len(c.index.activities) == 1


def test_an_expired_token_is_renewed_and_saved_before_it_is_used(collect: Collect) -> None:
    c = collect(BAD_TOKEN, renewal(1), ride(1))
    c.receive("create", 1)
    c.run()
    assert list(c.index.latest()) == [1]
    assert c.tokens.tokens[ANNA].refresh_token.reveal() == "new-refresh-1"
    used = c.transport.requests[-1].headers["Authorization"]
    assert used == Secret("Bearer new-access-1")


def test_a_revoked_athlete_does_not_hold_up_another(collect: Collect) -> None:
    refused = refusal("RefreshToken", "refresh_token", "invalid", 400)
    c = collect(BAD_TOKEN, refused, ride(2, owner=BEN))
    c.receive("create", 1, owner=ANNA)
    c.clock.advance(0.1)
    c.receive("create", 2, owner=BEN)
    c.run()
    assert list(c.index.latest()) == [2]
    assert counts(c) == {"pending": 1, "done": 1}


def test_a_poison_activity_is_given_up_and_the_next_one_collected(collect: Collect) -> None:
    c = collect(BROKEN, ride(2), BROKEN, BROKEN, BROKEN, BROKEN)
    c.receive("create", 1, event_time=1)
    c.clock.advance(0.1)
    c.receive("create", 2)
    c.run()
    assert list(c.index.latest()) == [2]
    for _ in range(4):
        c.run(seconds=3_601)
    assert counts(c) == {"done": 1, "failed": 1}


def test_an_outage_is_outlived(collect: Collect) -> None:
    c = collect(BROKEN, TransportError(TransportFault.TIMEOUT, "Strava did not answer."), ride(1))
    c.receive("update", 1)
    c.run()
    c.run(seconds=31)
    assert c.index.activities == []
    c.run(seconds=61)
    assert list(c.index.latest()) == [1]


def test_a_used_up_quota_is_waited_for_without_a_call(collect: Collect) -> None:
    full = {"x-readratelimit-limit": "100,1000", "x-readratelimit-usage": "100,400"}
    c = collect(replace(ride(1), headers=full), ride(2))
    c.receive("create", 1)
    c.run()
    c.receive("create", 2)
    c.run()
    assert len(c.transport.requests) == 1
    c.run(seconds=901)
    assert set(c.index.latest()) == {1, 2}


def test_a_429_parks_the_job_until_the_window_resets(collect: Collect) -> None:
    c = collect(answer({"message": "Rate Limit Exceeded", "errors": "x"}, 429), ride(1))
    c.receive("create", 1)
    c.run()
    c.run(seconds=100)
    assert len(c.transport.requests) == 1
    c.run(seconds=900)
    assert list(c.index.latest()) == [1]


@pytest.mark.parametrize(
    "wrong",
    [
        ride(2),
        ride(1, owner=BEN),
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
    c.receive("update", ANNA, object_type="athlete", updates={"authorized": "false"})
    c.receive("archive", 1)
    c.run()
    assert len(c.index.notifications) == 2
    assert counts(c) == {}


def test_a_crash_between_writing_and_finishing_repeats_the_event_with_a_later_time(
    collect: Collect, tmp_path: Path
) -> None:
    c = collect(ride(1))
    c.receive("create", 1)
    c.index.closed = True
    with pytest.raises(OutputClosed):
        c.run()
    c.close()
    again = Collecting(tmp_path / "store", ride(1))
    again.clock.set_wall(c.clock.now())
    with again.database.write() as tx:
        queue.take_over(tx, input=INPUT.name, now=again.clock.now())
    again.run()
    assert len(again.index.notifications) == 1
    assert list(again.index.latest()) == [1]
    again.close()


def test_after_a_crash_in_the_middle_of_a_delete_the_tombstone_is_written(collect: Collect) -> None:
    c = collect(ride(1), NOT_FOUND)
    c.receive("create", 1)
    c.run()
    c.receive("delete", 1)
    c.index.closed = True
    with pytest.raises(OutputClosed):
        c.dispatcher.dispatch()
    c.index.closed = False
    c.run()
    assert [event.get("deleted") for event in c.index.activities] == [None, True]


def test_a_crash_at_the_tombstone_of_a_second_404_is_made_good(collect: Collect) -> None:
    c = collect(ride(1), *[NOT_FOUND] * 3)
    c.receive("create", 1)
    c.run()
    c.receive("update", 1)
    c.run()
    c.index.closed = True
    with pytest.raises(OutputClosed):
        c.run(seconds=601)
    c.index.closed = False
    c.run()
    assert c.index.latest() == {}


def test_one_notification_that_cannot_be_written_holds_up_no_other(collect: Collect) -> None:
    c = collect(*[ride(number) for number in range(1, 6)])
    c.index.poison = '"object_id":3,'
    for number in range(1, 6):
        c.receive("create", number)
    c.run()
    c.run()
    assert sorted(event["object_id"] for event in c.index.notifications)[-2:] == [4, 5]
    assert set(c.index.latest()) == {1, 2, 3, 4, 5}


def test_calls_that_hang_for_one_athlete_leave_room_for_another(collect: Collect) -> None:
    c = collect()
    for number in range(1, 5):
        c.receive("create", number, owner=ANNA)
    c.receive("create", 5, owner=BEN)
    c.dispatcher.dispatch()
    c.clock.advance(10)
    claimed = []
    for _ in range(3):
        with c.database.write() as tx:
            job = queue.claim(tx, input=INPUT.name, now=c.clock.now(), per_athlete=2)
        claimed.append(job.athlete_id if job else None)
    assert claimed == [ANNA, ANNA, BEN]


def test_who_has_to_connect_again_is_told_and_no_longer_when_it_works(collect: Collect) -> None:
    refused = refusal("RefreshToken", "refresh_token", "invalid", 400)
    c = collect(BAD_TOKEN, refused, ride(1))
    c.receive("create", 1)
    c.run()
    (text,) = c.problems.told.values()
    assert f"athlete-{ANNA}" in text
    assert "connect again" in text
    with c.database.write() as tx:
        assert queue.hurry(tx, input=INPUT.name, now=c.clock.now()) == 1
    c.run()
    assert c.problems.told == {}
    assert list(c.index.latest()) == [1]


def test_a_clock_that_was_ahead_for_a_while_stops_nothing_for_long(collect: Collect) -> None:
    c = collect(BROKEN, ride(1), ride(2))
    right = c.clock.now()
    c.receive("create", 1)
    c.clock.set_wall(right + 30 * 86_400)
    c.run()
    c.clock.set_wall(right)
    c.receive("create", 2)
    with c.database.write() as tx:
        assert queue.pull_back(tx, input=INPUT.name, now=c.clock.now(), longest=90_000.0) == 1
    c.run()
    assert set(c.index.latest()) == {1, 2}


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


def test_an_athlete_who_was_removed_makes_jobs_wait(collect: Collect) -> None:
    c = collect(ride(1))
    c.receive("create", 1)
    c.dispatcher.dispatch()
    c.connect()
    c.run()
    assert c.transport.requests == []
    c.connect(*athletes(ANNA))
    c.run(seconds=901)
    assert list(c.index.latest()) == [1]


def test_what_was_in_hand_at_the_end_is_put_back_without_an_attempt(collect: Collect) -> None:
    c = collect(ride(1), ride(1))

    def stopped_meanwhile() -> None:
        c.worker.put_back(also_in_hand=True)

    c.during_call(1, stopped_meanwhile)
    c.receive("create", 1)
    c.run()
    assert len(c.index.activities) == 1
    with c.database.read() as tx:
        assert queue.counts(tx, INPUT.name)["done"] == 1
