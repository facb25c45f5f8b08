"""What fields hold, and how Splunk takes it: as a number where it looks like one, else as text."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, Optional

#: A field's value is a str as it was extracted, a float or an int as it was computed, a list of those (a field with
#: several values), or None, which is the same as no field.
Row = dict[str, Any]

_BEGINNINGS = frozenset("0123456789+-. \t")
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*\Z")


def number(value: object) -> Optional[float]:
    """The number that a value is, or None; several values are none."""
    if isinstance(value, str):
        return float(value) if value[:1] in _BEGINNINGS and _NUMBER.match(value) else None
    assert not isinstance(value, bool), "a Boolean value where a number is wanted"
    return float(value) if isinstance(value, (int, float)) else None


def text(value: object) -> Optional[str]:
    """The text of a value: whole numbers without a point, others with 15 digits; several values have none."""
    if isinstance(value, str):
        return value
    assert not isinstance(value, bool), "a Boolean value where a text is wanted"
    if isinstance(value, (int, float)):
        shown = format(value, ".15g")
        return format(value, ".6f").rstrip("0").rstrip(".") if "e" in shown else shown
    return None


def several(value: object) -> list[Any]:
    """All values of a field."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def compare(one: object, two: object) -> int:
    """Less than, equal to or more than 0: by number if both are numbers, else by the characters."""
    if one == two:
        return 0
    a, b = number(one), number(two)
    if a is not None and b is not None:
        return (a > b) - (a < b)
    x, y = text(one), text(two)
    assert x is not None
    assert y is not None
    return (x > y) - (x < y)


def in_order(rows: list[Row], field: str, *, descending: bool, kind: str = "auto") -> list[Row]:
    """Rows by one field; rows without it come last in either direction, and equal ones keep their order.

    https://docs.splunk.com/Documentation/SCS/current/SearchReference/SortCommandUsage: the order "is determined between
    each pair of values"; SortCommandOverview: what is missing is the smallest if descending, the largest if ascending.
    """
    there = [row for row in rows if row.get(field) is not None]
    gone = [row for row in rows if row.get(field) is None]
    values = [row[field] for row in there]
    assert not any(isinstance(value, list) for value in values), f"sorting by {field}, which has several values"
    numbers = [number(value) for value in values]
    key: Callable[[Any], Any]
    if kind == "str" or (kind == "auto" and not any(one is not None for one in numbers)):
        key = text
    elif kind == "num" or all(one is not None for one in numbers):
        key = _number_or_least
    else:
        key = functools.cmp_to_key(compare)

    def by_value(row: Row) -> Any:
        return key(row[field])

    return sorted(there, key=by_value, reverse=descending) + gone


def _number_or_least(value: object) -> float:
    found = number(value)
    return float("-inf") if found is None else found
