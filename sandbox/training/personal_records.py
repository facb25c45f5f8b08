"""How good an athlete has been so far: the three best times on each segment and over each distance."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Hashable
from typing import Optional


class PersonalRecords:
    """Of one athlete, as the days go by."""

    def __init__(self) -> None:
        self._times: dict[Hashable, list[int]] = {}

    def rank(self, what: Hashable, seconds: int) -> Optional[int]:
        """Enter a time; return 1, 2 or 3 if it is one of the best three so far. A first time is no record."""
        times = self._times.setdefault(what, [])
        place = bisect_right(times, seconds) + 1
        first = not times
        insort(times, seconds)
        return None if first or place > 3 else place
