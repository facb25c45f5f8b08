"""What Strava's answer about an application means, and which rows go together."""

from __future__ import annotations

import json
import threading

import pytest

from strava_collector.application_check import ApplicationRefused, State, ask, conflict, judge, needed_by
from strava_collector.errors import CollectorError, TransportError, TransportFault
from strava_collector.transport import Answer


def answer(status: int, body: object = None, *faults: tuple[str, str, str]) -> Answer:
    if faults:
        errors = [{"resource": resource, "field": field, "code": code} for resource, field, code in faults]
        body = {"message": "No", "errors": errors}
    return Answer(status, {}, json.dumps(body).encode(), 0.0)


@pytest.mark.parametrize("listed", [[], [{"id": 1}]])
def test_a_list_of_subscriptions_verifies(listed: object) -> None:
    assert judge(answer(200, listed), "77").state is State.VERIFIED


def test_a_refusal_names_what_is_wrong() -> None:
    with pytest.raises(ApplicationRefused, match="no application with the client ID 77"):
        judge(answer(400, None, ("Application", "client_id", "invalid")), "77")
    with pytest.raises(ApplicationRefused, match="the client secret does not belong to it"):
        judge(answer(401, None, ("Application", "", "invalid")), "77")


def test_an_application_that_is_off_may_be_saved() -> None:
    assert judge(answer(403, None, ("Application", "Status", "Inactive")), "77").state is State.INACTIVE


@pytest.mark.parametrize(
    "result",
    [
        answer(200, {"message": "log in to this network"}),
        answer(400, {"message": "Bad Request"}),
        answer(401, "who are you?"),
        answer(403, None, ("Athlete", "access_token", "invalid")),
        answer(404),
        # Strava says who is wrong with 400, 401 and 403 only.
        answer(404, None, ("Application", "client_id", "invalid")),
        answer(422, None, ("Application", "", "invalid")),
        answer(429),
        # A gateway in front of Strava may repeat its words; a failure of the server is no refusal.
        answer(503, None, ("Application", "client_id", "invalid")),
        Answer(200, {}, b"<html>", 0.0),
        TransportError(TransportFault.CONNECT, "www.strava.com cannot be reached."),
    ],
)
def test_whatever_says_nothing_about_the_pair_leaves_it_unverified(result: Answer | CollectorError) -> None:
    verdict = judge(result, "77")
    assert verdict.state is State.NOT_VERIFIED
    assert verdict.reason[0].isupper() or verdict.reason.startswith("www.")
    assert verdict.reason.endswith(". Save the row again to ask once more.")


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (answer(429), "Strava's rate limit for this application is used up (status 429)."),
        (answer(200, "<html>"), "Strava answered with something else than the list that was asked for."),
        (answer(503), "Strava did not answer the question (status 503)."),
    ],
)
def test_what_strava_answered_instead_is_said(result: Answer, sentence: str) -> None:
    assert judge(result, "77").reason == f"{sentence} Save the row again to ask once more."


def test_nobody_waits_for_a_call_that_does_not_come_back() -> None:
    over = threading.Event()

    def call() -> Answer:
        over.wait()
        return answer(200, [])

    try:
        assert str(ask(call, 0.01)) == "Strava did not answer within 0.01 s."
    finally:
        over.set()


def test_a_call_that_fails_is_a_result_too() -> None:
    def call() -> Answer:
        raise TransportError(TransportFault.TLS, "No TLS.")

    assert str(ask(call, 10)) == "No TLS."


def test_a_call_that_breaks_is_named_without_what_it_quotes() -> None:
    def call() -> Answer:
        raise ZeroDivisionError("client_secret=marked")

    said = str(ask(call, 10))
    assert said.startswith("The add-on failed to ask (ZeroDivisionError in test_application_check.py:")
    assert "marked" not in said


def test_an_application_is_entered_once_and_keeps_its_id_while_athletes_are_connected() -> None:
    applications = {"mine": {"client_id": "77"}, "yours": {"client_id": "88"}}
    accounts = {"ada": {"application": "mine", "athlete_id": "1"}, "bo": {"application": "yours"}}
    assert conflict("mine", "77", applications=applications, accounts=accounts) is None
    assert "“yours” has the client ID 88" in (conflict("new", "88", applications=applications, accounts={}) or "")
    by_hand = {"theirs": {"client_id": " 88 "}}
    assert "“theirs” has the client ID 88" in (conflict("new", "88", applications=by_hand, accounts={}) or "")
    refused = conflict("mine", "99", applications=applications, accounts=accounts) or ""
    assert refused.startswith(
        "The client ID cannot change while athletes are connected to the application “mine”: “ada”"
    )
    # A row without a connection has given nobody a consent.
    assert conflict("yours", "99", applications=applications, accounts=accounts) is None


def test_an_application_is_needed_by_athletes_and_inputs() -> None:
    inputs = {"strava_webhook://home": {"application": "mine"}, "monitor:///var/log": {"application": "mine"}}
    assert needed_by("mine", accounts={}, inputs=inputs) == (
        "The application “mine” is used by inputs (“home”, on the page Inputs). Delete those first."
    )
    assert needed_by("mine", accounts={"ada": {"application": "yours"}}, inputs={}) is None
