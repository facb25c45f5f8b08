"""Somebody sets the host's clock, by hours or by years: nothing stalls, nothing storms, nothing is lost."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

import pytest

from strava_collector.events import Event
from tests.support.clock import START, VirtualClock
from tests.support.collecting import ANNA, BAD_TOKEN, BEN, BROKEN, REVOKED, Collect, Collecting, athletes, renewal, ride
from tests.support.walking import Walk

HOUR, DAY, YEAR = 3600.0, 86_400.0, 365 * 86_400.0
JUMPS = {
    "ten years back": -10 * YEAR,
    "a day back": -DAY,
    "an hour back": -HOUR,
    "an hour on": HOUR,
    "a day on": DAY,
    "ten years on": 10 * YEAR,
}
every_jump = pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)


@pytest.fixture
def club(collect: Collect) -> Collecting:
    """An input at work, for which Strava has every activity and renews every token."""
    c = collect()
    c.transport.answer_with(ride)
    c.transport.renew = renewal
    live(c, 60)
    return c


def live(c: Collecting, seconds: float, *, step: float = 15.0) -> None:
    """Let time pass as in a running input, which looks after everything each second and works on what is due."""
    for _ in range(int(seconds / step)):
        c.clock.advance(step)
        c.upkeep.look(c.settings)
        while c.dispatcher.dispatch() or c.worker.work():
            pass


def set_by(c: Collecting, jump: float) -> None:
    c.clock.set_wall(c.clock.now() + jump)


@every_jump
def test_what_waited_and_what_comes_later_is_collected_within_minutes(club: Collecting, jump: float) -> None:
    club.receive("create", 1)
    club.dispatcher.dispatch()
    set_by(club, jump)
    club.receive("create", 2, event_time=int(START) + 90)
    live(club, 300)
    assert set(club.index.latest()) == {1, 2}
    assert len(club.transport.requests) <= 4, "two fetches, and new tokens at most once for each athlete"


@every_jump
def test_a_clock_that_is_wrong_for_long_costs_no_call_more_than_a_right_one(club: Collecting, jump: float) -> None:
    set_by(club, jump)
    for activity in range(1, 25):
        club.receive("create", activity, event_time=int(START) + 60 + 900 * activity)
        live(club, 900, step=60)
    assert set(club.index.latest()) == set(range(1, 25))
    # Tokens live for six hours.
    assert len(club.transport.requests) <= 24 + 2


@every_jump
def test_a_fetch_that_failed_before_is_tried_again_in_time(club: Collecting, jump: float) -> None:
    club.transport.add(BROKEN, BROKEN)
    club.receive("create", 1)
    live(club, 75)
    assert not club.index.latest()
    set_by(club, jump)
    live(club, HOUR)
    assert set(club.index.latest()) == {1}


@every_jump
def test_a_fetch_under_way_while_the_clock_is_set_ends_as_any_other(club: Collecting, jump: float) -> None:
    club.transport.before[1] = lambda: set_by(club, jump)
    club.receive("create", 1)
    live(club, 300)
    assert set(club.index.latest()) == {1}
    assert len(club.transport.requests) == 1


@every_jump
def test_an_outage_is_over_as_soon_as_a_probe_shows_it(club: Collecting, jump: float) -> None:
    club.transport.add(*[BROKEN] * 6)
    for activity in (1, 2, 3):
        club.receive("create", activity)
    live(club, 300)
    set_by(club, jump)
    live(club, 2 * HOUR)
    assert set(club.index.latest()) == {1, 2, 3}
    assert len(club.transport.requests) <= 6 + 3 + 1


@every_jump
def test_who_was_refused_is_tried_again_within_two_hours(club: Collecting, jump: float) -> None:
    club.transport.add(BAD_TOKEN, REVOKED)
    club.receive("create", 1)
    live(club, 60)
    assert [one.athlete_id for one in club.standings()] == [ANNA]
    set_by(club, jump)
    live(club, 2 * HOUR + 600)
    assert set(club.index.latest()) == {1}
    assert club.standings() == []


@every_jump
def test_nothing_held_is_given_up_because_of_the_clock(club: Collecting, jump: float) -> None:
    stranger = 999
    club.transport.answer_with(lambda activity: ride(activity, owner=stranger))
    club.receive("create", 1, owner=stranger)
    live(club, 60)
    set_by(club, jump)
    live(club, 5 * HOUR, step=300)
    club.clock.set_wall(START + 6 * HOUR)
    club.tokens.tokens[stranger] = club.tokens.tokens[BEN]
    club.connect(*athletes(ANNA, BEN, stranger))
    live(club, 600)
    assert set(club.index.latest()) == {1}


@every_jump
def test_a_later_version_is_the_latest_one_whatever_the_clock_does(club: Collecting, jump: float) -> None:
    club.receive("create", 1)
    live(club, 60)
    set_by(club, jump)
    club.transport.answer_with(lambda activity: ride(activity, name="Edited"))
    club.receive("update", 1, event_time=int(START) + 200, updates={"title": "Edited"})
    live(club, 300)
    assert club.index.latest()[1]["name"] == "Edited"


#: In 2026, UTC: the hour that New York has twice, and the one that it has not.
NIGHTS = {
    "the hour that comes twice": datetime(2026, 11, 1, 5, 30, tzinfo=timezone.utc).timestamp(),
    "the hour that is left out": datetime(2026, 3, 8, 6, 30, tzinfo=timezone.utc).timestamp(),
}


@pytest.mark.parametrize("night", NIGHTS.values(), ids=NIGHTS)
def test_daylight_saving_makes_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, night: float) -> None:
    def of_a_night(zone: str) -> tuple[list[Event], int]:
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        with closing(Collecting(tmp_path / zone.replace("/", "-"), BROKEN, BROKEN, clock=VirtualClock(night))) as c:
            c.transport.answer_with(ride)
            c.transport.renew = renewal
            for activity in range(1, 9):
                c.receive("create", activity)
                live(c, 900)
            return c.index.events, len(c.transport.requests)

    try:
        events, calls = of_a_night("America/New_York")
        assert (events, calls) == of_a_night("UTC")
        assert calls == 8 + 2
    finally:
        monkeypatch.undo()
        time.tzset()


@every_jump
def test_lists_go_on_at_their_pace(walking: Walk, jump: float) -> None:
    one = walking(interval=4 * HOUR)
    old = one.record(100 * DAY)
    one.run(HOUR)
    before = one.lists
    one.clock.set_wall(one.clock.now() + jump)
    new = one.strava.record(one.people[0], kind="manual", start_date=one.iso(START + HOUR), notify=False)
    one.run(DAY)
    assert {old.id, new.id} <= one.events.latest().keys()
    # Six looks a day of two pages at most, a slow walk, and a look more because the clock was set.
    assert one.lists - before <= 2 * (6 + 1) + 3


@every_jump
def test_a_clock_that_is_set_right_again_leaves_no_gap_in_the_lists(walking: Walk, jump: float) -> None:
    one = walking(interval=4 * HOUR)
    one.run(HOUR)
    one.clock.set_wall(one.clock.now() + jump)
    one.run(8 * HOUR)
    missed = one.strava.record(one.people[0], kind="manual", start_date=one.iso(START + 9 * HOUR), notify=False)
    one.clock.set_wall(START + 10 * HOUR)
    one.run(8 * HOUR)
    assert missed.id in one.events.latest()
