"""Profiles, zones and gear: when they are looked at, and what reaches the index, in virtual time."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Optional

import pytest

from strava_collector.around import AFTER_FAULT
from strava_collector.settings import Athlete
from strava_collector.store import around, athletes, farewell, replay
from strava_collector.transport import Answer, Request
from tests.support.collecting import ANNA, BAD_TOKEN, BEN, BROKEN, NOT_FOUND, REVOKED, Collect, Collecting, ride
from tests.support.scripted_transport import answer

DAY = 86_400.0
BIKE: dict[str, object] = {"id": "b1", "primary": True, "name": "Road", "distance": 1000.0}
SHOES: dict[str, object] = {"id": "g2", "primary": True, "name": "Trail", "distance": 200.0}
ZONES: dict[str, object] = {"heart_rate": {"custom_zones": False, "zones": [{"min": 0, "max": 120}]}}
OPEN = frozenset({"read", "activity:read_all", "profile:read_all"})


class Profiles:
    """What Strava says about Anna, and how often it is asked."""

    def __init__(self, c: Collecting, monkeypatch: pytest.MonkeyPatch) -> None:
        self.c = c
        self.profile: dict[str, object] = {"id": ANNA, "firstname": "Anna", "weight": 61.0}
        self.zones: Answer = answer(ZONES)
        self.gear: dict[str, Answer] = {}
        self.asked: list[str] = []
        #: Answers that are given first, whatever is asked.
        self.first: list[Answer] = []
        monkeypatch.setattr(c.transport, "send", self._send)

    def show(self, *bikes: dict[str, object], **fields: object) -> None:
        """The profile has these bikes, of which more can be told."""
        self.profile = {**self.profile, "bikes": list(bikes), "shoes": [], **fields}
        self.gear = {str(bike["id"]): answer({**bike, "brand_name": "Best"}) for bike in bikes}

    def _send(self, request: Request) -> Answer:
        path = request.url.partition("/api/v3")[2]
        self.asked.append(path)
        if self.first:
            return self.first.pop(0)
        if path == "/athlete":
            return answer(self.profile)
        if path == "/athlete/zones":
            return self.zones
        if path.startswith("/gear/"):
            return self.gear.get(path.rpartition("/")[2], NOT_FOUND)
        return ride(int(path.rpartition("/")[2]), gear_id="b9")

    def look(self, seconds: float = 0.0) -> Optional[float]:
        """Let time pass, and everything be looked at that is due; return how long nothing is then."""
        self.c.clock.advance(seconds)
        for _ in range(50):
            wait = self.c.pipeline.around.look(self.c.settings)
            if wait != 0.0:
                return wait
        pytest.fail("there is no end to it")

    def take(self) -> list[str]:
        """What was asked since the last time."""
        taken, self.asked = self.asked, []
        return taken


@pytest.fixture
def anna(collect: Collect, monkeypatch: pytest.MonkeyPatch) -> Profiles:
    """Only Anna is configured, with everything granted."""
    c = collect()
    c.connect(Athlete("anna", ANNA, "App", OPEN))
    # Good for longer than any test here: how tokens are renewed, others see.
    c.tokens.tokens[ANNA] = replace(c.tokens.tokens[ANNA], expires_at=int(c.clock.now() + 365 * DAY))
    return Profiles(c, monkeypatch)


def events(profiles: Profiles, sourcetype: str) -> list[dict[str, Any]]:
    return profiles.c.index.of(sourcetype)


def test_a_profile_is_written_with_its_zones_and_gear_of_its_own(anna: Profiles) -> None:
    anna.show(BIKE)
    wait = anna.look()

    assert anna.take() == ["/athlete", "/athlete/zones", "/gear/b1"]
    (profile,) = events(anna, "strava:athlete")
    assert (profile["id"], profile["weight"], profile["zones"]) == (ANNA, 61.0, ZONES)
    (gear,) = events(anna, "strava:gear")
    assert (gear["id"], gear["athlete_id"], gear["brand_name"]) == ("b1", ANNA, "Best")
    assert {event.index for event in anna.c.index.events} == {"strava"}
    assert wait is not None
    assert 0 < wait < 2 * DAY


def test_nothing_is_asked_twice_a_day_and_nothing_unchanged_is_written(anna: Profiles) -> None:
    anna.show(BIKE)
    anna.look()
    anna.take()
    for _ in range(7 * 24):
        anna.look(3600)

    assert anna.take() in (["/athlete", "/athlete/zones"] * days for days in (6, 7))
    assert len(anna.c.index.events) == 2


def test_a_ride_changes_the_bike_and_not_the_profile(anna: Profiles) -> None:
    anna.show(BIKE, SHOES)
    anna.look()
    anna.take()
    anna.show({**BIKE, "distance": 1042.0}, SHOES)
    anna.look(2 * DAY)

    assert anna.take() == ["/athlete", "/athlete/zones", "/gear/b1"]
    assert [gear["distance"] for gear in events(anna, "strava:gear")] == [1000.0, 200.0, 1042.0]
    assert len(events(anna, "strava:athlete")) == 1


def test_a_new_weight_is_a_new_profile_with_a_later_time(anna: Profiles) -> None:
    anna.look()
    anna.profile["weight"] = 60.0
    anna.c.clock.set_wall(anna.c.clock.now() - 30 * DAY)
    anna.look(2 * DAY)

    first, second = events(anna, "strava:athlete")
    assert (first["weight"], second["weight"]) == (61.0, 60.0)
    assert second["collected_at"] > first["collected_at"]


@pytest.mark.parametrize("ahead", [2 * DAY, 3650 * DAY])
def test_a_pause_from_a_clock_that_was_ahead_ends_when_the_clock_is_set_right(anna: Profiles, ahead: float) -> None:
    right = anna.c.clock.now()
    anna.c.tokens.tokens[ANNA] = replace(anna.c.tokens.tokens[ANNA], expires_at=int(right + 2 * ahead))
    anna.c.clock.set_wall(right + ahead)
    anna.first = [BROKEN]
    wait = anna.look()
    assert wait is not None
    assert anna.take() == ["/athlete"]
    anna.c.clock.set_wall(right)
    anna.look(DAY)
    assert anna.take() == ["/athlete", "/athlete/zones"]


def test_without_the_scope_for_it_zones_are_not_asked_for(anna: Profiles) -> None:
    anna.c.connect(Athlete("anna", ANNA, "App", frozenset({"read", "activity:read_all"})))
    anna.look()
    assert anna.take() == ["/athlete"]
    assert "zones" not in events(anna, "strava:athlete")[0]


def test_a_profile_is_written_without_zones_that_strava_refuses(anna: Profiles) -> None:
    anna.zones = NOT_FOUND
    anna.look()
    assert "zones" not in events(anna, "strava:athlete")[0]


def test_gear_that_no_profile_shows_is_looked_at_when_it_was_used(anna: Profiles) -> None:
    anna.c.connect(Athlete("anna", ANNA, "App", frozenset({"read", "activity:read_all"})))
    anna.gear["b9"] = answer({"id": "b9", "distance": 5.0})
    anna.look()
    anna.take()
    anna.c.receive("create", 7)
    anna.c.run()
    anna.look()
    assert anna.take() == ["/activities/7", "/gear/b9"]
    assert [gear["id"] for gear in events(anna, "strava:gear")] == ["b9"]

    anna.c.receive("update", 7)
    anna.c.run(60)
    anna.look()
    assert anna.take() == ["/activities/7"], "looked at today already"
    anna.look(2 * DAY)
    assert sorted(anna.take()) == ["/athlete", "/gear/b9"]
    anna.look(2 * DAY)
    assert anna.take() == ["/athlete"], "not used since"


def test_gear_that_is_gone_is_not_asked_for_again_until_the_profile_says_something_else(anna: Profiles) -> None:
    anna.show(BIKE)
    anna.gear.clear()
    anna.look()
    assert anna.take()[-1] == "/gear/b1"
    anna.look(2 * DAY)
    assert "/gear/b1" not in anna.take()


@pytest.mark.parametrize(
    "bad",
    [
        answer([]),
        answer({"id": BEN}),
        answer({"id": ANNA, "ftp": 1}).__class__(200, {}, b'{"id":134815,"ftp":1e999}', 0.0),
        NOT_FOUND,
        answer({"message": "no"}, 403),
    ],
)
def test_an_answer_that_is_no_profile_of_hers_waits_for_the_next_day(
    anna: Profiles, bad: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    anna.first.append(bad)
    anna.look()
    assert anna.take() == ["/athlete"]
    assert anna.c.index.events == []
    assert "profile_not_read" in caplog.text
    anna.look(2 * DAY)
    assert len(events(anna, "strava:athlete")) == 1


def test_a_failure_is_tried_again_soon_and_the_gear_goes_on_where_it_stopped(anna: Profiles) -> None:
    anna.show(BIKE)
    anna.first.append(BROKEN)
    wait = anna.look()
    assert wait is not None
    assert 0 < wait <= 60
    anna.take()
    anna.look(wait)
    assert anna.take() == ["/athlete", "/athlete/zones", "/gear/b1"]


def test_a_failure_before_the_gear_does_not_ask_for_the_profile_again(anna: Profiles) -> None:
    anna.show(BIKE)
    anna.first += [answer(anna.profile), answer(ZONES), BROKEN]
    wait = anna.look()
    assert wait is not None
    anna.take()
    anna.look(wait)
    assert anna.take() == ["/gear/b1"]


def test_a_fault_of_ours_costs_a_call_an_hour_and_not_one_every_few_seconds(
    anna: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anna.c.index, "poison", "Anna")
    with pytest.raises(KeyError):
        anna.look()
    anna.take()
    wait = anna.look(10)
    assert anna.take() == []
    assert wait is not None
    assert AFTER_FAULT - 30 < wait <= AFTER_FAULT


def test_refused_tokens_mark_the_athlete_who_is_left_alone_then(anna: Profiles) -> None:
    anna.first += [BAD_TOKEN, REVOKED]
    anna.look()
    assert [one.athlete_id for one in anna.c.standings()] == [ANNA]
    anna.take()
    anna.look(3 * DAY)
    assert anna.take() == []
    anna.c.reconnect(ANNA)
    anna.look(7200)
    assert len(events(anna, "strava:athlete")) == 1


def withdraw(anna: Profiles, *, forgotten: bool = False) -> None:
    """Anna withdraws the permission, or her row is deleted and everything of hers forgotten."""
    assert anna.c.settings is not None
    connected_at, now = anna.c.settings.athletes[ANNA].connected_at, anna.c.clock.now()
    with anna.c.database.write() as tx:
        athletes.mark_deauthorized(tx, athlete_id=ANNA, reason="Gone.", connected_at=connected_at, now=now)
        if forgotten:
            athletes.forget(tx, ANNA, now)


@pytest.mark.parametrize("scopes", [OPEN, OPEN - {"profile:read_all"}], ids=["with zones", "without"])
def test_who_withdraws_while_strava_answers_is_not_written(anna: Profiles, scopes: frozenset[str]) -> None:
    anna.c.connect(Athlete("anna", ANNA, "App", scopes))
    send = anna.c.transport.send

    def withdrawn(request: Request) -> Answer:
        withdraw(anna)
        return send(request)

    anna.c.transport.send = withdrawn  # type: ignore[method-assign]  # the test's own transport
    anna.look()
    assert anna.c.index.events == []


def test_who_withdraws_while_strava_answers_about_a_bike_gets_no_event_of_it(anna: Profiles) -> None:
    anna.show(BIKE)
    send = anna.c.transport.send

    def withdrawn(request: Request) -> Answer:
        if "/gear/" in request.url:
            withdraw(anna)
        return send(request)

    anna.c.transport.send = withdrawn  # type: ignore[method-assign]  # the test's own transport
    anna.look()
    assert anna.take()[-1] == "/gear/b1"
    assert events(anna, "strava:gear") == []


def test_who_was_forgotten_is_not_asked_about_with_settings_of_before(anna: Profiles) -> None:
    withdraw(anna, forgotten=True)
    assert anna.c.standings() == []
    assert anna.look() == AFTER_FAULT
    assert anna.take() == []


def test_before_the_settings_are_known_nobody_is_looked_at(anna: Profiles) -> None:
    anna.c.settings = None
    assert anna.look() is None
    assert anna.take() == []


def test_the_bike_of_an_athlete_whom_another_input_has_is_left_to_it(anna: Profiles) -> None:
    with anna.c.database.write() as tx:
        around.begin_profile(tx, BEN)
        around.show_gear(tx, BEN, {"b7": "new"})
    anna.look()
    assert anna.take() == ["/athlete", "/athlete/zones"]


def test_an_event_that_was_written_before_a_crash_is_written_again(anna: Profiles) -> None:
    anna.look()
    with anna.c.database.write() as tx:
        tx.execute("UPDATE profile SET digest = NULL, looked_at = NULL")
    anna.look()
    first, second = events(anna, "strava:athlete")
    assert second["collected_at"] > first["collected_at"]


def test_only_the_owners_athletes_are_looked_at(anna: Profiles) -> None:
    anna.c.connect(Athlete("anna", ANNA, "Another application", OPEN))
    assert anna.look() is None
    assert anna.take() == []


def test_everything_is_forgotten_with_the_athlete(anna: Profiles) -> None:
    anna.show(BIKE)
    anna.look()
    with anna.c.database.write() as tx:
        farewell.forget(tx, ANNA, 2000.0)
        around.show_gear(tx, ANNA, {"b1": "late"})
        around.profile_seen(tx, ANNA, digest="late", now=0.0)
        for table in ("profile", "gear"):
            assert tx.execute(f"SELECT COUNT(*) AS n FROM {table}").fetchone()["n"] == 0


def test_a_replay_writes_profiles_and_gear_again_at_the_next_look(anna: Profiles) -> None:
    anna.show(BIKE)
    anna.look()
    with anna.c.database.write() as tx:
        replay.replay_since(tx, since=anna.c.clock.now() - 60, now=anna.c.clock.now())
    anna.look(2 * DAY)
    assert len(events(anna, "strava:athlete")) == len(events(anna, "strava:gear")) == 2


def test_an_athletes_own_index_gets_them(anna: Profiles) -> None:
    assert anna.c.settings is not None
    anna.look()
    anna.c.connect(replace(anna.c.settings.athletes[ANNA], index="anna"))
    anna.look(2 * DAY)
    assert [event.index for event in anna.c.index.events] == ["strava", "anna"]
    assert json.loads(anna.c.index.events[1].data)["id"] == ANNA
