"""Functions of expressions (Search Reference, Evaluation functions). Null gives null, but for those in NULL_TAKERS."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Optional
from urllib.parse import unquote

from sandbox.spl import times
from sandbox.spl.values import number, several, text

#: Functions that look at null.
NULL_TAKERS = frozenset({"isnull", "isnotnull", "nullif", "null", "true", "false", "mvappend", "max", "min"})


def _of_number(function: Callable[[float], float]) -> Callable[[Any], Optional[float]]:
    def value(given: Any) -> Optional[float]:
        found = number(given)
        return None if found is None else float(function(found))

    return value


def _of_text(function: Callable[[str], Any]) -> Callable[[Any], Any]:
    def value(given: Any) -> Any:
        found = text(given)
        return None if found is None else function(found)

    return value


def regex(pattern: str) -> str:
    """A regular expression of Splunk's (PCRE) in Python's words; ``\\d`` and ``\\w`` are ASCII there."""
    return re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", pattern)


def _match(given: Any, pattern: str) -> Optional[bool]:
    found = [text(one) for one in several(given)]
    return any(one is not None and re.search(regex(pattern), one, re.ASCII) is not None for one in found)


def _like(given: Any, pattern: str) -> bool:
    wanted = re.escape(pattern).replace("%", ".*").replace("_", ".")
    return re.fullmatch(wanted, text(given) or "", re.DOTALL) is not None


def _replace(given: Any, pattern: str, by: str) -> Optional[str]:
    found = text(given)
    return None if found is None else re.sub(regex(pattern), by, found, flags=re.ASCII)


def _substr(given: Any, begin: float, length: Optional[float] = None) -> Optional[str]:
    """The first character is number 1, the last one -1."""
    found = text(given)
    if found is None:
        return None
    first = int(begin) - 1 if begin > 0 else max(0, len(found) + int(begin))
    return found[first:] if length is None else found[first : first + int(length)]


def _round(given: Any, places: float = 0) -> Optional[float]:
    """Halves away from zero."""
    found = number(given)
    if found is None:
        return None
    scaled = abs(found) * 10 ** int(places)
    return math.copysign(math.floor(scaled + 0.5) / 10 ** int(places), found)


def _tonumber(given: Any, base: float = 10) -> Optional[float]:
    assert base == 10, "tonumber with another base"
    return number(given)


def _tostring(given: Any, form: Optional[str] = None) -> Optional[str]:
    assert form in (None, "commas"), f"tostring with {form}"
    found = None if form is None else number(given)
    if found is not None:
        return f"{found:,.0f}" if found.is_integer() else f"{found:,.2f}"
    return {True: "True", False: "False"}[given] if isinstance(given, bool) else text(given)


def _mvindex(given: Any, first: float, last: Optional[float] = None) -> Any:
    values = several(given)
    begin, end = (int(one) + len(values) * (one < 0) for one in (first, first if last is None else last))
    found = values[max(0, begin) : end + 1] if end >= 0 and begin < len(values) else []
    return found[0] if len(found) == 1 else found or None


def _mvrange(first: Any, end: Any, step: Any = 1) -> Optional[list[float]]:
    """Numbers from the first one until before the end."""
    begin, until, by = number(first), number(end), number(step)
    if begin is None or until is None or not by:
        return None
    return [begin + by * i for i in range(max(0, math.ceil((until - begin) / by)))] or None


def _mvfind(given: Any, pattern: str) -> Optional[float]:
    """The number of the first value that matches, from 0."""
    found = (at for at, one in enumerate(several(given)) if re.search(regex(pattern), text(one) or "", re.ASCII))
    at = next(found, None)
    return None if at is None else float(at)


def _mvzip(one: Any, two: Any, by: str = ",") -> Optional[list[str]]:
    """The first value with the first, the second with the second, as long as both have one."""
    return [f"{text(a)}{by}{text(b)}" for a, b in zip(several(one), several(two))] or None


def _strftime(at: Any, pattern: str) -> Optional[str]:
    found = number(at)
    return None if found is None else times.strftime(found, pattern)


def _strptime(words: Any, pattern: str) -> Optional[float]:
    found = text(words)
    return None if found is None else times.strptime(found, pattern)


def _relative_time(at: Any, by: str) -> Optional[float]:
    found = number(at)
    return None if found is None else times.relative(found, by)


def _extreme(sign: int) -> Callable[..., Any]:
    """Texts are larger than numbers; null is passed over."""

    def value(*given: Any) -> Any:
        numbers = [found for found in map(number, given) if found is not None]
        texts = [str(one) for one in given if one is not None and number(one) is None]
        if sign > 0:
            return max(texts) if texts else max(numbers, default=None)
        return min(numbers) if numbers else min(texts, default=None)

    return value


def _nullif(one: Any, two: Any) -> Any:
    return None if one is not None and two is not None and text(one) == text(two) else one


def _mvappend(*given: Any) -> Optional[list[Any]]:
    return [value for one in given for value in several(one)] or None


FUNCTIONS: dict[str, Callable[..., Any]] = {
    # Null, and what a value is.
    "null": lambda: None,
    "true": lambda: True,
    "false": lambda: False,
    "isnull": lambda given: given is None,
    "isnotnull": lambda given: given is not None,
    "isnum": lambda given: number(given) is not None,
    "nullif": _nullif,
    "tonumber": _tonumber,
    "tostring": _tostring,
    # Numbers.
    "abs": _of_number(abs),
    "ceiling": _of_number(math.ceil),
    "ceil": _of_number(math.ceil),
    "exp": _of_number(math.exp),
    "floor": _of_number(math.floor),
    "ln": _of_number(math.log),
    "sqrt": _of_number(math.sqrt),
    "pow": lambda one, two: None if number(one) is None else (number(one) or 0.0) ** (number(two) or 0.0),
    "round": _round,
    "max": _extreme(1),
    "min": _extreme(-1),
    # Texts.
    "len": _of_text(lambda given: float(len(given))),
    "like": _like,
    "lower": _of_text(str.lower),
    "match": _match,
    "replace": _replace,
    "substr": _substr,
    "trim": _of_text(lambda given: given.strip(" \t")),
    "upper": _of_text(str.upper),
    "urldecode": _of_text(unquote),
    # Several values.
    "mvappend": _mvappend,
    "mvcount": lambda given: float(len(several(given))),
    "mvdedup": lambda given: list(dict.fromkeys(several(given))),
    "mvindex": _mvindex,
    "mvjoin": lambda given, by: by.join(text(one) or "" for one in several(given)),
    "mvrange": _mvrange,
    "mvfind": _mvfind,
    "mvzip": _mvzip,
    "split": lambda given, by: (text(given) or "").split(by),
    # Times.
    "relative_time": _relative_time,
    "strftime": _strftime,
    "strptime": _strptime,
}
