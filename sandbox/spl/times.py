"""Times as Splunk writes them: relative ones, formats, and the spans of ``timechart``. The searching host is in UTC."""

from __future__ import annotations

import calendar
import re
from datetime import datetime, timedelta, timezone
from typing import Optional

_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("w", "week", "weeks"), "w"),
    **dict.fromkeys(("mon", "month", "months"), "mon"),
    **dict.fromkeys(("q", "qtr", "qtrs", "quarter", "quarters"), "q"),
    **dict.fromkeys(("y", "yr", "yrs", "year", "years"), "y"),
}
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_MONTHS = {"mon": 1, "q": 3, "y": 12}
_STEP = re.compile(r"(?P<sign>[-+])(?P<count>\d*)(?P<unit>[a-z]+)|@(?P<snap>[a-z]+)(?P<weekday>[0-7])?")

#: What strftime and strptime know of here; the others are refused.
_DIRECTIVES = set("YmdHMSyaAbBjVGuwIp%")


def moment(words: str, now: float) -> float:
    """The time that ``earliest`` or ``latest`` means: epoch seconds, ``now``, or a relative time."""
    if re.fullmatch(r"\d+(\.\d+)?", words):
        return float(words)
    return now if words in ("now", "now()") else relative(now, words)


def relative(at: float, by: str) -> float:
    """What ``relative_time`` returns: offsets and snaps, from left to right; ``@w`` is Sunday, ``@w1`` Monday."""
    where = 0
    assert by, "an empty relative time"
    while where < len(by):
        step = _STEP.match(by, where)
        assert step is not None, f"unknown relative time {by}"
        unit = _UNITS.get(step["snap"] or step["unit"])
        assert unit is not None, f"unknown unit of time in {by}"
        if step["snap"]:
            assert step["weekday"] is None or unit == "w", f"unknown snap in {by}"
            at = snap(at, unit, int(step["weekday"] or 0))
        else:
            at = _moved(at, int(step["count"] or 1) * (-1 if step["sign"] == "-" else 1), unit)
        where = step.end()
    return at


def _moved(at: float, count: int, unit: str) -> float:
    if unit in _SECONDS:
        return at + count * _SECONDS[unit]
    moment_ = datetime.fromtimestamp(at, timezone.utc)
    years, month = divmod(moment_.year * 12 + moment_.month - 1 + count * _MONTHS[unit], 12)
    day = min(moment_.day, calendar.monthrange(years, month + 1)[1])
    return moment_.replace(year=years, month=month + 1, day=day).timestamp()


def snap(at: float, unit: str, weekday: int = 0) -> float:
    """The beginning of the second … year that a time is in."""
    if unit == "w":
        day = at // 86_400
        return (day - (day + 4 - weekday % 7) % 7) * 86_400.0  # the first day of 1970 was a Thursday
    if unit in _SECONDS:
        return at // _SECONDS[unit] * float(_SECONDS[unit])
    here = datetime.fromtimestamp(at, timezone.utc)
    month = {"mon": here.month, "q": (here.month - 1) // 3 * 3 + 1, "y": 1}[unit]
    return datetime(here.year, month, 1, tzinfo=timezone.utc).timestamp()


def strftime(at: float, pattern: str) -> str:
    """A time in words, in UTC."""
    pattern = pattern.replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S")
    pattern = pattern.replace("%3N", f"{int(at * 1_000) % 1_000:03d}").replace("%s", str(int(at // 1)))
    pattern = pattern.replace("%Z", "UTC").replace("%z", "+0000")
    _only_known(pattern)
    return (datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=at)).strftime(pattern)


def strptime(words: str, pattern: str) -> Optional[float]:
    """A time that was in words, in UTC; None if it is none."""
    pattern = pattern.replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S")
    _only_known(pattern.replace("%z", ""))
    try:
        found = datetime.strptime(words, pattern)  # noqa: DTZ007 - the zone is the next line's
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()


def _only_known(pattern: str) -> None:
    unknown = set(re.findall(r"%(.)", pattern.replace("%%", ""))) - _DIRECTIVES
    assert not unknown, f"unknown in a format of time: {unknown}"


def bucket(at: float, span: str) -> float:
    """The beginning of the bucket of ``span`` that a time is in.

    Where weeks begin Splunk's manual does not say of ``span=1w``; here only ``1w@w1`` is known, which says so itself.
    """
    count, unit, weekday = _span(span)
    if unit in _MONTHS:
        assert count == 1, f"unknown span {span}"
        return snap(at, unit)
    if unit == "w":
        assert weekday is not None, "span=1w does not say where weeks begin: write 1w@w1"
        assert count == 1, f"unknown span {span}"
        return snap(at, unit, weekday)
    size = count * _SECONDS[unit]
    assert 86_400 % size == 0, f"unknown span {span}"
    return at // size * float(size)


def next_bucket(begin: float, span: str) -> float:
    """The beginning of the bucket behind one that begins at ``begin``."""
    count, unit, _ = _span(span)
    return _moved(begin, count, unit)


def _span(span: str) -> tuple[int, str, Optional[int]]:
    match = re.fullmatch(r"(\d*)([a-z]+)(?:@w([0-7]))?", span)
    assert match is not None, f"unknown span {span}"
    assert match[2] in _UNITS, f"unknown span {span}"
    return int(match[1] or 1), _UNITS[match[2]], int(match[3]) if match[3] else None
