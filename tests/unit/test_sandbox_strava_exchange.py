"""How the stand-in reads calls, and what it calls misuse."""

from __future__ import annotations

import pytest

from sandbox.strava.exchange import Call
from sandbox.strava.misuse import misuse_of

AGENT = {"user-agent": "TA_strava_webhook/1.0"}


def test_a_form_as_curl_sends_it_with_its_option_f_is_read() -> None:
    body = (
        '--XX\r\nContent-Disposition: form-data; name="client_id"\r\n\r\n5\r\n'
        '--XX\r\nContent-Disposition: form-data; name="verify_token"\r\n\r\nå&b\r\n--XX--\r\n'
    ).encode()
    call = Call("POST", "/", "", {"content-type": "multipart/form-data; boundary=XX"}, body)
    assert call.form == {"client_id": "5", "verify_token": "å&b"}


def test_a_parameter_of_the_body_comes_before_one_of_the_query() -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    call = Call("POST", "/", "a=query&b=query", headers, b"a=body")
    assert (call.parameter("a"), call.parameter("b"), call.parameter("c")) == ("body", "query", None)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "token abc", "abc"])
def test_only_a_bearer_token_is_a_token(header: str) -> None:
    assert Call("GET", "/", "", {"authorization": header}).bearer() is None


@pytest.mark.parametrize("header", ["", "Bearer YTpi", "Basic !!!", "Basic YWI="])
def test_only_basic_authentication_names_user_and_password(header: str) -> None:
    assert Call("GET", "/", "", {"authorization": header}).basic() == (None, None)


def test_a_well_behaved_call_is_no_misuse() -> None:
    assert list(misuse_of(Call("GET", "/api/v3/athlete", "", AGENT), "GET /athlete")) == []


def test_strava_itself_wants_the_secret_in_the_query_of_a_list() -> None:
    call = Call("GET", "/api/v3/push_subscriptions", "client_id=1&client_secret=s", AGENT)
    assert list(misuse_of(call, "GET /push_subscriptions")) == []


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (Call("GET", "/api/v3/athlete", "access_token=hush", AGENT), "access_token in the URL"),
        (Call("POST", "/oauth/token", "client_secret=hush", AGENT), "client_secret in the URL"),
        (Call("POST", "/oauth/token", "refresh_token=hush", AGENT), "refresh_token in the URL"),
        (Call("GET", "/api/v3/athlete"), "without a User-Agent"),
        (Call("GET", "/api/v3/athlete", "", {"user-agent": "python-requests/2.32.5"}), "of a library"),
        (Call("GET", "/api/v3/athlete", "", AGENT, b"hush"), "a body"),
    ],
)
def test_misuse_is_told_in_a_sentence_that_quotes_no_value(call: Call, part: str) -> None:
    (sentence,) = misuse_of(call, f"{call.method} {call.path}")
    assert part in sentence
    assert "hush" not in sentence


def test_an_unknown_endpoint_is_misuse() -> None:
    assert list(misuse_of(Call("GET", "/api/v3/nothing", "", AGENT), None)) == [
        "GET /api/v3/nothing: there is no such endpoint."
    ]
