"""Whatever Strava may answer to a call, it is one of a few results."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

import pytest

from strava_collector.answers import read_answer
from strava_collector.job import Kind
from strava_collector.outcome import Fetched, Granted, Refused, Strangers, Unusable
from tests.support.claimed_job import JOB, NOW
from tests.support.scripted_transport import answer, refusal

RIDE = {"id": 7, "athlete": {"id": 134815}, "start_date": "2024-05-01T06:30:00Z"}
NO_JSON = "Strava answered 200, but with something that is not JSON."
ANOTHER = "Strava answered 200, but not with the activity that was asked for."
NOBODYS = "Strava's activity does not say whose it is."
NO_TIME = "Strava's activity has no start_date that can be read, so it has no place in the index."


def test_an_activity_is_read() -> None:
    assert read_answer(JOB, answer(RIDE), NOW) == Fetched(RIDE, "2024-05-01T06:30:00Z")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", NO_JSON),
        (b"<html><body>Service unavailable</body></html>", NO_JSON),
        (b'{"id": 7, "athlete": {"id": 13', NO_JSON),
        (b"\xff\xfe", NO_JSON),
        (b"[" * 100_000, NO_JSON),
        (None, ANOTHER),
        ([RIDE], ANOTHER),
        ({}, ANOTHER),
        ({**RIDE, "id": 8}, ANOTHER),
        ({**RIDE, "id": "7"}, ANOTHER),
        ({**RIDE, "id": None}, ANOTHER),
        ({**RIDE, "athlete": None}, NOBODYS),
        ({"id": 7, "start_date": RIDE["start_date"]}, NOBODYS),
        ({**RIDE, "start_date": None}, NO_TIME),
        ({**RIDE, "start_date": "yesterday"}, NO_TIME),
        ({**RIDE, "start_date": 1_714_545_000}, NO_TIME),
        ({"id": 7, "athlete": {"id": 134815}}, NO_TIME),
    ],
)
def test_200_with_something_else_is_unusable(body: object, why: str) -> None:
    # What is no JSON may be an error page that everybody gets; the rest concerns this activity alone.
    assert read_answer(JOB, answer(body), NOW) == Unusable(why, own_matter=why != NO_JSON)


def test_another_athletes_activity_shows_that_the_notification_was_forged() -> None:
    assert read_answer(JOB, answer({**RIDE, "athlete": {"id": 227615}}), NOW) == Strangers()


@pytest.mark.parametrize(
    ("told", "athlete"),
    [({"id": 134815}, True), ({"id": 999}, False), ([], False), ({"id": None}, False), (b"<", False)],
)
def test_200_to_the_question_for_the_athlete(told: object, athlete: bool) -> None:
    found = read_answer(replace(JOB, kind=Kind.ATHLETE, activity_id=134815), answer(told), NOW)
    assert isinstance(found, Granted if athlete else Unusable)


@pytest.mark.parametrize(
    "errors", [None, "rate limit exceeded", [], ["exceeded"], [None], {}, [{"field": None, "code": None}], [{}]]
)
def test_errors_in_any_form_are_read(errors: object) -> None:
    found = read_answer(JOB, answer({"message": "Rate Limit Exceeded", "errors": errors}, 429), NOW)
    assert isinstance(found, Refused)
    assert found.status == 429


@pytest.mark.parametrize("body", [b"", b"<html>", b"null", b"[]", b"\xff", b'{"errors"'])
def test_an_error_page_is_known_by_its_status(body: bytes) -> None:
    assert read_answer(JOB, answer(body, 502), NOW) == Refused(502)


def test_stravas_own_codes_are_read() -> None:
    found = read_answer(JOB, refusal("AccessToken", "activity:read_permission", "missing", 401), NOW)
    assert found == Refused(401, faults=frozenset({"activity:read_permission:missing"}))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 120 ", 120.0),
        ("0", 0.0),
        ("-5", 0.0),
        ("1.5", 1.5),
        ("999999999", 86_400.0),
        ("Wed, 01 May 2024 06:40:00 GMT", 600.0),
        ("Wed, 01 May 2024 06:20:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_retry_after_may_be_seconds_or_a_date(header: str, seconds: Optional[float]) -> None:
    found = read_answer(JOB, answer({}, 429, {"retry-after": header}), NOW)
    assert found == Refused(429, retry_after=seconds)
