"""The error table, row by row."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

import pytest

from strava_collector.job import Outcome
from strava_collector.outcome import (
    GONE_ONCE,
    Barred,
    Circumstances,
    Decision,
    Fetched,
    Finish,
    NoAnswer,
    Obstacle,
    Postponed,
    Refused,
    Renew,
    Result,
    TryAgain,
    Unusable,
    Write,
    backoff,
    decide,
)

NOW = 1_714_545_000.0
FRESH = Circumstances(
    now=NOW,
    attempts=0,
    max_attempts=5,
    created_at=NOW - 3,
    error=None,
    collected=False,
    deleted=False,
    delete_announced=False,
    announced_at=None,
    renewed=False,
    quota_frees_at=NOW + 600,
    retry_base=30.0,
)


def again(decision: Decision) -> TryAgain:
    assert isinstance(decision, TryAgain), decision
    return decision


def end(decision: Decision) -> Finish:
    assert isinstance(decision, Finish), decision
    return decision


def test_a_fetched_activity_is_written() -> None:
    fetched = Fetched({"id": 1}, "2024-05-01T06:30:00Z")
    assert decide(fetched, FRESH) == Write(fetched)


def test_404_after_create_is_tried_for_an_hour_whatever_the_attempts() -> None:
    announced = replace(FRESH, announced_at=NOW - 3, attempts=9)
    decision = again(decide(Refused(404), announced))
    assert decision.counts
    assert decision.at == NOW + backoff(9, 30.0)


def test_404_an_hour_after_create_is_a_dead_letter() -> None:
    late = replace(FRESH, announced_at=NOW - 3601, attempts=9)
    assert end(decide(Refused(404), late)).outcome is Outcome.DEAD_LETTER


def test_404_of_a_collected_activity_is_asked_once_more_and_then_becomes_a_tombstone() -> None:
    collected = replace(FRESH, collected=True, announced_at=NOW - 3)
    first = again(decide(Refused(404), collected))
    assert (first.at, first.counts) == (NOW + 600, False)
    second = decide(Refused(404), replace(collected, error=first.why))
    assert second == Finish(Outcome.DELETED, tombstone=True)


def test_a_404_after_another_error_is_the_first_404() -> None:
    troubled = replace(FRESH, collected=True, attempts=3, error="Strava answered 503.")
    assert again(decide(Refused(404), troubled)).why == GONE_ONCE


def test_404_that_confirms_a_delete_ends_the_job_quietly() -> None:
    assert decide(Refused(404), replace(FRESH, deleted=True)) == Finish(Outcome.DELETED, tombstone=True)


def test_404_after_a_delete_in_the_second_of_another_change_becomes_a_tombstone_at_once() -> None:
    ambiguous = replace(FRESH, collected=True, delete_announced=True)
    assert decide(Refused(404), ambiguous) == Finish(Outcome.DELETED, tombstone=True)


def test_404_after_a_delete_and_a_create_in_the_same_second_is_tried_for_the_hour() -> None:
    ambiguous = replace(FRESH, delete_announced=True, announced_at=NOW - 3)
    assert again(decide(Refused(404), ambiguous)).counts


def test_404_of_an_activity_that_nobody_announced_is_a_dead_letter() -> None:
    assert end(decide(Refused(404), FRESH)).outcome is Outcome.DEAD_LETTER


@pytest.mark.parametrize(("retry_after", "expected"), [(None, NOW + 600), (42.0, NOW + 42), (0.0, NOW + 1)])
def test_429_waits_for_the_window_or_for_what_strava_says(retry_after: Optional[float], expected: float) -> None:
    decision = again(decide(Refused(429, retry_after), replace(FRESH, attempts=4)))
    assert (decision.at, decision.counts) == (expected, False)


def test_the_first_401_renews_the_token() -> None:
    assert decide(Refused(401), FRESH) == Renew()


def test_a_401_with_a_new_token_waits_for_the_athlete_and_counts_no_attempt() -> None:
    decision = again(decide(Refused(401), replace(FRESH, renewed=True, attempts=4)))
    assert not decision.counts
    assert "Connect the athlete again" in decision.why


def test_an_athlete_who_does_not_come_back_within_a_week_is_given_up() -> None:
    old = replace(FRESH, renewed=True, created_at=NOW - 7 * 86_400)
    assert end(decide(Refused(401), old)).outcome is Outcome.DEAD_LETTER


def test_a_missing_scope_is_named() -> None:
    refused = Refused(401, faults=frozenset({"activity:read_permission:missing"}))
    decision = end(decide(refused, FRESH))
    assert decision.outcome is Outcome.DEAD_LETTER
    assert decision.why is not None
    assert "did not grant activity:read." in decision.why


def test_another_403_is_a_dead_letter() -> None:
    assert end(decide(Refused(403), FRESH)).outcome is Outcome.DEAD_LETTER


def test_an_inactive_application_pauses_and_is_not_mistaken_for_a_bad_token() -> None:
    decision = again(decide(Refused(403, faults=frozenset({"Status:Inactive"})), replace(FRESH, attempts=4)))
    assert (decision.at, decision.counts) == (NOW + 900, False)


@pytest.mark.parametrize("obstacle", list(Obstacle))
def test_what_only_people_can_mend_waits_without_counting(obstacle: Obstacle) -> None:
    assert not again(decide(Barred(obstacle, "Why."), replace(FRESH, attempts=4))).counts


@pytest.mark.parametrize("result", [Refused(500), Refused(503), Refused(418), NoAnswer("No."), Unusable("No.")])
def test_failures_that_pass_back_off_and_end_as_dead_letter(result: Result) -> None:
    pauses = [again(decide(result, replace(FRESH, attempts=n))).at - NOW for n in range(4)]
    assert pauses == [30, 60, 120, 240]
    given_up = end(decide(result, replace(FRESH, attempts=4)))
    assert given_up.outcome is Outcome.DEAD_LETTER
    assert given_up.why is not None
    assert "5 attempts" in given_up.why


def test_an_outage_just_after_a_create_does_not_use_up_the_hour() -> None:
    announced = replace(FRESH, announced_at=NOW - 3, attempts=7)
    assert again(decide(Refused(503), announced)).counts


def test_a_503_that_names_a_time_is_heeded() -> None:
    assert again(decide(Refused(503, retry_after=300.0), FRESH)).at == NOW + 300


def test_the_backoff_ends_at_an_hour() -> None:
    assert backoff(50, 30.0) == 3600.0


def test_what_only_waits_for_ourselves_is_no_attempt() -> None:
    decision = again(decide(Postponed(NOW + 5, "Busy."), replace(FRESH, attempts=4)))
    assert (decision.at, decision.counts) == (NOW + 5, False)
