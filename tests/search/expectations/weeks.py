"""Days, weeks, streaks and gaps, and what load adds up to."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone

import pandas as pd

from tests.search.answers import Answer, Row
from tests.search.expectations.registry import expected
from tests.search.truth import Asked


def _dates(table: pd.DataFrame) -> list[pd.Timestamp]:
    return sorted(table.date.unique())


@expected("Longest streaks")
def streaks(asked: Asked) -> Answer:
    runs: list[list[pd.Timestamp]] = []
    for date in _dates(asked.activities()):
        if runs and date - runs[-1][-1] == timedelta(days=1):
            runs[-1].append(date)
        else:
            runs.append([date])
    border = sorted((len(run) for run in runs), reverse=True)[min(4, len(runs) - 1)]
    rows = [
        {"days": len(run), "first_day": f"{run[0]:%Y-%m-%d}", "last_day": f"{run[-1]:%Y-%m-%d}"}
        for run in runs
        if len(run) >= border
    ]
    return Answer(rows, order=("-days",), limit=5)


@expected("Longest gap without a ride")
def gaps(asked: Asked) -> Answer:
    dates = _dates(asked.activities("Ride"))
    found = [
        {
            "day_before": f"{before:%Y-%m-%d}",
            "day": f"{after:%Y-%m-%d}",
            "days_without": (after - before).days - 1,
        }
        for before, after in zip(dates, dates[1:])
        if (after - before).days > 1
    ]
    found.sort(key=lambda row: -row["days_without"])
    rows = [row for row in found if row["days_without"] >= found[min(4, len(found) - 1)]["days_without"]]
    return Answer(rows, order=("-days_without",), limit=5)


@expected("Weekly ramp")
def ramp(asked: Asked) -> Answer:
    weeks = asked.activities().groupby("week").hours.sum()
    rows = [
        {"local_week": week, "hours": hours, "change_percent": None if pd.isna(change) else 100 * change}
        for week, hours, change in zip(weeks.index, weeks, weeks.pct_change())
    ]
    return Answer(rows, order=("local_week",), rounded={"hours": 1, "change_percent": 0})


@expected("Consistency")
def consistency(asked: Asked) -> Answer:
    days = asked.activities().drop_duplicates("date").groupby("monday").size()
    between = (days.index.max() - days.index.min()).days // 7 + 1
    return Answer([{"good_weeks": (days >= 3).sum(), "weeks_with_training": len(days), "weeks": between}])


@expected("Relative effort by week")
def relative_effort(asked: Asked) -> Answer:
    weeks = asked.activities().groupby("week").effort.sum(min_count=1)
    means = weeks.rolling(4, min_periods=1).mean()
    rows = [
        {"local_week": week, "relative_effort": effort, "relative_effort_average": mean}
        for week, effort, mean in zip(weeks.index, weeks, means)
    ]
    return Answer(rows, order=("local_week",), rounded={"relative_effort_average": 0})


@expected("Fitness, fatigue and form")
def fitness(asked: Asked) -> Answer:
    load: dict[float, float] = {}
    for one in asked.activities().itertuples():
        if one.heartrate and one.heartrate > 50:
            reserve = (one.heartrate - 50) / (185 - 50)
            day = one.start // 86_400 * 86_400
            load[day] = load.get(day, 0.0) + one.seconds / 60 * reserve * 0.64 * math.exp(1.92 * reserve)
    rows: list[Row] = []
    fit, tired = 0.0, 0.0
    at = datetime.fromtimestamp(asked.earliest, timezone.utc)
    while at.timestamp() < asked.latest:
        today = load.get(at.timestamp(), 0.0)
        # Yesterday's means fade, today's load comes in.
        fit += (today - fit) * (1 - math.exp(-1 / 42))
        tired += (today - tired) * (1 - math.exp(-1 / 7))
        rows.append({"_time": at.timestamp(), "load": today, "fitness": fit, "fatigue": tired, "form": fit - tired})
        at += timedelta(days=1)
    return Answer(rows, order=("_time",), rounded={"load": 0, "fitness": 1, "fatigue": 1, "form": 1})
