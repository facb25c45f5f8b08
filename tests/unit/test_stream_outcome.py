"""What follows from each way in which asking for an activity's streams can end."""

from __future__ import annotations

from array import array
from dataclasses import replace

import pytest

from strava_collector.job import Outcome, Priority
from strava_collector.outcome import (
    Barred,
    Finish,
    NoAnswer,
    Obstacle,
    Postponed,
    Refused,
    Renew,
    Result,
    Sampled,
    TryAgain,
    Unusable,
)
from strava_collector.stream_outcome import (
    NONE,
    NOT_READY,
    DoWithout,
    StreamDecision,
    WriteSamples,
    decide_streams,
)
from strava_collector.streams import Streams
from tests.support.judging import FRESH

NOW = 1_780_293_600.0
AT = replace(FRESH, now=NOW, collected=True, quota_frees_at=NOW + 100, created_at=NOW)
SOME = Streams(array("q", [0, 1]), {})
EMPTY = Sampled(Streams(array("q"), {}))


def decide(result: Result, priority: Priority = Priority.RECONCILIATION, **circumstances: object) -> StreamDecision:
    return decide_streams(result, replace(AT, **circumstances), priority=priority)  # type: ignore[arg-type]  # a test's


def test_samples_are_written() -> None:
    assert decide(Sampled(SOME)) == WriteSamples(SOME)


@pytest.mark.parametrize("result", [EMPTY, Refused(404)])
@pytest.mark.parametrize("priority", [Priority.LIVE, Priority.RECONCILIATION])
def test_what_is_not_ready_is_asked_for_again_after_5_15_and_45_minutes(result: Result, priority: Priority) -> None:
    decisions = [decide(result, priority, attempts=attempts) for attempts in range(4)]

    assert decisions == [
        TryAgain(NOW + 300, NOT_READY, counts=True),
        TryAgain(NOW + 900, NOT_READY, counts=True),
        TryAgain(NOW + 2700, NOT_READY, counts=True),
        DoWithout(NONE),
    ]


@pytest.mark.parametrize("result", [EMPTY, Refused(404)])
def test_history_does_without_at_once(result: Result) -> None:
    assert decide(result, Priority.HISTORY) == DoWithout(NONE)


def test_a_refusal_is_given_up_with_a_sentence_about_the_samples() -> None:
    decision = decide(Refused(403))

    assert isinstance(decision, Finish)
    assert decision.outcome is Outcome.DEAD_LETTER
    assert not decision.tombstone
    assert "samples" in str(decision.why)


def test_an_application_that_is_switched_off_is_no_matter_of_the_samples() -> None:
    decision = decide(Refused(403, faults=frozenset({"Status:Inactive"})))

    assert isinstance(decision, TryAgain)
    assert decision.obstacle is Obstacle.INACTIVE


def test_a_missing_scope_is_named() -> None:
    decision = decide(Refused(401, faults=frozenset({"activity:read_permission:missing"})))

    assert isinstance(decision, Finish)
    assert "activity:read" in str(decision.why)


def test_the_rest_is_as_for_activities() -> None:
    assert decide(Refused(401)) == Renew()
    refused = decide(Refused(401), renewed=True)
    assert isinstance(refused, TryAgain)
    assert refused.obstacle is Obstacle.RECONNECT
    barred = decide(Barred(Obstacle.NO_TOKENS, "none"))
    assert isinstance(barred, TryAgain)
    assert barred.obstacle is Obstacle.NO_TOKENS
    assert decide(Postponed(NOW + 5, "busy")) == TryAgain(NOW + 5, "busy", counts=False)
    parked = decide(Refused(429))
    assert isinstance(parked, TryAgain)
    assert (parked.at, parked.counts) == (NOW + 100, False)


@pytest.mark.parametrize("result", [Refused(500), Refused(503), NoAnswer("No answer."), Unusable("No JSON.")])
def test_failures_back_off_until_they_are_given_up(result: Result) -> None:
    first, last = decide(result), decide(result, attempts=4)

    assert isinstance(first, TryAgain)
    assert (first.at, first.counts) == (NOW + 30, True)
    assert isinstance(last, Finish)
    assert (last.outcome, last.tombstone) == (Outcome.DEAD_LETTER, False)
