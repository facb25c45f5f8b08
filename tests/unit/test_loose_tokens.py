"""Tokens that belong to no row are revoked or given to the row that they are of, and no others are touched."""

from __future__ import annotations

from typing import Optional, Union

import pytest

from strava_collector.errors import CollectorError, TransportError, TransportFault
from strava_collector.loose_tokens import LooseTokens, look_quietly
from strava_collector.oauth import OAuthRefused, OAuthUnavailable, Refusal, Tokens
from strava_collector.ports import SessionExpired, SplunkUnavailable
from strava_collector.secret import Secret
from strava_collector.token_store import PENDING_LIFETIME, Consent, PendingConsents, TokenStore
from tests.support.clock import START, VirtualClock
from tests.support.passwords import InMemoryPasswords

ANNA, BEN = 7001, 7002
REFUSED = OAuthRefused(Refusal.CLIENT_SECRET, 401, "The client secret is wrong.")
UNREACHABLE = TransportError(TransportFault.CONNECT, "Strava could not be reached.")
DOWN = OAuthUnavailable(503, "Strava cannot answer now.", {})


def tokens_of(name: str, *, until: int = int(START) + 21_600) -> Tokens:
    return Tokens(Secret(f"{name}-access"), Secret(f"{name}-refresh"), until)


class World:
    """The rows, Splunk's password storage, and Strava as far as it revokes."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.passwords = InMemoryPasswords()
        self.tokens = TokenStore(self.passwords)
        self.pending = PendingConsents(self.passwords, self.clock)
        self.accounts: Optional[dict[str, dict[str, str]]] = {}
        self.revoked: list[tuple[str, str]] = []
        self.failure: Union[CollectorError, None] = None
        self.loose = LooseTokens(
            rows=self, tokens=self.tokens, pending=self.pending, revoke=self.revoke, clock=self.clock
        )

    def applications(self) -> dict[str, dict[str, str]]:
        return {"club": {"client_id": "12345"}, "other": {"client_id": "6"}}

    def athletes(self) -> Optional[dict[str, dict[str, str]]]:
        return self.accounts

    def update_athlete(self, name: str, fields: dict[str, str]) -> None:
        assert self.accounts is not None
        self.accounts[name].update(fields)

    def revoke(self, application: str, tokens: Tokens) -> bool:
        if self.failure is not None:
            raise self.failure
        self.revoked.append((application, tokens.refresh_token.reveal()))
        return True

    def connect(self, name: str, athlete_id: int, application: str = "club") -> None:
        assert self.accounts is not None
        self.accounts[name] = {"athlete_id": str(athlete_id), "application": application, "connected_at": "1.000"}
        self.tokens.save(athlete_id, tokens_of(name))

    def consents(self, athlete_id: int = ANNA, *, until: int = int(START) + 21_700) -> None:
        self.pending.keep(Consent("12345", athlete_id, "Anna", "read,activity:read", tokens_of("new", until=until)))

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            self.clock.advance(PENDING_LIFETIME + 1)
            self.loose.look()


@pytest.fixture
def world() -> World:
    return World()


def test_a_consent_without_a_row_is_revoked_when_its_time_is_over(world: World) -> None:
    world.consents()
    world.loose.look()
    assert world.pending.kept() and not world.revoked, "the page may still save it"
    world.look()
    assert world.revoked == [("club", "new-refresh")]
    assert world.passwords.entries == {}


def test_a_consent_for_another_application_than_the_rows_is_revoked(world: World) -> None:
    world.connect("anna", ANNA, "other")
    world.consents()
    world.look(3)
    assert world.revoked == [("club", "new-refresh")]
    assert world.tokens.load(ANNA) == tokens_of("anna")


def test_a_newer_consent_is_the_rows_and_is_not_revoked(world: World) -> None:
    """At Strava they are one permission; what the row has is dead."""
    world.connect("anna", ANNA)
    world.consents()
    world.look(3)
    assert world.revoked == []
    assert world.tokens.load(ANNA) == tokens_of("new", until=int(START) + 21_700)
    assert world.accounts is not None
    row = world.accounts["anna"]
    assert row["granted_scope"] == "read,activity:read"
    assert row["connected_at"] != "1.000", "so that an input which gave the athlete up begins again"
    assert world.pending.kept() == []


def test_an_older_consent_does_not_replace_the_rows_tokens(world: World) -> None:
    world.connect("anna", ANNA)
    world.consents(until=int(START) + 21_000)
    world.look(3)
    assert world.tokens.load(ANNA) == tokens_of("anna")
    assert world.accounts is not None and world.accounts["anna"]["connected_at"] == "1.000"
    assert (world.revoked, world.pending.kept()) == ([], [])


@pytest.mark.parametrize("failure", [UNREACHABLE, DOWN])
def test_what_strava_cannot_revoke_now_is_kept_for_the_next_look(world: World, failure: CollectorError) -> None:
    world.consents(ANNA)
    world.tokens.save(BEN, tokens_of("ben"))
    world.failure = failure
    world.look(3)
    assert world.tokens.athlete_ids() == {BEN} and world.pending.kept()
    world.failure = None
    world.look()
    assert sorted(world.revoked) == [("club", "ben-refresh"), ("club", "new-refresh"), ("other", "ben-refresh")]
    assert world.passwords.entries == {}


def test_what_strava_will_never_revoke_is_not_kept(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.consents(ANNA)
    world.tokens.save(BEN, tokens_of("ben"))
    world.failure = REFUSED
    world.look(2)
    assert world.passwords.entries == {}
    assert "action=permission_not_revoked name=club athlete_id=7001" in caplog.text


def test_tokens_without_a_row_are_revoked_at_the_second_look(world: World) -> None:
    world.connect("anna", ANNA)
    world.tokens.save(BEN, tokens_of("ben"))
    world.look()
    assert world.revoked == [], "he may just be being connected"
    world.look()
    assert world.revoked == [("club", "ben-refresh"), ("other", "ben-refresh")]
    assert world.tokens.athlete_ids() == {ANNA}


def test_who_got_a_row_meanwhile_keeps_the_tokens(world: World) -> None:
    world.tokens.save(BEN, tokens_of("ben"))
    world.look()
    world.connect("ben", BEN)
    world.look(3)
    assert world.revoked == []
    assert world.tokens.athlete_ids() == {BEN}


def test_who_has_just_consented_keeps_the_tokens(world: World) -> None:
    """Revoking the old ones would end the new permission."""
    world.tokens.save(BEN, tokens_of("ben"))
    world.look()
    world.consents(BEN)
    world.loose.look()
    assert world.revoked == []


def test_a_table_that_is_not_there_is_no_empty_table(world: World) -> None:
    world.connect("anna", ANNA)
    world.accounts = None
    world.look(3)
    assert world.revoked == [] and world.tokens.athlete_ids() == {ANNA}


def test_before_the_first_row_a_consent_is_revoked_too(world: World) -> None:
    world.accounts = None
    world.consents()
    world.look()
    assert world.revoked == [("club", "new-refresh")]


def test_a_failure_is_logged_and_a_session_that_is_over_is_not_hidden(caplog: pytest.LogCaptureFixture) -> None:
    def fail(error: CollectorError) -> None:
        raise error

    look_quietly(lambda: fail(SplunkUnavailable("splunkd answered 503.")))
    assert 'action=loose_tokens_kept why="splunkd answered 503."' in caplog.text
    with pytest.raises(SessionExpired):
        look_quietly(lambda: fail(SessionExpired("expired")))
