"""What tests of the quota say Strava has counted."""

from __future__ import annotations

from typing import Optional

from strava_collector.quota import Pause, Quota

#: 2024-05-01 06:30:00 UTC: the beginning of a quarter hour.
QUARTER = 1_714_545_000.0
MIDNIGHT = 1_714_608_000.0


def headers(read_used: str, read_limit: str = "100,1000", used: str = "0,0", limit: str = "200,2000") -> dict[str, str]:
    """What an answer says of the counts, as the transport gives it: names in lower case."""
    return {
        "x-ratelimit-limit": limit,
        "x-ratelimit-usage": used,
        "x-readratelimit-limit": read_limit,
        "x-readratelimit-usage": read_used,
    }


def told(quota: Quota, counts: dict[str, str], at: float = QUARTER, *, reserved_at: Optional[float] = None) -> Quota:
    """An answer with these headers to a live call."""
    return quota.answered(counts, reserved_at=at if reserved_at is None else reserved_at, now=at, background=False)


def silent(quota: Quota, calls: int = 1, at: float = QUARTER, *, background: bool = False) -> Quota:
    """Calls of which Strava says nothing."""
    for _ in range(calls):
        quota = quota.unanswered(reserved_at=at, now=at, background=background)
    return quota


def until(pause: Optional[Pause]) -> Optional[float]:
    return None if pause is None else pause.until
