"""What is left out of Strava's answers, wherever it stands in them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.strava.accounts import Accounts
from sandbox.strava.activities import KINDS, ActivityBook
from sandbox.strava.activity_json import detail, route_of, summary
from strava_collector import privacy
from strava_collector.privacy import KEEP_ALL, Privacy
from tests.support.clock import VirtualClock

LOCATION, TEXT, HEALTH = Privacy(location=True), Privacy(text=True), Privacy(health=True)
ALL = Privacy(location=True, text=True, health=True)

#: Keys as Strava writes them, and what each of the settings must not leave anywhere. Written down once more: these
#: are the words of the promise, not those of the program.
PLACES = {
    *("start_latlng", "end_latlng", "latlng", "start_latitude", "start_longitude", "end_latitude", "end_longitude"),
    *("polyline", "summary_polyline", "map", "location_city", "location_state", "location_country", "city", "state"),
    *("country", "segment_efforts", "segment", "similar_activities", "photos", "embed_token", "route_id", "clubs"),
}
TEXTS = {
    *("name", "description", "private_note", "photos", "external_id", "title", "firstname", "lastname", "username"),
    *("bio", "nickname", "brand_name", "model_name", "profile", "profile_medium", "highlighted_kudosers", "clubs"),
    *("display_name", "avatar_url", "caption", "embed_token", "event_title"),
}
BODILY = {
    *("average_heartrate", "max_heartrate", "has_heartrate", "heartrate_opt_out", "display_hide_heartrate_option"),
    *("suffer_score", "perceived_exertion", "prefer_perceived_exertion", "calories", "heart_rate", "heartrate"),
    *("weight", "heart_rate_zones", "relative_effort", "available_zones"),
}
HARMLESS = {
    *("id", "athlete", "distance", "moving_time", "start_date", "start_date_local", "utc_offset", "resource_state"),
    *("average_watts", "device_name", "total_photo_count", "velocity_smooth", "weighted_average_watts", "ftp", "gear"),
    *("laps", "splits_metric", "best_efforts", "elev_high", "average_temp", "kilojoules", "sport_type", "device_watts"),
}

keys = st.one_of(
    st.sampled_from(sorted(PLACES | TEXTS | BODILY | HARMLESS | {"timezone", "type"})), st.text(max_size=8)
)
json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.sampled_from(["heartrate", "latlng", "(GMT+02:00) Europe/Helsinki"]),
        st.text(max_size=8),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=5)),
    max_leaves=15,
)
objects = st.dictionaries(keys, json_values, max_size=8)
choices = st.builds(Privacy, location=st.booleans(), text=st.booleans(), health=st.booleans())


def walk(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every key with its path, lists counted as no level."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield (*path, key), part
            yield from walk(part, (*path, key))
    elif isinstance(value, list):
        for part in value:
            yield from walk(part, path)


def forbidden(wish: Privacy) -> set[str]:
    return (PLACES if wish.location else set()) | (TEXTS if wish.text else set()) | (BODILY if wish.health else set())


def found(value: object, wish: Privacy) -> list[tuple[str, ...]]:
    """The keys that should not be there."""
    return [path for path, _ in walk(value) if path[-1] in forbidden(wish) and path[-2:] != ("best_efforts", "name")]


FUNCTIONS = (privacy.of_activity, privacy.of_notification, privacy.of_athlete)


@given(objects, choices)
def test_no_key_that_was_to_be_left_out_is_left_anywhere(answer: dict[str, Any], wish: Privacy) -> None:
    before = copy.deepcopy(answer)
    for function in FUNCTIONS:
        kept = function(answer, wish)
        assert found(kept, wish) == []
        json.dumps(kept)
    assert answer == before


@given(objects, choices)
def test_gear_keeps_its_weight_and_nothing_else(gear: dict[str, Any], wish: Privacy) -> None:
    left = [path[-1] for path in found(privacy.of_gear(gear, wish), wish)]
    assert set(left) <= {"weight"}


@given(objects, choices)
def test_what_is_left_out_once_is_left_out_for_good(answer: dict[str, Any], wish: Privacy) -> None:
    kept = privacy.of_activity(answer, wish)
    assert privacy.of_activity(kept, wish) == kept


@given(objects)
def test_everything_stays_when_nothing_is_to_be_left_out(answer: dict[str, Any]) -> None:
    assert privacy.of_activity(answer, KEEP_ALL) == answer


@given(st.dictionaries(st.sampled_from(sorted(HARMLESS)), st.integers()), choices)
def test_harmless_values_stay(answer: dict[str, Any], wish: Privacy) -> None:
    assert privacy.of_activity(answer, wish) == answer


def test_very_deep_nesting_is_cut_off_and_harms_nobody() -> None:
    deep: Any = {"city": "Lahti"}
    for _ in range(20_000):
        deep = [deep] if isinstance(deep, dict) else {"laps": deep}

    kept = privacy.of_activity({"id": 1, "deep": deep}, LOCATION)

    assert kept["id"] == 1
    assert "Lahti" not in json.dumps(kept)


@pytest.mark.parametrize("spelling", ["start_latlng", "START_LATLNG", "startLatlng", "start-latlng", "start latlng"])
def test_spelling_makes_no_difference(spelling: str) -> None:
    assert privacy.of_activity({spelling: [61.0, 25.6], "id": 1}, LOCATION) == {"id": 1}


def test_of_the_time_zone_only_the_offset_stays() -> None:
    activity = {"timezone": "(GMT+02:00) Europe/Helsinki", "utc_offset": 7200.0}

    assert privacy.of_activity(activity, LOCATION) == {"timezone": "(GMT+02:00)", "utc_offset": 7200.0}
    assert privacy.of_activity({"timezone": "Europe/Helsinki"}, LOCATION) == {}
    assert privacy.of_activity({"timezone": ["Europe/Helsinki"]}, LOCATION) == {}
    assert privacy.of_activity(activity, Privacy(text=True, health=True)) == activity


def test_a_best_effort_keeps_its_name_and_nothing_else_does() -> None:
    activity = {
        "best_efforts": [{"name": "400m", "distance": 400, "activity": {"name": "Home"}, "segment": {"name": "Hill"}}],
        "laps": [{"name": "To the office", "lap_index": 1}],
    }

    assert privacy.of_activity(activity, TEXT) == {
        "best_efforts": [{"name": "400m", "distance": 400, "activity": {}, "segment": {}}],
        "laps": [{"lap_index": 1}],
    }


def test_what_an_object_is_about_may_stand_in_its_type() -> None:
    """Zones and streams come as lists of objects that say so in ``type``."""
    zones = [{"type": "heartrate", "distribution_buckets": [{"min": 0, "max": 115}]}, {"type": "power", "score": 1}]

    assert privacy.of_athlete({"zones": zones}, HEALTH) == {"zones": [{"type": "power", "score": 1}]}
    assert privacy.of_athlete({"zones": zones}, LOCATION) == {"zones": zones}


def test_an_activitys_own_type_is_never_taken_for_that() -> None:
    assert privacy.of_activity({"id": 1, "type": "latlng"}, LOCATION) == {"id": 1, "type": "latlng"}


def test_a_notification_loses_its_title_and_stays_a_notification() -> None:
    body = {
        "object_type": "activity",
        "object_id": 1,
        "aspect_type": "update",
        "owner_id": 7,
        "subscription_id": 5,
        "event_time": 1_780_000_000,
        "updates": {"title": "At Eva's", "type": "Ride", "private": "true"},
    }

    assert privacy.of_notification(body, TEXT) == {**body, "updates": {"type": "Ride", "private": "true"}}
    assert privacy.of_notification(body, Privacy(location=True, health=True)) == body


def test_a_profile_keeps_no_place_no_name_and_no_body() -> None:
    profile = {
        "id": 7,
        "username": "anna",
        "firstname": "Anna",
        "city": "Lahti",
        "state": "Päijät-Häme",
        "country": "Finland",
        "sex": "F",
        "weight": 61.5,
        "ftp": 240,
        "zones": {"heart_rate": {"zones": [{"min": 0, "max": 115}]}, "power": {"zones": [{"min": 0, "max": 130}]}},
        "clubs": [{"id": 1, "name": "Lahti Cycling", "url": "lahti"}],
        "bikes": [{"id": "b1", "name": "The old one", "distance": 8_412_345}],
        "profile": "https://pictures.invalid/anna.jpg",
    }

    assert privacy.of_athlete(profile, ALL) == {
        "id": 7,
        "sex": "F",
        "ftp": 240,
        "zones": {"power": {"zones": [{"min": 0, "max": 130}]}},
        "bikes": [{"id": "b1", "distance": 8_412_345}],
    }


def test_gear_keeps_what_it_weighs_and_how_far_it_went() -> None:
    bike = {
        "id": "b1",
        "name": "Crème",
        "nickname": "C",
        "description": "from Eva",
        "brand_name": "Canyon",
        "weight": 9,
    }

    assert privacy.of_gear({**bike, "distance": 12.5}, ALL) == {"id": "b1", "weight": 9, "distance": 12.5}


def test_streams_that_are_left_out_are_not_asked_for() -> None:
    assert privacy.stream_keys(KEEP_ALL) == privacy.STREAMS
    assert set(privacy.STREAMS) - set(privacy.stream_keys(ALL)) == {"latlng", "heartrate"}
    assert "latlng" not in privacy.stream_keys(LOCATION)
    assert "heartrate" not in privacy.stream_keys(HEALTH)
    assert privacy.stream_keys(TEXT) == privacy.STREAMS


@pytest.mark.parametrize("kind", KINDS)
def test_the_stand_ins_activities_in_full_and_in_lists(kind: str) -> None:
    """Every value that has been left out is gone from the text, too."""
    anna = Accounts(4).add_athlete("Anna", "Lindqvist", city="Lahti", country="Finland")
    activity = ActivityBook(VirtualClock(), 4).record(
        anna,
        kind,
        title="To Eva in Hollola",
        start_date="2026-06-01T05:00:00Z",
        private=False,
        activity_id=None,
        device_name=None,
        description="with Eva’s dog",
        not_found_requests=0,
        not_found_seconds=0.0,
    )
    route = route_of(activity, 4)
    for answer in (detail(activity, 4, route), summary(activity, 4)):
        kept = privacy.of_activity(answer, ALL)

        assert found(kept, ALL) == []
        text = json.dumps(kept, ensure_ascii=False)
        secrets = ["Eva", "Hollola", "Finland", "Helsinki", "garmin_ping", "pictures.invalid", "Crème", "Schnelle"]
        for secret in secrets + [str(number) for point in route.points[:1] for number in point]:
            assert secret not in text
        basic = {"id", "distance", "moving_time", "start_date", "start_date_local", "utc_offset", "athlete"}
        assert basic <= kept.keys()
        for name in ("average_watts", "average_cadence", "average_temp", "elev_high", "kilojoules", "gear_id"):
            assert (name in kept) == (name in answer)
