"""The macro that finds an activity with its samples, its athlete's profile and gear, by its own text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.spl import Index, Row
from strava_collector.events import Event
from tests.unit.test_latest_searches import ANNA, BEN, HERE, MOVED, NOW, THERE, grave, index_of, version

RIDE = 1


def written(sourcetype: str, at: float, **content: Any) -> Event:
    """Any other event."""
    return Event(at, sourcetype, "strava", "s", json.dumps({"collected_at": at, **content}))


def sample(offset: int, collected_at: float, activity: int = RIDE) -> Event:
    content = {"time": offset, "activity_id": activity, "athlete_id": ANNA, "offset": offset}
    return written("strava:activities:stream", NOW - 5_000 + offset, **{**content, "collected_at": collected_at})


def kinds(index: Index, athlete: int = ANNA, *, begin: float = 0) -> list[str]:
    return sorted(row["kind"] for row in rows(index, athlete, begin=begin))


def rows(index: Index, athlete: int = ANNA, *, begin: float = 0) -> list[Row]:
    return index.search(f"`strava_activity_with_samples({RIDE},{athlete})`", begin, 1e12)


def test_all_that_belongs_to_it_is_there_once_and_as_it_was_last() -> None:
    index = index_of(
        [
            version(RIDE, NOW, "before"),
            version(RIDE, NOW + 1, "after", laps=[{"lap_index": 1}, {"lap_index": 2}], map={"polyline": "??"}),
            version(2, NOW + 9, "another"),
            *(sample(offset, NOW) for offset in (0, 1, 2)),
            *(sample(offset, NOW + 5) for offset in (0, 2, 2)),
            sample(0, NOW + 9, activity=2),
            written("strava:athlete", NOW, id=ANNA, ftp=200),
            written("strava:athlete", NOW + 1, id=ANNA, ftp=210),
            written("strava:athlete", NOW + 2, id=BEN, ftp=300),
            written("strava:gear", NOW, id="b1", athlete_id=ANNA, distance=5),
            written("strava:gear", NOW + 1, id="b1", athlete_id=ANNA, distance=6),
            written("strava:gear", NOW, id="g2", athlete_id=ANNA, distance=7),
            written("strava:gear", NOW, id="b3", athlete_id=BEN, distance=8),
        ]
    )
    assert kinds(index) == ["activity", "athlete", "gear", "gear", "sample", "sample"]
    found = rows(index)
    ride = next(row for row in found if row["kind"] == "activity")
    assert (ride["name"], ride["line"]) == ("after", "??")
    assert [json.loads(lap)["lap_index"] for lap in ride["lap"]] == [1, 2]
    assert "_raw" not in ride
    assert sorted(row["offset"] for row in found if row["kind"] == "sample") == ["0", "2"]
    assert sorted(row["distance"] for row in found if row["kind"] == "gear") == ["6", "7"]
    assert [row["ftp"] for row in found if row["kind"] == "athlete"] == ["210"]


@pytest.mark.parametrize("last", [[grave(RIDE, NOW + 1)], []])
def test_of_an_activity_that_was_deleted_or_never_came_nothing_is_there(last: list[Event]) -> None:
    before = [version(RIDE, NOW, "a")] if last else []
    assert kinds(index_of([*before, sample(0, NOW), *last])) == []


def test_of_somebody_elses_activity_nothing_is_there() -> None:
    assert kinds(index_of([version(RIDE, NOW, "a"), sample(0, NOW)]), BEN) == []


def test_one_that_came_back_or_was_moved_is_there() -> None:
    assert kinds(index_of([version(RIDE, NOW, "a"), grave(RIDE, NOW + 1), version(RIDE, NOW + 2, "b")])) == ["activity"]
    assert HERE != THERE
    assert [row["name"] for row in rows(index_of(MOVED))] == ["after"]


@pytest.mark.parametrize("route", [None, {"polyline": None, "summary_polyline": None}, {"summary_polyline": "null"}])
def test_a_route_that_strava_gives_as_null_is_none(route: Any) -> None:
    ride = rows(index_of([version(RIDE, NOW, "a", map=route)]))[0]
    assert (ride.get("line"), ride.get("short_line")) == (None, None)


def test_samples_of_more_than_fourteen_hours_are_all_there() -> None:
    """More rows than eventstats may add fields to."""
    seconds = 50_010
    index = index_of([*(sample(offset, NOW) for offset in range(seconds)), version(RIDE, NOW + 1, "a")])
    assert sum(row["kind"] == "sample" for row in rows(index)) == seconds
