"""What is asked of Strava's API, and the values that requests and answers are made of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strava_collector.errors import TransportError, TransportFault
from strava_collector.secret import Secret
from strava_collector.strava_api import StravaApi
from strava_collector.transport import Answer, Request
from tests.support.scripted_transport import ScriptedTransport, answer, revealed


def test_an_activity_is_asked_for_with_all_its_efforts() -> None:
    transport = ScriptedTransport(answer({"id": 154504250376823}))
    result = StravaApi(transport, "https://strava.example/api/v3/").activity(154504250376823, Secret("token"))
    request = transport.requests[0]
    assert (request.method, request.url) == (
        "GET",
        "https://strava.example/api/v3/activities/154504250376823",
    )
    assert revealed(request.query) == {"include_all_efforts": "true"}
    assert result.json() == {"id": 154504250376823}


def test_the_athlete_is_asked_for_without_naming_anybody() -> None:
    transport = ScriptedTransport(answer({"id": 1}))
    StravaApi(transport, "https://strava.example/api/v3").athlete(Secret("token"))
    assert (transport.requests[0].url, revealed(transport.requests[0].query)) == (
        "https://strava.example/api/v3/athlete",
        {},
    )


def test_the_subscription_is_asked_for_with_a_secret_that_nothing_shows() -> None:
    transport = ScriptedTransport(answer([{"id": 5}]))
    result = StravaApi(transport, "https://strava.example/api/v3/").subscriptions("4711", Secret("marked"))
    (request,) = transport.requests
    assert (request.method, request.url) == ("GET", "https://strava.example/api/v3/push_subscriptions")
    assert revealed(request.query) == {"client_id": "4711", "client_secret": "marked"}
    assert "Authorization" not in request.headers
    assert "marked" not in f"{request!r} {request.query} {request.headers}"
    assert result.json() == [{"id": 5}]


def test_the_token_is_in_the_authorization_header_and_nowhere_else() -> None:
    transport = ScriptedTransport(answer({}), answer({}))
    api = StravaApi(transport, "https://strava.example/api/v3")
    api.activity(1, Secret("marked"))
    api.athlete(Secret("marked"))
    for request in transport.requests:
        assert revealed(request.headers)["Authorization"] == "Bearer marked"
        assert "marked" not in request.url + str(revealed(request.query)) + str(revealed(request.form))
        assert "marked" not in repr(request)


def test_an_answer_that_reports_an_error_is_returned_as_it_is() -> None:
    transport = ScriptedTransport(answer({"message": "Rate Limit Exceeded"}, 429, {"retry-after": "5"}))
    result = StravaApi(transport, "https://strava.example").athlete(Secret("t"))
    assert (result.status, result.headers["retry-after"]) == (429, "5")


def test_no_answer_is_an_error_that_passes_through() -> None:
    failure = TransportError(TransportFault.TIMEOUT, "No.")
    with pytest.raises(TransportError) as caught:
        StravaApi(ScriptedTransport(failure), "https://strava.example").athlete(Secret("t"))
    assert caught.value is failure


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>marked</html>",
        b'{"marked": ',
        b'{"marked": NaN}',
        b'["marked", -Infinity]',
        b'{"marked": "\xff"}',
        b"\xef\xbb\xbf{}",
        b'"marked"}',
        b"[" * 100_000,
        '{"marked": 1}'.encode("utf-16"),
    ],
)
def test_a_body_that_is_no_json_is_told_without_quoting_it(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\Athe answer is not JSON\Z") as caught:
        answer(body).json()
    assert type(caught.value) is ValueError
    assert caught.value.__context__ is None


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner)))
def test_json_comes_out_as_it_went_in(content: object) -> None:
    assert answer(content).json() == content


def test_neither_a_request_nor_an_answer_shows_what_it_carries() -> None:
    secret = Secret("marked")
    request = Request(
        "POST", "https://strava.example/", headers={"a": "marked"}, query={"b": "marked"}, form={"c": secret}
    )
    reply = Answer(200, {"set-cookie": "marked"}, b"marked", 1.0)
    assert "marked" not in f"{request} {request!r} {reply} {reply!r}"
