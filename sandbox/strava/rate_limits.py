"""Strava's rate limits: per application, overall and for reads, by quarter hour and by UTC day.

A call that the quarter hour refuses still counts for the day, as Strava documents it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from sandbox.strava.accounts import Application
from sandbox.strava.exchange import Answer, error_body, json_answer
from strava_collector.clock import Clock

QUARTER_HOUR = 900
DAY = 86_400


@dataclass(frozen=True)
class Limits:
    """How many calls an application may make, each as (per quarter hour, per day)."""

    overall: tuple[int, int] = (200, 2_000)
    read: tuple[int, int] = (100, 1_000)


@dataclass
class Usage:
    """The calls of one application in the current windows."""

    quarter_hour: int = 0
    day: int = 0
    overall: tuple[int, int] = (0, 0)
    read: tuple[int, int] = (0, 0)


class RateLimits:
    """Counts calls and says when there have been too many."""

    def __init__(self, default: Limits) -> None:
        self._default = default
        self._limits: dict[int, Limits] = {}
        self._usage: dict[int, Usage] = {}
        #: Answers lack the two ``X-ReadRateLimit-…`` headers, as some of Strava's did.
        self.without_read_headers = False
        #: How many calls were refused.
        self.refused = 0

    def set_limits(
        self,
        application: Application,
        *,
        overall: tuple[int, int] | None = None,
        read: tuple[int, int] | None = None,
    ) -> None:
        """Change an application's limits; what is not given stays."""
        now = self.limits(application)
        self._limits[application.client_id] = Limits(overall or now.overall, read or now.read)

    def limits(self, application: Application) -> Limits:
        return self._limits.get(application.client_id, self._default)

    def usage(self, application: Application, now: float) -> Usage:
        """The usage in the windows that ``now`` falls into."""
        usage = self._usage.setdefault(application.client_id, Usage())
        quarter_hour, day = int(now // QUARTER_HOUR), int(now // DAY)
        if usage.quarter_hour != quarter_hour:
            usage.quarter_hour = quarter_hour
            usage.overall, usage.read = (0, usage.overall[1]), (0, usage.read[1])
        if usage.day != day:
            usage.day = day
            usage.overall, usage.read = (usage.overall[0], 0), (usage.read[0], 0)
        return usage

    def use_up(self, application: Application, calls: int, now: float, *, read: bool = True) -> None:
        """Count calls that somebody else made with the same application."""
        usage = self.usage(application, now)
        usage.overall = (usage.overall[0] + calls, usage.overall[1] + calls)
        if read:
            usage.read = (usage.read[0] + calls, usage.read[1] + calls)

    def admit(self, application: Application, now: float, *, read: bool) -> bool:
        """Count one call; False when a window was full before it."""
        limits, usage = self.limits(application), self.usage(application, now)
        full = _full(usage.overall, limits.overall) or (read and _full(usage.read, limits.read))
        self.use_up(application, 1, now, read=read)
        self.refused += full
        return not full

    def headers(self, application: Application, now: float) -> dict[str, str]:
        """The headers that every answer of the API carries."""
        limits, usage = self.limits(application), self.usage(application, now)
        headers = {
            "X-RateLimit-Limit": _pair(limits.overall),
            "X-RateLimit-Usage": _pair(usage.overall),
        }
        if not self.without_read_headers:
            headers["X-ReadRateLimit-Limit"] = _pair(limits.read)
            headers["X-ReadRateLimit-Usage"] = _pair(usage.read)
        return headers


class RateLimitControls:
    """What a test or demo can ask of the limits, by the clock and under the lock of their stand-in."""

    def __init__(self, limits: RateLimits, clock: Clock, lock: threading.RLock) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = lock

    @property
    def without_read_headers(self) -> bool:
        """Whether answers lack the ``X-ReadRateLimit-…`` headers."""
        return self._limits.without_read_headers

    @without_read_headers.setter
    def without_read_headers(self, without: bool) -> None:
        self._limits.without_read_headers = without

    @property
    def refused(self) -> int:
        """How many calls were answered 429 because a limit was reached."""
        return self._limits.refused

    def set_limits(
        self,
        application: Application,
        *,
        overall: tuple[int, int] | None = None,
        read: tuple[int, int] | None = None,
    ) -> None:
        """Change limits, each as (per quarter hour, per day); what is not given stays."""
        with self._lock:
            self._limits.set_limits(application, overall=overall, read=read)

    def usage(self, application: Application) -> Usage:
        """The calls of the current windows."""
        with self._lock:
            return self._limits.usage(application, self._clock.now())

    def use_up(self, application: Application, calls: int, *, read: bool = True) -> None:
        """Count calls that somebody else made with the same application."""
        with self._lock:
            self._limits.use_up(application, calls, self._clock.now(), read=read)


def too_many_calls() -> Answer:
    """Strava's 429."""
    return json_answer(429, error_body("Rate Limit Exceeded", "Application", "rate limit", "exceeded"))


def _full(used: tuple[int, int], limit: tuple[int, int]) -> bool:
    return used[0] >= limit[0] or used[1] >= limit[1]


def _pair(values: tuple[int, int]) -> str:
    return f"{values[0]},{values[1]}"
