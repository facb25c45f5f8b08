"""Consent and tokens at the stand-in, in virtual time and without sockets."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from sandbox.certificates import Certificates
from sandbox.strava import Application, Athlete, StravaStandIn
from sandbox.strava.exchange import Answer, Call
from tests.support.clock import VirtualClock

AGENT = {"user-agent": "test/1.0"}


class Strava:
    """A stand-in with one application and one athlete, spoken to by calls."""

    def __init__(self, certificates: Certificates) -> None:
        self.clock = VirtualClock()
        self.stand_in = StravaStandIn(certificates, clock=self.clock)
        self.app: Application = self.stand_in.add_application("Test", callback_domain="example.org")
        self.anna: Athlete = self.stand_in.add_athlete("Anna", "Bergström")

    def authorize(self, **more: Any) -> Answer:
        query = {
            "client_id": self.app.client_id,
            "redirect_uri": "https://example.org/back",
            "response_type": "code",
            "scope": "read,activity:read_all",
            "state": "s&t",
            **more,
        }
        return self.stand_in.answer(Call("GET", "/oauth/authorize", urlencode(query), AGENT))

    def post(self, path: str, headers: dict[str, str] | None = None, **form: Any) -> Answer:
        headers = {**AGENT, "content-type": "application/x-www-form-urlencoded", **(headers or {})}
        return self.stand_in.answer(Call("POST", path, "", headers, urlencode(form).encode()))

    def token(self, grant_type: str, **more: Any) -> Answer:
        form: dict[str, Any] = {
            "client_id": self.app.client_id,
            "client_secret": self.app.client_secret,
            "grant_type": grant_type,
            **more,
        }
        return self.post("/oauth/token", **form)

    def code(self) -> str:
        self.stand_in.sign_in(self.anna)
        return redirected(self.authorize())["code"]

    def get(self, path: str, token: str) -> Answer:
        return self.stand_in.answer(Call("GET", f"/api/v3{path}", "", {**AGENT, "authorization": f"Bearer {token}"}))


@pytest.fixture
def strava(certificates: Certificates) -> Iterator[Strava]:
    strava = Strava(certificates)
    yield strava
    strava.stand_in.stop()


def redirected(answer: Answer) -> dict[str, str]:
    assert answer.status == 302, answer.body
    query = parse_qs(urlsplit(answer.headers["Location"]).query, keep_blank_values=True)
    return {name: values[0] for name, values in query.items()}


def content(answer: Answer) -> Any:
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def error(answer: Answer) -> tuple[int, str, str, str]:
    found = json.loads(answer.body)["errors"][0]
    return answer.status, found["resource"], found["field"], found["code"]


BAD_TOKEN = (401, "Athlete", "access_token", "invalid")
BAD_REFRESH = (400, "RefreshToken", "refresh_token", "invalid")


def test_consent_redirects_with_code_scope_and_state(strava: Strava) -> None:
    strava.stand_in.sign_in(strava.anna)
    found = redirected(strava.authorize())
    assert found["scope"] == "read,activity:read_all"
    assert found["state"] == "s&t"
    assert found["code"]


def test_an_unticked_scope_is_not_granted(strava: Strava) -> None:
    strava.stand_in.sign_in(strava.anna, untick=["activity:read_all"])
    found = redirected(strava.authorize())
    assert found["scope"] == "read"
    strava.token("authorization_code", code=found["code"])
    assert strava.stand_in.granted_scope(strava.app, strava.anna) == {"read"}


def test_a_refusal_redirects_with_access_denied_and_no_code(strava: Strava) -> None:
    strava.stand_in.sign_in(strava.anna, refuse=True)
    assert redirected(strava.authorize()) == {"error": "access_denied", "state": "s&t"}


def test_what_was_granted_before_is_not_asked_again_unless_forced(strava: Strava) -> None:
    strava.token("authorization_code", code=strava.code())
    strava.stand_in.sign_in(strava.anna, refuse=True)
    assert "code" in redirected(strava.authorize(approval_prompt="auto"))
    assert redirected(strava.authorize(approval_prompt="force"))["error"] == "access_denied"


def test_without_anybody_signed_in_a_page_asks(strava: Strava) -> None:
    answer = strava.authorize(state='"><script>')
    assert answer.content_type.startswith("text/html")
    page = answer.body.decode()
    assert "Anna Bergström" in page
    assert "activity:read_all" in page
    assert "<script>" not in page


def test_who_has_logged_in_is_asked_what_to_allow_and_not_again_who_they_are(strava: Strava) -> None:
    form: dict[str, Any] = {
        "client_id": strava.app.client_id,
        "redirect_uri": "https://example.org/back",
        "response_type": "code",
        "scope": "read,activity:read",
        "state": "x",
    }
    answer = strava.post("/oauth/authorize", **form, athlete=strava.anna.id, decision="log in")
    assert "Logged in as Anna" in answer.body.decode()
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    query = urlencode(form)
    again = strava.stand_in.answer(Call("GET", "/oauth/authorize", query, {**AGENT, "cookie": cookie}))
    assert "Logged in as Anna" in again.body.decode()
    assert "Log in as somebody else" in again.body.decode()
    answer = strava.post("/oauth/authorize", **form, decision="log out")
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert "Log In" in answer.body.decode()


def test_the_page_grants_the_boxes_that_were_left_ticked(strava: Strava) -> None:
    form: dict[str, Any] = {
        "client_id": strava.app.client_id,
        "redirect_uri": "https://example.org/back",
        "response_type": "code",
        "scope": "read,activity:read,activity:read_all",
        "state": "x",
        "athlete": strava.anna.id,
        "allow read": "on",
        "allow activity:read": "on",
        "allow profile:write": "on",
    }
    answer = strava.post("/oauth/authorize", **form, decision="authorize")
    assert redirected(answer)["scope"] == "read,activity:read"
    assert redirected(strava.post("/oauth/authorize", **form, decision="cancel"))["error"] == "access_denied"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"client_id": 1}, (400, "Application", "client_id", "invalid")),
        ({"redirect_uri": "https://evil.org/back"}, (400, "Application", "redirect_uri", "invalid")),
        ({"redirect_uri": "https://notexample.org/"}, (400, "Application", "redirect_uri", "invalid")),
        ({"scope": "activity:everything"}, (400, "Authorize", "scope", "invalid")),
        ({"scope": ""}, (400, "Authorize", "scope", "invalid")),
        ({"response_type": "token"}, (400, "Authorize", "response_type", "invalid")),
    ],
)
def test_a_wrong_authorize_request_is_refused_without_redirecting(
    strava: Strava, change: dict[str, object], expected: tuple[int, str, str, str]
) -> None:
    strava.stand_in.sign_in(strava.anna)
    assert error(strava.authorize(**change)) == expected


@pytest.mark.parametrize("host", ["example.org", "splunk.example.org", "localhost:8000", "127.0.0.1:8000"])
def test_only_the_domain_of_the_redirect_matters(strava: Strava, host: str) -> None:
    strava.stand_in.sign_in(strava.anna)
    assert "code" in redirected(strava.authorize(redirect_uri=f"http://{host}/any/where?x=1"))


def test_a_code_brings_tokens_for_six_hours_and_the_athlete(strava: Strava) -> None:
    found = content(strava.token("authorization_code", code=strava.code()))
    assert found["token_type"] == "Bearer"
    assert found["expires_in"] == 21_600
    assert found["expires_at"] == int(strava.clock.now()) + 21_600
    assert found["athlete"]["id"] == strava.anna.id
    assert found["athlete"]["lastname"] == "Bergström"
    assert strava.get("/athlete", found["access_token"]).status == 200


def test_a_code_works_once(strava: Strava) -> None:
    code = strava.code()
    assert strava.token("authorization_code", code=code).status == 200
    expected = (400, "AuthorizationCode", "code", "invalid")
    assert error(strava.token("authorization_code", code=code)) == expected


def test_a_code_of_another_application_is_refused(strava: Strava) -> None:
    code = strava.code()
    strava.app = strava.stand_in.add_application("Other")
    expected = (400, "AuthorizationCode", "code", "invalid")
    assert error(strava.token("authorization_code", code=code)) == expected


def test_a_wrong_secret_and_an_unknown_application_are_told_apart(strava: Strava) -> None:
    form: dict[str, Any] = {"grant_type": "refresh_token", "refresh_token": "x"}
    wrong_secret = strava.post("/oauth/token", client_id=strava.app.client_id, client_secret="x", **form)
    assert error(wrong_secret) == (401, "Application", "", "invalid")
    unknown = strava.post("/oauth/token", client_id=1, client_secret="x", **form)
    assert error(unknown) == (400, "Application", "client_id", "invalid")


def test_a_refresh_with_more_than_an_hour_left_returns_the_same_tokens(strava: Strava) -> None:
    tokens = strava.stand_in.connect(strava.app, strava.anna)
    strava.clock.advance(21_600 - 3_601)
    found = content(strava.token("refresh_token", refresh_token=tokens.refresh_token))
    assert (found["access_token"], found["refresh_token"]) == (tokens.access_token, tokens.refresh_token)
    assert found["expires_in"] == 3_601
    assert "athlete" not in found


def test_a_later_refresh_rotates_and_the_old_refresh_token_dies_at_once(strava: Strava) -> None:
    tokens = strava.stand_in.connect(strava.app, strava.anna)
    strava.clock.advance(21_600 - 3_600)
    found = content(strava.token("refresh_token", refresh_token=tokens.refresh_token))
    assert found["access_token"] != tokens.access_token
    assert found["refresh_token"] != tokens.refresh_token
    assert found["expires_in"] == 21_600
    assert error(strava.token("refresh_token", refresh_token=tokens.refresh_token)) == BAD_REFRESH
    assert strava.stand_in.dead_refresh_tokens_presented == 1


def test_the_old_access_token_lives_out_its_time_after_a_refresh(strava: Strava) -> None:
    tokens = strava.stand_in.connect(strava.app, strava.anna)
    strava.clock.advance(21_600 - 60)
    strava.token("refresh_token", refresh_token=tokens.refresh_token)
    assert strava.get("/athlete", tokens.access_token).status == 200
    strava.clock.advance(60)
    assert error(strava.get("/athlete", tokens.access_token)) == BAD_TOKEN


def test_an_access_token_can_be_made_to_expire_and_is_replaced_by_a_refresh(strava: Strava) -> None:
    tokens = strava.stand_in.connect(strava.app, strava.anna)
    strava.stand_in.expire_access_token(strava.anna)
    assert error(strava.get("/athlete", tokens.access_token)) == BAD_TOKEN
    found = content(strava.token("refresh_token", refresh_token=tokens.refresh_token))
    assert strava.get("/athlete", found["access_token"]).status == 200


def test_a_refresh_token_can_be_revoked_without_anybody_being_told(strava: Strava) -> None:
    tokens = strava.stand_in.connect(strava.app, strava.anna)
    strava.stand_in.revoke_refresh_token(strava.anna)
    assert error(strava.token("refresh_token", refresh_token=tokens.refresh_token)) == BAD_REFRESH
    assert strava.get("/athlete", tokens.access_token).status == 200


def test_deauthorization_kills_all_tokens_for_good(strava: Strava) -> None:
    tokens = strava.stand_in.connect(strava.app, strava.anna)
    strava.stand_in.deauthorize(strava.anna)
    assert strava.stand_in.granted_scope(strava.app, strava.anna) == frozenset()
    strava.stand_in.connect(strava.app, strava.anna)
    assert error(strava.get("/athlete", tokens.access_token)) == BAD_TOKEN
    assert error(strava.token("refresh_token", refresh_token=tokens.refresh_token)) == BAD_REFRESH


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoke_ends_the_permission_of_either_token(strava: Strava, which: str) -> None:
    tokens = strava.stand_in.connect(strava.app, strava.anna)
    basic = base64.b64encode(f"{strava.app.client_id}:{strava.app.client_secret}".encode()).decode()
    answer = strava.post("/oauth/revoke", headers={"authorization": f"Basic {basic}"}, token=getattr(tokens, which))
    assert answer.status == 200
    assert error(strava.get("/athlete", tokens.access_token)) == BAD_TOKEN


def test_revoke_wants_the_applications_secret(strava: Strava) -> None:
    tokens = strava.stand_in.connect(strava.app, strava.anna)
    assert strava.post("/oauth/revoke", token=tokens.access_token).status == 400
    assert strava.get("/athlete", tokens.access_token).status == 200


def test_the_older_deauthorize_takes_the_access_token_in_the_header(strava: Strava) -> None:
    tokens = strava.stand_in.connect(strava.app, strava.anna)
    answer = strava.post("/oauth/deauthorize", headers={"authorization": f"Bearer {tokens.access_token}"})
    assert content(answer) == {"access_token": tokens.access_token}
    assert error(strava.get("/athlete", tokens.access_token)) == BAD_TOKEN


def test_connecting_again_ends_the_earlier_refresh_token(strava: Strava) -> None:
    earlier = strava.stand_in.connect(strava.app, strava.anna)
    strava.stand_in.connect(strava.app, strava.anna, "read")
    assert error(strava.token("refresh_token", refresh_token=earlier.refresh_token)) == BAD_REFRESH


def test_an_inactive_application_gets_403_everywhere(strava: Strava) -> None:
    tokens = strava.stand_in.connect(strava.app, strava.anna)
    strava.stand_in.set_inactive(strava.app)
    expected = (403, "Application", "Status", "Inactive")
    assert error(strava.get("/athlete", tokens.access_token)) == expected
    assert error(strava.token("refresh_token", refresh_token=tokens.refresh_token)) == expected
    strava.stand_in.set_inactive(strava.app, False)
    assert strava.get("/athlete", tokens.access_token).status == 200


def test_the_same_seed_makes_the_same_tokens(tmp_path: Path, strava: Strava) -> None:
    other = Strava(Certificates(tmp_path))
    try:
        assert other.stand_in.connect(other.app, other.anna) == strava.stand_in.connect(strava.app, strava.anna)
    finally:
        other.stand_in.stop()
