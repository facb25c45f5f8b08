"""What a search has to show, and the comparison with what it shows."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

Row = dict[str, Any]

#: Of what is not rounded: engines add up in another order, and show six digits behind the point.
TOLERANCE = 2e-6


class Anything:
    """Stands for a value that is not compared."""


ANYTHING = Anything()


@dataclass(frozen=True)
class Answer:
    """The rows that are right. Where several are equally right, as with the last of ten, there are more than ``limit``.

    A value may be a frozenset: one of these. None: the field is not there, or empty.
    """

    rows: Sequence[Row]
    #: What the search sorts by, ``-km`` for the largest first; nothing if the order does not matter.
    order: tuple[str, ...] = ()
    limit: Optional[int] = None
    #: Digits behind the point to which the search rounds; a half may go either way.
    rounded: Mapping[str, int] = field(default_factory=dict)
    #: Only these fields are compared, of rows that are whole events.
    only: Optional[tuple[str, ...]] = None


def differences(actual: Iterable[Mapping[str, Any]], answer: Answer) -> list[str]:
    """What is wrong with the rows that a search has shown; empty if nothing is."""
    shown = [_visible(row, answer.only) for row in actual]
    wanted = min(len(answer.rows), answer.limit or len(answer.rows))
    faults = [] if len(shown) == wanted else [f"{len(shown)} rows instead of {wanted}"]
    exact = _exact_fields(answer)
    left: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for one in answer.rows:
        left[_key(one, exact)].append(one)
    for number, row in enumerate(shown):
        alike = left[_key(row, exact)]
        match = next((at for at, one in enumerate(alike) if _is_same_row(row, one, answer)), None)
        if match is not None:
            del alike[match]
        elif len(faults) < 6:
            likely = min(answer.rows, key=lambda one: _distance(row, one, answer), default=None)
            faults.append(f"row {number} is not expected: {row}; nearest: {likely}")
    faults += _order_faults(shown, answer)
    if len(shown) < wanted:
        faults += [f"missing, for instance: {one}" for rest in left.values() for one in rest[:1]]
    return faults[:8]


def _exact_fields(answer: Answer) -> list[str]:
    """The fields that are texts or whole numbers in each row, which need no tolerance: rows are found by them."""
    names = list(answer.rows[0]) if answer.rows else []
    kinds = (str, int)
    return [name for name in names if all(isinstance(row.get(name), kinds) and row[name] != "" for row in answer.rows)]


def _key(row: Row, names: list[str]) -> tuple[str, ...]:
    return tuple(_as_text(row.get(name)) for name in names)


def _visible(row: Mapping[str, Any], only: Optional[tuple[str, ...]]) -> Row:
    return {name: value for name, value in row.items() if value not in (None, "") and (only is None or name in only)}


def _is_same_row(shown: Row, expected: Row, answer: Answer) -> bool:
    return shown.keys() <= expected.keys() and _distance(shown, expected, answer) == 0


def _distance(shown: Row, expected: Row, answer: Answer) -> int:
    """How many values differ."""
    return sum(not _is_same(shown.get(name), value, answer.rounded.get(name)) for name, value in expected.items())


def _is_same(shown: Any, expected: Any, places: Optional[int]) -> bool:
    if isinstance(expected, Anything):
        return shown is not None
    if isinstance(expected, frozenset):
        return any(_is_same(shown, one, places) for one in expected)
    if isinstance(expected, list):  # several values in one field, in order
        return bool(shown == expected)
    if expected == "" or (isinstance(expected, float) and math.isnan(expected)):
        expected = None
    if shown is None or expected is None:
        return shown is None and expected is None
    if isinstance(expected, bool):
        expected = "true" if expected else "false"
    if isinstance(expected, str):
        return _as_text(shown) == _as_text(expected)
    number = _number(shown)
    if number is None:
        return False
    if places is not None:
        return bool(abs(number - expected) <= 0.5 * 10**-places + TOLERANCE)
    return math.isclose(number, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _order_faults(shown: list[Row], answer: Answer) -> list[str]:
    """Rows have to be in order; those that are equal in all that is sorted by may be in any."""
    for before, after in zip(shown, shown[1:]):
        for key in answer.order:
            name = key.lstrip("-")
            one, two = _sortable(before.get(name)), _sortable(after.get(name))
            if one == two:
                continue
            if (one > two) is not key.startswith("-"):
                return [f"not in order of {key}: {before} before {after}"]
            break
    if answer.limit is None or len(shown) < answer.limit or not answer.order:
        return []
    name = answer.order[0].lstrip("-")
    values = [row[name] for row in answer.rows if row[name] is not None]
    best = sorted(values, reverse=answer.order[0].startswith("-"))
    last, border = shown[-1][name], best[answer.limit - 1]
    return [] if _is_same(last, border, answer.rounded.get(name)) else [f"the last is {last} instead of {border}"]


def _sortable(value: Any) -> tuple[int, float, str]:
    number = _number(value)
    return (0, number, "") if number is not None else (1, 0.0, "" if value is None else str(value))


def _number(value: Any) -> Optional[float]:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    number = _number(value) if isinstance(value, (float, str)) else None
    if number is not None and number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    return str(value)
