"""How far, how high, how fast: sums by month and year, and records."""

from __future__ import annotations

import pandas as pd

from tests.search.answers import Answer
from tests.search.catalogue import ISLA, MARCUS
from tests.search.expectations.registry import expected
from tests.search.truth import Asked, pace


@expected("Eddington number")
def eddington(asked: Asked) -> Answer:
    days = asked.activities("Ride").groupby("date").km.sum()
    reached = [number for number in range(1, len(days) + 1) if (days >= number).sum() >= number]
    return Answer([{"eddington": max(reached) if reached else None}])


@expected("Commute share")
def commute_share(asked: Asked) -> Answer:
    rides = asked.activities("Ride")
    months = pd.DataFrame(
        {
            "km": rides.groupby("month").km.sum(),
            "commute_km": rides[rides.commute].groupby("month").km.sum(),
        }
    ).fillna(0.0)
    months["percent"] = 100 * months.commute_km / months.km
    rows = months.rename_axis("local_month").reset_index().to_dict("records")
    return Answer(rows, rounded={"km": 1, "commute_km": 1, "percent": 1})


@expected("Year on year")
def year_on_year(asked: Asked) -> Answer:
    rides = asked.activities("Ride")
    months = rides.groupby(["year", "month"]).km.sum().reset_index()
    months["km_so_far"] = months.groupby("year").km.cumsum()
    rows = [{"local_year": one.year, "month": one.month[5:], "km_so_far": one.km_so_far} for one in months.itertuples()]
    return Answer(rows, order=("local_year", "month"), rounded={"km_so_far": 0})


@expected("Elevation by month")
def elevation(asked: Asked) -> Answer:
    climbed = asked.activities().groupby("month").climb.sum()
    rows = [{"local_month": month, "climb_m": metres, "everests": metres / 8_849} for month, metres in climbed.items()]
    return Answer(rows, rounded={"climb_m": 0, "everests": 2})


@expected("Longest ride of each year")
def longest_ride(asked: Asked) -> Answer:
    rides = asked.activities("Ride")
    rides = rides[rides.metres > 0]
    rows = []
    for year, group in rides[rides.metres == rides.groupby("year").metres.transform("max")].groupby("year"):
        alike = {"local_day": group.day, "name": group["name"], "moving_hours": group.hours}
        rows.append(
            {
                "local_year": year,
                "distance_km": group.km.max(),
                **{name: frozenset(values) for name, values in alike.items()},
            }
        )
    return Answer(rows, order=("local_year",), rounded={"distance_km": 1})


@expected("Pace by month")
def pace_by_month(asked: Asked) -> Answer:
    runs = asked.activities("Run")
    months = (
        runs[runs.metres > 0]
        .groupby("month")
        .agg(runs=("id", "size"), metres=("metres", "sum"), seconds=("seconds", "sum"))
    )
    rows = [
        {
            "local_month": one.Index,
            "runs": one.runs,
            "km": one.metres / 1_000,
            "pace": pace(one.metres, one.seconds),
        }
        for one in months.itertuples()
    ]
    return Answer(rows, rounded={"km": 2})


@expected("Best 5 km", MARCUS, ISLA)
def best_5_km(asked: Asked) -> Answer:
    rows = [
        {
            "seconds": effort["elapsed_time"],
            "time": f"{effort['elapsed_time'] // 3_600}:{effort['elapsed_time'] // 60 % 60:02d}:"
            f"{effort['elapsed_time'] % 60:02d}",
            "local_day": run["start_date_local"][:10],
            "name": run["name"],
        }
        for run in asked.details("Run")
        for effort in run["best_efforts"]
        if effort["name"] == "5K"
    ]
    rows.sort(key=lambda row: row["seconds"])
    border = rows[9]["seconds"]
    right = [{name: row[name] for name in ("time", "local_day", "name")} for row in rows if row["seconds"] <= border]
    return Answer(right, order=("time",), limit=10)


@expected("Running cadence", MARCUS, ISLA)
def running_cadence(asked: Asked) -> Answer:
    runs = asked.activities("Run")
    runs = runs[runs.cadence > 0]
    rows = [
        {"local_month": month, "runs": len(group), "steps_a_minute": 2 * group.cadence.mean()}
        for month, group in runs.groupby("month")
    ]
    return Answer(rows, rounded={"steps_a_minute": 0})


@expected("Speed and temperature")
def speed_and_temperature(asked: Asked) -> Answer:
    rides = asked.activities("Ride")
    outdoors = rides[~rides.trainer & (rides.sport != "VirtualRide") & rides.celsius.notna()].copy()
    outdoors["degrees"] = outdoors.celsius.astype(float) // 5 * 5
    steps = outdoors.groupby("degrees").agg(rides=("id", "size"), metres=("metres", "sum"), seconds=("seconds", "sum"))
    rows = [
        {"degrees": one.Index, "rides": one.rides, "kmh": one.metres / one.seconds * 3.6} for one in steps.itertuples()
    ]
    return Answer(rows, order=("degrees",), rounded={"kmh": 1})
