"""What follows from how a fetch ended, case by case; as a table it is in test_error_table.py."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Optional

import pytest

from strava_collector.job import Outcome
from strava_collector.outcome import (
    GONE_ONCE,
    Barred,
    Fetched,
    Finish,
    Granted,
    NoAnswer,
    Obstacle,
    Postponed,
    Refused,
    Renew,
    Result,
    Sampled,
    TryAgain,
    Unusable,
    Write,
    backoff,
    decide,
)
from strava_collector.streams import Streams
from tests.support.judging import (
    ASK_AGAIN,
    COLLECTED,
    FRESH,
    LISTED_NO_ACCESS,
    LISTED_NOT_THERE,
    NOT_YET,
    NOW,
    again,
    end,
)


def test_a_fetched_activity_is_written() -> None:
    fetched = Fetched({"id": 1}, "2024-05-01T06:30:00Z")
    assert decide(fetched, FRESH) == Write(fetched)


def test_404_after_create_is_tried_for_an_hour_whatever_the_attempts() -> None:
    announced = replace(FRESH, announced_at=NOW - 3, attempts=9)
    decision = again(decide(Refused(404), announced))
    assert decision.counts
    assert decision.at == NOW + backoff(9, 30.0)


def test_404_an_hour_after_create_is_a_dead_letter() -> None:
    late = replace(FRESH, announced_at=NOW - 3601, attempts=9, error=ASK_AGAIN)
    assert end(decide(Refused(404), late)).outcome is Outcome.DEAD_LETTER


def test_404_of_a_collected_activity_is_asked_once_more_and_then_becomes_a_tombstone() -> None:
    collected = replace(FRESH, collected=True, announced_at=NOW - 3)
    first = again(decide(Refused(404), collected))
    assert (first.at, first.counts) == (NOW + 600, False)
    second = decide(Refused(404), replace(collected, error=first.why))
    assert second == Finish(Outcome.DELETED, tombstone=True, doubted=True)


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


def test_404_after_a_delete_and_a_create_in_the_same_second_is_believed_with_the_last_attempt() -> None:
    ambiguous = replace(FRESH, delete_announced=True, announced_at=NOW - 3)
    assert again(decide(Refused(404), replace(ambiguous, attempts=3))).why == NOT_YET
    assert decide(Refused(404), replace(ambiguous, attempts=4)) == Finish(Outcome.DELETED, tombstone=True)


def test_404_of_an_activity_that_nobody_announced_is_a_dead_letter() -> None:
    first = again(decide(Refused(404), FRESH))
    assert (first.at, first.counts) == (NOW + 600, False)
    assert end(decide(Refused(404), replace(FRESH, error=first.why))).outcome is Outcome.DEAD_LETTER


def test_what_a_list_shows_is_tried_as_often_as_anything_before_it_is_believed_to_be_gone() -> None:
    for status, came_back in ((404, False), (404, True), (403, False)):
        listed = replace(COLLECTED, just_listed=True, came_back=came_back)
        pauses = [decide(Refused(status), replace(listed, attempts=number)) for number in range(4)]
        assert [one.at - NOW for one in pauses if isinstance(one, TryAgain)] == [30, 60, 120, 240]
        ends = decide(Refused(status), replace(listed, attempts=4))
        assert isinstance(ends, Finish)
        is_gone = status == 404 and not came_back
        assert (ends.outcome is Outcome.DELETED, ends.tombstone, ends.gives_up) == (is_gone, is_gone, not is_gone)
        why = LISTED_NOT_THERE if status == 404 else LISTED_NO_ACCESS
        assert [(one.why, one.counts) for one in pauses if isinstance(one, TryAgain)] == [(why, True)] * 4


def test_what_was_announced_too_is_tried_for_the_hour_whatever_the_attempts() -> None:
    announced = replace(COLLECTED, just_listed=True, announced_at=NOW - 3_599, attempts=9)
    assert isinstance(decide(Refused(404), announced), TryAgain)
    assert isinstance(decide(Refused(404), replace(announced, announced_at=NOW - 3_600)), Finish)


def test_a_delete_is_believed_whatever_a_list_has_shown() -> None:
    for at in (replace(COLLECTED, deleted=True), replace(COLLECTED, delete_announced=True)):
        assert decide(Refused(404), replace(at, just_listed=True)) == Finish(Outcome.DELETED, tombstone=True)


def test_an_outage_in_a_quiet_hour_counts_nothing_and_is_asked_about_ever_more_rarely() -> None:
    quiet = replace(FRESH, attempts=4, unproven=True, created_at=NOW - 7_200)
    decision = again(decide(Refused(503), quiet))
    assert (decision.counts, decision.at) == (False, NOW + 1_800)
    days = replace(quiet, created_at=NOW - 2 * 86_400)
    assert again(decide(Refused(503), days)).at == NOW + 3_600
    assert end(decide(Refused(503), replace(quiet, created_at=NOW - 3 * 86_400))).outcome is Outcome.DEAD_LETTER


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


def test_a_missing_scope_is_named() -> None:
    refused = Refused(401, faults=frozenset({"activity:read_permission:missing"}))
    decision = end(decide(refused, FRESH))
    assert decision.outcome is Outcome.DEAD_LETTER
    assert decision.why is not None
    assert "did not grant activity:read." in decision.why


@pytest.mark.parametrize(
    ("fault", "scope"), [("activity:read:missing", "activity:read"), (":missing", "the scope that this needs")]
)
def test_a_missing_scope_is_named_however_strava_words_it(fault: str, scope: str) -> None:
    decision = end(decide(Refused(401, faults=frozenset({fault})), FRESH))
    assert str(decision.why).startswith(f"The athlete did not grant {scope}. ")


def test_another_403_is_a_dead_letter() -> None:
    assert end(decide(Refused(403), FRESH)).outcome is Outcome.DEAD_LETTER


def test_an_inactive_application_pauses_and_is_not_mistaken_for_a_bad_token() -> None:
    decision = again(decide(Refused(403, faults=frozenset({"Status:Inactive"})), replace(FRESH, attempts=4)))
    # The circuit says when it is tried again.
    assert (decision.at, decision.counts, decision.obstacle) == (NOW, False, Obstacle.INACTIVE)


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


@pytest.mark.parametrize("status", [503, 418])
def test_a_failure_that_names_a_time_is_heeded(status: int) -> None:
    assert again(decide(Refused(status, retry_after=300.0), FRESH)).at == NOW + 300


def test_an_outage_after_a_believed_delete_is_never_given_up() -> None:
    deleted = replace(COLLECTED, deleted=True)
    decisions = [decide(Refused(503), replace(deleted, attempts=number)) for number in range(6)]
    pauses = [30, 60, 120, 240, 480, 960]
    assert decisions == [
        TryAgain(NOW + pause, "Strava answered 503.", counts=number < 4) for number, pause in enumerate(pauses)
    ]


@pytest.mark.parametrize("unproven", [False, True])
def test_the_shortest_first_pause_is_kept_to(unproven: bool) -> None:
    impatient = replace(FRESH, retry_base=0.1, unproven=unproven, created_at=NOW)
    assert again(decide(Refused(503), impatient)).at == NOW + 0.1


def test_the_backoff_ends_at_an_hour() -> None:
    assert backoff(50, 30.0) == 3600.0


def test_what_only_waits_for_ourselves_is_no_attempt() -> None:
    decision = again(decide(Postponed(NOW + 5, "Busy."), replace(FRESH, attempts=4)))
    assert (decision.at, decision.counts) == (NOW + 5, False)


def test_an_open_circuit_counts_no_attempts_however_many_there_were() -> None:
    waiting = replace(FRESH, attempts=99, circuit_opens_at=NOW + 3_600)
    for result in (Refused(500), NoAnswer("No."), Unusable("No.")):
        decision = again(decide(result, waiting))
        assert (decision.at, decision.counts) == (NOW + 3_600, False)


@pytest.mark.parametrize(
    "result", [Granted(), Sampled(Streams(array("q"), {}))], ids=lambda result: type(result).__name__
)
def test_the_answer_to_another_question_is_a_defect(result: Result) -> None:
    with pytest.raises(ValueError, match=r"\AThat is the answer to another question\.\Z"):
        decide(result, FRESH)
