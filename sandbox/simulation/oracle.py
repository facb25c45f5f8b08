"""The best possible delays: what somebody could do who knows the future and makes no call in vain.

A collector has to fetch an activity after each notification about it; one fetch serves all notifications before it.
Asked here is for the smallest ``d`` such that a given share of the notifications can be answered within ``d`` seconds
under Strava's limits. No collector can do better, because everything is left out that could only make it slower:

* Only fetches that no collector could spare count. Two notifications about one activity that are about ``d`` apart
  cannot be served in time by one fetch, so of each activity as many are taken as lie that far apart, from the last
  one backwards. All others are served for nothing, and so is a delete, which needs no fetch.
* A fetch takes no longer than the quickest call, any number may run at once, and there is neither settle time nor
  cooldown. None fails, none is made to refresh a token, to confirm a delete or to look once more.
* The oracle waits only for what nobody can hurry: for the commit of the notification, for Strava while it does not
  have the activity yet or has an outage, for the host while no process runs, for the athlete whose permission is
  gone, and for the limits of a quarter hour and of a UTC day.

Which of those fetches can be made in time? All take one call and may take equally long (``d``), so the earliest
deadline belongs to the earliest arrival. Serving them in the order of arrival, each at the first moment with a free
call, and giving up those for which that moment comes too late, serves as many as possible: if the best plan left out
one that is served here, it could have it instead of the next one that uses the same window, and would lose nothing.
What is late at the end is late under any plan; if that is more than a share of all allows, ``d`` is too small.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.simulation.case import DAY

_QUARTER = 900.0


@dataclass(frozen=True)
class Wish:
    """A notification that an event answers; times in epoch seconds."""

    activity_id: int
    #: When Strava posted it first: delays count from here.
    posted_at: float
    #: When the earliest fetch that may serve it could begin.
    possible_at: float
    #: It needs no fetch: a delete, or a change that was fetched before its notification came.
    free: bool


@dataclass(frozen=True)
class Constraints:
    """What the oracle cannot change."""

    #: Reads per quarter hour and per day.
    reads: tuple[int, int]
    #: From when to when nothing could be fetched or written; sorted, not overlapping.
    closed: Sequence[tuple[float, float]]
    #: The quickest call, in seconds.
    call: float


def best_delay(wishes: Sequence[Wish], share: float, constraints: Constraints) -> float:
    """The smallest delay within which ``share`` of the wishes (0 to 1) can be answered, in seconds."""
    if not wishes:
        return 0.0
    # Rounded as the measured quantile is: the delay of the wish with this number.
    may_be_late = len(wishes) - math.ceil(share * len(wishes))
    low, high = 0.0, constraints.call
    while _late(wishes, high, constraints) > may_be_late:
        low, high = high, high * 1.5
    for _ in range(12):
        middle = (low + high) / 2
        if _late(wishes, middle, constraints) > may_be_late:
            low = middle
        else:
            high = middle
    return low


def merged(intervals: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same times without overlaps, sorted."""
    found: list[tuple[float, float]] = []
    for begin, end in sorted(intervals):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif end > begin:
            found.append((begin, end))
    return found


def _late(wishes: Sequence[Wish], delay: float, constraints: Constraints) -> int:
    """How many are late at least if each should be answered within ``delay``."""
    window = _Window(constraints)
    late = 0
    for wish in _needed(wishes, delay - constraints.call):
        if not window.serve(wish.possible_at, wish.posted_at + delay - constraints.call):
            late += 1
    return late


def _needed(wishes: Sequence[Wish], patience: float) -> list[Wish]:
    """Wishes each of which needs a fetch of its own that begins within ``patience``, in the order of their times."""
    needed = []
    earliest: dict[int, float] = {}
    for wish in sorted(wishes, key=lambda wish: wish.possible_at, reverse=True):
        # A fetch in time for this one has to begin before the next one's can.
        if not wish.free and wish.posted_at + patience < earliest.get(wish.activity_id, math.inf):
            needed.append(wish)
            earliest[wish.activity_id] = wish.possible_at
    needed.reverse()
    return needed


class _Window:
    """Free calls, used in the order of time."""

    def __init__(self, constraints: Constraints) -> None:
        self._constraints = constraints
        self._ends = [end for _, end in constraints.closed]
        self._now = 0.0
        self._quarter = self._day = -1.0
        self._used = [0, 0]

    def serve(self, not_before: float, deadline: float) -> bool:
        """Take the first free call; False, and none is taken, if that comes too late."""
        at = max(self._now, not_before)
        while True:
            quarter, day = at // _QUARTER, at // DAY
            used = (self._used[0] if quarter == self._quarter else 0, self._used[1] if day == self._day else 0)
            position = bisect_right(self._ends, at)
            closed = self._constraints.closed[position : position + 1]
            if closed and closed[0][0] <= at:
                at = closed[0][1]
            elif used[1] >= self._constraints.reads[1]:
                at = (day + 1) * DAY
            elif used[0] >= self._constraints.reads[0]:
                at = (quarter + 1) * _QUARTER
            else:
                break
            if at > deadline:
                return False
        if at > deadline:
            return False
        self._now, self._quarter, self._day = at, quarter, day
        self._used = [used[0] + 1, used[1] + 1]
        return True
