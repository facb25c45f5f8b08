"""With imperial units no data source of a dashboard leaves a metric one behind, and the figures are those of the units.

Each is run twice, over the same training: what differs has to have the ratio of the two units, up to rounding.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Optional

import pytest

from sandbox.spl import Row
from tests.search.catalogue import MARCUS
from tests.search.dashboards import VIEWS, chosen, definition, filled
from tests.search.test_executed import index, truth

ABOUT_ATHLETES = ("strava_overview", "strava_activity", "strava_training")
#: Each mile has its row, so these rows are others than those of kilometres.
SPLITS = ("strava_activity", "splits")

#: The imperial unit of each metric one, and how many of it make one.
UNITS = {
    "km": ("mi", 0.621371),
    "m": ("ft", 3.28084),
    "km/h": ("mph", 0.621371),
    "min/km": ("min/mi", 1.609344),
    "/km": ("/mi", 1.609344),
    "min/100 m": ("min/100 yd", 0.9144),
    "/100 m": ("/100 yd", 0.9144),
    "kg": ("lb", 2.204623),
}
_METRIC = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))
_IMPERIAL = "|".join(re.escape(unit) for unit, _ in sorted(UNITS.values(), key=lambda one: len(one[0]), reverse=True))
#: In a name in brackets, in a value behind a figure and a space; Strava's own "400m" has none.
_IN_A_NAME = re.compile(rf"\((?P<unit>{_METRIC})\)")
_IN_A_VALUE = re.compile(rf"(?P<figure>-?\d[\d.,:]*) (?P<unit>{_METRIC})(?![\w/])")
_CONVERTED = re.compile(rf"(?P<figure>-?\d[\d.,:]*) (?P<unit>{_IMPERIAL})(?![\w/])")
_ANYWHERE = re.compile(rf"\((?:{_METRIC}|°C)\)|\d (?:{_METRIC}|°C)(?![\w/])")


@dataclass(frozen=True)
class Figure:
    """A number as it is shown."""

    value: float
    #: Between two numbers that could be shown.
    step: float

    @classmethod
    def of(cls, shown: str) -> Figure:
        if ":" in shown:
            minutes, _, seconds = shown.partition(":")
            return cls(60.0 * int(minutes) + int(seconds), 1.0)
        # A sum of floats has digits that nobody is shown.
        text = f"{round(float(shown.replace(',', '')), 6):.6f}".rstrip("0").rstrip(".")
        return cls(float(text), 10.0 ** -len(text.partition(".")[2]))

    def is_same(self, other: Figure, ratio: float) -> bool:
        """Whether the other one, in a unit of which so many make one of these, may be the same length or speed."""
        # Twice: some are sums, or means, of what has been rounded before.
        rounding = 2 * (self.step * ratio + other.step)
        return abs(self.value * ratio - other.value) <= rounding + 1e-5 * abs(other.value)


def _rows(view: str, units: str) -> dict[str, list[Row]]:
    """What each data source shows."""
    found = definition(VIEWS / f"{view}.xml")
    tokens = {**chosen(found), "athlete": str(MARCUS), "activity": str(_recorded()), "units": units}
    times = {
        one: source["options"].get("queryParameters", {"earliest": "0", "latest": "now"})
        for one, source in found["dataSources"].items()
    }

    @functools.cache
    def shown(name: str) -> list[Row]:
        source = found["dataSources"][name]["options"]
        query = filled(source["query"], tokens)
        if "extend" in source:
            return index().chain(shown(source["extend"]), query)
        return index().search(query, filled(times[name]["earliest"], tokens), filled(times[name]["latest"], tokens))

    return {name: shown(name) for name in found["dataSources"] if name not in ("athletes", "state")}


def _recorded() -> int:
    """A run with samples, and with segments if there is one."""
    details: list[dict[str, Any]] = [truth().details[one] for one in truth().history.sampled]
    mine = [one for one in details if one["athlete"]["id"] == MARCUS]
    return int(max(mine, key=lambda one: (len(one.get("segment_efforts") or []), one["id"]))["id"])


def _names() -> set[str]:
    """Of activities, segments, gear and stretches: they are people's own words, whatever they measure in."""
    found: set[str] = set()
    for one in truth().details.values():
        found.add(str(one["name"]))
        for part in ("segment_efforts", "best_efforts", "laps"):
            found |= {str(inner["name"]) for inner in one.get(part) or []}
    return found


def _pairs(metric: Row, imperial: Row) -> Iterator[tuple[str, object, object, Optional[str]]]:
    """What differs: the field, both values, and the metric unit if its name tells."""
    for name, value in metric.items():
        match = _IN_A_NAME.search(name)
        unit = match["unit"] if match else None
        other = name if unit is None else name.replace(f"({unit})", f"({UNITS[unit][0]})")
        if value is not None and (unit or imperial.get(other) != value):
            yield name, value, imperial.get(other), unit


@pytest.mark.parametrize("view", ABOUT_ATHLETES)
def test_what_is_shown_is_the_same_in_other_units(view: str) -> None:
    metric, imperial, names = _rows(view, "metric"), _rows(view, "imperial"), _names()
    wrong: list[str] = []
    compared: set[str] = set()
    for source, rows in imperial.items():
        if _is_a_panel_s(view, source):
            wrong += [f"{source}: {left}" for row in rows for left in _left(row, names)]
        if (view, source) == SPLITS:
            continue
        assert len(rows) == len(metric[source]), source
        for one, two in zip(metric[source], rows):
            for name, before, after, unit in _pairs(one, two):
                compared.add(source)
                if not _is_converted(before, after, unit):
                    wrong.append(f"{source}: {name}: {before!r} became {after!r}")
    assert sorted(set(wrong))[:20] == []
    assert len(compared) > 3


def _is_a_panel_s(view: str, source: str) -> bool:
    """Whether people see its fields; a base search's have units of Strava's."""
    found = definition(VIEWS / f"{view}.xml")
    return any(source in one.get("dataSources", {}).values() for one in found["visualizations"].values())


def _left(row: Row, names: set[str]) -> Iterator[str]:
    for name, value in row.items():
        if value is not None and _ANYWHERE.search(name):
            yield name
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str) and one not in names and _ANYWHERE.search(one):
                yield f"{name}: {one}"


def _is_converted(before: object, after: object, unit: Optional[str]) -> bool:
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(_is_converted(*both, unit) for both in zip(before, after))
    if isinstance(before, str) and "°C" in before:
        return _degrees(before) == pytest.approx((_degrees(str(after)) - 32) / 1.8, abs=1)
    here, there = list(_IN_A_VALUE.finditer(str(before))), list(_CONVERTED.finditer(str(after)))
    if here:
        return [UNITS[one["unit"]][0] for one in here] == [one["unit"] for one in there] and all(
            _same(one["figure"], two["figure"], UNITS[one["unit"]][1]) for one, two in zip(here, there)
        )
    if _IN_A_NAME.search(str(before)):  # the name of a figure, in a column of names
        return _IN_A_NAME.sub(lambda match: f"({UNITS[match['unit']][0]})", str(before)) == after
    ratios = [UNITS[unit][1]] if unit else sorted({ratio for _, ratio in UNITS.values()})
    return any(_same(str(before), str(after), ratio) for ratio in ratios)


def _degrees(text: str) -> float:
    return float(text.split()[0])


def _same(before: str, after: str, ratio: float) -> bool:
    try:
        return Figure.of(before).is_same(Figure.of(after), ratio)
    except ValueError:
        return False
