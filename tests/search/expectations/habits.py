"""What is trained when and where: shares, hours, weekdays."""

from __future__ import annotations

import pandas as pd

from tests.search.answers import Answer
from tests.search.expectations.registry import expected
from tests.search.truth import Asked, text_of


@expected("Share of sports")
def share_of_sports(asked: Asked) -> Answer:
    families = asked.activities().groupby("family").agg(activities=("id", "size"), hours=("hours", "sum"))
    whole = families.hours.sum()
    rows = [
        {
            "sport_family": one.Index,
            "activities": one.activities,
            "hours": one.hours,
            "percent": 100 * one.hours / whole,
        }
        for one in families.itertuples()
    ]
    return Answer(rows, order=("-hours",), limit=20, rounded={"hours": 1, "percent": 1})


@expected("Early bird")
def early_bird(asked: Asked) -> Answer:
    rows = [
        {
            "local_weekday": weekday,
            "activities": len(group),
            "before_seven": (group.hour < 7).sum(),
            "percent": 100 * (group.hour < 7).mean(),
        }
        for weekday, group in asked.activities().groupby("weekday")
    ]
    return Answer(rows, rounded={"percent": 0})


@expected("Indoor share")
def indoor_share(asked: Asked) -> Answer:
    table = asked.activities()
    table = table[table.family.isin(["Ride", "Run"])]
    rows = []
    for month, group in table.groupby("month"):
        hours = group.hours.sum()
        indoors = group[group.trainer | group.sport.str.startswith("Virtual")].hours.sum()
        rows.append({"local_month": month, "hours": hours, "indoor_hours": indoors, "percent": 100 * indoors / hours})
    return Answer(rows, rounded={"hours": 1, "indoor_hours": 1, "percent": 0})


@expected("When do I train")
def when(asked: Asked) -> Answer:
    counts = asked.activities().groupby(["weekday", "hour"]).size().sort_values(ascending=False)
    counts = counts[counts >= counts.iloc[min(9, len(counts) - 1)]]
    rows = [
        {"local_weekday": weekday, "local_hour": hour, "activities": count} for (weekday, hour), count in counts.items()
    ]
    return Answer(rows, order=("-activities",), limit=10)


@expected("Most edited activities")
def most_edited(asked: Asked) -> Answer:
    """What the index holds, not what is true in the end: each full collection of an activity, wherever it stands."""
    collected: dict[int, list[float]] = {}
    for one in asked.truth.written("strava:activities"):
        is_asked = one["athlete"]["id"] == asked.athlete and asked.earliest <= one["_time"] < asked.latest
        is_there = one["id"] in asked.truth.details
        if is_asked and is_there and one.get("resource_state") == 3:
            collected.setdefault(one["id"], []).append(one["collected_at"])
    counts = sorted((len(versions) for versions in collected.values() if len(versions) > 1), reverse=True)
    border = counts[min(9, len(counts) - 1)] if counts else 0
    rows = [
        {"id": activity, "versions": len(versions), "latest": text_of(max(versions))}
        for activity, versions in collected.items()
        if len(versions) > 1 and len(versions) >= border
    ]
    return Answer(rows, order=("-versions",), limit=10)


@expected("Strava weekly summary")
def weekly_summary(asked: Asked) -> Answer:
    """Of one athlete: the macro that says whose is set as a person would set it. The week is the athlete's own."""
    today = pd.Timestamp(asked.now, unit="s").normalize()
    week = today - pd.Timedelta(days=today.day_of_week + 7)
    table = asked.truth.activities
    table = table[(table.athlete == asked.athlete) & (table.monday == week)]
    rows = []
    for family, group in table.groupby("family"):
        rows.append(
            {
                "sport_family": family,
                "activities": len(group),
                "hours": group.hours.sum(),
                "km": group.km.sum() or None,
                "longest_km": group.km.max() or None,
                "climb_m": group.climb.sum(),
                "relative_effort": group.effort.sum(min_count=1),
            }
        )
    return Answer(rows, order=("-hours",), limit=20, rounded={"hours": 1, "km": 1, "longest_km": 1, "climb_m": 0})
