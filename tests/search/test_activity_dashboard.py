"""The Activity dashboard where the activity is not one with everything: no samples, no route, typed in, not there."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sandbox.spl import Row
from tests.search.catalogue import ISLA, LENA, MARCUS
from tests.search.dashboards import VIEWS, definition, filled
from tests.search.test_executed import index, truth
from tests.search.truth import duration
from tests.unit.test_activity_macro import written
from tests.unit.test_latest_searches import ANNA, NOW, index_of, version
from tests.unit.test_polyline_macro import decoded

_VIEW = definition(VIEWS / "strava_activity.xml")
_TOKENS = {"units": "metric", "axis": "distance"}


def search(name: str, **tokens: str) -> str:
    """The search of a data source of the view."""
    text, source = "", next(one for one in _VIEW["dataSources"].values() if one["name"] == name)
    while source["type"] == "ds.chain":
        text = f"{source['options']['query']}\n{text}"
        source = _VIEW["dataSources"][source["options"]["extend"]]
    return filled(f"{source['options']['query']}\n{text}", {**_TOKENS, **tokens})


def shown(name: str, athlete: int, activity: int, **tokens: str) -> list[Row]:
    """The rows of a data source of the view."""
    given = {"athlete": str(athlete), "activity": str(activity), **tokens}
    return index().search(search(name, **given), "-1y@d", "now")


def latest(athlete: int, **wanted: Any) -> dict[str, Any]:
    """The athlete's latest activity without samples that has what is wanted."""
    sampled = set(truth().history.sampled)
    mine = [one for one in truth().details.values() if one["athlete"]["id"] == athlete and one["id"] not in sampled]
    return max(
        (one for one in mine if all(one[name] == value for name, value in wanted.items())),
        key=lambda one: str(one["start_date"]),
    )


def message(athlete: int, activity: int) -> str:
    return str(shown("What there is", athlete, activity)[0]["message"])


def test_without_samples_the_route_is_strava_s_line_and_the_page_says_where_samples_come_from() -> None:
    ride = max(
        (one for one in truth().details.values() if one["id"] not in truth().history.sampled),
        key=lambda one: (one["athlete"]["id"] == LENA, one["start_date"] > "2026-01", len(one["map"]["polyline"])),
    )
    points = decoded(ride["map"]["polyline"])
    assert len(points) > 400
    each = math.ceil(len(points) / 998)
    rows = shown("Route", LENA, ride["id"])
    found = [(row["Latitude (°)"], row["Longitude (°)"]) for row in rows]
    assert found == [point for number, point in enumerate(points) if number % each == 0 or number == len(points) - 1]
    assert [rows[0]["Part"], rows[1]["Part"], rows[-1]["Part"]] == ["Start", "Route", "Finish"]
    assert "Collect streams" in message(LENA, ride["id"])
    assert shown("Elevation", LENA, ride["id"]) == shown("Heart-rate zones", LENA, ride["id"]) == []
    assert len(shown("Laps", LENA, ride["id"])) == len(ride["laps"])


def test_one_that_was_typed_in_says_so() -> None:
    yoga = latest(ISLA, manual=True)
    assert message(ISLA, yoga["id"]).startswith("It was typed in by hand")
    figures = shown("Key figures", ISLA, yoga["id"])[0]
    assert (figures["moving"], figures["far"], figures["rate"]) == (duration(yoga["moving_time"]), "–", "–")
    assert shown("Route", ISLA, yoga["id"]) == shown("Laps", ISLA, yoga["id"]) == []


@pytest.mark.parametrize(("units", "length", "words"), [("metric", 100.0, "/100 m"), ("imperial", 91.44, "/100 yd")])
def test_a_swim_has_a_pace_for_a_hundred(units: str, length: float, words: str) -> None:
    swim = latest(ISLA, sport_type="Swim")
    seconds = math.floor(swim["moving_time"] * length / swim["distance"] + 0.5)
    figures = shown("Key figures", ISLA, swim["id"], units=units)[0]
    assert figures["rate"] == f"{seconds // 60}:{seconds % 60:02d} {words}"


def test_in_imperial_units_splits_are_miles() -> None:
    run = latest(MARCUS, sport_type="Run")
    rows = shown("Splits", MARCUS, run["id"], units="imperial")
    assert [row["Split"] for row in rows] == [str(one["split"]) for one in run["splits_standard"]]
    assert rows[0]["Distance (mi)"] == 1


def test_charts_can_be_over_time() -> None:
    run = max(one for one in truth().history.sampled if truth().details[one]["athlete"]["id"] == MARCUS)
    rows = shown("Elevation", MARCUS, run, axis="Time (min)")
    assert set(rows[0]) == {"Time (min)", "Elevation (m)"}
    assert rows[-1]["Time (min)"] == pytest.approx(truth().details[run]["elapsed_time"] / 60, abs=0.5)


@pytest.mark.parametrize("athlete", [LENA, 0])
def test_of_somebody_elses_or_none_it_says_that_there_is_nothing_and_the_reason(athlete: int) -> None:
    run = latest(MARCUS, sport_type="Run")
    assert shown("Activity with samples", athlete, run["id"]) == []
    assert message(athlete, run["id"]).startswith("Nothing to show. Choose an activity above")


def test_without_any_activity_the_control_has_a_value() -> None:
    assert shown("Activity choices", 0, 0) == [{"label": "No activity in this range", "value": "0"}]


#: What an address may bring along.
_HOSTILE = ['1 | append [| makeresults | eval injected="INJECTED"]', "*", '" | x', "1 OR sourcetype=*", "1\\"]


@pytest.mark.parametrize("value", _HOSTILE)
def test_an_athlete_who_is_no_number_has_no_activities(value: str) -> None:
    assert index().search(search("Activities of the range", athlete=value), "-1y@d", "now") == []


@pytest.mark.parametrize("value", _HOSTILE)
def test_values_of_other_tokens_stay_values(value: str) -> None:
    run = max(one for one in truth().history.sampled if truth().details[one]["athlete"]["id"] == MARCUS)
    rows = shown("Elevation", MARCUS, run, axis=value)
    assert set(rows[0]) == {"Time (min)", "Elevation (m)"}
    assert index().search(search("Segments", athlete=str(MARCUS), activity=value), "-1y@d", "now") == []


def test_nothing_leads_to_strava_where_nothing_is_chosen() -> None:
    assert shown("View on Strava", LENA, 0) == []


def own(name: str, activity: dict[str, Any], samples: list[dict[str, Any]], **tokens: str) -> list[Row]:
    """The rows of a data source, of an activity that the sample data have none like."""
    given = {"athlete": str(ANNA), "activity": "1", **tokens}
    events = [version(1, NOW, "a", **activity)]
    for offset, content in enumerate(samples):
        keys = {"activity_id": 1, "athlete_id": ANNA, "offset": offset, "collected_at": NOW, **content}
        events.append(written("strava:activities:stream", NOW + offset, **keys))
    return index_of(events).search(search(name, **given), 0, 1e12)


@pytest.mark.parametrize("far", [{}, {"distance": 0.0}])
def test_where_no_sample_has_a_distance_charts_go_over_time(far: dict[str, Any]) -> None:
    samples = [{"heartrate": 100 + offset, **far} for offset in range(3)]
    rows = own("Heart rate", {"sport_type": "WeightTraining"}, samples)
    assert rows == [{"Time (min)": round(offset / 60, 2), "Heart rate (bpm)": 100 + offset} for offset in range(3)]
    note = own("What there is", {"sport_type": "WeightTraining"}, samples)[0]["message"]
    assert "They have no distance, so charts go over time." in note


def test_a_route_that_strava_gives_as_null_is_none() -> None:
    activity = {"sport_type": "Run", "map": {"polyline": None, "summary_polyline": None}}
    assert own("Route", activity, []) == []
    assert "There is no route" in own("What there is", activity, [{"distance": 1.0}])[0]["message"]


@pytest.mark.parametrize(("units", "shown_as"), [("metric", [0.025, 1.03]), ("imperial", [0.016, 0.639])])
def test_a_lap_of_25_metres_is_not_three_hundredths(units: str, shown_as: list[float]) -> None:
    laps = [{"lap_index": n, "distance": far, "moving_time": 30} for n, far in ((1, 25.0), (2, 1028.4))]
    rows = own("Laps", {"sport_type": "Swim", "laps": laps}, [], units=units)
    assert [row["Distance (km)" if units == "metric" else "Distance (mi)"] for row in rows] == shown_as
