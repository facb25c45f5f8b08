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


#: A clock that also counts the time in which the host slept: Linux and macOS have it under different names, and what
#: Python calls monotonic is another one on both.
_AWAKE_OR_NOT = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


class SystemClock:
    """The host's own clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic() if _AWAKE_OR_NOT is None else time.clock_gettime(_AWAKE_OR_NOT)
