"""The training dashboard: load, ramp, year on year.

Nothing was chosen but what the dashboard chooses: relative effort, and distance.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Optional

import pandas as pd

from tests.search.answers import Answer, Row
from tests.search.expectations import dashboard_overview
from tests.search.expectations.registry import expected
from tests.search.truth import Asked

_DAY = 86_400
_EPOCH = date(1970, 1, 1)

expected("Training: Athletes")(dashboard_overview.athletes)
expected("Training: State")(dashboard_overview.state)


def _now(asked: Asked) -> datetime:
    return datetime.fromtimestamp(asked.now, timezone.utc)


def with_run_up(asked: Asked) -> pd.DataFrame:
    """All that is looked at: since the year before the last one, which is long before the range."""
    begin = datetime(_now(asked).year - 2, 1, 1, tzinfo=timezone.utc).timestamp()
    assert begin < asked.earliest - 100 * _DAY
    table = asked.truth.activities
    table = table[(table.athlete == asked.athlete) & (table.start >= begin) & (table.start < asked.now)].copy()
    table["offset"] = [asked.truth.details[one]["utc_offset"] for one in table.id]
    return table.sort_values("start")


@dataclass
class _Day:
    """A day of the athlete's own clock."""

    date: date
    #: From UTC to the clock that the athlete used last.
    offset: float
    load: float = 0.0
    hours: float = 0.0
    metres: float = 0.0

    @property
    def number(self) -> int:
        return (self.date - _EPOCH).days


def _days(asked: Asked) -> Iterator[_Day]:
    """Each day since the first activity, until today."""
    table = with_run_up(asked)
    own = {when.date(): group for when, group in table.groupby("date")}
    at = min(own)
    offset = 0.0
    today = (_now(asked) + timedelta(seconds=float(table.offset.iloc[-1]))).date()
    while at <= max(today, max(own)):
        group = own.get(at)
        if group is None:
            yield _Day(at, offset)
        else:
            offset = float(group.offset.iloc[-1])
            yield _Day(at, offset, group.effort.sum(), group.hours.sum(), group.metres.sum())
        at += timedelta(days=1)


def _is_shown(asked: Asked, day: _Day) -> bool:
    begins, ends = day.number * _DAY - day.offset, (day.number + 1) * _DAY - day.offset
    return ends > asked.earliest and begins < asked.latest


@expected("Training: Activities with their run-up")
def activities(asked: Asked) -> Answer:
    table = with_run_up(asked)
    assert len(table) > 400
    rows = [
        {
            "_time": one.start,
            "id": one.id,
            "shown_from": asked.earliest,
            "shown_until": asked.latest,
            "local_day": one.day,
            "sport_family": one.family,
            "distance": one.metres,
            "moving_time": one.seconds,
            "suffer_score": one.effort,
            "average_heartrate": one.heartrate,
        }
        for one in table.itertuples()
    ]
    return Answer(rows, only=tuple(rows[0]))


@expected("Training: Fitness, fatigue and form by day")
def fitness(asked: Asked) -> Answer:
    rows: list[Row] = []
    fit, tired = 0.0, 0.0
    for day in _days(asked):
        fit += (day.load - fit) * (1 - math.exp(-1 / 42))
        tired += (day.load - tired) * (1 - math.exp(-1 / 7))
        if _is_shown(asked, day):
            rows.append({"_time": day.number * _DAY, "Fitness": fit, "Fatigue": tired, "Form": fit - tired})
    assert len(rows) >= 366
    return Answer(rows, order=("_time",), rounded={"Fitness": 1, "Fatigue": 1, "Form": 1})


@expected("Training: Activities that have a load")
def loaded(asked: Asked) -> Answer:
    table = asked.activities()
    without = table[table.effort.isna()].hours.sum()
    words = f"Strava's relative effort: {table.effort.count()} of {len(table)} activities in this range have it."
    assert without > 0
    words += f" The others, {without:.0f} of {table.hours.sum():.0f} hours, count as no load."
    return Answer([{"Load from": words}])


@dataclass
class _Week:
    monday: date
    load: float = 0.0
    hours: float = 0.0
    #: From UTC to the clock that the athlete used last.
    offset: float = 0.0
    is_shown: bool = False
    is_under_way: bool = False
    before: list[_Week] = field(default_factory=list)

    @property
    def begins(self) -> float:
        return _begin(self.monday) - self.offset

    def mean_before(self, name: str) -> Optional[float]:
        """Of the four weeks before, if there are four."""
        values = [getattr(one, name) for one in self.before]
        return sum(values) / 4 if len(values) == 4 else None


def _weeks(asked: Asked) -> list[_Week]:
    found: dict[date, _Week] = {}
    for day in _days(asked):
        monday = day.date - timedelta(days=day.date.weekday())
        week = found.setdefault(monday, _Week(monday))
        week.load += day.load
        week.hours += day.hours
        week.offset = day.offset
        week.is_shown = week.is_shown or _is_shown(asked, day)
    weeks = list(found.values())
    for i, week in enumerate(weeks):
        week.before = weeks[max(0, i - 4) : i]
    weeks[-1].is_under_way = True
    return [week for week in weeks if week.is_shown]


def _begin(day: date) -> int:
    return (day - _EPOCH).days * _DAY


def begin_of_month(name: str) -> int:
    """The beginning of a month."""
    return _begin(date.fromisoformat(f"{name}-01"))


@expected("Training: Load and hours by week")
def weeks(asked: Asked) -> Answer:
    rows = [
        {
            "_time": _begin(week.monday),
            "load": week.load,
            "load_before": week.mean_before("load"),
            "hours": week.hours,
            "hours_before": week.mean_before("hours"),
            "under_way": int(week.is_under_way),
            "begins": week.begins,
            "ends": week.begins + 7 * _DAY,
        }
        for week in _weeks(asked)
    ]
    return Answer(rows, order=("_time",), rounded={"load": 0, "load_before": 0})


@expected("Training: Load by week and the mean of four weeks before")
def week_columns(asked: Asked) -> Answer:
    rows = [
        {
            "_time": _begin(week.monday),
            "Load of the week": week.load,
            "Mean of the 4 weeks before": week.mean_before("load"),
        }
        for week in _weeks(asked)
    ]
    return Answer(rows, order=("_time",), rounded={"Load of the week": 0, "Mean of the 4 weeks before": 0})


def _change(now: float, before: Optional[float]) -> Optional[float]:
    return None if not before else 100 * (now / before - 1)


def _ramp_in_words(week: _Week, change: Optional[float]) -> str:
    if week.is_under_way:
        return "week under way"
    if change is None:
        return "nothing to compare with"
    whole = math.floor(change + 0.5)
    if whole > 50:
        return "quick: over 50 % more"
    if whole > 15:
        return "growing"
    if whole >= -15:
        return "steady"
    return "easier" if whole >= -50 else "rest"


@expected("Training: Weekly ramp")
def ramp(asked: Asked) -> Answer:
    rows = []
    for week in reversed(_weeks(asked)):
        load, before = float(math.floor(week.load + 0.5)), week.mean_before("load")
        change = _change(load, None if before is None else math.floor(before + 0.5))
        hours_change = _change(week.hours, week.mean_before("hours"))
        rows.append(
            {
                "Week": f"{week.monday:%Y-%m-%d}",
                "Load": load,
                "Load ±%": change,
                "Hours": week.hours,
                "Hours ±%": hours_change,
                "In words": _ramp_in_words(week, hours_change if change is None else change),
                "_begins": week.begins,
                "_ends": week.begins + 7 * _DAY,
            }
        )
    assert len({row["In words"] for row in rows}) >= 4
    return Answer(rows, order=("-Week",), rounded={"Load ±%": 0, "Hours": 1, "Hours ±%": 0})


@expected("Training: Year on year")
def years(asked: Asked) -> Answer:
    so_far: dict[int, float] = defaultdict(float)
    columns: dict[date, dict[int, float]] = defaultdict(dict)
    this_year = _now(asked).year
    for day in _days(asked):
        so_far[day.date.year] += day.metres
        # The 29th of February stands with the 28th: whatever year it is, each day beside its own date.
        shown = date(this_year, day.date.month, min(day.date.day, 28) if day.date.month == 2 else day.date.day)
        columns[shown][this_year - day.date.year] = so_far[day.date.year] / 1_000
    names = ("This year (km)", "Last year (km)", "The year before (km)")
    rows = [
        {"_time": _begin(shown), **{name: columns[shown].get(i) for i, name in enumerate(names)}}
        for shown in sorted(columns)
    ]
    assert len(rows) == 365
    return Answer(rows, order=("_time",), rounded=dict.fromkeys(names, 0))
