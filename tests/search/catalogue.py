"""Every search of every file, as it is run by the tests: with ids of the sample's athletes, in its range of time."""

from __future__ import annotations

import functools
import re
from datetime import datetime, timedelta, timezone
from typing import Optional

from tests.search.knowledge import Search, every_search

#: When the training is looked at: a Wednesday in the evening.
TODAY = datetime(2026, 6, 10, 18, tzinfo=timezone.utc)
#: The sample's athletes: one rides with a power meter, one runs, one does both and swims.
LENA, MARCUS, ISLA = 990_000_001, 990_000_002, 990_000_003
#: As Splunk understands "all time", and a latest time that is not given.
_ALL, _NOW = "0", "now"


@functools.cache
def catalogue() -> dict[str, Search]:
    """By a name that stays when lines move: the title; of a search in the text of a page, the page and its words."""
    found: dict[str, Search] = {}
    for search in every_search():
        name = search.title if search.earliest is not None else f"{search.file}: {' '.join(search.text.split())[:60]}"
        while name in found:  # the same words twice on a page
            name += " (again)"
        found[name] = search
    return found


def about(text: str, athlete: int, activity: int) -> str:
    """The text with ids that the sample has, in place of those of the documentation."""
    named = re.sub(r"\b134815\b", str(athlete), text)
    return re.sub(r"\b(1234567890|16000004711|9876543210)\b", str(activity), named)


def times(search: Search) -> tuple[str, str]:
    """Its range of time: beside it, or within it, or all time."""
    within = dict(re.findall(r"\b(earliest|latest)=(\S+)", search.text))
    return search.earliest or within.get("earliest", _ALL), search.latest or within.get("latest", _NOW)


def moment(text: str, now: float) -> float:
    """Epoch seconds of a time as Splunk writes it, by the clock of a host in UTC: ``-1y@mon``, ``@w1+1d``, ``0``."""
    if text == _ALL:
        return 0.0
    match = re.fullmatch(r"(?:now|([+-])(\d+)(s|m|h|d|w|mon|y))?(?:@(s|m|h|d|w1|mon|y)(?:([+-]\d+)(h|d))?)?", text)
    assert match is not None, text
    sign, count, unit, snap, more, more_unit = match.groups()
    at = datetime.fromtimestamp(now, timezone.utc)
    if unit is not None:
        at = _moved(at, int(sign + count), unit)
    at = _snapped(at, snap)
    return (at if more is None else _moved(at, int(more), more_unit)).timestamp()


def _moved(at: datetime, count: int, unit: str) -> datetime:
    if unit in ("mon", "y"):
        months = at.year * 12 + at.month - 1 + count * (12 if unit == "y" else 1)
        return at.replace(year=months // 12, month=months % 12 + 1)
    seconds = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}[unit]
    return at + timedelta(seconds=count * seconds)


def _snapped(at: datetime, snap: Optional[str]) -> datetime:
    if snap is None:
        return at
    if snap == "w1":
        at -= timedelta(days=at.weekday())
    zeroed = {"s": 0, "m": 1, "h": 2, "d": 3, "w1": 3, "mon": 4, "y": 5}[snap]
    smallest = {"microsecond": 0, "second": 0, "minute": 0, "hour": 0, "day": 1, "month": 1}
    return at.replace(**dict(list(smallest.items())[: zeroed + 1]))  # type: ignore[arg-type]
