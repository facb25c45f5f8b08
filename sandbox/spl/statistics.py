"""``stats`` and its relatives: functions of the values of a field, for groups of rows.

Search Reference, Statistical and charting functions: null is passed over; ``sum`` and ``avg`` pass over what is no
number; ``max`` and ``min`` go by number if all are numbers, else by the characters; ``values`` are sorted by the
characters; ``median`` of an even number of values is the higher of the two in the middle; ``perc`` is the nearest rank
(limits.conf, perc_method).
"""

from __future__ import annotations

import itertools
import math
import re
import statistics
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from sandbox.spl.expression import compiled
from sandbox.spl.text import names, options, unquoted, yes
from sandbox.spl.times import bucket, next_bucket
from sandbox.spl.values import Row, number, several, text

_NAME = re.compile(r'\s*AS\s+("[^"]*"|[\w.]+)', re.IGNORECASE)
_BY = re.compile(r"(?:^|\s)BY\s+(?=[^()]*$)", re.IGNORECASE)


def _extreme(choose: Callable[..., Any]) -> Callable[[Sequence[Any]], Any]:
    def value(found: Sequence[Any]) -> Any:
        if not found:
            return None
        if isinstance(found[0], float):  # a column is of floats only if all of it are numbers
            return choose(found)
        return choose(found, key=lambda one: text(one) or "")

    return value


def _if_any(function: Callable[[Sequence[Any]], Any]) -> Callable[[Sequence[Any]], Any]:
    return lambda found: function(found) if found else None


def _rank(found: Sequence[float], percent: float) -> float:
    return sorted(found)[max(0, math.ceil(len(found) * percent / 100) - 1)]


def _distinct(found: Sequence[Any]) -> list[str]:
    return sorted({text(one) or "" for one in found})


#: Of numbers alone.
_NUMERIC: dict[str, Callable[[Sequence[Any]], Any]] = {
    "sum": _if_any(sum),
    "avg": _if_any(lambda found: sum(found) / len(found)),
    "mean": _if_any(lambda found: sum(found) / len(found)),
    "median": _if_any(lambda found: sorted(found)[len(found) // 2]),
    "range": _if_any(lambda found: max(found) - min(found)),
    "stdev": _if_any(lambda found: statistics.stdev(found) if len(found) > 1 else 0.0),
}
#: Of all values; of earliest and latest each value is a pair with its time, and rows come as Splunk gives them, the
#: latest first: of equal times that which is met first is the latest.
_GENERAL: dict[str, Callable[[Sequence[Any]], Any]] = {
    "count": len,
    "dc": len,
    "distinct_count": len,
    "max": _extreme(max),
    "min": _extreme(min),
    "first": _if_any(lambda found: found[0]),
    "last": _if_any(lambda found: found[-1]),
    "values": _if_any(_distinct),
    "list": _if_any(lambda found: list(found[:100])),
    "latest": _if_any(lambda found: max(found, key=lambda pair: pair[0])[1]),
    "earliest": _if_any(lambda found: min(reversed(found), key=lambda pair: pair[0])[1]),
}


@dataclass(frozen=True)
class Aggregation:
    """One function of a field, and the name of its result."""

    function: str
    argument: str
    name: str

    def column(self, rows: Sequence[Row], now: float) -> Column:
        """The values that the function is of."""
        return Column(self.function, [self._values(row, now) for row in rows])

    def _values(self, row: Row, now: float) -> list[Any]:
        if not self.argument:
            return [1]
        if self.argument.startswith("eval("):
            value = compiled(self.argument[5:-1])(row, now)
            found = [1] * (value is True) if isinstance(value, bool) else several(value)
            assert self.function == "count" or not isinstance(value, bool), f"{self.function} of a Boolean value"
        else:
            found = several(row.get(unquoted(self.argument)))
        if self.function in ("latest", "earliest") and found:
            at = number(row.get("_time"))
            assert at is not None, f"{self.function} of rows without _time"
            return [(at, found[0] if len(found) == 1 else found)]
        return found


class Column:
    """The values of rows, one after the other, so that those of a window are a slice."""

    def __init__(self, function: str, values: list[list[Any]]) -> None:
        percent = re.fullmatch(r"(?:perc|p|exactperc)(\d+)", function)
        assert percent or function in _NUMERIC or function in _GENERAL, f"unknown function {function}"
        self._values = [value for row in values for value in row]
        ends = [len(row) for row in values]
        if percent or function in _NUMERIC:
            kept = [[found for found in map(number, row) if found is not None] for row in values]
            self._values = [value for row in kept for value in row]
            ends = [len(row) for row in kept]
        elif function in ("max", "min"):
            numbers = [number(value) for value in self._values]
            if None not in numbers:
                self._values = numbers
        elif function in ("dc", "distinct_count"):
            self._values = [text(value) for value in self._values]
        self._ends = [0, *itertools.accumulate(ends)]
        self._distinct = function in ("dc", "distinct_count")
        self._is_first = function == "first"
        self._function = (
            _if_any(lambda found: _rank(found, int(percent[1]))) if percent else {**_NUMERIC, **_GENERAL}[function]
        )

    def of(self, begin: int, end: int) -> Any:
        """The result for the rows from ``begin`` until before ``end``."""
        if self._is_first:  # of the many rows of a streamstats no list has to be made
            return self._values[self._ends[begin]] if self._ends[begin] < self._ends[end] else None
        found = self._values[self._ends[begin] : self._ends[end]]
        return len(set(found)) if self._distinct else self._function(found)


def read(arguments: str) -> tuple[list[Aggregation], list[str]]:
    """``count AS n, max(x) BY y``: the functions, and the fields that make groups."""
    by = _BY.search(arguments)
    what = arguments[: by.start()] if by else arguments
    fields = names(arguments[by.end() :]) if by else []
    found = []
    where = 0
    while what[where:].strip(" ,\n"):
        match = re.compile(r"[\s,]*([A-Za-z_]\w*)").match(what, where)
        assert match is not None, f"unknown in: {arguments}"
        function, argument, where = match[1].lower(), "", match.end()
        if what[where : where + 1] == "(":
            begin = where
            where = _closing(what, begin)
            argument = what[begin + 1 : where - 1].strip()
        name = _NAME.match(what, where)
        assert argument or function == "count", f"{function} of what?"
        assert name is not None or not argument.startswith("eval("), f"{function}(eval()) needs a name"
        where = name.end() if name else where
        shown = f"{function}({argument})" if argument else function
        found.append(Aggregation(function, argument, unquoted(name[1]) if name else shown))
    assert found, f"no function in: {arguments}"
    return found, fields


def _closing(words: str, begin: int) -> int:
    depth, quoted = 0, False
    for i in range(begin, len(words)):
        if words[i] == '"' and words[i - 1] != "\\":
            quoted = not quoted
        elif not quoted and words[i] in "()":
            depth += 1 if words[i] == "(" else -1
            if depth == 0:
                return i + 1
    raise AssertionError(f"a bracket too few in: {words}")


def grouped(rows: Sequence[Row], by: list[str]) -> dict[tuple[str, ...], list[int]]:
    """The numbers of the rows of each group. A row without one of the fields is in none; of several values, in each."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for i, row in enumerate(rows):
        for key in itertools.product(*([text(one) or "" for one in several(row.get(name))] for name in by)):
            groups.setdefault(key, []).append(i)
    return groups


def stats(arguments: str, rows: list[Row], now: float) -> list[Row]:
    """One row for each group, in the order of the groups' texts; without groups, one for all."""
    aggregations, by = read(arguments)
    groups = grouped(rows, by)
    if not by:
        groups = {(): list(range(len(rows)))}
    shown = []
    for key in sorted(groups):
        members = [rows[i] for i in groups[key]]
        shown.append({**dict(zip(by, key)), **_results(aggregations, members, now)})
    return shown


def _results(aggregations: list[Aggregation], rows: Sequence[Row], now: float) -> Row:
    return {one.name: one.column(rows, now).of(0, len(rows)) for one in aggregations}


def eventstats(arguments: str, rows: list[Row], now: float) -> list[Row]:
    """All rows as they are, with what ``stats`` says of their group.

    Search Reference, eventstats: beyond the memory of max_mem_usage_mb and more rows than maxresultrows, which is
    50,000, it stops adding the fields.
    """
    assert len(rows) <= 50_000, "eventstats of so many rows may leave its fields out"
    aggregations, by = read(arguments)
    groups = grouped(rows, by) if by else {(): list(range(len(rows)))}
    assert sum(map(len, groups.values())) <= len(rows), f"eventstats by several values: {by}"
    results = [_results(aggregations, [rows[i] for i in members], now) for members in groups.values()]
    for found, members in zip(results, groups.values()):
        for i in members:
            rows[i].update(found)
    return rows


def streamstats(arguments: str, rows: list[Row], now: float) -> list[Row]:
    """For each row what ``stats`` says of those until it: of its group, and of the last ``window`` rows.

    ``global`` (the default): the window is of all rows, whatever their group. ``current=false``: the row itself is not
    among them. ``window=0``, the default: all rows.
    """
    given, rest = options(arguments, "window current global")
    window = int(given.get("window", "0"))
    assert window <= 10_000, "max_stream_window of limits.conf is 10,000"
    current, is_global = yes(given.get("current", "true")), yes(given.get("global", "true"))
    aggregations, by = read(rest)
    added: list[Row] = [{} for _ in rows]
    groups = grouped(rows, by) if by else {(): list(range(len(rows)))}
    for members in groups.values():
        own = [rows[i] for i in members]
        columns = [(one.name, one.column(own, now)) for one in aggregations]
        for k, i in enumerate(members):
            end = k + 1 if current else k
            begin = 0
            if window and is_global:
                begin = bisect_left(members, i - window + 1 if current else i - window)
            elif window:
                begin = max(0, end - window)
            added[i] = {name: column.of(begin, end) for name, column in columns}
    return [{**row, **more} for row, more in zip(rows, added)]


def timechart(arguments: str, rows: list[Row], now: float, begin: float, end: float) -> list[Row]:
    """One row for each span of the search's range, also where there is nothing: a count is 0 there, all else null.

    Over all time (``earliest=0``) it begins with the first event. With BY, a column for each of the ten values with the
    largest sums, NULL for rows without one and OTHER for the rest.
    """
    given, rest = options(arguments, "span limit")
    assert "span" in given, "a timechart without a span"
    aggregations, by = read(rest)
    if not rows:
        return []
    times = [_time(row) for row in rows]
    # Times that the search has changed may lie outside of its range, and are shown.
    first = bucket(min(begin, *times) if begin > 0 else min(times), given["span"])
    last = max(end - 0.001, *times) if end < float("inf") else max(times)
    spans: dict[float, list[Row]] = {}
    while first <= last:
        spans[first] = []
        assert len(spans) <= 50_000, "more than 50,000 spans"
        first = next_bucket(first, given["span"])
    for at, row in zip(times, rows):
        spans[bucket(at, given["span"])].append(row)
    if not by:
        return [{"_time": at, **_results(aggregations, members, now)} for at, members in spans.items()]
    assert len(by) == len(aggregations) == 1, "one function and one field to split by"
    series = _series(rows, by[0], aggregations[0], now, int(given.get("limit", "10")))
    shown = []
    for at, members in spans.items():
        columns = {name: [row for row in members if _series_of(row, by[0], series) == name] for name in series}
        shown.append(
            {
                "_time": at,
                **{name: _results(aggregations, own, now)[aggregations[0].name] for name, own in columns.items()},
            }
        )
    return shown


def _time(row: Row) -> float:
    at = number(row.get("_time"))
    assert at is not None, "a timechart of rows without _time"
    return at


def _series(rows: list[Row], by: str, aggregation: Aggregation, now: float, limit: int) -> list[str]:
    members: dict[str, list[Row]] = {}
    for row in rows:
        members.setdefault(text(row.get(by)) or "NULL", []).append(row)
    nulls = ["NULL"] if "NULL" in members else []
    members.pop("NULL", None)
    size = {name: number(_results([aggregation], own, now)[aggregation.name]) or 0.0 for name, own in members.items()}
    assert limit == 0 or len(members) <= limit or aggregation.function in ("sum", "count"), "OTHER of means"
    kept = sorted(members) if limit == 0 else sorted(sorted(members, key=lambda name: (-size[name], name))[:limit])
    return kept + nulls + (["OTHER"] if len(kept) < len(members) else [])


def _series_of(row: Row, by: str, series: list[str]) -> Optional[str]:
    name: Optional[str] = text(row.get(by)) or "NULL"
    return name if name in series else "OTHER"


def spans_of(rows: Sequence[Row], span: str) -> Iterator[Row]:
    """``bin _time``: each row at the beginning of its span."""
    for row in rows:
        yield {**row, "_time": bucket(_time(row), span)}
