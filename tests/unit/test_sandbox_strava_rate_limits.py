"""The stand-in's rate limits: windows, what counts, headers."""

from __future__ import annotations

import pytest

from sandbox.strava.accounts import Application
from sandbox.strava.rate_limits import DAY, QUARTER_HOUR, Limits, RateLimits, too_many_calls

#: 2026-06-01 00:00:00 UTC, the start of a day and of a quarter hour.
MIDNIGHT = 1_780_272_000.0

APPLICATION = Application("Test", 1, "secret", "localhost")


@pytest.fixture
def limits() -> RateLimits:
    return RateLimits(Limits(overall=(4, 10), read=(2, 6)))


def admit(limits: RateLimits, now: float, *, read: bool = True, times: int = 1) -> list[bool]:
    return [limits.admit(APPLICATION, now, read=read) for _ in range(times)]


def test_calls_are_admitted_until_the_read_limit_of_the_quarter_hour(limits: RateLimits) -> None:
    assert admit(limits, MIDNIGHT, times=3) == [True, True, False]


def test_calls_that_write_count_overall_only(limits: RateLimits) -> None:
    assert admit(limits, MIDNIGHT, times=2) == [True, True]
    assert admit(limits, MIDNIGHT, read=False, times=3) == [True, True, False]


def test_a_new_quarter_hour_admits_again(limits: RateLimits) -> None:
    admit(limits, MIDNIGHT, times=3)
    assert admit(limits, MIDNIGHT + QUARTER_HOUR - 0.1) == [False]
    assert admit(limits, MIDNIGHT + QUARTER_HOUR) == [True]


def test_what_the_quarter_hour_refuses_counts_for_the_day(limits: RateLimits) -> None:
    admit(limits, MIDNIGHT, times=6)
    assert admit(limits, MIDNIGHT + QUARTER_HOUR) == [False]
    assert limits.headers(APPLICATION, MIDNIGHT + QUARTER_HOUR)["X-ReadRateLimit-Usage"] == "1,7"


def test_the_day_ends_at_midnight_utc(limits: RateLimits) -> None:
    admit(limits, MIDNIGHT, times=6)
    assert admit(limits, MIDNIGHT + DAY - 1) == [False]
    assert admit(limits, MIDNIGHT + DAY) == [True]


def test_headers_carry_limits_and_usage_of_both_windows(limits: RateLimits) -> None:
    admit(limits, MIDNIGHT, times=2)
    admit(limits, MIDNIGHT, read=False)
    assert limits.headers(APPLICATION, MIDNIGHT) == {
        "X-RateLimit-Limit": "4,10",
        "X-RateLimit-Usage": "3,3",
        "X-ReadRateLimit-Limit": "2,6",
        "X-ReadRateLimit-Usage": "2,2",
    }


def test_headers_for_reads_can_be_missing(limits: RateLimits) -> None:
    limits.without_read_headers = True
    assert set(limits.headers(APPLICATION, MIDNIGHT)) == {"X-RateLimit-Limit", "X-RateLimit-Usage"}


def test_somebody_else_can_use_up_the_same_limits(limits: RateLimits) -> None:
    limits.use_up(APPLICATION, 2, MIDNIGHT)
    assert admit(limits, MIDNIGHT) == [False]


def test_applications_do_not_share_limits(limits: RateLimits) -> None:
    admit(limits, MIDNIGHT, times=3)
    other = Application("Other", 2, "secret", "localhost")
    assert limits.admit(other, MIDNIGHT, read=True)


def test_limits_can_change_meanwhile(limits: RateLimits) -> None:
    admit(limits, MIDNIGHT, times=3)
    limits.set_limits(APPLICATION, read=(100, 1_000))
    assert admit(limits, MIDNIGHT) == [True]


def test_a_refused_call_is_answered_as_strava_does() -> None:
    answer = too_many_calls()
    assert answer.status == 429
    assert answer.body == (
        b'{"message":"Rate Limit Exceeded","errors":'
        b'[{"resource":"Application","field":"rate limit","code":"exceeded"}]}'
    )
