"""Counts follow Strava's windows and headers, whatever is lost on the way or done to the clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from strava_collector.quota import DAY, QUARTER_HOUR, Pause, Quota, UnderWay
from tests.support.quota import MIDNIGHT, QUARTER, headers, silent, told, until

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


def test_an_answer_covers_what_was_silent_only_if_its_call_began_later() -> None:
    quota = silent(told(Quota(), headers("50,50")), at=QUARTER + 10)
    assert quota.unreported_at == QUARTER + 10
    at_once = told(quota, headers("51,51"), QUARTER + 12, reserved_at=QUARTER + 10)
    assert at_once.reads_quarter.unreported == 1
    assert at_once.unreported_at == QUARTER + 10, "it was reported itself"


@pytest.mark.parametrize("missing", ["x-ratelimit-usage", "x-readratelimit-usage"])
def test_an_answer_without_one_of_the_counts_is_silent_itself(missing: str) -> None:
    counts = {name: value for name, value in headers("50,50", used="50,50").items() if name != missing}
    assert told(Quota(), counts, QUARTER + 10).unreported_at == QUARTER + 10
    assert told(Quota(), headers("50,50"), QUARTER).unreported_at == 0.0


def test_an_unanswered_call_counts_in_the_window_in_which_it_was_made_whatever_the_clock_says_now() -> None:
    full = told(Quota(), headers("99,500"))
    hour_later = full.unanswered(reserved_at=QUARTER + 1, now=QUARTER + 3_600, background=False)
    assert hour_later.reads_quarter.used == 100
    assert hour_later.unreported_at == QUARTER + 3_600
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
    assert [window.limit for window in quota.windows] == [200, 2_000, 100, 1_000]


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
    assert replace(Quota().at(QUARTER), closed_until=QUARTER + 30 * DAY).pause(QUARTER) is None


def test_a_refusal_may_last_for_a_day_and_a_quarter_of_an_hour() -> None:
    quota = Quota().refuse(QUARTER, retry_after=DAY + QUARTER_HOUR, jitter=0.0)
    assert until(quota.pause(QUARTER)) == QUARTER + DAY + QUARTER_HOUR


@pytest.mark.parametrize("begins", [MIDNIGHT, QUARTER + 900], ids=["at midnight", "at the quarter hour"])
def test_a_restart_a_second_before_a_window_ends_neither_forgets_nor_doubles(begins: float) -> None:
    quota = told(Quota(), headers("70,800", used="90,900"), begins - 1).knowing(12.5)
    after = Quota.from_json(quota.to_json())
    assert after == quota
    assert after.ahead == 12.5
    assert [window.used for window in after.at(begins - 0.5).windows] == [90, 900, 70, 800]
    day = [0, 0] if begins == MIDNIGHT else [900, 800]
    assert [window.used for window in after.at(begins).windows] == [0, day[0], 0, day[1]]


# The state.


@pytest.mark.parametrize("damaged", ["x", "[]", "{}", '{"all_quarter": 1}', Quota().to_json().replace("0", '"a"', 1)])
def test_a_state_that_cannot_be_read_begins_anew(damaged: str) -> None:
    assert Quota.from_json(damaged) == Quota()


def test_the_state_survives_being_stored() -> None:
    quota = silent(told(Quota(), headers("7,70")), 2, background=True).refuse(QUARTER, retry_after=9.5, jitter=1.5)
    assert Quota.from_json(quota.to_json()) == quota
    assert Quota.from_json(None) == Quota()
