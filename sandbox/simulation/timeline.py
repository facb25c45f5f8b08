"""Virtual time: what is to happen when, and clocks that read it."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Callable


@dataclass(order=True)
class _Entry:
    at: float
    number: int
    action: Callable[[], None] = field(compare=False)


class Timeline:
    """The true time, which is also Strava's, and the agenda that moves it.

    Of two things at the same time, the one that was put down first happens first.
    """

    def __init__(self, now: float) -> None:
        self._begin = now
        self._now = now
        self._number = 0
        self._agenda: list[_Entry] = []
        #: When those will go on who wait for something further out.
        self._awaited: list[float] = []

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since the simulation began."""
        return self._now - self._begin

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Let ``action`` happen at ``when``, or now if that is past."""
        self._number += 1
        heapq.heappush(self._agenda, _Entry(max(when, self._now), self._number, action))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Let ``action`` happen so much later."""
        self.at(self._now + seconds, action)

    def run_until(self, when: float) -> None:
        """Let everything happen that is due until then, and let the time be ``when`` afterwards.

        What happens may take time itself by calling this; then it may be later than ``when`` in the end. An
        exception leaves the rest of the agenda for the next call.
        """
        while self._agenda and self._agenda[0].at <= when:
            entry = heapq.heappop(self._agenda)
            self._now = max(self._now, entry.at)
            entry.action()
        self._now = max(self._now, when)

    def wait(self, seconds: float) -> None:
        """Let so much time pass, and everything else happen meanwhile."""
        end = self._now + seconds
        self._awaited.append(end)
        try:
            self.run_until(end)
        finally:
            self._awaited.remove(end)

    @property
    def awaited(self) -> float:
        """When the first of those goes on who wait further out; whoever takes longer makes them late."""
        return min(self._awaited, default=float("inf"))

    @property
    def afterwards(self) -> float:
        """A moment after all of them have gone on."""
        return max(self._awaited, default=self._now) + 0.001


class WrongClock:
    """A clock that is always off by the same time."""

    def __init__(self, timeline: Timeline, offset: float) -> None:
        self._timeline = timeline
        self.offset = offset

    def now(self) -> float:
        """Seconds since the epoch, as far as this clock knows."""
        return self._timeline.now() + self.offset

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return self._timeline.monotonic()
