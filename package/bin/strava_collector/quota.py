"""Strava's rate limits: how much of each window is used, and until when to wait.

Strava counts calls per application in windows that begin at :00, :15, :30, :45 and at midnight UTC, all calls and
reads apart, and tells its counts with each answer (https://developers.strava.com/docs/rate-limits/).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Optional

#: Lengths of the windows in seconds.
QUARTER_HOUR = 900
DAY = 86_400


@dataclass(frozen=True)
class Window:
    """One count against one limit."""

    #: Seconds; windows begin at multiples of it since the epoch.
    length: int
    #: Calls that Strava allows within the window.
    limit: int
    #: Calls made in the window that began at ``began``, as far as we know.
    used: int = 0
    began: int = 0

    def at(self, now: float) -> Window:
        """Return the window as it is now: counts begin anew when a window ends.

        When the clock steps back they stay, for the window that it is now: otherwise a clock that was once a month
        ahead would close the window for a month.
        """
        begins = int(now // self.length) * self.length
        return replace(self, used=0 if begins > self.began else self.used, began=begins)

    @property
    def ends(self) -> int:
        """When the count begins anew, in seconds since the epoch."""
        return self.began + self.length

    @property
    def exhausted(self) -> bool:
        return self.used >= self.limit


@dataclass(frozen=True)
class Quota:
    """The four counts of one application. The limits are Strava's defaults until it tells others."""

    all_quarter: Window = Window(QUARTER_HOUR, 200)
    all_day: Window = Window(DAY, 2_000)
    reads_quarter: Window = Window(QUARTER_HOUR, 100)
    reads_day: Window = Window(DAY, 1_000)

    @property
    def windows(self) -> tuple[Window, Window, Window, Window]:
        return (self.all_quarter, self.all_day, self.reads_quarter, self.reads_day)

    def at(self, now: float) -> Quota:
        """Return the counts as they are now."""
        return Quota(*(window.at(now) for window in self.windows))

    def waits_until(self, now: float) -> Optional[float]:
        """Return when the next read may be made, or None if now."""
        ends = [window.ends for window in self.at(now).windows if window.exhausted]
        return float(max(ends)) if ends else None

    def spend(self, now: float) -> Quota:
        """Count one read that is about to be made."""
        return Quota(*(replace(window, used=window.used + 1) for window in self.at(now).windows))

    def learn(self, headers: Mapping[str, str], now: float) -> Quota:
        """Take over limits and counts from an answer's headers (lower-case names).

        Our own count stays where it is higher: calls under way are not in Strava's yet. Headers that are missing or
        make no sense change nothing.
        """
        current = self.at(now)
        all_limits = _pair(headers.get("x-ratelimit-limit"))
        all_used = _pair(headers.get("x-ratelimit-usage"))
        read_limits = _pair(headers.get("x-readratelimit-limit"))
        read_used = _pair(headers.get("x-readratelimit-usage"))
        return Quota(
            _learnt(current.all_quarter, all_limits, all_used, 0),
            _learnt(current.all_day, all_limits, all_used, 1),
            _learnt(current.reads_quarter, read_limits, read_used, 0),
            _learnt(current.reads_day, read_limits, read_used, 1),
        )

    def refuse(self, now: float) -> Quota:
        """Strava answered 429: some window is exhausted, the quarter hour's if nothing says which."""
        current = self.at(now)
        if any(window.exhausted for window in current.windows):
            return current
        return replace(current, reads_quarter=replace(current.reads_quarter, used=current.reads_quarter.limit))

    def to_json(self) -> str:
        """Return the state that the store keeps."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: Optional[str]) -> Quota:
        """Return what :meth:`to_json` wrote.

        The defaults for None, the state before the first call, and for what cannot be read: the next answer of Strava
        tells the counts.
        """
        fresh = cls()
        try:
            state = json.loads(text or "{}")
            kept = {name: state[name] for name in asdict(fresh)}
            return cls(**{name: replace(getattr(fresh, name), **_numbers(window)) for name, window in kept.items()})
        except (ValueError, TypeError, KeyError, AttributeError):
            return fresh


def _learnt(
    window: Window, limits: Optional[tuple[int, int]], used: Optional[tuple[int, int]], position: int
) -> Window:
    if limits is not None and limits[position] > 0:
        # A limit of nought would never be corrected: only an answer could do that, and none would be asked for.
        window = replace(window, limit=limits[position])
    if used is not None:
        window = replace(window, used=max(window.used, used[position]))
    return window


def _pair(header: Optional[str]) -> Optional[tuple[int, int]]:
    """``"100,1000"`` → ``(100, 1000)``, anything else → None."""
    words = [] if header is None else header.split(",")
    if len(words) != 2 or not all(word.strip().isascii() and word.strip().isdigit() for word in words):
        return None
    quarter, day = (int(word) for word in words)
    return quarter, day


def _numbers(window: Mapping[str, object]) -> dict[str, int]:
    """The counts of a stored window; its length is not a matter of state. Raises TypeError, KeyError."""
    numbers = {name: window[name] for name in ("limit", "used", "began")}
    if not all(type(number) is int for number in numbers.values()):
        raise TypeError
    return {name: int(str(number)) for name, number in numbers.items()}
