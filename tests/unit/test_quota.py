"""Counts follow Strava's windows and headers, and say until when to wait."""

from __future__ import annotations

import pytest

from strava_collector.quota import Quota

#: 2024-05-01 06:30:00 UTC: the beginning of a quarter hour.
QUARTER = 1_714_545_000.0
MIDNIGHT = 1_714_608_000.0


def headers(read_used: str, read_limit: str = "100,1000", used: str = "0,0", limit: str = "200,2000") -> dict[str, str]:
    return {
        "x-ratelimit-limit": limit,
        "x-ratelimit-usage": used,
        "x-readratelimit-limit": read_limit,
        "x-readratelimit-usage": read_used,
    }


def test_before_the_first_answer_stravas_defaults_hold() -> None:
    quota = Quota()
    for _ in range(100):
        assert quota.waits_until(QUARTER) is None
        quota = quota.spend(QUARTER)
    assert quota.waits_until(QUARTER + 10) == QUARTER + 900


def test_a_new_quarter_hour_begins_at_nought_but_the_day_goes_on() -> None:
    quota = Quota()
    for quarter in range(10):
        for _ in range(100):
            quota = quota.spend(QUARTER + 900 * quarter)
    assert quota.waits_until(QUARTER + 900 * 10) == MIDNIGHT
    assert quota.waits_until(MIDNIGHT) is None


def test_usage_by_others_is_seen_through_the_headers() -> None:
    quota = Quota().spend(QUARTER).learn(headers("99,400"), QUARTER)
    assert quota.waits_until(QUARTER) is None
    assert quota.spend(QUARTER).waits_until(QUARTER) == QUARTER + 900


def test_our_own_higher_count_stays_because_calls_are_under_way() -> None:
    quota = Quota()
    for _ in range(5):
        quota = quota.spend(QUARTER)
    assert quota.learn(headers("3,3"), QUARTER).reads_quarter.used == 5


def test_limits_are_learnt_and_may_change() -> None:
    quota = Quota().learn(headers("150,150", read_limit="300,3000", limit="600,6000"), QUARTER)
    assert quota.waits_until(QUARTER) is None
    assert quota.learn(headers("150,150"), QUARTER).waits_until(QUARTER) == QUARTER + 900


@pytest.mark.parametrize("broken", ["", "100", "a,b", "1,2,3", "-1,5", "1e3,5", "١,٢"])
def test_headers_that_make_no_sense_change_nothing(broken: str) -> None:
    quota = Quota().spend(QUARTER)
    assert quota.learn({"x-readratelimit-limit": broken, "x-ratelimit-usage": broken}, QUARTER) == quota
    assert quota.learn({}, QUARTER) == quota


def test_a_429_without_any_count_closes_the_quarter_hour() -> None:
    assert Quota().refuse(QUARTER + 1).waits_until(QUARTER + 1) == QUARTER + 900


def test_a_429_whose_headers_name_the_day_waits_for_midnight() -> None:
    quota = Quota().learn(headers("10,1000"), QUARTER).refuse(QUARTER)
    assert quota.waits_until(QUARTER) == MIDNIGHT
    assert quota.reads_quarter.used == 10


def test_a_clock_that_steps_back_neither_opens_a_window_nor_closes_one_for_long() -> None:
    quota = Quota().refuse(QUARTER)
    assert quota.waits_until(QUARTER - 3600) == QUARTER - 2700
    ahead = Quota().spend(QUARTER + 30 * 86_400)
    assert ahead.at(QUARTER).reads_quarter.used == 1
    assert ahead.at(QUARTER).at(QUARTER + 900).reads_quarter.used == 0


def test_limits_of_nought_are_not_believed() -> None:
    quota = Quota().learn(headers("0,0", read_limit="0,0", limit="0,0"), QUARTER)
    assert quota.waits_until(QUARTER) is None


@pytest.mark.parametrize("damaged", ["x", "[]", "{}", '{"all_quarter": 1}', Quota().to_json().replace("0", '"a"', 1)])
def test_a_state_that_cannot_be_read_begins_anew(damaged: str) -> None:
    assert Quota.from_json(damaged) == Quota()


def test_the_state_survives_being_stored() -> None:
    quota = Quota().spend(QUARTER).learn(headers("7,70"), QUARTER)
    assert Quota.from_json(quota.to_json()) == quota
    assert Quota.from_json(None) == Quota()
