"""What time it is at Strava, whatever the local clock says: the ``Date`` of each answer tells.

Quota windows end when Strava's clock says so. Between two answers the monotonic clock carries on, so that somebody who
sets the host's clock opens or closes no window.
"""

from __future__ import annotations

import threading
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Optional

from strava_collector.clock import Clock

#: How much a host's clock may run slow or fast, in seconds per second.
_DRIFT = 1e-4


class StravaTime:
    """Strava's clock as seen from here; shared by all threads of a process.

    It gives the earliest time that it can be: who waits for the end of a window by it is never too early.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        #: Strava's time minus the monotonic one, and when that was seen (monotonic).
        self._seen: Optional[tuple[float, float]] = None

    def now(self, ahead: float) -> float:
        """Return Strava's time in epoch seconds; ``ahead`` of our own clock if no answer has told it yet."""
        with self._lock:
            seen = self._seen
        if seen is None:
            return self._clock.now() + ahead
        offset, since = seen
        elapsed = self._clock.monotonic()
        return offset + elapsed - (elapsed - since) * _DRIFT

    def ahead(self, ahead: float) -> float:
        """Return by how much Strava's clock is ahead of ours, in seconds."""
        return self.now(ahead) - self._clock.now()

    def observe(self, date: Optional[str], *, sent: float, received: float) -> None:
        """Learn from an answer's ``Date`` header; ``sent`` and ``received`` are monotonic."""
        told = epoch_of(date)
        if told is None:
            return
        # The header has whole seconds: Strava's clock showed told … told + 1 at some moment between the two.
        earliest, latest = told - received, told + 1.0 - sent
        with self._lock:
            if self._seen is not None:
                offset, since = self._seen
                before = offset - max(received - since, 0.0) * _DRIFT
                if earliest < before <= latest:
                    earliest = before
            self._seen = (earliest, received)


def epoch_of(date: Optional[str]) -> Optional[float]:
    """Return the epoch seconds of a date as HTTP writes it; None if it is none."""
    if date is None:
        return None
    try:
        moment = parsedate_to_datetime(date)
        # Without a zone it would be taken for the host's.
        return (moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
