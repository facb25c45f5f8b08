"""What history, reconciliation and live activities may use, and what the user allows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strava_collector.job import Priority
from strava_collector.quota import Pause, Quota, Terms, UnderWay
from tests.support.quota import MIDNIGHT, QUARTER, headers, silent, told, until


def test_background_work_keeps_to_its_share_and_live_work_does_not_wait_behind_it() -> None:
    quota = silent(Quota(), 60, background=True)
    assert quota.pause(QUARTER, priority=Priority.HISTORY) == Pause(
        QUARTER + 900, "history share of the quarter-hour limit"
    )
    assert quota.pause(QUARTER) is None


def test_live_calls_do_not_count_against_the_share_of_history() -> None:
    quota = silent(Quota(), 19)
    assert silent(quota, 59, background=True).pause(QUARTER, priority=Priority.HISTORY) is None
    full = silent(quota, 60, background=True)
    assert full.pause(QUARTER, priority=Priority.HISTORY) == Pause(
        QUARTER + 900, "history share of the quarter-hour limit"
    )
    assert full.pause(QUARTER) is None


@pytest.mark.parametrize("priority", [Priority.RECONCILIATION, Priority.HISTORY])
@pytest.mark.parametrize("history", [0, 59])
def test_half_of_what_history_may_not_use_is_kept_for_live_activities(priority: Priority, history: int) -> None:
    quota = silent(silent(Quota(), 79 - history), history, background=True)
    assert quota.pause(QUARTER, priority=priority) is None
    kept = Pause(QUARTER + 900, "the rest of the quarter-hour limit is kept for live activities")
    assert quota.pause(QUARTER, priority=priority, under_way=UnderWay(1)) == kept
    assert quota.pause(QUARTER, under_way=UnderWay(20)) is None


def test_reconciliation_has_no_share_of_its_own() -> None:
    quota = silent(Quota(), 60, background=True)
    assert quota.pause(QUARTER, priority=Priority.RECONCILIATION) is None
    assert quota.pause(QUARTER, priority=Priority.RECONCILIATION, terms=Terms(background_share=0.19)) is not None
    assert (
        silent(Quota(), 49).pause(QUARTER, priority=Priority.RECONCILIATION, terms=Terms(background_share=0.0)) is None
    )


@given(
    share=st.floats(0, 1),
    limit=st.integers(1, 200),
    used=st.integers(0, 220),
    history=st.integers(0, 220),
    under_way=st.integers(0, 5),
)
def test_what_a_priority_may_call_any_higher_one_may(
    share: float, limit: int, used: int, history: int, under_way: int
) -> None:
    counts = {"reported": used, "background": history, "began": int(QUARTER)}
    quota = Quota(reads_quarter=replace(Quota().reads_quarter, **counts))
    terms, busy = Terms(quarter=limit, background_share=share), UnderWay(under_way, min(under_way, history))
    pauses = [quota.pause(QUARTER, priority=one, under_way=busy, terms=terms) for one in Priority]
    allowed = [pause is None for pause in pauses]
    assert allowed == sorted(allowed, reverse=True)


def test_background_calls_under_way_count_against_the_share() -> None:
    quota = silent(Quota(), 58, background=True)
    assert quota.pause(QUARTER, priority=Priority.HISTORY, under_way=UnderWay(3, background=1)) is None
    assert until(quota.pause(QUARTER, priority=Priority.HISTORY, under_way=UnderWay(2, background=2))) is not None


def test_the_share_holds_for_the_day_too() -> None:
    quota = Quota()
    for quarter in range(10):
        quota = silent(quota, 60, QUARTER + 900 * quarter, background=True)
    pause = quota.pause(QUARTER + 9_000, priority=Priority.HISTORY)
    assert pause == Pause(MIDNIGHT, "history share of the day limit")


def test_half_of_the_days_share_of_history_is_spread_over_the_day() -> None:
    quota = Quota()
    for quarter in range(5):
        quota = silent(quota, 60, MIDNIGHT + 900 * quarter, background=True)
    now = MIDNIGHT + 4_500
    pause = quota.pause(now, priority=Priority.HISTORY)
    assert pause is None, "an hour's part of the other half"
    quota = silent(quota, 17, now, background=True)
    pause = quota.pause(now, priority=Priority.HISTORY)
    assert pause is not None
    assert pause.why == "the rest of the day's history share is spread over the day"
    assert quota.pause(pause.until - 1, priority=Priority.HISTORY) is not None
    assert quota.pause(pause.until, priority=Priority.HISTORY) is None


def test_the_first_half_is_there_from_midnight_on_and_no_call_more() -> None:
    assert Quota().pause(MIDNIGHT, priority=Priority.HISTORY) is None
    half = {"reported": 300, "background": 300, "began": int(MIDNIGHT)}
    quota = Quota(reads_day=replace(Quota().reads_day, **half))
    pause = Pause(MIDNIGHT + 276, "the rest of the day's history share is spread over the day")
    assert quota.pause(MIDNIGHT + 100, priority=Priority.HISTORY) == pause
    before = Quota(reads_day=replace(quota.reads_day, reported=299, background=299))
    assert before.pause(MIDNIGHT + 100, priority=Priority.HISTORY) is None
    assert before.pause(MIDNIGHT + 100, priority=Priority.HISTORY, under_way=UnderWay(1, background=1)) == pause


def test_of_a_share_of_two_calls_one_may_be_made_at_once() -> None:
    quota = silent(Quota(), 1, MIDNIGHT, background=True)
    pause = Pause(MIDNIGHT + 23 * 3_600, "the rest of the day's history share is spread over the day")
    assert quota.pause(MIDNIGHT + 900, priority=Priority.HISTORY, terms=Terms(day=4)) == pause


def test_of_two_calls_one_is_kept_for_live_activities() -> None:
    terms = Terms(quarter=2)
    assert Quota().pause(QUARTER, priority=Priority.RECONCILIATION, terms=terms) is None
    assert silent(Quota(), 1).pause(QUARTER, priority=Priority.RECONCILIATION, terms=terms) is not None


def test_what_is_uploaded_in_large_numbers_finds_the_rest_of_the_days_share() -> None:
    quota = Quota()
    for quarter in range(6):
        quota = silent(quota, 55, MIDNIGHT + 900 * quarter, background=True)
    now = MIDNIGHT + 5_400
    assert quota.pause(now, priority=Priority.HISTORY) is not None
    assert quota.pause(now, priority=Priority.HISTORY, backlog=True) is None
    for quarter in range(6, 11):
        quota = silent(quota, 54, MIDNIGHT + 900 * quarter, background=True)
    assert quota.pause(MIDNIGHT + 9_900, priority=Priority.HISTORY, backlog=True) is not None


def test_all_of_the_days_share_can_be_used_until_an_hour_before_midnight() -> None:
    quota, at, calls = Quota(), float(MIDNIGHT), 0
    while at <= MIDNIGHT + 23 * 3_600 and calls < 700:
        pause = quota.pause(at, priority=Priority.HISTORY)
        if pause is None:
            quota, calls = silent(quota, 1, at, background=True), calls + 1
        else:
            at = pause.until
    assert calls == 600


@pytest.mark.parametrize(("share", "calls"), [(0.0, 0), (0.01, 1), (0.25, 25), (1.0, 100)])
def test_the_share_is_a_setting(share: float, calls: int) -> None:
    terms = Terms(background_share=share)
    quota = silent(Quota(), calls, background=True)
    assert quota.pause(QUARTER, priority=Priority.HISTORY, terms=terms) is not None
    if calls:
        before = silent(Quota(), calls - 1, background=True)
        assert before.pause(QUARTER, priority=Priority.HISTORY, terms=terms) is None


def test_a_low_limit_does_not_stop_background_work_for_ever() -> None:
    assert Quota().pause(QUARTER, priority=Priority.HISTORY, terms=Terms(quarter=1, background_share=0.6)) is None


def test_the_user_may_set_limits_below_stravas_not_above_them() -> None:
    assert until(silent(Quota(), 10).pause(QUARTER, terms=Terms(quarter=10))) == QUARTER + 900
    assert silent(Quota(), 10).pause(QUARTER, terms=Terms(day=10)) == Pause(MIDNIGHT, "day limit")
    assert until(silent(Quota(), 100).pause(QUARTER, terms=Terms(quarter=5_000))) == QUARTER + 900


def test_of_several_limits_the_one_that_lasts_longest_is_told() -> None:
    quota = told(Quota(), headers("100,1000"))
    assert quota.pause(QUARTER) == Pause(MIDNIGHT, "day limit")
