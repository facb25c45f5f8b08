"""The training dashboard: load, ramp, year on year, intensity, best efforts, gear.

Nothing was chosen but what the dashboard chooses: relative effort, a heart rate of at most 190, distance, 5 km, shoes
for 700 km and chains for 3,000.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any, Optional

import pandas as pd

from tests.search.answers import Answer, Row
from tests.search.expectations import dashboard_overview
from tests.search.expectations.registry import expected
from tests.search.truth import Asked, duration, pace

_DAY = 86_400
_EPOCH = date(1970, 1, 1)
_MAXIMUM = 190
_SHOES, _CHAIN = 700_000, 3_000_000

expected("Training: Athletes")(dashboard_overview.athletes)
expected("Training: State")(dashboard_overview.state)


def _now(asked: Asked) -> datetime:
    return datetime.fromtimestamp(asked.now, timezone.utc)


def _with_run_up(asked: Asked) -> pd.DataFrame:
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
    table = _with_run_up(asked)
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
    table = _with_run_up(asked)
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


def _month(name: str) -> int:
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


def _beats(detail: dict[str, Any]) -> Iterator[tuple[Optional[float], float]]:
    """Parts of an activity: a heart rate, if there is one, and seconds."""
    splits = detail.get("splits_metric") or []
    if splits and all(one.get("average_heartrate") for one in splits):
        for one in splits:
            yield one["average_heartrate"], one["moving_time"]
    else:
        yield detail.get("average_heartrate"), detail["moving_time"]


def _zone(rate: Optional[float]) -> int:
    """1 to 5, and 6 without a heart rate."""
    if rate is None:
        return 6
    return next((i + 1 for i, part in enumerate((0.6, 0.7, 0.8, 0.9)) if rate < part * _MAXIMUM), 5)


def _hours(asked: Asked) -> dict[tuple[int, str], float]:
    """Hours of each zone in each month."""
    found: dict[tuple[int, str], float] = defaultdict(float)
    for one in asked.details():
        for rate, seconds in _beats(one):
            found[_zone(rate), one["start_date_local"][:7]] += seconds / 3_600
    return found


@expected("Training: Time by intensity")
def zones(asked: Asked) -> Answer:
    rows = [
        {"zone": zone, "local_month": month, "hours": hours, "seconds": 3_600 * hours}
        for (zone, month), hours in _hours(asked).items()
    ]
    return Answer(rows)


_BANDS = {
    1: ("Very easy", "below 114"),
    2: ("Easy", "114 to 132"),
    3: ("Moderate", "133 to 151"),
    4: ("Hard", "152 to 170"),
    5: ("Very hard", "171 and more"),
    6: ("No heart rate", None),
}


@expected("Training: Share of each band")
def zone_table(asked: Asked) -> Answer:
    hours: dict[int, float] = defaultdict(float)
    for (zone, _), value in _hours(asked).items():
        hours[zone] += value
    rows = [
        {
            "Intensity": _BANDS[zone][0],
            "Heart rate (bpm)": _BANDS[zone][1],
            "Hours": hours[zone],
            "Share (%)": 100 * hours[zone] / sum(hours.values()),
        }
        for zone in sorted(hours)
    ]
    assert len(rows) >= 3
    return Answer(rows, rounded={"Hours": 1, "Share (%)": 1})


@expected("Training: Hours by intensity and month")
def zone_months(asked: Asked) -> Answer:
    hours = _hours(asked)
    rows = [
        {"_time": _month(month), **{name: hours.get((zone, month), 0.0) for zone, (name, _) in _BANDS.items()}}
        for month in sorted({month for _, month in hours})
    ]
    return Answer(rows, order=("_time",), rounded={name: 1 for name, _ in _BANDS.values()})


def _efforts(asked: Asked) -> Iterator[tuple[dict[str, Any], dict[str, Any], float]]:
    """Each best effort of each run that is looked at, with the run and its start."""
    for one in _with_run_up(asked).itertuples():
        detail = asked.truth.details[one.id]
        for effort in detail.get("best_efforts") or []:
            yield effort, detail, one.start


def _compared(seconds: float, before: Optional[float]) -> str:
    if before is None:
        return "none before"
    if seconds == before:
        return "the same"
    return f"{'faster' if seconds < before else 'slower'} by {_apart(abs(seconds - before))}"


def _apart(seconds: float) -> str:
    """Minutes and seconds; with hours, if there are any."""
    whole = duration(seconds)
    return whole if seconds >= 3_600 else f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


@expected("Training: Best efforts")
def efforts(asked: Asked) -> Answer:
    shown: dict[str, list[tuple[int, str, int]]] = defaultdict(list)
    before: dict[str, list[int]] = defaultdict(list)
    metres: dict[str, float] = {}
    for effort, detail, start in _efforts(asked):
        name = effort["name"]
        metres[name] = effort["distance"]
        if start < asked.earliest:
            before[name].append(effort["elapsed_time"])
        else:
            shown[name].append((effort["elapsed_time"], detail["start_date_local"][:10], detail["id"]))
    rows = []
    for name in sorted(shown, key=metres.__getitem__):
        best = min(seconds for seconds, _, _ in shown[name])
        former = min(before[name], default=None)
        rows.append(
            {
                "Distance": name,
                "Best time": duration(best),
                "Pace (/km)": pace(metres[name], best),
                "Day": frozenset(day for seconds, day, _ in shown[name] if seconds == best),
                "_id": frozenset(one for seconds, _, one in shown[name] if seconds == best),
                "Best before": None if former is None else duration(former),
                "In words": _compared(best, former),
            }
        )
    return Answer(rows)


@expected("Training: Best effort of each month")
def effort_months(asked: Asked) -> Answer:
    months: dict[str, list[int]] = defaultdict(list)
    for effort, detail, start in _efforts(asked):
        if effort["name"].lower() == "5k" and start >= asked.earliest:
            months[detail["start_date_local"][:7]].append(effort["elapsed_time"])
    rows, best = [], math.inf
    for month in sorted(months):
        best = min(best, *months[month])
        rows.append(
            {
                "_time": _month(month),
                "Best of the month": min(months[month]) / 60,
                "Best so far in this range": best / 60,
            }
        )
    return Answer(rows, order=("_time",), rounded={"Best of the month": 2, "Best so far in this range": 2})


@expected("Training: Ride power by month")
def power(asked: Asked) -> Answer:
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for one in asked.details("Ride"):
        watts, hours = one.get("weighted_average_watts"), one["moving_time"] / 3_600
        if one.get("device_watts") and watts:
            name = "Under 1 hour" if hours < 1 else "1 to 2 hours" if hours < 2 else "2 hours and more"
            month = found[one["start_date_local"][:7]]
            month[name] = max(watts, month.get(name, 0))
    names = ("Under 1 hour", "1 to 2 hours", "2 hours and more")
    rows = [{"_time": _month(month), **{name: found[month].get(name) for name in names}} for month in sorted(found)]
    return Answer(rows, order=("_time",))


def _latest_gear(asked: Asked) -> list[dict[str, Any]]:
    return [one for one in asked.latest_looks("strava:gear") if one["athlete_id"] == asked.athlete]


@expected("Training: Bikes and shoes")
def bikes_and_shoes(asked: Asked) -> Answer:
    rows = [
        {
            "id": one["id"],
            "name": one["name"],
            "gear_kind": "bike" if one["id"].startswith("b") else "shoes",
            "distance": one["distance"],
            "retired": one["retired"],
        }
        for one in _latest_gear(asked)
    ]
    return Answer(rows)


def _km(metres: float) -> int:
    return math.floor(metres / 1_000 + 0.5)


def _shoes_in_words(metres: float) -> str:
    rest = _SHOES - metres
    if rest <= 0:
        return f"worn: {_km(-rest):,} km over the limit"
    return f"{'soon worn' if rest < 0.15 * _SHOES else 'fine'}: {_km(rest):,} km left"


def _chain_in_words(metres: float) -> str:
    chains, used = divmod(metres, _CHAIN)
    at = f"{_km((chains + 1) * _CHAIN):,} km"
    if chains and used < 0.1 * _CHAIN:
        return f"chain due: {_km(used):,} km ago"
    if _CHAIN - used < 0.15 * _CHAIN:
        return f"chain soon: in {_km(_CHAIN - used):,} km, at {at}"
    return f"chain fine: next at {at}"


@expected("Training: Wear of bikes and shoes")
def wear(asked: Asked) -> Answer:
    rows = []
    for one in sorted(
        _latest_gear(asked), key=lambda one: (one["retired"], not one["id"].startswith("b"), -one["distance"])
    ):
        metres, is_bike = one["distance"], one["id"].startswith("b")
        used = (metres % _CHAIN) / _CHAIN if is_bike else metres / _SHOES
        words = _chain_in_words(metres) if is_bike else _shoes_in_words(metres)
        rows.append(
            {
                "Gear": one["name"],
                "Kind": "Bike" if is_bike else "Shoes",
                "Distance (km)": metres / 1_000,
                "Worn (%)": None if one["retired"] else 100 * used,
                "In words": "retired" if one["retired"] else words,
            }
        )
    return Answer(rows, rounded={"Distance (km)": 0, "Worn (%)": 0})


@expected("Training: Gear used in this range")
def gear_used(asked: Asked) -> Answer:
    table = asked.activities()
    rows = [
        {
            "Gear": group.sort_values("start").gear_name.iloc[-1],
            "Activities": len(group),
            "Distance (km)": group.km.sum(),
            "Hours": group.hours.sum(),
            "Last used": group.day.max(),
        }
        for _, group in table[table.gear.notna()].groupby("gear")
    ]
    return Answer(rows, order=("-Distance (km)",), rounded={"Distance (km)": 0, "Hours": 0})


@expected("Training: Year on year")
def years(asked: Asked) -> Answer:
    so_far: dict[int, float] = defaultdict(float)
    columns: dict[int, dict[int, float]] = defaultdict(dict)
    this_year = _now(asked).year
    for day in _days(asked):
        so_far[day.date.year] += day.metres
        columns[day.date.timetuple().tm_yday][this_year - day.date.year] = so_far[day.date.year] / 1_000
    names = ("This year (km)", "Last year (km)", "The year before (km)")
    first = _begin(date(this_year, 1, 1))
    rows = [
        {"_time": first + (number - 1) * _DAY, **{name: columns[number].get(i) for i, name in enumerate(names)}}
        for number in sorted(columns)
        if number < 366
    ]
    return Answer(rows, order=("_time",), rounded=dict.fromkeys(names, 0))
