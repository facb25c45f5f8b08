"""Which changes of a profile or of gear are news, and the events that they become."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strava_collector.privacy import KEEP_ALL, Privacy
from strava_collector.profile import (
    due_at,
    gear_digest,
    gear_event,
    gear_in,
    gear_of,
    profile_digest,
    profile_event,
    profile_of,
)

DAY = 86_400.0
BIKE: dict[str, object] = {"id": "b1", "primary": True, "name": "Road", "distance": 1000.0, "retired": False}
PROFILE: dict[str, object] = {
    "id": 134815,
    "firstname": "Anna",
    "city": "Zürich",
    "sex": "F",
    "weight": 61.5,
    "ftp": 240,
    "updated_at": "2026-06-01T05:00:00Z",
    "follower_count": 3,
    "bikes": [BIKE],
    "shoes": [],
}


def digest(profile: dict[str, object], index: str = "strava", connected_at: str = "1") -> str:
    return profile_digest(profile, index=index, connected_at=connected_at)


@pytest.mark.parametrize(
    "change",
    [
        {"city": "Bern"},
        {"sex": None},
        {"weight": 61.4},
        {"ftp": 250},
        {"zones": {"heart_rate": {}}},
        {"bikes": []},
        {"bikes": [{**BIKE, "name": "Old"}]},
        {"shoes": [{"id": "g1"}]},
        {"something_new": 1},
    ],
)
def test_what_an_athlete_changes_is_news(change: dict[str, object]) -> None:
    assert digest({**PROFILE, **change}) != digest(PROFILE)


@pytest.mark.parametrize(
    "change",
    [
        {"updated_at": "2026-06-02T05:00:00Z"},
        {"follower_count": 4},
        {"bikes": [{**BIKE, "distance": 2000.0, "converted_distance": 2.0}]},
    ],
)
def test_what_changes_by_itself_or_with_every_ride_is_none(change: dict[str, object]) -> None:
    assert digest({**PROFILE, **change}) == digest(PROFILE)


def test_another_index_or_consent_makes_everything_news() -> None:
    assert len({digest(PROFILE), digest(PROFILE, "other"), digest(PROFILE, "strava", "2")}) == 3
    assert len({gear_digest(BIKE, index=one, connected_at=two) for one in "ab" for two in "12"}) == 4


def test_a_profile_tells_which_gear_has_changed() -> None:
    before = gear_in(PROFILE)
    ridden = gear_in({**PROFILE, "bikes": [{**BIKE, "distance": 1001.0}]})
    same = gear_in({**PROFILE, "bikes": [{**BIKE, "resource_state": 3}]})
    assert before is not None
    assert before.keys() == {"b1"}
    assert before == same != ridden


@pytest.mark.parametrize("answer", [{}, {"bikes": None}, {"bikes": "none", "shoes": {}}])
def test_a_profile_without_gear_says_nothing_about_it(answer: dict[str, object]) -> None:
    assert gear_in(answer) is None


def test_gear_without_an_id_is_left_alone() -> None:
    assert gear_in({"bikes": [{"name": "x"}, 7, None, {"id": 5}], "shoes": []}) == {}


@pytest.mark.parametrize("gear_id", ["", "b", "\ud800", "b1\ud800", "../1", "b" + "1" * 20, "b1\n", "b\u0661"])
def test_an_id_that_strava_gives_to_no_gear_is_none(gear_id: str) -> None:
    assert gear_in({"bikes": [{"id": gear_id}, {"id": "b7"}]}).keys() == {"b7"}  # type: ignore[union-attr]  # not None


def test_events_begin_with_the_time_in_three_digits() -> None:
    event = profile_event(PROFILE, collected_at=1_780_293_600.5, index="strava", source="strava_webhook://club")
    assert event.data.startswith('{"collected_at":1780293600.500,"id":134815,"firstname":"Anna"')
    assert (event.time, event.sourcetype) == (1_780_293_600.5, "strava:athlete")
    assert list(json.loads(event.data))[-1] == "bikes"

    gear = gear_event(BIKE, athlete_id=7, collected_at=1_780_293_600.0, index="strava", source="s")
    assert gear.data.startswith('{"collected_at":1780293600.000,"athlete_id":7,"id":"b1"')
    assert gear.sourcetype == "strava:gear"


def test_what_is_to_be_left_out_is_left_out() -> None:
    everything = Privacy(location=True, text=True, health=True)
    kept = profile_of(PROFILE, {"heart_rate": {"zones": []}, "power": {}}, everything)
    assert kept.keys() & {"firstname", "city", "weight"} == set()
    assert kept["zones"] == {"power": {}}
    assert gear_of(BIKE, everything).keys() == {"id", "primary", "distance", "retired"}
    assert profile_of(PROFILE, None, KEEP_ALL) == PROFILE


@given(st.integers(1, 10**9), st.floats(1e9, 4e9))
def test_an_athlete_is_looked_at_once_on_the_next_day(athlete_id: int, looked_at: float) -> None:
    due = due_at(athlete_id, looked_at)
    assert due // DAY == looked_at // DAY + 1
    assert due_at(athlete_id, due) == due + DAY


def test_athletes_are_looked_at_all_over_the_day() -> None:
    hours = [due_at(athlete_id, 0.0) % DAY // 3600 for athlete_id in range(2_000)]
    assert all(40 < hours.count(hour) < 140 for hour in range(24))
    assert due_at(7, None) == 0.0
