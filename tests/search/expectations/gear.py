"""Bikes and shoes, and the lookups of people, gear and sorts of sport."""

from __future__ import annotations

from typing import Optional

from tests.search.answers import Answer
from tests.search.catalogue import LENA
from tests.search.expectations.registry import expected
from tests.search.truth import FAMILY_OF, Asked

#: Eight colours that also colour-blind people tell apart (Okabe and Ito), as the families have them.
_COLOURS = {
    "Ride": "#0072B2",
    "Run": "#D55E00",
    "Walk": "#E69F00",
    "Swim": "#56B4E9",
    "Ski and skate": "#CC79A7",
    "Water": "#009E73",
    "Gym": "#F0E442",
    "Games": "#882255",
    "Other": "#BBBBBB",
}


@expected("Shoes over 700 km")
def worn_shoes(asked: Asked) -> Answer:
    rows = [
        {"name": one["name"], "distance_km": one["distance"] / 1_000}
        for one in asked.latest_looks("strava:gear")
        if one["athlete_id"] == asked.athlete
        and one["id"].startswith("g")
        and one["distance"] > 700_000
        and not one["retired"]
    ]
    return Answer(rows, rounded={"distance_km": 0})


@expected("Gear of the month")
def gear_of_the_month(asked: Asked) -> Answer:
    table = asked.activities()
    distances = table[table.gear.notna()].groupby(["month", "gear_name"]).km.sum()
    rows = []
    for month, group in distances.groupby(level="month"):
        farthest = group.idxmax()
        rows.append({"local_month": month, "gear": farthest[1], "km": group.max()})
    return Answer(rows, order=("local_month",), rounded={"km": 0})


@expected("Strava lookup athletes", LENA)
def athletes(asked: Asked) -> Answer:
    rows = []
    for one in asked.latest_looks("strava:athlete"):
        zones = one.get("zones") or {}
        rows.append(
            {
                "id": one["id"],
                "firstname": one["firstname"],
                "lastname": one["lastname"],
                "fullname": f"{one['firstname']} {one['lastname']}",
                "sex": one["sex"],
                "weight": one["weight"],
                "ftp": one["ftp"],
                "heart_rate_limits": _limits(zones.get("heart_rate")),
                "power_limits": _limits(zones.get("power")),
                "collected_at": one["collected_at"],
            }
        )
    assert len(rows) == 3
    return Answer(rows)


def _limits(zones: Optional[dict[str, list[dict[str, int]]]]) -> Optional[str]:
    return None if not zones else ",".join(str(zone["max"]) for zone in zones["zones"])


@expected("Strava lookup gear", LENA)
def every_gear(asked: Asked) -> Answer:
    same = ("id", "athlete_id", "name", "brand_name", "model_name", "primary", "retired", "collected_at")
    rows = [
        {
            **{name: one.get(name) for name in same},
            "kind": "bike" if one["id"].startswith("b") else "shoes",
            "distance_km": one["distance"] / 1_000,
        }
        for one in asked.latest_looks("strava:gear")
    ]
    assert {row["id"] for row in rows} == asked.truth.history.gear.keys()
    for one in asked.latest_looks("strava:gear"):  # a look is days old at most, so this is nearly what is true
        assert -1 <= asked.truth.history.gear[one["id"]] - one["distance"] < 200_000
    return Answer(rows)


@expected("Strava lookup activity types", LENA)
def activity_types(asked: Asked) -> Answer:
    counts = asked.all_activities().groupby("sport").size()
    rows = [
        {"id": sport, "family": family, "colour": _COLOURS[family], "activities": int(counts.get(sport, 0))}
        for sport, family in FAMILY_OF.items()
    ]
    assert sum(counts.get(sport, 0) for sport in FAMILY_OF) == len(asked.all_activities())
    return Answer(rows)
