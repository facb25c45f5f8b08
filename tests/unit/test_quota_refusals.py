"""Until when to wait after a 429, and how careful one is then."""

from __future__ import annotations

import pytest

from strava_collector.quota import CAUTION, MOST_CAUTION, QUARTER_HOUR, Pause, Quota
from tests.support.quota import MIDNIGHT, QUARTER, headers, silent, told, until


def test_a_429_without_any_count_closes_the_quarter_hour() -> None:
    quota = Quota().refuse(QUARTER + 1, retry_after=None, jitter=7.0)
    assert quota.pause(QUARTER + 2) == Pause(QUARTER + 907, "Strava's refusal (429)")
    assert quota.refusals == 1


def test_a_429_whose_headers_name_the_day_waits_for_midnight() -> None:
    quota = told(Quota(), headers("10,1000")).refuse(QUARTER, retry_after=None, jitter=3.0)
    assert until(quota.pause(QUARTER)) == MIDNIGHT + 3
    assert quota.reads_quarter.used == 10


@pytest.mark.parametrize("retry_after", [0.0, 42.0, 3_600.0])
def test_retry_after_is_heeded(retry_after: float) -> None:
    quota = Quota().refuse(QUARTER, retry_after=retry_after, jitter=1.0)
    assert until(quota.pause(QUARTER)) == QUARTER + retry_after + 1.0
    assert quota.pause(QUARTER + retry_after + 1.0) is None


def test_retry_after_does_not_open_a_window_that_is_full() -> None:
    quota = told(Quota(), headers("100,100")).refuse(QUARTER, retry_after=5.0, jitter=1.0)
    assert until(quota.pause(QUARTER)) == QUARTER + 900


def test_after_a_429_less_of_the_next_window_is_used() -> None:
    quota = Quota().refuse(QUARTER, retry_after=None, jitter=1.0)
    assert quota.reads_quarter.allows() == 100
    assert quota.at(QUARTER + 900).reads_quarter.allows() == 100 - CAUTION
    assert quota.at(QUARTER + 900).all_quarter.allows() == 200
    assert silent(quota, 90, QUARTER + 930).pause(QUARTER + 930) is not None


def test_caution_grows_with_each_window_that_is_refused_and_fades_with_each_that_is_not() -> None:
    quota, now = Quota(), QUARTER
    for _ in range(10):
        quota = quota.refuse(now, retry_after=None, jitter=1.0)
        now += QUARTER_HOUR
    assert quota.at(now).reads_quarter.allows() == 100 - MOST_CAUTION
    for fewer in range(1, 6):
        quota = quota.at(now)
        now += QUARTER_HOUR
        assert quota.at(now).reads_quarter.allows() == 100 - MOST_CAUTION + CAUTION * fewer


def test_several_refusals_in_one_window_are_cautioned_once() -> None:
    quota = Quota()
    for _ in range(3):
        quota = quota.refuse(QUARTER, retry_after=None, jitter=1.0)
    assert quota.reads_quarter.refused == 3
    assert quota.at(QUARTER + 900).reads_quarter.allows() == 100 - CAUTION
    assert quota.refusals == 3


def test_caution_leaves_whole_calls() -> None:
    quota = told(Quota(), headers("1,1", read_limit="105,1000")).refuse(QUARTER, retry_after=None, jitter=1.0)
    assert quota.at(QUARTER + 900).reads_quarter.allows() == 94


def test_caution_never_leaves_nothing() -> None:
    quota = told(Quota(), headers("1,1", read_limit="1,1000")).refuse(QUARTER, retry_after=None, jitter=1.0)
    assert quota.at(QUARTER + 900).reads_quarter.allows() == 1
