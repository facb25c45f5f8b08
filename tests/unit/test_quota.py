"""Counts follow Strava's windows and headers, say who may call, and until when to wait."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strava_collector.job import Priority
from strava_collector.quota import CAUTION, DAY, MOST_CAUTION, QUARTER_HOUR, Pause, Quota, Terms, UnderWay

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


# Windows.


def test_before_the_first_answer_stravas_defaults_hold() -> None:
    assert [(window.length, window.limit) for window in Quota().windows] == [
        (900, 200),
        (86_400, 2_000),
        (900, 100),
        (86_400, 1_000),
    ]
    assert silent(Quota(), 99).pause(QUARTER) is None
    assert silent(Quota(), 100).pause(QUARTER + 10) == Pause(QUARTER + 900, "quarter-hour limit")


def test_a_new_quarter_hour_begins_at_nought_but_the_day_goes_on() -> None:
    quota = Quota()
    for quarter in range(10):
        quota = silent(quota, 100, QUARTER + 900 * quarter)
        assert until(quota.pause(QUARTER + 900 * quarter)) is not None
    assert quota.pause(QUARTER + 900 * 10) == Pause(MIDNIGHT, "day limit")
    assert quota.pause(MIDNIGHT - 0.001) is not None
    assert quota.pause(MIDNIGHT) is None


def test_a_window_ends_at_strava_s_second_and_not_before() -> None:
    full = silent(Quota(), 100, QUARTER + 899.9)
    assert until(full.pause(QUARTER + 899.999)) == QUARTER + 900
    assert full.pause(QUARTER + 900) is None


def test_usage_by_others_is_seen_through_the_headers() -> None:
    quota = told(Quota(), headers("99,400"))
    assert quota.pause(QUARTER) is None
    assert until(told(quota, headers("100,401")).pause(QUARTER)) == QUARTER + 900


def test_calls_of_others_that_are_no_reads_count_against_the_limit_of_all_calls() -> None:
    quota = told(Quota(), headers("5,5", used="200,300"))
    assert quota.pause(QUARTER) == Pause(QUARTER + 900, "quarter-hour limit")


# Calls that Strava has not reported.


def test_calls_under_way_count_as_used() -> None:
    quota = told(Quota(), headers("97,97"))
    assert quota.pause(QUARTER, under_way=UnderWay(2)) is None
    assert until(quota.pause(QUARTER, under_way=UnderWay(3))) == QUARTER + 900


def test_an_unanswered_call_counts_until_strava_tells_a_count_that_covers_it() -> None:
    quota = silent(told(Quota(), headers("50,50")), at=QUARTER + 10)
    assert quota.reads_quarter.used == 51
    # This answer belongs to a call that was made before: Strava may not have had the silent one in mind.
    before = told(quota, headers("50,50"), QUARTER + 11, reserved_at=QUARTER + 9)
    assert before.reads_quarter.used == 51
    after = told(quota, headers("52,52"), QUARTER + 12, reserved_at=QUARTER + 11)
    assert (after.reads_quarter.reported, after.reads_quarter.unreported) == (52, 0)


def test_an_unanswered_call_counts_in_the_window_in_which_it_was_made_whatever_the_clock_says_now() -> None:
    full = told(Quota(), headers("99,500"))
    hour_later = full.unanswered(reserved_at=QUARTER + 1, now=QUARTER + 3_600, background=False)
    assert hour_later.reads_quarter.used == 100
    assert until(hour_later.pause(QUARTER + 2)) == QUARTER + 900
    # And one that was made in the window before counts in this one, if it has begun: Strava may have got it late.
    next_window = full.at(QUARTER + 900).unanswered(reserved_at=QUARTER + 899, now=QUARTER + 901, background=False)
    assert (next_window.reads_quarter.began, next_window.reads_quarter.used) == (QUARTER + 900, 1)


def test_a_lower_count_than_one_seen_before_belongs_to_an_answer_that_was_overtaken() -> None:
    quota = told(told(Quota(), headers("7,70", used="9,90")), headers("6,69", used="8,89"))
    assert [window.used for window in quota.windows] == [9, 90, 7, 70]


def test_an_answer_to_a_call_of_the_window_before_says_nothing_about_this_one() -> None:
    quota = told(Quota(), headers("98,950"), MIDNIGHT - 2)
    late = told(quota, headers("99,951", used="150,1900"), MIDNIGHT + 1, reserved_at=MIDNIGHT - 1)
    # It may have been counted before or after midnight, so it counts as one call that nobody reported.
    assert [window.used for window in late.windows] == [1, 1, 1, 1]
    assert late.pause(MIDNIGHT + 1) is None
    corrected = told(late, headers("2,2", used="2,2"), MIDNIGHT + 3, reserved_at=MIDNIGHT + 2)
    assert [window.used for window in corrected.windows] == [2, 2, 2, 2]


def test_at_the_end_of_a_quarter_hour_a_late_answer_still_tells_the_days_count() -> None:
    late = told(Quota(), headers("99,400"), QUARTER + 901, reserved_at=QUARTER + 899)
    assert (late.reads_quarter.used, late.reads_day.used) == (1, 400)


# Headers.


@pytest.mark.parametrize(
    "reordered", [dict(sorted(headers("7,70").items())), dict(reversed(list(headers("7,70").items())))]
)
def test_headers_may_come_in_any_order(reordered: dict[str, str]) -> None:
    assert told(Quota(), reordered) == told(Quota(), headers("7,70"))


def test_headers_may_have_spaces() -> None:
    assert told(Quota(), headers(" 7 , 70 ")).reads_day.used == 70


def test_without_read_headers_reads_are_counted_here_and_all_calls_by_strava() -> None:
    quota = Quota()
    for call in range(1, 101):
        assert quota.pause(QUARTER + call) is None
        told_of_all = {"x-ratelimit-limit": "200,2000", "x-ratelimit-usage": f"{call},{call}"}
        quota = told(quota, told_of_all, QUARTER + call)
    assert (quota.all_quarter.reported, quota.all_quarter.unreported) == (100, 0)
    assert (quota.reads_quarter.reported, quota.reads_quarter.unreported) == (0, 100)
    assert until(quota.pause(QUARTER + 200)) == QUARTER + 900


def test_limits_are_learnt_and_may_change_both_ways() -> None:
    quota = told(Quota(), headers("150,150", read_limit="300,3000", limit="600,6000"))
    assert quota.pause(QUARTER) is None
    assert [window.limit for window in quota.windows] == [600, 6_000, 300, 3_000]
    assert until(told(quota, headers("150,150")).pause(QUARTER)) == QUARTER + 900


def test_limits_outlive_their_window() -> None:
    quota = told(Quota(), headers("1,1", read_limit="300,3000", limit="600,6000"))
    assert [window.limit for window in quota.at(MIDNIGHT + 5 * DAY).windows] == [600, 6_000, 300, 3_000]


def test_limits_of_nought_are_not_believed() -> None:
    quota = told(Quota(), headers("0,0", read_limit="0,0", limit="0,0"))
    assert quota.pause(QUARTER) is None


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "100",
        "a,b",
        "1,2,3",
        "-1,5",
        "1e3,5",
        "١,٢",
        ",",
        "1,",
        "1.5,2",
        f"9,{10**9}",
        "9" * 400 + ",9",
        "9" * 5000 + ",9",
    ],
    ids=lambda broken: broken[:20],
)
def test_headers_that_make_no_sense_leave_a_call_that_nobody_reported(broken: str) -> None:
    counts = dict.fromkeys(headers("0,0"), broken)
    assert told(Quota(), counts) == silent(Quota())
    assert told(Quota(), {}) == silent(Quota())


# Background work and the user's own limits.


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


# Refusals.


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
    assert quota.at(QUARTER + 900).reads_quarter.allows() == 100 - CAUTION
    assert quota.refusals == 3


def test_caution_never_leaves_nothing() -> None:
    quota = told(Quota(), headers("1,1", read_limit="1,1000")).refuse(QUARTER, retry_after=None, jitter=1.0)
    assert quota.at(QUARTER + 900).reads_quarter.allows() == 1


# Clocks.


def test_a_clock_that_steps_back_neither_opens_a_window_nor_closes_one_for_long() -> None:
    full = silent(Quota(), 100)
    assert until(full.pause(QUARTER - 3_600)) == QUARTER - 2_700
    ahead = silent(Quota(), 1, QUARTER + 30 * DAY)
    assert ahead.at(QUARTER).reads_quarter.used == 1
    assert ahead.at(QUARTER).at(QUARTER + 900).reads_quarter.used == 0


def test_a_refusal_that_seems_to_last_for_more_than_a_day_was_given_by_a_wrong_clock() -> None:
    quota = Quota().refuse(QUARTER + 30 * DAY, retry_after=None, jitter=1.0)
    assert quota.pause(QUARTER) is None


@pytest.mark.parametrize("begins", [MIDNIGHT, QUARTER + 900], ids=["at midnight", "at the quarter hour"])
def test_a_restart_a_second_before_a_window_ends_neither_forgets_nor_doubles(begins: float) -> None:
    quota = told(Quota(), headers("70,800", used="90,900"), begins - 1).knowing(12.5)
    after = Quota.from_json(quota.to_json())
    assert after == quota
    assert after.ahead == 12.5
    assert [window.used for window in after.at(begins - 0.5).windows] == [90, 900, 70, 800]
    day = [0, 0] if begins == MIDNIGHT else [900, 800]
    assert [window.used for window in after.at(begins).windows] == [0, day[0], 0, day[1]]


# Estimates.


def one_by_one(quota: Quota, now: float, calls: int, terms: Terms) -> float:
    """When they are made if each is made as soon as it may be."""
    for _ in range(calls):
        pause = quota.pause(now, terms=terms)
        while pause is not None:
            now = pause.until
            pause = quota.pause(now, terms=terms)
        quota = silent(quota, 1, now)
    return now


@pytest.mark.parametrize("terms", [Terms(), Terms(quarter=7), Terms(day=150), Terms(quarter=3, day=500), Terms(1, 1)])
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
def test_a_million_calls_are_estimated_at_once(terms: Terms) -> None:
    began = time.perf_counter()
    done = Quota().done_at(QUARTER, 1_000_000, terms=terms)
    assert time.perf_counter() - began < 0.1
    per_day = min(terms.day or 1_000, (terms.quarter or 100) * 96)
    assert done == pytest.approx(QUARTER + 1_000_000 / per_day * DAY, abs=2 * DAY)


# The state.


@pytest.mark.parametrize("damaged", ["x", "[]", "{}", '{"all_quarter": 1}', Quota().to_json().replace("0", '"a"', 1)])
def test_a_state_that_cannot_be_read_begins_anew(damaged: str) -> None:
    assert Quota.from_json(damaged) == Quota()


def test_the_state_survives_being_stored() -> None:
    quota = silent(told(Quota(), headers("7,70")), 2, background=True).refuse(QUARTER, retry_after=9.5, jitter=1.5)
    assert Quota.from_json(quota.to_json()) == quota
    assert Quota.from_json(None) == Quota()
