"""Time, passed in so that tests can run months in milliseconds."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time; every part that needs it gets one of these."""

    def now(self) -> float:
        """Seconds since the epoch, UTC. May jump when somebody sets the host's clock."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump: for timeouts and durations, without meaning as a date."""
        ...


class SystemClock:
    """The host's own clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()
