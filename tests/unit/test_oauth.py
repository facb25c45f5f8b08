"""Codes and refresh tokens become tokens; refusals become sentences."""

from __future__ import annotations

import json
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strava_collector.errors import CollectorError
from strava_collector.oauth import OAuth, OAuthRefused, OAuthUnavailable, Refusal, Tokens
from strava_collector.secret import Secret
from strava_collector.settings import Application
from strava_collector.transport import Answer
from tests.support.clock import START, VirtualClock
from tests.support.scripted_transport import ScriptedTransport, answer, refusal, revealed

MINE = Application("mine", "4711", Secret("marked-client-secret"))
OLD = Tokens(Secret("marked-access"), Secret("marked-refresh"), 1)
NEW = {
    "token_type": "Bearer",
    "access_token": "marked-new-access",
    "expires_at": int(START) + 21_600,
    "expires_in": 21_600,
    "refresh_token": "marked-new-refresh",
}
ATHLETE = {"id": 134815, "firstname": " Marianne ", "lastname": "Teutenberg"}


def oauth(*script: Answer) -> tuple[OAuth, ScriptedTransport]:
    transport = ScriptedTransport(*script)
    return OAuth(transport, "https://strava.example/oauth/", VirtualClock()), transport


class TestACode:
    def test_becomes_tokens_and_tells_who_the_athlete_is(self) -> None:
        client, transport = oauth(answer({**NEW, "athlete": ATHLETE}))
        grant = client.exchange(MINE, Secret("the-code"))
        assert grant.tokens == Tokens(Secret("marked-new-access"), Secret("marked-new-refresh"), int(START) + 21_600)
        assert (grant.athlete_id, grant.athlete_name) == (134815, "Marianne Teutenberg")
        request = transport.requests[0]
        assert (request.method, request.url) == ("POST", "https://strava.example/oauth/token")
        assert revealed(request.form) == {
            "client_id": "4711",
            "client_secret": "marked-client-secret",
            "grant_type": "authorization_code",
            "code": "the-code",
        }
        assert request.query == {}

    @pytest.mark.parametrize(
        "athlete", [None, [], "x", {}, {"id": "1"}, {"id": 0}, {"id": True}, {"id": 1.0}, {"id": 2**63}]
    )
    def test_without_an_athlete_is_no_grant(self, athlete: object) -> None:
        client, _ = oauth(answer({**NEW, "athlete": athlete}))
        with pytest.raises(OAuthUnavailable, match="the athlete"):
            client.exchange(MINE, Secret("c"))

    def test_half_a_character_of_a_name_is_replaced(self) -> None:
        client, _ = oauth(answer({**NEW, "athlete": {**ATHLETE, "lastname": "T\ud800"}}))
        assert client.exchange(MINE, Secret("c")).athlete_name == "Marianne T?"

    @pytest.mark.parametrize("names", [{}, {"firstname": None, "lastname": ""}, {"firstname": 5, "lastname": "  "}])
    def test_an_athlete_without_a_name_is_called_by_the_number(self, names: dict[str, object]) -> None:
        client, _ = oauth(answer({**NEW, "athlete": {"id": 7, **names}}))
        assert client.exchange(MINE, Secret("c")).athlete_name == "7"


class TestARefresh:
    def test_brings_new_tokens(self) -> None:
        client, transport = oauth(answer(NEW))
        assert client.refresh(MINE, OLD).refresh_token == Secret("marked-new-refresh")
        assert revealed(transport.requests[0].form) == {
            "client_id": "4711",
            "client_secret": "marked-client-secret",
            "grant_type": "refresh_token",
            "refresh_token": "marked-refresh",
        }

    def test_may_bring_the_same_tokens(self) -> None:
        client, _ = oauth(
            answer(
                {
                    **NEW,
                    "access_token": "marked-access",
                    "refresh_token": "marked-refresh",
                    "expires_in": 7_000,
                }
            )
        )
        assert client.refresh(MINE, OLD) == Tokens(OLD.access_token, OLD.refresh_token, int(START) + 7_000)

    def test_reckons_the_expiry_by_our_own_clock_when_it_differs_from_stravas(self) -> None:
        client, _ = oauth(answer({**NEW, "expires_at": int(START) + 21_600 + 7_200}))
        assert client.refresh(MINE, OLD).expires_at == int(START) + 21_600

    @pytest.mark.parametrize("span", [None, "21600", True, 0, -5, 1.5])
    def test_takes_stravas_expiry_if_the_span_is_unusable(self, span: object) -> None:
        client, _ = oauth(answer({**NEW, "expires_in": span, "expires_at": 1_900_000_000}))
        assert client.refresh(MINE, OLD).expires_at == 1_900_000_000

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("access_token", None),
            ("access_token", ""),
            ("access_token", 5),
            ("access_token", "two words"),
            ("access_token", "a\r\nX: y"),
            ("access_token", "ü"),
            ("access_token", "x" * 256),
            ("refresh_token", None),
            ("refresh_token", ["x"]),
            ("expires_at", None),
            ("expires_at", "soon"),
            ("expires_at", True),
            ("expires_at", 1.5e9),
            ("expires_at", -1),
            ("expires_at", 10**400),
        ],
    )
    def test_with_a_field_that_cannot_be_is_refused_by_name_not_by_content(self, field: str, value: object) -> None:
        client, _ = oauth(answer({**NEW, field: value}))
        with pytest.raises(OAuthUnavailable) as caught:
            client.refresh(MINE, OLD)
        assert "missing or malformed" in str(caught.value)
        assert "marked" not in str(caught.value)

    @pytest.mark.parametrize("body", [b"", b"<html>marked</html>", b"[]", b'"marked"', b"null", b'{"marked": '])
    def test_with_a_body_that_is_no_object_is_worth_another_try(self, body: bytes) -> None:
        client, _ = oauth(answer(body))
        with pytest.raises(OAuthUnavailable, match="no JSON object"):
            client.refresh(MINE, OLD)


class TestARefusal:
    @pytest.mark.parametrize(
        ("reply", "kind", "hint"),
        [
            (
                refusal("Application", "client_id", "invalid", 400),
                Refusal.CLIENT_ID,
                'client ID of the application "mine"',
            ),
            (
                refusal("Application", "", "invalid", 401),
                Refusal.CLIENT_SECRET,
                'client secret of the application "mine"',
            ),
            (refusal("AuthorizationCode", "code", "invalid", 400), Refusal.CODE, "connect again"),
            (
                refusal("RefreshToken", "refresh_token", "invalid", 400),
                Refusal.REFRESH_TOKEN,
                "connect again",
            ),
            (refusal("Application", "Status", "Inactive", 403), Refusal.INACTIVE, "switched the application"),
            (refusal("Something", "new", "wrong", 400), Refusal.OTHER, "status 400"),
            (answer({"message": "Bad Request", "errors": "a string"}, 400), Refusal.OTHER, "status 400"),
            (answer({"errors": [None, 5, {}]}, 401), Refusal.OTHER, "status 401"),
            (answer(b"<html>marked: RefreshToken invalid</html>", 400), Refusal.OTHER, "status 400"),
            (answer([], 404), Refusal.OTHER, "status 404"),
        ],
    )
    def test_says_what_was_refused_and_what_to_do(self, reply: Answer, kind: Refusal, hint: str) -> None:
        client, _ = oauth(reply)
        with pytest.raises(OAuthRefused) as caught:
            client.refresh(MINE, OLD)
        assert caught.value.kind is kind
        assert caught.value.status == reply.status
        assert hint in str(caught.value)
        assert "marked" not in str(caught.value)

    def test_of_two_faults_the_known_one_counts(self) -> None:
        unknown = {"resource": "Other", "field": "x", "code": "y"}
        known = {"resource": "RefreshToken", "field": "refresh_token", "code": "invalid"}
        client, _ = oauth(answer({"errors": [unknown, known]}, 400))
        with pytest.raises(OAuthRefused) as caught:
            client.refresh(MINE, OLD)
        assert caught.value.kind is Refusal.REFRESH_TOKEN

    @pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
    def test_is_not_what_a_server_in_trouble_means(self, status: int) -> None:
        fault = {"resource": "RefreshToken", "field": "refresh_token", "code": "invalid"}
        client, _ = oauth(answer({"errors": [fault]}, status, {"retry-after": "30"}))
        with pytest.raises(OAuthUnavailable) as caught:
            client.refresh(MINE, OLD)
        assert (caught.value.status, caught.value.headers) == (status, {"retry-after": "30"})


class TestRevoking:
    def test_sends_the_token_in_the_form_and_the_application_in_the_header(self) -> None:
        client, transport = oauth(answer({}))
        client.revoke(MINE, Secret("token"))
        request = transport.requests[0]
        assert (request.method, request.url) == ("POST", "https://strava.example/oauth/revoke")
        assert revealed(request.form) == {"token": "token"}
        assert revealed(request.headers) == {"Authorization": "Basic NDcxMTptYXJrZWQtY2xpZW50LXNlY3JldA=="}

    @pytest.mark.parametrize("field", ["access_token", "refresh_token"])
    def test_a_token_that_is_dead_already_is_done(self, field: str) -> None:
        client, _ = oauth(refusal("Athlete", field, "invalid", 401))
        client.revoke(MINE, Secret("token"))

    def test_a_wrong_client_secret_is_not(self) -> None:
        client, _ = oauth(refusal("Application", "", "invalid", 401))
        with pytest.raises(OAuthRefused) as caught:
            client.revoke(MINE, Secret("token"))
        assert caught.value.kind is Refusal.CLIENT_SECRET

    @pytest.mark.parametrize("body", [b"", b" \n", b"{}", b'{"access_token": "x"}'])
    def test_strava_says_no_more_than_yes(self, body: bytes) -> None:
        client, _ = oauth(answer(body, 200))
        client.revoke(MINE, Secret("token"))

    def test_a_page_of_somebody_elses_is_no_yes(self) -> None:
        client, _ = oauth(answer(b"<!DOCTYPE html><title>Welcome to our network</title>", 200))
        with pytest.raises(OAuthUnavailable, match=r"cannot be used \(status 200\): it is neither empty nor JSON"):
            client.revoke(MINE, Secret("token"))

    def test_a_server_in_trouble_is_not(self) -> None:
        client, _ = oauth(answer({}, 503))
        with pytest.raises(OAuthUnavailable):
            client.revoke(MINE, Secret("token"))

    def test_no_local_variable_holds_the_clients_secret_when_it_fails(self) -> None:
        client, _ = oauth(answer({}, 503))
        with pytest.raises(OAuthUnavailable) as caught:
            client.revoke(MINE, Secret("marked-token"))
        shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
        assert "Application(name='mine'" in shown, "this shows no variables"
        assert "marked" not in shown.replace('Secret("marked-token")', "")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.just("marked"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*NEW, "athlete", "errors", "id", "resource", "field", "code", "firstname"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(anything, st.sampled_from([200, 201, 204, 400, 401, 403, 429, 500]))
def test_whatever_strava_answers_the_result_is_tokens_or_a_sentence_without_its_content(
    content: object, status: int
) -> None:
    for call in ("exchange", "refresh"):
        client, _ = oauth(answer(json.dumps(content).encode(), status))
        try:
            if call == "exchange":
                client.exchange(MINE, Secret("marked-code"))
            else:
                client.refresh(MINE, OLD)
        except CollectorError as error:
            assert "marked" not in str(error) + repr(error)
            assert "marked" not in "".join(traceback.format_exception(type(error), error, None))


def test_tokens_and_grants_do_not_show_what_they_hold() -> None:
    client, _ = oauth(answer({**NEW, "athlete": {**ATHLETE, "email": "marked@example.com"}}))
    assert "marked" not in repr(client.exchange(MINE, Secret("marked-code")))
