"""Lists that are wrong, that cannot be had or are not to be believed: who is told, and who is listed all the same."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import Any

import pytest

from strava_collector import listing
from strava_collector.job import Priority, Status
from strava_collector.listing import Entry, Verdict
from strava_collector.settings import EnabledActivities
from strava_collector.store import athletes, walks
from tests.support.clock import START
from tests.support.walking import DAY, Walk


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
