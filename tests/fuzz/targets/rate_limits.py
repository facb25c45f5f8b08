"""The headers of Strava's answers: limits and counts, ``Retry-After``, ``Date``.

Whatever they say, the quota stays one that can be stored, read again and asked: a pause is none or ends within a day
and a quarter of an hour, some calls are always allowed once windows have passed, and estimates are numbers.
"""

from __future__ import annotations

import math

from strava_collector.answers import retry_after
from strava_collector.clock import SystemClock
from strava_collector.job import Priority
from strava_collector.quota import DAY, QUARTER_HOUR, Quota, Terms, UnderWay
from strava_collector.strava_time import StravaTime, epoch_of
from strava_collector.transport import Answer
from tests.fuzz.answers import NOW, answer_of
from tests.fuzz.target import Target

_LONGEST_PAUSE = DAY + QUARTER_HOUR + 10
_TERMS = (Terms(), Terms(quarter=50, day=500, background_share=0.01))


def _check(data: bytes) -> str:
    answer = answer_of(data)
    _check_dates(answer)
    wait = retry_after(answer.headers, NOW)
    assert wait is None or 0 <= wait <= DAY
    quota = Quota()
    for number in range(3):  # what one answer has made of it, the next ones meet
        at = NOW + number
        quota = quota.answered(answer.headers, reserved_at=at - 0.5, now=at, background=number == 1)
        _check_quota(quota, at)
        if answer.status == 429:
            quota = quota.refuse(at, retry_after=wait, jitter=1.0)
            _check_quota(quota, at)
            assert quota.pause(at) is not None
    later = NOW + 3 * DAY
    assert quota.pause(later) is None, "the quota never opens again"
    if answer.status == 429:
        return "refused"
    told = quota != Quota().answered({}, reserved_at=NOW, now=NOW, background=False)
    return "told" if told and quota.reads_day.limit != 1_000 else "silent"


def _check_quota(quota: Quota, at: float) -> None:
    assert Quota.from_json(quota.to_json()) == quota
    for window in quota.windows:
        assert window.limit > 0 and window.used >= 0
    for terms in _TERMS:
        for priority in Priority:
            pause = quota.pause(at, priority=priority, under_way=UnderWay(1, 1), terms=terms)
            assert pause is None or at < pause.until <= at + _LONGEST_PAUSE, pause
            assert quota.per_day(priority, terms) > 0
            quota.terms_of(priority, terms)
        done = quota.done_at(at, 200, terms=terms)
        assert math.isfinite(done) and done >= at


def _check_dates(answer: Answer) -> None:
    told = epoch_of(answer.headers.get("date"))
    assert told is None or math.isfinite(told)
    clock = SystemClock()
    time = StravaTime(clock)
    time.observe(answer.headers.get("date"), sent=clock.monotonic() - 0.25, received=clock.monotonic())
    assert math.isfinite(time.now(0.0)) and math.isfinite(time.ahead(0.0))


TARGET = Target(
    name="rate_limits",
    check=_check,
    ends=frozenset({"told", "silent", "refused"}),
    words=(
        *(b"x-ratelimit-limit: ", b"x-ratelimit-usage: ", b"x-readratelimit-limit: ", b"x-readratelimit-usage: "),
        *(b"200,2000", b"100,1000", b"0,0", b"1,1", b" 7 , 8 ", b"429", b"retry-after: ", b"date: "),
        *(b"Wed, 01 May 2024 06:30:00 GMT", b"Fri, 31 Dec 9999 23:59:59 -2359", b"Mon, 01 Jan 0001 00:00:00 +2359"),
        *(b"nan", b"inf", b"1e3", b"-1", b"9" * 19 + b",1", b"9" * 400 + b"," + b"9" * 400, b"\xb2,\xb3"),
    ),
    longest=12_000,
)
