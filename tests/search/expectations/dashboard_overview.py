"""The Overview dashboard: what is new, what is more or less than before, and the best so far."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import Any, Optional

import pandas as pd

from tests.search.answers import Answer, Row
from tests.search.expectations.registry import expected
from tests.search.truth import Asked, duration, pace

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _rounded(value: float, places: int = 0) -> float:
    scale: float = 10.0**places
    return math.floor(value * scale + 0.5) / scale


def _hours_and_minutes(seconds: float) -> str:
    return duration(seconds).rpartition(":")[0]


def _names(asked: Asked) -> dict[int, str]:
    """As the profiles have them that were seen last."""
    return {one["id"]: f"{one['firstname']} {one['lastname']}" for one in asked.truth.written("strava:athlete")}


@expected("Overview: Athletes")
def athletes(asked: Asked) -> Answer:
    """Those with an activity within the year before, the newest first; all have a profile."""
    newest = asked.all_activities().groupby("athlete").start.max().sort_values(ascending=False)
    rows = [{"athlete_id": one, "athlete": _names(asked)[one]} for one in newest.index]
    assert len(rows) == 3
    return Answer(rows)


@expected("Overview: State")
def state(asked: Asked) -> Answer:
    table = asked.activities().sort_values("start")
    who, newest = _names(asked)[asked.athlete], table.name.iloc[-1]
    return Answer(
        [
            {
                "message": f"{who}: {len(table)} activities in this range, from {table.day.min()} to "
                f"{table.day.max()}; the newest is “{newest}”."
            }
        ]
    )


# The same days before.


@expected("Overview: Days of this year and the last")
def days(asked: Asked) -> Answer:
    table = asked.activities().groupby("day")
    sums = table.agg(distance=("metres", "sum"), seconds=("seconds", "sum"), climb=("climb", "sum"))
    sums["activities"] = table.size()
    return Answer(sums.rename_axis("local_day").reset_index().to_dict("records"))


def _compared(asked: Asked, begin: pd.Timestamp, before: pd.Timestamp, end: pd.Timestamp) -> Answer:
    """``end`` is the first day that is not compared any more."""
    table = asked.activities()
    now = table[table.date >= begin]
    then = table[(table.date >= before) & (table.date < end)]
    rows = [
        _measure("Distance (km)", now.km.sum(), then.km.sum(), lambda km: _rounded(km, 1 if km < 100 else 0)),
        _measure("Time (h:mm)", now.seconds.sum(), then.seconds.sum(), _hours_and_minutes),
        _measure("Elevation (m)", now.climb.sum(), then.climb.sum(), _rounded),
        {**_measure("Activities", len(now), len(then), int), "Change": _counted(len(now) - len(then))},
    ]
    return Answer(rows)


def _measure(what: str, now: float, before: float, shown: Any) -> Row:
    return {"What": what, "Now": shown(now), "Then": shown(before), "Change": _in_words(now, before)}


def _in_words(now: float, before: float) -> str:
    if now == before:
        return "the same" if now else "none"
    if not before:
        return "none before"
    percent = _rounded(100 * abs(now - before) / before)
    if not percent:
        return "about the same"
    return f"{percent:.0f} % {'more' if now > before else 'less'}"


def _counted(difference: int) -> str:
    return f"{abs(difference)} {'more' if difference > 0 else 'fewer'}" if difference else "the same"


def _today(asked: Asked) -> pd.Timestamp:
    return pd.Timestamp(datetime.fromtimestamp(asked.now, timezone.utc).date())


@expected("Overview: This week")
def this_week(asked: Asked) -> Answer:
    today = _today(asked)
    monday = today - timedelta(days=today.weekday())
    return _compared(asked, monday, monday - timedelta(days=7), today - timedelta(days=6))


@expected("Overview: This month")
def this_month(asked: Asked) -> Answer:
    today = _today(asked)
    first = today.replace(day=1)
    before = (first - timedelta(days=1)).replace(day=1)
    return _compared(asked, first, before, before + timedelta(days=today.day))


@expected("Overview: This year")
def this_year(asked: Asked) -> Answer:
    today = _today(asked)
    first, same_day = today.replace(month=1, day=1), today.replace(year=today.year - 1)
    return _compared(asked, first, first.replace(year=today.year - 1), same_day + timedelta(days=1))


# The range.


def _words(sport: str) -> str:
    return {"VirtualRide": "Virtual Ride", "WeightTraining": "Weight Training"}.get(
        sport, sport.replace("Trail", "Trail ").replace("Gravel", "Gravel ")
    )


@expected("Overview: Activities")
def activities(asked: Asked) -> Answer:
    rows = [
        {
            "_time": one.start,
            "id": one.id,
            "local_day": one.day,
            "local_day_number": (one.date - pd.Timestamp(0)).days,
            "local_week": one.week,
            "name": one.title,
            "type_full": _words(one.sport),
            "sport_family": one.family,
            "distance": one.metres,
            "moving_time": one.seconds,
            "total_elevation_gain": one.climb,
            "average_heartrate": one.heartrate,
        }
        for one in asked.activities().rename(columns={"name": "title"}).itertuples()
    ]
    return Answer(rows, only=tuple(rows[0]))  # what each has of best efforts is compared where they are shown


@expected("Overview: Sports")
def sports(asked: Asked) -> Answer:
    table = asked.activities().groupby("family")
    all_seconds = asked.activities().seconds.sum()
    rows = [
        {
            "Sport": family,
            "Activities": len(own),
            "Time (h:mm)": _hours_and_minutes(own.seconds.sum()),
            "Share (%)": 100 * own.seconds.sum() / all_seconds,
            "Distance (km)": own.km.sum() or None,
            "Elevation (m)": own.climb.sum() or None,
        }
        for family, own in table
    ]
    return Answer(
        rows,
        order=("-Share (%)",),
        rounded={"Share (%)": 0, "Distance (km)": 2, "Elevation (m)": 0},
    )


def _weeks(asked: Asked) -> pd.DatetimeIndex:
    """The Mondays of all weeks that the range touches."""
    begin = pd.Timestamp(asked.earliest, unit="s").normalize()
    return pd.date_range(begin - timedelta(days=begin.weekday()), pd.Timestamp(asked.latest, unit="s"), freq="7D")


def _per_week(asked: Asked, measure: str, title: str) -> Answer:
    """Distances of single activities are rounded to ten metres."""
    found = asked.activities()
    found["km"] = [_rounded(km, 2) for km in found.km]
    table = found.pivot_table(index="monday", columns="family", values=measure, aggfunc="sum")
    table = table.reindex(_weeks(asked)).fillna(0.0)
    means = table.sum(axis=1).rolling(4, min_periods=1).mean()
    rows = [
        {"_time": monday.timestamp(), **row, title: means[monday]}
        for monday, row in zip(table.index, table.to_dict("records"))
    ]
    return Answer(rows, order=("_time",), rounded={title: 1})


@expected("Overview: Hours per week by sport")
def hours_per_week(asked: Asked) -> Answer:
    return _per_week(asked, "hours", "Average (h)")


@expected("Overview: Distance per week by sport")
def distance_per_week(asked: Asked) -> Answer:
    return _per_week(asked, "km", "Average (km)")


@expected("Overview: Calendar")
def calendar(asked: Asked) -> Answer:
    table = asked.activities()
    rows = []
    for monday in _weeks(asked):
        week = table[table.monday == monday]
        hours = {name: week[week.weekday == name].hours.sum() or None for name in _WEEKDAYS}
        rows.append({"Week": f"{monday:%Y-%m-%d}", **hours, "Total": week.hours.sum()})
    return Answer(rows, order=("-Week",), rounded=dict.fromkeys([*_WEEKDAYS, "Total"], 1))


# Single activities.


def _tempo(family: str, metres: float, seconds: float) -> Optional[str]:
    if not metres or not seconds:
        return None
    if family == "Swim":
        return f"{pace(metres * 10, seconds)} /100 m"
    if family in ("Run", "Walk"):
        return f"{pace(metres, seconds)} /km"
    return f"{_rounded(metres / seconds * 3.6, 1):g} km/h"


@expected("Overview: Latest activities")
def latest(asked: Asked) -> Answer:
    newest = asked.activities().sort_values("start", ascending=False).head(100)
    rows = [
        {
            "Day": one.day,
            "Sport": _words(one.sport),
            "Name": one.title,
            "Distance (km)": one.km or None,
            "Moving time (h:mm:ss)": duration(one.seconds),
            "Pace or speed": _tempo(one.family, one.metres, one.seconds),
            "Elevation (m)": one.climb or None,
            "Heart rate (bpm)": one.heartrate,
            "_id": one.id,
        }
        for one in newest.rename(columns={"name": "title"}).itertuples()
    ]
    rounded = {"Distance (km)": 2, "Elevation (m)": 0, "Heart rate (bpm)": 0}
    return Answer(rows, order=("-Day",), rounded=rounded)


@expected("Overview: View on Strava")
def on_strava(asked: Asked) -> Answer:
    newest = asked.activities().sort_values("start", ascending=False).head(100)
    return Answer([{"Name": name, "_id": one} for name, one in zip(newest.name, newest.id)], order=("-_id",))


@expected("Overview: Personal bests")
def bests(asked: Asked) -> Answer:
    """Of equally good ones each is right."""
    table = asked.activities()
    rows = [
        _best(table, "Longest time", "seconds", lambda best: f"{duration(best)} h"),
        _best(table, "Most climbing", "climb", lambda best: f"{_rounded(best):.0f} m"),
    ]
    for family, own in table[table.metres > 0].groupby("family"):
        rows.append(_best(own, f"Farthest {str(family).lower()}", "km", lambda best: f"{_rounded(best, 2):g} km"))
    efforts = pd.DataFrame(
        [
            {"id": one["id"], "stretch": effort["name"], "seconds": -effort["elapsed_time"]}
            for one in asked.details()
            for effort in one.get("best_efforts") or []
        ],
        columns=["id", "stretch", "seconds"],
    )
    for stretch, own in efforts.merge(table[["id", "day", "name"]], on="id").groupby("stretch"):
        rows.append(_best(own, f"Fastest {stretch}", "seconds", _clock))
    return Answer(rows)


def _best(table: pd.DataFrame, what: str, measure: str, shown: Any) -> Row:
    best = table[measure].max()
    ones = table[table[measure] == best]
    found = {"Day": frozenset(ones.day), "Name": frozenset(ones.name), "_id": frozenset(ones.id)}
    return {"Best": what, "Value": shown(best), **found}


def _clock(negative: float) -> str:
    seconds = -int(negative)
    if seconds >= 3_600:
        return f"{duration(seconds)} h"
    return f"{seconds // 60}:{seconds % 60:02d} min"
