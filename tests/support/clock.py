"""A clock that stands still until a test moves it."""

from __future__ import annotations

import threading

#: 2026-06-01 06:00:00 UTC: a date that tests can reckon from.
START = 1_780_293_600.0


class VirtualClock:
    """Time as the test tells it; safe to be read by other threads meanwhile."""

    def __init__(self, now: float = START) -> None:
        self._lock = threading.Lock()
        self._wall = now
        self._elapsed = 1_000.0

    def now(self) -> float:
        """Seconds since the epoch, as far as this clock knows."""
        with self._lock:
            return self._wall

    def monotonic(self) -> float:
        """Seconds that only :meth:`advance` moves."""
        with self._lock:
            return self._elapsed

    def advance(self, seconds: float) -> float:
        """Let time pass and return the new time of day; time never runs backwards, see :meth:`set_wall`."""
        if seconds < 0:
            raise ValueError("Time does not run backwards; set_wall() is how a clock is set back.")
        with self._lock:
            self._wall += seconds
            self._elapsed += seconds
            return self._wall

    def set_wall(self, now: float) -> None:
        """Set the time of day as an administrator or NTP does: the monotonic clock does not notice."""
        with self._lock:
            self._wall = now


class Elsewhere:
    """The clock of another host, which shows the right time whatever is done to this one's."""

    def __init__(self, here: VirtualClock) -> None:
        self._here = here
        self._ahead = here.now() - here.monotonic()

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._ahead + self._here.monotonic()

    def monotonic(self) -> float:
        """Seconds that only time itself moves."""
        return self._here.monotonic()
