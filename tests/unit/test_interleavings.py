"""What happens at the same time, in the wrong order or not to the end: the last state wins, nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Optional

import pytest

from strava_collector.store import crashed_jobs, queue, sweeps
from strava_collector.writer import OutputClosed
from tests.support.collecting import (
    ANNA,
    BAD_TOKEN,
    BROKEN,
    INPUT,
    NOT_FOUND,
    REVOKED,
    Collect,
    Collecting,
    counts,
    renewal,
    ride,
)
from tests.support.store import job_counts


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
    c = collect(NOT_FOUND, NOT_FOUND)
    c.receive("create", 1)
    c.clock.advance(1)
    c.receive("delete", 1)
    c.run()
    c.run(seconds=700)
    assert c.index.activities == []
    assert counts(c) == {"done": 1}


def test_a_forged_delete_of_what_strava_is_not_ready_with_loses_nothing(collect: Collect) -> None:
    c = collect(NOT_FOUND, ride(1))
    c.receive("create", 1)
    c.clock.advance(1)
    c.receive("delete", 1)
    c.run()
    assert c.index.activities == []
    c.run(seconds=700)
    assert list(c.index.latest()) == [1]


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
        crashed_jobs.take_over(tx, input=INPUT.name, now=again.clock.now())
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


def test_a_clock_that_was_ahead_for_a_while_stops_nothing_for_long(collect: Collect) -> None:
    c = collect(BROKEN, ride(1), ride(2))
    right = c.clock.now()
    c.receive("create", 1)
    c.clock.set_wall(right + 30 * 86_400)
    c.run()
    c.clock.set_wall(right)
    c.receive("create", 2)
    with c.database.write() as tx:
        assert sweeps.pull_back(tx, input=INPUT.name, now=c.clock.now(), longest=90_000.0) == 1
    c.run()
    assert set(c.index.latest()) == {1, 2}


def test_what_was_in_hand_at_the_end_is_put_back_without_an_attempt(collect: Collect) -> None:
    c = collect(ride(1), ride(1))

    def stopped_meanwhile() -> None:
        c.worker.put_back(also_in_hand=True)

    c.during_call(1, stopped_meanwhile)
    c.receive("create", 1)
    c.run()
    assert len(c.index.activities) == 1
    with c.database.read() as tx:
        assert job_counts(tx, INPUT.name)["done"] == 1


def test_hide_show_and_hide_that_arrive_in_the_wrong_order_end_hidden(collect: Collect) -> None:
    c = collect(ride(1), *[NOT_FOUND] * 4)
    c.receive("create", 1)
    c.run()
    now = int(c.clock.now())
    # With the scope activity:read, hiding arrives as delete and showing as create.
    c.receive("create", 1, event_time=now + 2)
    c.receive("delete", 1, event_time=now + 3)
    c.receive("delete", 1, event_time=now + 1)
    c.run(seconds=60)
    c.run(seconds=3700)
    assert c.index.latest() == {}


def test_hide_show_and_hide_within_one_second_end_as_strava_has_it(collect: Collect) -> None:
    c = collect(ride(1), ride(1, name="shown again"), NOT_FOUND, NOT_FOUND, NOT_FOUND)
    c.receive("create", 1)
    c.run()
    now = int(c.clock.now())
    c.receive("delete", 1, event_time=now)
    c.receive("create", 1, event_time=now)
    c.run()
    # The third is the same as the first, to the letter.
    c.receive("delete", 1, event_time=now)
    c.run(seconds=60)
    c.run(seconds=3700)
    assert c.index.latest() == {}


def test_two_notifications_in_one_second_become_one_fetch_of_the_last_state(collect: Collect) -> None:
    c = collect(ride(1, name="second"))
    now = int(c.clock.now())
    c.receive("create", 1, event_time=now)
    c.receive("update", 1, event_time=now, updates={"title": "second"})
    c.run()
    assert [event["name"] for event in c.index.activities] == ["second"]
    assert c.counted()["merged"] == 1


def test_the_same_notification_three_times_is_recorded_and_fetched_once(collect: Collect) -> None:
    c = collect(ride(1))
    for _ in range(3):
        c.receive("create", 1, event_time=1_780_293_600)
        c.run()
    assert len(c.index.notifications) == 1
    assert len(c.index.activities) == 1


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_steps_by_an_hour_loses_nothing_and_keeps_the_order(collect: Collect, hours: int) -> None:
    c = collect(ride(1, name="before"), BROKEN, ride(1, name="after"), ride(2))
    c.receive("create", 1)
    c.run()
    c.receive("update", 1, event_time=int(c.clock.now()) + 1)
    c.dispatcher.dispatch()
    c.clock.set_wall(c.clock.now() + hours * 3600)
    for _ in range(8):
        c.run(seconds=600)
    c.receive("create", 2)
    c.run()
    latest = c.index.latest()
    assert latest[1]["name"] == "after"
    assert set(latest) == {1, 2}


def test_a_lease_is_renewed_while_its_job_is_in_hand(collect: Collect) -> None:
    c = collect(ride())
    ends: list[Optional[float]] = []

    def renew() -> None:
        ends.append(c.jobs()[0].lease_expires_at)
        c.clock.advance(60)
        c.worker.renew_leases()
        ends.append(c.jobs()[0].lease_expires_at)

    c.during_call(1, renew)
    c.receive()
    c.run()
    before, after = ends
    assert before is not None
    assert after == before + 60
    c.worker.renew_leases()  # of nothing
    assert c.jobs()[0].lease_expires_at is None


def test_without_settings_no_job_can_be_done(collect: Collect) -> None:
    c = collect()
    c.receive()
    c.dispatcher.dispatch()
    assert c.worker.next_due() is not None
    c.settings = None
    assert c.worker.next_due() is None


def test_a_worker_that_comes_back_after_its_lease_was_taken_writes_nothing(collect: Collect) -> None:
    c = collect(ride(1, name="old"), ride(1, name="new"))

    def taken_over_meanwhile() -> None:
        c.clock.advance(queue.JOB_LEASE_SECONDS + 1)
        with c.database.write() as tx:
            assert crashed_jobs.expire(tx, now=c.clock.now()) == 1
        assert c.worker.work()

    c.during_call(1, taken_over_meanwhile)
    c.receive("create", 1)
    c.run()
    # The second one began later but came first; what came back late with the first answer was dropped.
    assert len(c.index.activities) == 1
    assert counts(c) == {"done": 1}


def test_two_processes_that_need_one_token_refresh_it_once(collect: Collect) -> None:
    first = collect(renewal(1), ride(1))
    second = collect(ride(2))
    second.tokens.tokens = first.tokens.tokens  # the same splunkd behind both
    first.tokens.tokens[ANNA] = replace(first.tokens.tokens[ANNA], expires_at=0)

    def meanwhile() -> None:
        # The other one finds the refresh under way and comes back later.
        assert second.worker.work()
        assert second.transport.requests == []

    first.receive("create", 1)
    first.receive("create", 2)
    first.during_call(1, meanwhile)
    first.dispatcher.dispatch()
    first.clock.advance(10)
    second.clock.advance(10)
    assert first.worker.work()
    second.clock.advance(10)
    assert second.worker.work()
    assert first.index.latest().keys() | second.index.latest().keys() == {1, 2}
    assert first.tokens.tokens[ANNA].refresh_token.reveal() == "new-refresh-1"


def test_a_crash_between_stravas_new_token_and_our_write_makes_the_athlete_reconnect_and_loses_no_ride(
    collect: Collect,
) -> None:
    # Strava has rotated the refresh token, and the process dies before the new one is saved: the old one is dead.
    c = collect(BAD_TOKEN, REVOKED, ride(1))
    c.receive("create", 1)
    c.run()
    assert "connect again" in c.problems.told[f"athlete_{ANNA}"]
    assert counts(c) == {"pending": 1}
    c.reconnect(ANNA)
    c.run()
    assert list(c.index.latest()) == [1]
    assert c.problems.told == {}


def test_a_confirmed_delete_puts_every_place_on_the_erase_list(
    collect: Collect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    moved = ride(1, start="2026-06-01T04:00:00Z")
    c = collect(ride(1), moved, NOT_FOUND)
    c.receive("create", 1)
    c.run()
    c.receive("update", 1)
    c.run()
    c.receive("delete", 1)
    c.dispatcher.dispatch()
    assert "action=erase " not in caplog.text
    c.run()
    assert caplog.text.count("action=erase ") == 2


def test_create_and_delete_within_a_second_do_not_ask_for_an_hour(collect: Collect) -> None:
    c = collect(*[NOT_FOUND] * 5)
    c.receive("create", 1)
    c.receive("delete", 1)
    for _ in range(20):
        c.run(seconds=60)
    assert counts(c) == {"done": 1}


def test_a_create_that_comes_after_its_later_delete_does_not_ask_for_an_hour(collect: Collect) -> None:
    c = collect(*[NOT_FOUND] * 6)
    at = int(c.clock.now())
    c.receive("delete", 1, event_time=at + 1)
    c.run()
    c.receive("create", 1, event_time=at)
    for _ in range(20):
        c.run(seconds=60)
    assert "pending" not in counts(c)


def test_a_kill_after_four_404s_of_a_new_ride_does_not_give_it_up(collect: Collect) -> None:
    c = collect(*[NOT_FOUND] * 4, ride(1))
    c.receive("create", 1)
    while len(c.transport.requests) < 4:
        c.run(seconds=10)
    c.clock.advance(3600)
    with c.database.write() as tx:
        assert queue.claim(tx, input=INPUT.name, now=c.clock.now(), athletes=[ANNA])
    with c.database.write() as tx:
        crashed_jobs.take_over(tx, input=INPUT.name, now=c.clock.now())
    c.run()
    assert list(c.index.latest()) == [1]
