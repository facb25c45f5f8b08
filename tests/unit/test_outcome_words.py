"""What a result of a fetch is besides what follows: an outage, an inactive application, a word for the log."""

from __future__ import annotations

import pytest

from strava_collector.outcome import (
    Barred,
    Granted,
    NoAnswer,
    Obstacle,
    Postponed,
    Refused,
    Result,
    Unusable,
    describe,
    is_inactive,
    is_outage,
    sentence,
    wants_renewal,
)
from tests.support.judging import (
    FETCHED,
    NOW,
)


@pytest.mark.parametrize(
    ("result", "outage"),
    [
        (Refused(408), True),
        (Refused(409), False),
        (Refused(499), False),
        (Refused(500), True),
        (Refused(599), True),
        (NoAnswer("No."), True),
        (Unusable("No."), True),
        (Unusable("No.", own_matter=True), False),
        (Granted(), False),
        (FETCHED, False),
        (Barred(Obstacle.RECONNECT, "No."), False),
    ],
)
def test_what_may_be_an_outage(result: Result, outage: bool) -> None:
    assert is_outage(result) is outage


@pytest.mark.parametrize(
    ("result", "inactive"),
    [
        (Barred(Obstacle.INACTIVE, "Off."), True),
        (Barred(Obstacle.APPLICATION, "Wrong."), False),
        (Refused(403, faults=frozenset({"Status:Inactive"})), True),
        (Refused(403, faults=frozenset({"Status:Other"})), False),
        (Refused(401, faults=frozenset({"Status:Inactive"})), False),
        (NoAnswer("No."), False),
    ],
)
def test_what_says_that_the_application_is_switched_off(result: Result, inactive: bool) -> None:
    assert is_inactive(result) is inactive


@pytest.mark.parametrize(
    ("result", "renewal"),
    [
        (Refused(401), True),
        (Refused(401, faults=frozenset({"activity:read_permission:missing"})), False),
        (Refused(402), False),
        (NoAnswer("No."), False),
    ],
)
def test_which_refusals_a_renewed_token_may_mend(result: Result, renewal: bool) -> None:
    assert wants_renewal(result) is renewal


@pytest.mark.parametrize(
    ("result", "word", "told"),
    [
        (Refused(503), "503", "Strava answered 503."),
        (NoAnswer("No."), "noanswer", "No."),
        (Unusable("No."), "unusable", "No."),
        (Barred(Obstacle.RECONNECT, "No."), "barred", "No."),
        (Postponed(NOW, "No."), "postponed", "No."),
        (FETCHED, "fetched", ""),
        (Granted(), "granted", ""),
    ],
)
def test_a_result_has_a_word_for_the_log_and_a_sentence_for_people(result: Result, word: str, told: str) -> None:
    assert (describe(result), sentence(result)) == (word, told)
