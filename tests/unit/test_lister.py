"""Lists against Strava's stand-in: history, restarts, gaps, edits and deletions that nobody announced, bad answers."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import pytest

from sandbox.certificates import Certificates
from sandbox.strava import Limits
from strava_collector import listing
from strava_collector.job import Outcome, Priority, Status
from strava_collector.lister import SLOW_AT_ONCE, SLOW_EVERY
from strava_collector.listing import Entry, Verdict
from strava_collector.settings import Advanced, EnabledActivities
from strava_collector.store import around, athletes, volume, walks
from tests.support.clock import START
from tests.support.walking import DAY, Killed, Walking

Walk = Callable[..., Walking]


@pytest.fixture
def walking(tmp_path: Path, certificates: Certificates) -> Iterator[Walk]:
    made: list[Walking] = []

    def factory(**fields: Any) -> Walking:
        made.append(Walking(tmp_path / "store", certificates, **fields))
        return made[-1]

    yield factory
    for one in made:
        one.close()


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


@pytest.mark.parametrize("body", [b"{}", b"<html>", b"null", b'"list"'], ids=["an object", "a page", "null", "a text"])
def test_a_page_that_is_no_list_is_told_and_the_other_athletes_are_listed(
    walking: Walk, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    one = walking(athletes=2)
    one.record(DAY, person=0)
    one.record(DAY, person=1)
    token = one.tokens.tokens[one.people[0].id].access_token.reveal()
    one.transport.garble = (token, body)
    one.run(0)
    assert len(one.events.latest()) == 1
    if body != b"<html>":  # that is an outage
        assert any("cannot be listed" in text for text in one.problems.told.values())
    one.transport.garble = None
    one.run(DAY)
    one.is_whole()
    assert not one.problems.told


def test_bad_entries_are_left_out_and_counted_and_the_others_are_used(
    walking: Walk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    one = walking()
    ride = one.record(DAY)
    one.transport.add_entries = (
        7,
        {"id": "9", "start_date": "2026-05-30T05:00:00Z"},
        {"id": 10, "athlete": {"id": one.people[0].id}},
        {"id": 11, "athlete": {"id": 5}, "start_date": "2026-05-30T05:00:00Z"},
        {"id": 12, "start_date": "2026-05-30T05:00:00Z"},
    )
    one.run(0)
    assert set(one.events.latest()) == {ride.id}
    (told,) = {record.message for record in caplog.records if "bad_entries" in record.message}
    assert "entries=5" in told
    assert "1 has no id" in told


def test_an_athlete_who_needs_to_reconnect_is_left_out(walking: Walk) -> None:
    one = walking(athletes=2)
    one.record(DAY, person=0)
    one.record(DAY, person=1)
    gone = one.people[0].id
    one.tokens.forget(gone)
    one.run(3600)
    assert len(one.events.latest()) == 1
    asked = one.lists
    one.run(3600)
    assert one.lists == asked


def test_two_inputs_for_the_same_athlete_list_once_and_one_says_so(
    walking: Walk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    one = walking()
    one.record(DAY)
    first = EnabledActivities("a-first", "App", index="strava")
    one.settings = replace(one.settings, enabled_activities=(first, *one.settings.enabled_activities))
    one.run(DAY)
    assert one.lists == 0
    told = [record.message for record in caplog.records if "not_listed_here" in record.message]
    assert len(told) == 1
    assert "a-first" in told[0]
    assert not one.problems.told


def test_unknown_athletes_are_told_and_the_others_listed(walking: Walk) -> None:
    one = walking()
    one.input = replace(one.input, athletes=frozenset({"anna0", "nobody"}))
    one.restart()
    one.record(DAY)
    one.run(0)
    assert "“nobody”" in one.problems.told["athletes"]
    one.is_whole()


def test_history_stops_for_the_day_when_its_megabytes_are_used_up(walking: Walk) -> None:
    one = walking(advanced=Advanced(cooldown=0.0, history_mb_per_day=0.1))
    for number in range(1_000):
        one.record((number + 10) * DAY)
    one.list_all()
    first = len(one.events.latest())
    assert 200 <= first < 1_000
    one.run(3600)
    assert len(one.events.latest()) == first
    one.run(2 * DAY)
    assert len(one.events.latest()) > first


def test_what_a_first_look_and_one_after_a_long_pause_find_is_history(walking: Walk) -> None:
    one = walking()

    def waiting() -> set[Priority]:
        return {job.priority for job in one.jobs() if job.status is Status.PENDING}

    def written() -> int:
        with one.database.read() as tx:
            return volume.used(tx, one.clock.now())

    one.record(2 * DAY)
    one.list_all()
    assert waiting() == {Priority.HISTORY}
    assert written() == sum(len(event.data.encode()) for event in one.events.events)
    one.fetch_all()
    one.clock.advance(30 * DAY)
    one.record(20 * DAY)
    one.record(2 * DAY)
    one.list_all()
    assert waiting() == {Priority.HISTORY}
    assert written() > 0
    one.fetch_all()
    before = written()
    one.clock.advance(5 * 3600)
    one.record(3600)
    one.list_all()
    assert waiting() == {Priority.RECONCILIATION}
    assert written() == before
    one.fetch_all()
    one.is_whole()


def test_pages_of_history_are_few_enough_to_leave_the_newest_activities_what_they_need(walking: Walk) -> None:
    one = walking(athletes=SLOW_AT_ONCE + 3)
    for person in range(len(one.people)):
        for number in range(51):
            one.record((100 + number) * DAY, person=person)
    one.list_all()
    newest = one.lists - SLOW_AT_ONCE
    assert newest == len(one.people), "the newest ones of everybody are not held up by history"
    for number in range(3):
        assert one.lists == newest + SLOW_AT_ONCE + number
        one.clock.advance(SLOW_EVERY - 1)
        one.list_all()
        assert one.lists == newest + SLOW_AT_ONCE + number
        one.clock.advance(1)
        one.list_all()
    assert len(one.events.latest()) == 51 * len(one.people)


def test_lists_of_history_do_not_wait_for_the_fetches_that_they_lead_to(walking: Walk) -> None:
    one = walking(advanced=Advanced(cooldown=0.0, history_mb_per_day=0.0, history_share=0.0))
    for number in range(250):
        one.record((number + 10) * DAY)
    one.list_all()
    one.fetch_all()
    assert len(one.events.latest()) == 250
    assert not one.fetches, "history has no share"


def test_nobody_starves(walking: Walk) -> None:
    one = walking(athletes=3)
    for person in range(3):
        for number in range(500):
            one.record((number + 10) * DAY, person=person)
    for _ in range(3 + 3):
        one.lister.look(one.settings)
    assert len({event.data.split('"athlete":{"id":')[1][:6] for event in one.events.events}) == 3


def test_a_limit_that_is_used_up_is_waited_for_without_asking(walking: Walk) -> None:
    one = walking(athletes=3, limits=Limits(overall=(20, 1000), read=(10, 1000)))
    for person in range(3):
        for number in range(1_000):
            one.record((number + 10) * DAY, person=person)
    for _ in range(100):
        wait = one.lister.look(one.settings)
        if wait:
            break
    assert wait
    assert wait > 1
    one.run(2 * 3600, step=60)
    assert len(one.events.latest()) == 3_000
    assert not one.strava.statistics.count(status=429)


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


def test_a_fault_of_ours_at_one_athlete_costs_a_few_calls_and_holds_up_nobody_else(
    walking: Walk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = walking(athletes=2)
    for person in (0, 1):
        one.record(DAY, person=person)
    bad = one.people[0].id
    judge = listing.judge

    def fails(entry: Entry, *rest: Any, **more: Any) -> Verdict:
        if entry.activity["athlete"] == {"id": bad, "resource_state": 1}:
            raise OverflowError
        return judge(entry, *rest, **more)

    monkeypatch.setattr(listing, "judge", fails)
    one.run(DAY, step=60.0)
    assert [data["athlete"]["id"] for data in one.events.latest().values()] == [one.people[1].id]
    assert one.lists < 40
    tracebacks = [record for record in caplog.records if record.message.startswith("action=list_failed")]
    assert len(tracebacks) == 1
    assert tracebacks[0].exc_info
    assert "OverflowError" in one.problems.told[f"list_{bad}"]
    monkeypatch.setattr(listing, "judge", judge)
    one.run(DAY)
    one.is_whole()
    assert not one.problems.told


@pytest.mark.parametrize("hidden", [False, True])
def test_what_is_gone_right_after_a_list_has_shown_it_is_marked_within_minutes(walking: Walk, hidden: bool) -> None:
    one = walking()
    ride = one.record(40 * DAY)
    one.run(5.2 * DAY, step=3600)
    one.strava.delete(ride, notify=False)
    if hidden:
        one.announce(ride, "update", private="true")
    else:
        one.announce(ride, "update", title="Another")
    one.run(1800.0, step=30.0)
    assert ride.id not in one.events.latest()


def test_an_empty_page_now_and_then_costs_a_look_and_no_fetches(
    walking: Walk, caplog: pytest.LogCaptureFixture
) -> None:
    one = walking()
    for number in range(300):
        one.record((number + 0.1) * DAY)
    one.run(3600)
    one.run(one.until_slow_walk() - 3600, step=14_400)
    spent = one.fetches
    one.transport.garble = ("", b"[]")
    one.run(0.2 * DAY, step=14_400.0)
    assert "action=list_doubted" in caplog.text
    one.transport.garble = None
    one.run(DAY, step=3600)
    assert one.fetches - spent <= 8, "those of the window: so few may be gone"
    one.is_whole()


def test_a_mass_that_stays_away_is_believed_after_an_hour_and_asked_for_as_history(walking: Walk) -> None:
    one = walking()
    rides = [one.record((number / 10 + 0.1) * DAY) for number in range(60)]
    one.run(3600)
    for ride in rides[:50]:
        one.strava.delete(ride, notify=False)
    one.clock.advance(14_400)
    for wait in (0.0, 1700.0, 200.0, 1600.0):
        one.clock.advance(wait)
        one.list_all()
        assert [job for job in one.jobs() if job.status is Status.PENDING] == []
    one.clock.advance(300.0)
    one.list_all()
    waiting = [job.priority for job in one.jobs() if job.status is Status.PENDING]
    assert (waiting.count(Priority.RECONCILIATION), waiting.count(Priority.HISTORY)) == (20, 30)
    one.run(3600)
    one.is_whole()


def test_a_list_that_does_not_page_is_noticed_within_a_few_calls(walking: Walk) -> None:
    one = walking()
    anna, at = one.people[0], one.iso(one.clock.now() - DAY)
    page = [
        {"id": number, "athlete": {"id": anna.id}, "start_date": at, "name": "Ride", "elapsed_time": 60}
        for number in range(1, 51)
    ]
    one.transport.garble = ("", json.dumps(page).encode())
    one.run(DAY, step=600.0)
    assert one.lists <= 40
    assert "same page" in one.problems.told[f"list_{anna.id}"]


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


def test_why_the_very_first_list_could_not_be_had_is_kept_until_one_is(walking: Walk) -> None:
    one = walking()
    one.record(DAY)
    token = one.tokens.tokens[one.people[0].id].access_token.reveal()
    one.transport.garble = (token, b"{}")
    one.run(0)
    with one.database.read() as tx:
        (found,) = walks.listed(tx)
    assert (found.about.athlete, found.about.input, found.covered.window_at) == ("anna0", "lists", None)
    assert "not with a list" in found.trouble
    one.transport.garble = None
    one.run(DAY)
    with one.database.read() as tx:
        assert [listed.trouble for listed in walks.listed(tx)] == [""]


def test_who_needs_to_reconnect_is_told_beside_history(walking: Walk) -> None:
    one = walking()
    one.tokens.forget(one.people[0].id)
    one.run(3600)
    with one.database.read() as tx:
        (found,) = walks.listed(tx)
        standing = athletes.standing(tx, one.people[0].id)
    assert standing is not None
    assert found.trouble == standing.reason


def test_nothing_comes_back_of_an_athlete_who_has_withdrawn(walking: Walk) -> None:
    one = walking()
    with one.database.write() as tx:
        athletes.mark_deauthorized(
            tx, athlete_id=one.people[0].id, reason="Withdrawn.", connected_at=str(START - DAY), now=START
        )
    one.run(3600)
    with one.database.read() as tx:
        assert walks.listed(tx) == []


def test_who_cannot_be_written_for_at_present_stays_among_those_of_the_input(walking: Walk) -> None:
    one = walking()
    one.record(DAY)
    one.run(0)
    one.lister._barred = lambda: {one.people[0].id}
    asked = one.lists
    one.run(DAY)
    with one.database.read() as tx:
        assert [found.about.input for found in walks.listed(tx)] == ["lists"]
    assert one.lists == asked


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
