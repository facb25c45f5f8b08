"""Lists against Strava's stand-in: history, restarts, gaps, edits and deletions that nobody announced."""

from __future__ import annotations

import logging

import pytest

from strava_collector.job import Outcome, Priority, Status
from strava_collector.store import around, walks
from tests.support.walking import DAY, Killed, Walk


def test_ten_years_are_there_in_short_after_a_few_calls_and_in_full_later(walking: Walk) -> None:
    one = walking()
    for number in range(1_000):
        one.record((number * 3.65 + 0.1) * DAY)
    one.list_all()
    assert one.lists <= 1 + 5 + 2
    assert len(one.events.latest()) == 1_000
    assert {job.priority for job in one.jobs()} == {Priority.HISTORY}, "the first look is history, too"
    one.fetch_all()
    one.is_whole()
    assert one.fetches == 1_000
    one.run(DAY)
    assert one.fetches == 1_000, "nothing is fetched again without a reason"


@pytest.mark.parametrize("oldest_first", [False, True])
def test_a_process_that_is_killed_at_any_event_repeats_one_page_and_loses_nothing(
    walking: Walk, oldest_first: bool
) -> None:
    one = walking(oldest_first=oldest_first)
    for number in range(450):
        one.record((number + 0.1) * DAY)
    for event in (0, 5, 49, 120, 3, 199):
        for gets_out in (False, True):
            one.events.kill = (event, gets_out)
            try:
                one.list_all()
            except Killed:
                one.restart()
    one.events.kill = None
    one.run(DAY)
    one.is_whole()
    assert one.lists <= 4 + 12 + 7
    assert one.fetches == 450


def test_a_lost_notification_is_made_good_within_an_interval(walking: Walk) -> None:
    one = walking()
    ride = one.record(2 * DAY)
    one.run(3600)
    new, edited = one.record(60), ride
    one.strava.edit(edited, title="Round the lake", notify=False)
    one.run(4 * 3600)
    one.is_whole()
    one.strava.delete(new, notify=False)
    one.run(4 * 3600)
    one.is_whole()
    assert new.id not in one.events.latest()


def test_old_rides_uploaded_late_edited_or_deleted_are_found_within_a_week(walking: Walk) -> None:
    one = walking()
    old = [one.record((100 + number) * DAY) for number in range(10)]
    one.run(3600)
    one.record(300 * DAY)
    one.record(1000 * DAY)
    one.strava.edit(old[3], title="Long ago", notify=False)
    one.strava.delete(old[4], notify=False)
    one.run(7 * DAY, step=3600)
    one.is_whole()
    assert one.fetches == 10 + 4


def test_a_gap_of_months_closes(walking: Walk) -> None:
    one = walking()
    one.record(DAY)
    one.run(3600)
    before = one.lists
    for _ in range(250):
        one.clock.advance(DAY / 3)
        one.record(60)
    one.run(0)
    one.is_whole()
    assert one.lists - before <= 3 + 3  # the window, and the slow walk that was due


def test_the_start_date_bounds_everything_and_moving_it_back_fetches_the_rest(walking: Walk) -> None:
    now = 1_780_293_600.0
    one = walking(start_date=now - 50 * DAY)
    rides = [one.record((number + 0.5) * DAY) for number in range(300)]
    one.run(0)
    assert len(one.events.latest()) == 50
    listed = one.lists
    one.restart(start_date=now - 30 * DAY)
    one.run(3600)
    assert one.lists == listed
    one.restart(start_date=now - 60 * DAY, oldest_first=True)
    one.run(0)
    assert one.lists - listed <= 2
    assert set(one.events.latest()) == {ride.id for ride in rides[:60]}
    one.restart(start_date=None, oldest_first=False)
    one.run(0)
    one.is_whole()
    assert one.fetches == 300


def test_summaries_only_fetches_nothing_but_what_was_collected_in_full(walking: Walk) -> None:
    one = walking(summaries_only=True)
    rides = [one.record((number + 0.5) * DAY) for number in range(20)]
    one.run(DAY)
    assert len(one.events.latest()) == 20
    assert one.fetches == 0
    one.announce(rides[0])
    one.run(60)
    assert one.fetches == 1
    for ride in (rides[0], rides[1]):
        one.strava.edit(ride, title="Another", notify=False)
    one.run(DAY)
    assert one.fetches == 2
    assert {one.events.latest()[ride.id]["name"] for ride in rides[:2]} == {"Another"}
    one.restart(summaries_only=False)
    one.run(DAY)
    one.is_whole()
    assert one.fetches == 21


def test_gear_is_noted_although_nothing_is_fetched(walking: Walk) -> None:
    one = walking(summaries_only=True)
    for number in range(12):
        one.record((number + 0.5) * DAY, kind="ride")
    one.run(DAY)
    with one.database.read() as tx:
        noted = {gear.gear_id for gear in around.gear_to_look_at(tx, today=one.clock.now(), now=one.clock.now())}
    used = {activity["gear_id"] for activity in one.events.latest().values()} - {None}
    assert one.fetches == 0
    assert used
    assert noted == used


def test_what_answers_404_for_ever_is_given_up_and_stays_in_short(walking: Walk) -> None:
    one = walking()
    bad, forbidden, good = (one.record((number + 0.5) * DAY) for number in range(3))
    one.strava.refuse_detail(bad)
    one.strava.refuse_detail(forbidden, 403)
    one.run(3600, step=300)
    assert set(one.events.latest()) == {forbidden.id, good.id}, "gone, as far as anybody can tell"
    one.run(2 * DAY, step=300)
    assert set(one.events.latest()) == {bad.id, forbidden.id, good.id}
    ends = {job.activity_id: job for job in one.jobs()}
    assert [ends[ride.id].outcome for ride in (bad, forbidden, good)] == [
        Outcome.DEAD_LETTER,
        Outcome.DEAD_LETTER,
        Outcome.COLLECTED,
    ]
    spent, written = one.fetches, len(one.events.events)
    assert spent == 5 + 5 + 5 + 1
    one.run(10 * DAY, step=3600)
    assert (one.fetches, len(one.events.events)) == (spent, written)
    one.strava.edit(bad, title="Mended", notify=False)
    one.strava.refuse_detail(bad, None)
    one.run(4 * 3600)
    assert one.events.latest()[bad.id]["name"] == "Mended"
    assert one.events.latest()[bad.id]["resource_state"] == 3


def test_what_lists_lack_and_a_fetch_brings_is_not_asked_for_each_time(walking: Walk) -> None:
    one = walking()
    ride = one.record(DAY)
    one.run(3600)
    one.strava.unlist(ride)
    one.run(2 * DAY)
    assert one.fetches == 2
    one.is_whole()


def test_events_are_the_owners_and_jobs_too(walking: Walk) -> None:
    one = walking()
    one.list_all()
    one.clock.advance(5 * 3600)
    one.record(3600)
    one.list_all()
    (event,) = one.events.events
    assert '"input":"club"' in event.data
    assert event.source == "strava_activities://lists"
    assert [(job.input, job.status) for job in one.jobs()] == [("club", Status.PENDING)]
    assert one.found == ["club"]


def test_an_edit_that_was_lost_before_an_upgrade_is_found_and_an_upgrade_costs_one_call_per_activity(
    walking: Walk,
) -> None:
    one = walking()
    rides = [one.record(age * DAY) for age in (2, 3, 30, 31)]
    one.run(600)
    with one.database.write() as tx:  # what a store of the second version knows of them
        tx.execute("UPDATE activity SET fingerprint = NULL, listed = NULL, listed_at = NULL")
        for table in ("covered", "walk", "miss"):
            tx.execute(f"DELETE FROM {table}")
    one.strava.edit(rides[0], title="A lost notification", notify=False)
    one.strava.edit(rides[2], title="Another", notify=False)
    fetches = one.fetches
    one.clock.advance(1)
    one.list_all()
    priorities = {job.activity_id: job.priority for job in one.jobs() if job.status is Status.PENDING}
    assert [priorities[ride.id] for ride in rides] == [Priority.HISTORY] * 4
    one.run(DAY)
    one.is_whole()
    assert one.fetches == fetches + len(rides)
    one.run(14 * DAY, step=7200.0)
    assert one.fetches == fetches + len(rides), "once"


def test_how_far_history_has_come_is_told_as_soon_as_it_is_known(
    walking: Walk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    one = walking()
    for number in range(30):
        one.record((number * 20 + 0.5) * DAY)
    one.list_all()
    one.clock.advance(60)
    one.list_all()

    def told() -> list[str]:
        return [record.message for record in caplog.records if "action=history " in record.message]

    assert "lists=complete" in told()[-1]
    assert "waiting=30" in told()[-1]
    assert "done in about" in told()[-1]
    with one.database.read() as tx:
        assert [listed.said[:13] for listed in walks.listed(tx)] == ["done in about"]
    before = len(told())
    one.clock.advance(360)
    one.list_all()
    assert len(told()) == before, "nothing has changed"
    one.fetch_all()
    one.clock.advance(360)
    one.list_all()
    assert len(told()) == before + 1
    assert "waiting=0" in told()[-1]
