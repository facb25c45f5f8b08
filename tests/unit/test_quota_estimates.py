"""When so many calls would be made, and what a day allows."""

from __future__ import annotations

import sys
from types import FrameType

import pytest

from strava_collector.job import Priority
from strava_collector.quota import DAY, Quota, Terms
from tests.support.quota import MIDNIGHT, QUARTER, headers, silent, told


def one_by_one(quota: Quota, now: float, calls: int, terms: Terms) -> float:
    """When they are made if each is made as soon as it may be."""
    for _ in range(calls):
        pause = quota.pause(now, terms=terms)
        while pause is not None:
            now = pause.until
            pause = quota.pause(now, terms=terms)
        quota = silent(quota, 1, now)
    return now


@pytest.mark.parametrize(
    "terms", [Terms(), Terms(quarter=7), Terms(day=150), Terms(quarter=3, day=500), Terms(3, 10), Terms(1, 1)]
)
@pytest.mark.parametrize("begin", [QUARTER + 17.25, MIDNIGHT, MIDNIGHT - 1])
@pytest.mark.parametrize("used", ["0,0", "95,120", "100,990"])
@pytest.mark.parametrize("calls", [1, 220])
def test_the_estimate_is_when_the_last_call_would_be_made(calls: int, used: str, begin: float, terms: Terms) -> None:
    quota = told(Quota(), headers(used, used=used), begin)
    assert quota.done_at(begin, calls, terms=terms) == one_by_one(quota, begin, calls, terms)


def test_the_estimate_after_a_refusal_begins_when_it_ends() -> None:
    quota = told(Quota(), headers("100,100")).refuse(QUARTER, retry_after=None, jitter=5.0)
    assert quota.done_at(QUARTER, 1) == QUARTER + 905


def test_nothing_to_do_is_done_now() -> None:
    assert Quota().done_at(QUARTER + 0.5, 0) == QUARTER + 0.5


@pytest.mark.parametrize("terms", [Terms(), Terms(quarter=1), Terms(quarter=1, day=1)])
def test_a_million_calls_are_estimated_in_few_steps(terms: Terms) -> None:
    called = 0

    def count(_frame: FrameType, _event: str, _argument: object) -> None:
        nonlocal called
        called += 1

    sys.setprofile(count)
    try:
        done = Quota().done_at(QUARTER, 1_000_000, terms=terms)
    finally:
        sys.setprofile(None)
    assert called < 5_000
    per_day = min(terms.day or 1_000, (terms.quarter or 100) * 96)
    assert done == pytest.approx(QUARTER + 1_000_000 / per_day * DAY, abs=2 * DAY)


@pytest.mark.parametrize(
    ("priority", "own"),
    [
        (Priority.LIVE, Terms(50, None, 0.4)),
        (Priority.RECONCILIATION, Terms(35, 700, 0.4)),
        (Priority.HISTORY, Terms(20, 400, 0.4)),
    ],
)
def test_a_priority_alone_has_what_it_may_use_at_the_most(priority: Priority, own: Terms) -> None:
    assert Quota().terms_of(priority, Terms(quarter=50, background_share=0.4)) == own


@pytest.mark.parametrize(
    ("priority", "terms", "calls"),
    [
        (Priority.LIVE, Terms(), 1_000),
        (Priority.RECONCILIATION, Terms(), 800),
        (Priority.HISTORY, Terms(), 600),
        (Priority.HISTORY, Terms(day=100), 60),
        (Priority.HISTORY, Terms(quarter=5), 3 * 96),
    ],
)
def test_the_smaller_of_both_limits_says_what_a_day_allows(priority: Priority, terms: Terms, calls: int) -> None:
    found = Quota().per_day(priority, terms)
    assert (found, type(found)) == (calls, int)
