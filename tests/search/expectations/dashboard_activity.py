"""The Activity dashboard: one activity, its samples, and what the athlete did on the same segments before."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import datetime, timezone
from typing import Any, Optional

import pandas as pd

from tests.search.answers import Answer, Row
from tests.search.catalogue import LENA
from tests.search.expectations.registry import expected
from tests.search.truth import Asked, duration, pace

#: Seconds without a sample from which on it was a pause.
_PAUSE = 30
#: How many points charts and the route have at most.
_POINTS = 1_000
_WORDS = {"VirtualRide": "Virtual Ride", "WeightTraining": "Weight Training"}


def _detail(asked: Asked) -> dict[str, Any]:
    return asked.truth.details[asked.activity]


def _family(asked: Asked) -> str:
    table = asked.truth.activities
    return str(table[table.id == asked.activity].family.iloc[0])


def _samples(asked: Asked) -> pd.DataFrame:
    table = asked.truth.samples
    return table[table.activity_id == asked.activity]


def _whole(value: float) -> int:
    return math.floor(value + 0.5)


def _number(value: float, places: int) -> str:
    """As it is shown: without zeros at the end."""
    return f"{math.floor(value * 10**places + 0.5) / 10**places:.{places}f}".rstrip("0").rstrip(".")


def _rate(family: str, metres: float, seconds: float) -> Optional[str]:
    """In metric units: runs and walks have a pace for a kilometre, others a speed. No swim is asked about."""
    assert family != "Swim"
    if family in ("Run", "Walk"):
        return f"{pace(metres, seconds)} /km"
    return f"{_number(metres / seconds * 3.6, 1)} km/h"


@expected("Activity: Athletes", LENA)
def athletes(asked: Asked) -> Answer:
    """Those who had an activity in the year before, the newest first."""
    newest = asked.all_activities().groupby("athlete").start.max().sort_values(ascending=False)
    names = {one["id"]: f"{one['firstname']} {one['lastname']}" for one in asked.truth.written("strava:athlete")}
    return Answer([{"athlete_id": one, "athlete": names[one]} for one in newest.index])


@expected("Activity: State")
def state(asked: Asked) -> Answer:
    table = asked.activities().sort_values("start")
    name = next(
        f"{one['firstname']} {one['lastname']}"
        for one in reversed(asked.truth.written("strava:athlete"))
        if one["id"] == asked.athlete
    )
    last = table.iloc[-1]
    message = (
        f"{name}: {len(table)} activities in this range, from {table.day.min()} to {table.day.max()}; "
        f"the newest is “{last['name']}”."
    )
    return Answer([{"message": message}])


@expected("Activity: Activities of the range")
def activities_of_the_range(asked: Asked) -> Answer:
    rows: list[Row] = []
    for one in asked.activities().itertuples():
        efforts = asked.truth.details[one.id]["segment_efforts"]
        lists = {
            "segment_ids": [str(effort["segment"]["id"]) for effort in efforts],
            "segment_metres": [str(effort["segment"]["distance"]) for effort in efforts],
            "segment_seconds": [str(effort["elapsed_time"]) for effort in efforts],
            "segment_names": [effort["segment"]["name"] for effort in efforts],
        }
        # The one value of a list of one is no list.
        shown = {name: values if len(values) > 1 else "".join(values) for name, values in lists.items()}
        rows.append({"_time": one.start, "id": one.id, "local_day": one.day, **shown})
    return Answer(rows, only=tuple(rows[0]))


@expected("Activity: Activity choices")
def choices(asked: Asked) -> Answer:
    table = asked.activities().sort_values("start", ascending=False)
    rows = [{"label": f"{day}  {name}", "value": one} for day, name, one in zip(table.day, table["name"], table.id)]
    return Answer(rows)


@expected("Activity: Segments")
def segments(asked: Asked) -> Answer:
    this = _detail(asked)
    earlier: dict[int, list[int]] = defaultdict(list)
    for one in asked.details():
        for effort in one["segment_efforts"]:
            if one["start_date"] < this["start_date"]:
                earlier[effort["segment"]["id"]].append(effort["elapsed_time"])
    now: dict[int, list[int]] = defaultdict(list)
    for effort in this["segment_efforts"]:
        now[effort["segment"]["id"]].append(effort["elapsed_time"])
    rows: list[Row] = []
    for effort in this["segment_efforts"]:
        seconds, before = effort["elapsed_time"], earlier[effort["segment"]["id"]]
        everything = before + now[effort["segment"]["id"]]
        rank = 1 + sum(one < seconds for one in everything)
        change = seconds - min(before) if before else None
        rows.append(
            {
                "Segment": effort["segment"]["name"],
                "Distance (km)": effort["segment"]["distance"] / 1_000,
                "Time": duration(seconds),
                "Earlier efforts": len(before),
                "Best before": duration(min(before)) if before else None,
                "Difference": None if change is None else _difference(change),
                "Rank": f"{rank} of {len(everything)}" + (", best so far" if rank == 1 and before else ""),
            }
        )
    assert sum(row["Earlier efforts"] for row in rows) > 5
    return Answer(rows, rounded={"Distance (km)": 2})


def _difference(seconds: int) -> str:
    return f"+{seconds} s" if seconds > 0 else f"−{-seconds} s" if seconds < 0 else "the same"


@expected("Activity: Activity with samples")
def activity_with_samples(asked: Asked) -> Answer:
    """How much there is of each kind, each thing once."""
    gear = [one["id"] for one in asked.latest_looks("strava:gear") if one["athlete_id"] == asked.athlete]
    rows: list[Row] = [{"kind": "gear", "id": one} for one in gear]
    rows += [{"kind": "sample", "offset": one} for one in _samples(asked).offset]
    rows += [{"kind": "activity", "id": asked.activity}, {"kind": "athlete", "id": asked.athlete}]
    return Answer(rows, only=("kind", "id", "offset"))


@expected("Activity: Key figures")
def key_figures(asked: Asked) -> Answer:
    one = _detail(asked)
    row = {
        "title": one["name"],
        "far": f"{_number(one['distance'] / 1_000, 2)} km",
        "moving": duration(one["moving_time"]),
        "climb": f"{_whole(one['total_elevation_gain'])} m",
        "rate": _rate(_family(asked), one["distance"], one["moving_time"]),
        "heart": f"{_whole(one['average_heartrate'])} bpm",
        "power": f"{_whole(one['average_watts'])} W" if "average_watts" in one else "–",
        "effort": str(_whole(one["suffer_score"])),
    }
    return Answer([row])


@expected("Activity: What it was")
def what_it_was(asked: Asked) -> Answer:
    one = _detail(asked)
    begins = datetime.fromisoformat(one["start_date_local"].rstrip("Z"))
    notes = {"commute": "commute", "trainer": "indoors", "manual": "typed in by hand", "private": "private"}
    row = {
        "Activity": one["name"],
        "Sport": _WORDS.get(one["sport_type"], one["sport_type"]),
        "Start": f"{begins:%a, %d %b %Y, %H:%M}",
        "Device": one["device_name"],
        "Notes": ", ".join(word for name, word in notes.items() if one[name]) or "–",
    }
    return Answer([row])


@expected("Activity: View on Strava")
def view_on_strava(asked: Asked) -> Answer:
    return Answer([{"link": "View on Strava", "_id": asked.activity}])


@expected("Activity: More figures")
def more_figures(asked: Asked) -> Answer:
    one, on_foot = _detail(asked), _family(asked) in ("Run", "Walk")
    found: dict[str, Optional[str]] = {
        "Elapsed time": duration(one["elapsed_time"]),
        "Highest speed": f"{_number(one['max_speed'] * 3.6, 1)} km/h",
        "Highest heart rate": f"{_whole(one['max_heartrate'])} bpm",
        "Highest point": f"{_whole(one['elev_high'])} m",
        "Lowest point": f"{_whole(one['elev_low'])} m",
        "Calories": f"{_whole(one['calories'])} kcal",
        "Cadence": f"{_whole(one['average_cadence'] * (2 if on_foot else 1))} {'steps/min' if on_foot else 'rpm'}",
    }
    if "average_temp" in one:
        found["Temperature"] = f"{_whole(one['average_temp'])} °C"
    if "average_watts" in one:
        found["Average power"] = f"{_whole(one['average_watts'])} W" + ("" if one["device_watts"] else " (estimated)")
        found["Work"] = f"{_whole(one['kilojoules'])} kJ"
    if one.get("device_watts"):
        found["Weighted power"] = f"{one['weighted_average_watts']} W"
        found["Highest power"] = f"{one['max_watts']} W"
    return Answer([{"Figure": name, "Value": value} for name, value in found.items()])


@expected("Activity: What there is")
def what_there_is(asked: Asked) -> Answer:
    table = _samples(asked)
    assert table.lat.notna().all()
    lacks = [] if table.heartrate.notna().any() else ["heart rate"]
    lacks += [] if table.watts.notna().any() else ["power"]
    rest = f", without {', '.join(lacks)}." if lacks else "."
    return Answer([{"message": f"{len(table)} samples{rest}"}])


def _thinned(asked: Asked) -> pd.DataFrame:
    """Means of as many neighbours as make at most 1,000 points, where the first of them is."""
    table = _samples(asked).sort_values("offset").reset_index(drop=True)
    each = math.ceil(len(table) / _POINTS)
    groups = table.groupby(table.index // each)
    means = groups[["altitude", "heartrate", "watts", "velocity_smooth"]].mean()
    # A mean of places on both sides of a pause would be in the middle of it.
    means[["distance", "offset"]] = groups[["distance", "offset"]].min()
    assert 100 < len(means) <= _POINTS
    return means


@expected("Activity: Samples thinned")
def samples_thinned(asked: Asked) -> Answer:
    rows = [
        {
            "over": "distance",
            "at": one.distance / 1_000,
            "altitude": one.altitude,
            "heartrate": one.heartrate,
            "watts": one.watts,
            "metres_a_second": one.velocity_smooth,
            "family": _family(asked),
        }
        for one in _thinned(asked).itertuples()
    ]
    return Answer(rows, order=("at",), rounded={"at": 2})


def _over_distance(asked: Asked, column: str, title: str, places: int = 0) -> Answer:
    table = _thinned(asked)
    table = table[table[column].notna()]
    rows = [{"Distance (km)": far / 1_000, title: value} for far, value in zip(table.distance, table[column])]
    return Answer(rows, order=("Distance (km)",), rounded={"Distance (km)": 2, title: places})


@expected("Activity: Elevation")
def elevation(asked: Asked) -> Answer:
    return _over_distance(asked, "altitude", "Elevation (m)")


@expected("Activity: Heart rate")
def heart_rate(asked: Asked) -> Answer:
    return _over_distance(asked, "heartrate", "Heart rate (bpm)")


@expected("Activity: Power")
def power(asked: Asked) -> Answer:
    return _over_distance(asked, "watts", "Power (W)")


@expected("Activity: Speed or pace")
def speed_or_pace(asked: Asked) -> Answer:
    is_pace = _family(asked) == "Run"
    title = "Pace (min/km)" if is_pace else "Speed (km/h)"
    table = _thinned(asked)
    table = table[table.velocity_smooth > 0.5]
    values = 1_000 / 60 / table.velocity_smooth if is_pace else table.velocity_smooth * 3.6
    rows = [{"Distance (km)": far / 1_000, title: value} for far, value in zip(table.distance, values)]
    return Answer(rows, order=("Distance (km)",), rounded={"Distance (km)": 2, title: 2 if is_pace else 1})


@expected("Activity: Route")
def route(asked: Asked) -> Answer:
    """The start, the end, and the samples between at equal steps."""
    table = _samples(asked).sort_values("offset").reset_index(drop=True)
    each = math.ceil(len(table) / (_POINTS - 2))
    chosen = table[(table.index % each == 0) | (table.index == len(table) - 1)]
    parts = ["Start", *["Route"] * (len(chosen) - 2), "Finish"]
    rows = [
        {"Longitude (°)": lon, "Latitude (°)": lat, "Part": part}
        for lon, lat, part in zip(chosen.lon, chosen.lat, parts)
    ]
    assert len(rows) <= _POINTS
    return Answer(rows, rounded={"Longitude (°)": 5, "Latitude (°)": 5})


def _zones(asked: Asked, kind: str, column: str, least: float) -> Answer:
    """By the profile that was seen last; a sample stands for the time since the one before it, a pause for a second."""
    looks = [one for one in asked.latest_looks("strava:athlete") if one["id"] == asked.athlete]
    zones = (looks[-1].get("zones") or {}).get(kind) if looks else None
    if zones is None:
        return Answer([])
    table = _samples(asked).sort_values("offset")
    table = table[table[column] >= least]
    passed = table.offset.diff()
    seconds = passed.where(passed <= _PAUSE, 1.0)
    rows: list[Row] = []
    for number, zone in enumerate(zones["zones"], start=1):
        inside = (table[column] >= zone["min"]) & ((table[column] < zone["max"]) | (zone["max"] == -1))
        if inside.any():
            within = f"{zone['min']}+" if zone["max"] == -1 else f"{zone['min']}–{zone['max'] - 1}"
            within = f"to {zone['max'] - 1}" if number == 1 else within
            rows.append({"Zone": f"Z{number}: {within}", "Minutes": seconds[inside].sum() / 60})
    return Answer(rows, order=("Zone",), rounded={"Minutes": 1})


@expected("Activity: Heart-rate zones")
def heart_rate_zones(asked: Asked) -> Answer:
    return _zones(asked, "heart_rate", "heartrate", least=1)


@expected("Activity: Power zones")
def power_zones(asked: Asked) -> Answer:
    return _zones(asked, "power", "watts", least=0)


@expected("Activity: Laps")
def laps(asked: Asked) -> Answer:
    family, rows = _family(asked), []
    for lap in _detail(asked)["laps"]:
        cadence = lap.get("average_cadence")
        # Metres are shown of laps that are shorter than a kilometre.
        places = 3 if lap["distance"] < 1_000 else 2
        rows.append(
            {
                "Lap": lap["lap_index"],
                "Distance (km)": float(_number(lap["distance"] / 1_000, places)),
                "Time": duration(lap["moving_time"]),
                "Pace or speed": _rate(family, lap["distance"], lap["moving_time"]),
                "Elevation (m)": lap["total_elevation_gain"],
                "Heart rate (bpm)": lap.get("average_heartrate"),
                "Power (W)": lap.get("average_watts"),
                "Cadence (1/min)": None if cadence is None else cadence * (2 if family == "Run" else 1),
            }
        )
    assert len(rows) > 1
    rounded = {"Distance (km)": 3, "Elevation (m)": 0, "Heart rate (bpm)": 0, "Power (W)": 0, "Cadence (1/min)": 0}
    return Answer(rows, order=("Lap",), rounded=rounded)


@expected("Activity: Splits")
def splits(asked: Asked) -> Answer:
    rows = [
        {
            "Split": one["split"],
            "Distance (km)": one["distance"] / 1_000,
            "Time": duration(one["moving_time"]),
            "Pace or speed": _rate(_family(asked), one["distance"], one["moving_time"]),
            "Elevation (m)": one["elevation_difference"],
            "Heart rate (bpm)": one.get("average_heartrate"),
        }
        for one in _detail(asked)["splits_metric"]
    ]
    return Answer(rows, order=("Split",), rounded={"Distance (km)": 2, "Elevation (m)": 0, "Heart rate (bpm)": 0})


@expected("Activity: Gear")
def gear(asked: Asked) -> Answer:
    used = _detail(asked)["gear_id"]
    rows = [
        {
            "Gear": one["name"],
            "Kind": "bike" if used.startswith("b") else "shoes",
            "Distance (km)": one["distance"] / 1_000,
            "Retired": "yes" if one["retired"] else "no",
            "As of": datetime.fromtimestamp(one["collected_at"], timezone.utc).strftime("%Y-%m-%d"),
        }
        for one in asked.latest_looks("strava:gear")
        if one["id"] == used
    ]
    assert len(rows) == 1
    return Answer(rows, rounded={"Distance (km)": 2})
