"""Calculated fields and the expressions of macros, by their own text, against what they are computed from."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ElementTree
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Optional

import pytest

from sandbox.spl import Row, evaluate, expand, stanzas

PROPS = stanzas("props.conf")
MACROS = stanzas("macros.conf")
OVERVIEW = Path(__file__).resolve().parents[2] / "package/default/data/ui/views/strava_overview.xml"

RUN: Row = {
    "id": "7",
    "athlete.id": "3",
    "sport_type": "TrailRun",
    "type": "Run",
    "distance": "12345.6",
    "moving_time": "3725",
    "elapsed_time": "4000",
    "total_elevation_gain": "304.8",
    "start_date_local": "2026-06-01T00:30:00Z",  # a Monday there, a Sunday in Greenwich
    "utc_offset": "7200.0",
    "_time": 1_780_266_600.0,
    "trainer": "false",
    "external_id": "garmin_push_123456",
    "average_heartrate": "150",
}


def fields_of(row: Row, sourcetype: str = "strava:activities") -> dict[str, Any]:
    stanza = PROPS[sourcetype]
    return {key[5:]: evaluate(text, row) for key, text in stanza.items() if key.startswith("EVAL-")}


def value(call: str, row: Row) -> Any:
    return evaluate(expand(f"`{call}`", MACROS), row)


def test_a_run_in_kilometres_miles_hours_and_pace() -> None:
    found = fields_of(RUN)
    metres, seconds = 12_345.6, 3_725
    assert found["distance_km"] == pytest.approx(metres / 1_000)
    assert found["distance_mi"] == pytest.approx(metres / 1_609.344)
    assert found["speed_kmh"] == pytest.approx(metres / seconds * 3.6)
    assert found["speed_mph"] == pytest.approx(found["speed_kmh"] / 1.609344)
    assert found["pace_min_per_km"] == pytest.approx(60 / found["speed_kmh"])
    assert found["pace_min_per_mi"] == pytest.approx(60 / found["speed_mph"])
    assert found["pace_min_per_100m"] is None
    assert (found["moving_hours"], found["elapsed_hours"]) == (
        pytest.approx(seconds / 3_600),
        pytest.approx(4_000 / 3_600),
    )
    assert found["elevation_ft"] == pytest.approx(1_000)
    assert (found["sport"], found["sport_family"], found["type_full"]) == ("TrailRun", "Run", "Trail Run")
    assert (found["indoor"], found["garminActivityId"]) == ("false", "123456")


NULLS = dict.fromkeys(
    ("sport_type", "type", "distance", "moving_time", "trainer", "external_id", "total_elevation_gain"), "null"
)


def test_a_null_of_json_is_no_text() -> None:
    """Splunk extracts it as the text null."""
    found = fields_of({**RUN, **NULLS})
    there = {name: value for name, value in found.items() if value is not None and not name.startswith("local_")}
    assert set(there) == {"elapsed_hours"}
    assert fields_of({**RUN, "sport_type": "null"})["sport"] == "Run"
    assert value("strava_sport_family(sport_type)", {"sport_type": "null"}) is None


def test_nobody_is_called_null() -> None:
    for first, last, name in (("Anna", "null", "Anna"), ("null", "Muster", "Muster"), ("null", "null", None)):
        assert fields_of({"firstname": first, "lastname": last}, "strava:athlete")["fullname"] == name


def test_the_day_is_that_of_the_athletes_clock() -> None:
    found = fields_of(RUN)
    assert (found["local_day"], found["local_month"], found["local_year"]) == ("2026-06-01", "2026-06", "2026")
    assert (found["local_hour"], found["local_weekday"], found["local_week"]) == (0, "Mon", "2026-06-01")
    assert date(1970, 1, 1) + timedelta(days=found["local_day_number"]) == date(2026, 6, 1)


@pytest.mark.parametrize(
    ("day", "monday"), [("2026-06-07", "2026-06-01"), ("2026-06-08", "2026-06-08"), ("2027-01-01", "2026-12-28")]
)
def test_a_week_begins_on_monday(day: str, monday: str) -> None:
    assert fields_of({**RUN, "start_date_local": f"{day}T23:59:59Z"})["local_week"] == monday


def test_where_a_value_makes_no_sense_there_is_none() -> None:
    gym = fields_of({**RUN, "sport_type": "WeightTraining", "distance": "12.0"})
    assert [gym[name] for name in gym if name.startswith(("speed_", "pace_"))] == [None] * 5
    typed_in = fields_of({**RUN, "distance": "0.0", "trainer": None})
    assert [typed_in[name] for name in typed_in if name.startswith(("distance_", "speed_", "pace_"))] == [None] * 7
    swim = fields_of({**RUN, "sport_type": "Swim", "distance": "2000", "moving_time": "2400"})
    assert swim["pace_min_per_100m"] == pytest.approx(2)
    grave = fields_of({"id": "7", "athlete.id": "3", "deleted": "true", "_time": 1.0})
    assert set(grave.values()) == {None}


@pytest.mark.parametrize(
    ("sport", "family"),
    [
        ("Ride", "Ride"), ("EMountainBikeRide", "Ride"), ("VirtualRide", "Ride"), ("Velomobile", "Ride"),
        ("Run", "Run"), ("VirtualRun", "Run"), ("Walk", "Walk"), ("Hike", "Walk"), ("Swim", "Swim"),
        ("NordicSki", "Ski and skate"), ("Snowboard", "Ski and skate"), ("Rowing", "Water"), ("Yoga", "Gym"),
        ("Workout", "Gym"), ("Tennis", "Games"), ("TableTennis", "Games"), ("RockClimbing", "Other"),
        ("SomethingNew", "Other"), (None, None),
    ],
)  # fmt: skip
def test_a_sport_has_a_family_and_a_family_a_colour(sport: Optional[str], family: Optional[str]) -> None:
    assert fields_of({**RUN, "sport_type": sport, "type": None})["sport_family"] == family
    assert value("strava_sport_family(x)", {"x": sport}) == family
    colour = value("strava_sport_colour(x)", {"x": family})
    assert (colour is None) == (family is None)


def test_no_two_families_have_one_colour_and_the_overview_has_the_same() -> None:
    families = ("Ride", "Run", "Walk", "Swim", "Ski and skate", "Water", "Gym", "Games", "Other")
    colours = {family: value("strava_sport_colour(x)", {"x": family}) for family in families}
    assert len(set(colours.values())) == len(families)
    text = ElementTree.parse(OVERVIEW).findtext("definition")
    assert text is not None
    for panel in ("panel_weeks", "panel_far"):
        shown = json.loads(text)["visualizations"][panel]["options"]["seriesColorsByField"]
        assert {family: colour for family, colour in shown.items() if not family.startswith("Average (")} == colours


def test_an_event_of_before_sport_type_has_its_type() -> None:
    assert fields_of({**RUN, "sport_type": None})["sport"] == "Run"


def test_samples_gear_athletes_and_notifications_have_theirs() -> None:
    sample = fields_of({"velocity_smooth": "2.5", "distance": "500", "altitude": "304.8"}, "strava:activities:stream")
    assert sample["speed_kmh"] == pytest.approx(9)
    assert sample["pace_min_per_km"] == pytest.approx(6 + 2 / 3)
    assert sample["pace_min_per_mi"] == pytest.approx(sample["pace_min_per_km"] * 1.609344)
    assert sample["speed_mph"] == pytest.approx(9 / 1.609344)
    assert (sample["distance_km"], sample["altitude_ft"]) == (pytest.approx(0.5), pytest.approx(1_000))
    assert fields_of({"velocity_smooth": "0.1"}, "strava:activities:stream")["pace_min_per_km"] is None
    assert fields_of({"id": "g1", "distance": "700000"}, "strava:gear")["gear_kind"] == "shoes"
    assert fields_of({"id": "b1"}, "strava:gear")["gear_kind"] == "bike"
    assert fields_of({"firstname": "Anna", "lastname": "M"}, "strava:athlete") == {"fullname": "Anna M"}
    assert fields_of({"id": "1"}, "strava:athlete") == {"fullname": None}
    assert fields_of({"object_type": "activity", "object_id": "5"}, "strava:webhook") == {"activity_id": "5"}
    assert fields_of({"object_type": "athlete", "object_id": "5"}, "strava:webhook") == {"activity_id": None}


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("strava_distance(distance,metric)", 12.35),
        ("strava_distance(distance,imperial)", 7.67),
        ("strava_elevation(total_elevation_gain,metric)", 305),
        ("strava_elevation(total_elevation_gain,imperial)", 1000),
        ("strava_pace(distance,moving_time,metric)", "5:02"),
        ("strava_pace(distance,moving_time,imperial)", "8:06"),
        ("strava_duration(moving_time)", "1:02:05"),
        ("strava_unit(pace,imperial)", "/mi"),
        ("strava_unit(elevation,metric)", "m"),
        ("strava_distance(nothing,metric)", None),
        ("strava_pace(nothing,moving_time,metric)", None),
        ("strava_duration(nothing)", None),
    ],
)
def test_a_macro_gives_what_people_read(call: str, expected: object) -> None:
    assert value(call, RUN) == expected


@pytest.mark.parametrize(
    ("seconds", "text"), [("0", "0:00:00"), ("59.6", "0:00:59"), ("3600", "1:00:00"), ("360000", "100:00:00")]
)
def test_a_duration_may_be_of_any_length(seconds: str, text: str) -> None:
    assert value("strava_duration(x)", {"x": seconds}) == text


@pytest.mark.parametrize(
    ("family", "metric", "imperial"),
    [
        ("Run", "5:02 /km", "8:06 /mi"),
        ("Walk", "5:02 /km", "8:06 /mi"),
        ("Swim", "0:30 /100 m", "0:28 /100 yd"),
        ("Ride", "11.9 km/h", "7.4 mph"),
        ("Other", "11.9 km/h", "7.4 mph"),
        ("Gym", None, None),
        ("Games", None, None),
    ],
)
def test_how_fast_is_said_as_people_of_the_sport_say_it(
    family: str, metric: Optional[str], imperial: Optional[str]
) -> None:
    row = {"family": family, "m": "2000", "s": "603.6"}
    assert value("strava_rate(family,m,s,metric)", row) == metric
    assert value("strava_rate(family,m,s,imperial)", row) == imperial
    assert value("strava_rate(family,nothing,s,metric)", row) is None
    assert value("strava_rate(family,m,s,metric)", {**row, "m": "0"}) is None


def test_a_pace_never_has_sixty_seconds() -> None:
    assert value("strava_pace(m,s,metric)", {"m": "1000", "s": "299.7"}) == "5:00"


def test_a_speed_is_of_metres_a_second() -> None:
    assert value("strava_speed(x,metric)", {"x": "10"}) == 36.0
    assert value("strava_speed(x,imperial)", {"x": "10"}) == 22.4


@pytest.mark.parametrize(("sex", "a", "b"), [("m", 0.64, 1.92), ("f", 0.86, 1.67)])
def test_training_load_is_banisters(sex: str, a: float, b: float) -> None:
    part = (150 - 50) / (185 - 50)
    load = value(f"strava_training_load(50,185,{sex})", RUN)
    assert load == pytest.approx(3_725 / 60 * part * a * math.exp(b * part))
    assert value(f"strava_training_load(50,185,{sex})", {**RUN, "average_heartrate": None}) is None
