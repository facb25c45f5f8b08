"""The training dashboard: intensity, best efforts, power, gear.

Nothing was chosen but what the dashboard chooses: a heart rate of at most 190, 5 km, shoes for 700 km and chains for
3,000.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Optional

from tests.search.answers import Answer
from tests.search.expectations.dashboard_training import begin_of_month, with_run_up
from tests.search.expectations.registry import expected
from tests.search.truth import Asked, duration, pace

_MAXIMUM = 190
_SHOES, _CHAIN = 700_000, 3_000_000


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
        {
            "_time": begin_of_month(month),
            **{name: hours.get((zone, month), 0.0) for zone, (name, _) in _BANDS.items()},
        }
        for month in sorted({month for _, month in hours})
    ]
    return Answer(rows, order=("_time",), rounded={name: 1 for name, _ in _BANDS.values()})


def _efforts(asked: Asked) -> Iterator[tuple[dict[str, Any], dict[str, Any], float]]:
    """Each best effort of each run that is looked at, with the run and its start."""
    for one in with_run_up(asked).itertuples():
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
                "_time": begin_of_month(month),
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
            own = found[one["start_date_local"][:7]]
            own[name] = max(watts, own.get(name, 0))
    names = ("Under 1 hour", "1 to 2 hours", "2 hours and more")
    rows = [
        {"_time": begin_of_month(month), **{name: found[month].get(name) for name in names}} for month in sorted(found)
    ]
    return Answer(rows, order=("_time",))


def _latest_gear(asked: Asked) -> list[dict[str, Any]]:
    """What the athlete's latest profile still lists."""
    profile = next(one for one in asked.latest_looks("strava:athlete") if one["id"] == asked.athlete)
    there = {one["id"] for kind in ("bikes", "shoes") for one in profile[kind]}
    assert there
    own = [one for one in asked.latest_looks("strava:gear") if one["athlete_id"] == asked.athlete]
    return [one for one in own if one["id"] in there]


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
