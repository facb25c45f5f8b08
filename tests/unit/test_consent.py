"""From Strava's redirect to a row of the table Athletes."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strava_collector.consent import ConsentRefused, consent_of, parse_reply, row_of
from strava_collector.oauth import OAuth, OAuthRefused, Tokens
from strava_collector.secret import Secret
from strava_collector.settings import Application, Settings
from strava_collector.token_store import Consent
from strava_collector.transport import Answer, Request
from tests.support.clock import START, VirtualClock

SETTINGS = Settings(applications={"club": Application("club", "12345", Secret("s3cret-of-club"))})
CONSENT = Consent("12345", 7001, "Anna", "read,activity:read_all", Tokens(Secret("a"), Secret("r"), 1_800_000_000))
APPLICATIONS = {"club": {"client_id": "12345"}, "other": {"client_id": "6"}}


class TokenEndpoint:
    """Answers every call in one way and keeps what was sent."""

    def __init__(self, status: int = 200, body: object = None) -> None:
        self._answer = Answer(status, {}, json.dumps(body).encode(), START)
        self.requests: list[Request] = []

    def send(self, request: Request) -> Answer:
        self.requests.append(request)
        return self._answer


GRANTED = {
    "token_type": "Bearer",
    "access_token": "a" * 40,
    "refresh_token": "r" * 40,
    "expires_at": int(START) + 21_600,
    "expires_in": 21_600,
    "athlete": {"id": 7001, "firstname": "Anna\n[evil]", "lastname": " Bergström"},
}


def exchanged(reply: str, endpoint: TokenEndpoint, client_id: str = "12345") -> Consent:
    oauth = OAuth(endpoint, "https://strava.example.org/oauth", VirtualClock())
    return consent_of(parse_reply(reply), client_id, SETTINGS, oauth)


def test_a_code_becomes_tokens_with_the_secret_from_the_configuration() -> None:
    endpoint = TokenEndpoint(body=GRANTED)

    consent = exchanged("code=c0de&scope=read%2Cactivity%3Aread_all", endpoint)

    assert consent.athlete_id == 7001
    assert consent.tokens.access_token == Secret("a" * 40)
    (request,) = endpoint.requests
    assert request.form["client_secret"] == Secret("s3cret-of-club")
    assert request.form["code"] == Secret("c0de")


def test_what_was_granted_counts_not_what_was_asked_for() -> None:
    consent = exchanged("code=c&scope=read,activity:read", TokenEndpoint(body=GRANTED))

    assert consent.granted_scope == "read,activity:read"


@pytest.mark.parametrize("scope", ["activity:read,evil\n[stanza]", "activity:read,<b>", "ACTIVITY:READ,activity:read"])
def test_a_scope_that_strava_does_not_have_is_none(scope: str) -> None:
    """It would be stored in the row and shown."""
    packed = urlencode({"code": "c0de", "scope": scope})
    assert parse_reply(packed).scope == ""
    with pytest.raises(ConsentRefused, match="were not ticked"):
        exchanged(packed, TokenEndpoint(body=GRANTED))


def test_an_athletes_name_stays_on_one_line() -> None:
    assert exchanged("code=c&scope=activity:read", TokenEndpoint(body=GRANTED)).athlete_name == (
        "Anna [evil] Bergström"
    )


@pytest.mark.parametrize("scope", ["", "read", "activity:write", "read profile:read_all"])
def test_without_permission_to_read_activities_nothing_is_exchanged(scope: str) -> None:
    endpoint = TokenEndpoint(body=GRANTED)

    with pytest.raises(ConsentRefused, match="not ticked"):
        exchanged(f"code=c&scope={scope}", endpoint)

    assert endpoint.requests == []


def test_a_refused_consent_says_so() -> None:
    with pytest.raises(ConsentRefused, match="did not consent"):
        exchanged("error=access_denied", TokenEndpoint())
    with pytest.raises(ConsentRefused, match="reported an error instead of a consent"):
        exchanged("error=server_error", TokenEndpoint())


def test_an_unknown_client_id_is_refused() -> None:
    with pytest.raises(ConsentRefused, match="no application"):
        exchanged("code=c&scope=activity:read", TokenEndpoint(), client_id="999")


def test_stravas_refusal_is_passed_on() -> None:
    body = {"errors": [{"resource": "AuthorizationCode", "field": "code", "code": "invalid"}]}

    with pytest.raises(OAuthRefused, match="connect again"):
        exchanged("code=c&scope=activity:read", TokenEndpoint(400, body))


@given(st.text(max_size=300))
def test_any_text_is_a_reply_or_refused(packed: str) -> None:
    try:
        reply = parse_reply(packed)
    except ConsentRefused as error:
        assert packed not in str(error) or len(packed) < 10
    else:
        assert reply.code or reply.error


def test_a_reply_with_more_fields_than_strava_sends_is_incomplete() -> None:
    with pytest.raises(ConsentRefused, match="did not reach Splunk completely"):
        parse_reply("code=c&scope=activity:read" + "&more=1" * 10)


def test_what_the_redirect_page_packs_is_understood() -> None:
    """The page does what URLSearchParams does, which is form encoding."""
    packed = "code=a%2Bb%2F%3D&scope=read%2Cactivity%3Aread&state=x"

    reply = parse_reply(packed)

    assert parse_qs(packed)["code"] == ["a+b/="]
    assert reply.code == Secret("a+b/=")
    assert reply.scope == "read,activity:read"


def test_a_consent_makes_a_row_connected() -> None:
    row = row_of(CONSENT, name="anna", application="club", applications=APPLICATIONS, accounts={}, now=START + 0.25)

    assert row == {
        "athlete_id": "7001",
        "athlete_name": "Anna",
        "granted_scope": "read,activity:read_all",
        "connected_at": f"{START + 0.25:.3f}",
        "deletion_refused_at": "",
    }


def test_a_reconnect_of_the_same_athlete_is_fine() -> None:
    row_of(
        CONSENT,
        name="anna",
        application="club",
        applications=APPLICATIONS,
        accounts={"anna": {"athlete_id": "7001"}},
        now=START,
    )


@pytest.mark.parametrize(
    ("application", "accounts", "sentence"),
    [
        ("club", {"ann": {"athlete_id": "7001"}}, "connected already, as “ann”"),
        ("club", {"anna": {"athlete_id": "7002"}}, "is athlete 7002"),
        ("other", {}, "another application"),
        ("gone", {}, "another application"),
    ],
)
def test_a_row_that_does_not_fit_the_consent_is_refused(
    application: str, accounts: dict[str, dict[str, str]], sentence: str
) -> None:
    with pytest.raises(ConsentRefused, match=sentence):
        row_of(CONSENT, name="anna", application=application, applications=APPLICATIONS, accounts=accounts, now=START)
