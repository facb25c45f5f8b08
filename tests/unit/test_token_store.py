"""Tokens and pending consents in Splunk's password storage."""

from __future__ import annotations

import pytest

from strava_collector.oauth import Tokens
from strava_collector.ports import SessionExpired, SplunkUnavailable
from strava_collector.secret import Secret
from strava_collector.token_keeper import TokenStoreUnavailable
from strava_collector.token_store import PENDING_REALM, REALM, Consent, Kept, PendingConsents, TokenStore
from tests.support.clock import VirtualClock
from tests.support.passwords import InMemoryPasswords

TOKENS = Tokens(Secret("a" * 40), Secret("r" * 40), 1_800_000_000)
CONSENT = Consent("12345", 7001, "Anna Bergström", "read,activity:read_all", TOKENS)


def test_tokens_come_back_as_they_were_saved() -> None:
    store = TokenStore(InMemoryPasswords())

    store.save(7001, TOKENS)

    assert store.load(7001) == TOKENS
    assert store.load(7002) is None


def test_an_athlete_has_one_entry_that_one_call_replaces() -> None:
    passwords = InMemoryPasswords()
    store = TokenStore(passwords)

    store.save(7001, TOKENS)
    store.save(7001, Tokens(Secret("b" * 40), Secret("s" * 40), 1_800_000_001))

    assert list(passwords.entries) == [(REALM, "7001")]


def test_forgotten_tokens_are_gone_and_may_be_forgotten_again() -> None:
    passwords = InMemoryPasswords()
    store = TokenStore(passwords)
    store.save(7001, TOKENS)

    store.forget(7001)
    store.forget(7001)

    assert passwords.entries == {}


@pytest.mark.parametrize("stored", ["", "[]", "null", '["a","b"]', '["a","b","soon"]', "{", "[1,2,3,4]"])
def test_an_entry_that_is_not_ours_counts_as_none(stored: str) -> None:
    passwords = InMemoryPasswords()
    passwords.entries[REALM, "7001"] = stored

    assert TokenStore(passwords).load(7001) is None


def test_splunkds_failures_are_the_token_stores() -> None:
    passwords = InMemoryPasswords()
    store = TokenStore(passwords)
    passwords.failure = SplunkUnavailable("splunkd answered 503.")

    with pytest.raises(TokenStoreUnavailable, match="503"):
        store.load(1)
    with pytest.raises(TokenStoreUnavailable, match="503"):
        store.save(1, TOKENS)
    with pytest.raises(TokenStoreUnavailable, match="503"):
        store.forget(1)


def test_an_expired_session_stays_one() -> None:
    passwords = InMemoryPasswords()
    passwords.failure = SessionExpired("expired")

    with pytest.raises(SessionExpired):
        TokenStore(passwords).load(7001)


def test_every_token_that_passes_is_registered_for_masking() -> None:
    seen: list[Secret] = []
    passwords = InMemoryPasswords()

    TokenStore(passwords, register=lambda *secrets: seen.extend(secrets)).save(7001, TOKENS)
    assert seen == [TOKENS.access_token, TOKENS.refresh_token]

    TokenStore(passwords, register=lambda *secrets: seen.extend(secrets)).load(7001)
    assert len(seen) == 4


def test_a_handle_stands_for_the_consent() -> None:
    pending = PendingConsents(InMemoryPasswords(), VirtualClock())

    handle = pending.keep(CONSENT)

    assert pending.look_up(handle) == CONSENT
    assert "a" * 40 not in handle


def test_a_handle_is_worthless_once_it_is_dropped() -> None:
    passwords = InMemoryPasswords()
    pending = PendingConsents(passwords, VirtualClock())
    handle = pending.keep(CONSENT)

    pending.drop(handle)

    assert pending.look_up(handle) is None
    assert passwords.entries == {}


def test_a_handle_expires_and_its_tokens_stay_until_somebody_sees_to_them() -> None:
    clock, passwords = VirtualClock(), InMemoryPasswords()
    pending = PendingConsents(passwords, clock)
    old = pending.keep(CONSENT)

    clock.advance(601)
    new = pending.keep(CONSENT)
    pending.drop_remnants()

    assert pending.look_up(old) is None
    assert pending.kept() == [Kept(new, CONSENT, False), Kept(old, CONSENT, True)], "the newest first"


def test_what_is_left_of_an_expired_consent_and_is_nobodys_goes() -> None:
    clock, passwords = VirtualClock(), InMemoryPasswords()
    pending = PendingConsents(passwords, clock)
    old = pending.keep(CONSENT)
    del passwords.entries[PENDING_REALM, f"{old}.athlete"]
    pending.drop_remnants()
    assert passwords.entries, "the other entry may just be written"

    clock.advance(601)
    pending.drop_remnants()

    assert passwords.entries == {}


def test_tokens_of_a_consent_are_registered_for_masking() -> None:
    seen: list[Secret] = []
    passwords = InMemoryPasswords()
    PendingConsents(passwords, VirtualClock()).keep(CONSENT)

    PendingConsents(passwords, VirtualClock(), register=lambda *secrets: seen.extend(secrets)).kept()

    assert seen == [TOKENS.access_token, TOKENS.refresh_token]


@pytest.mark.parametrize(
    "handle", ["", "-", "x", "99999999999-../../x", "99999999999:x", "9" * 30, "²-x", "99999999999-a/b"]
)
def test_what_the_browser_makes_up_is_no_handle(handle: str) -> None:
    assert PendingConsents(InMemoryPasswords(), VirtualClock()).look_up(handle) is None


def test_half_a_consent_is_none() -> None:
    """The process may end between the two entries."""
    passwords = InMemoryPasswords()
    pending = PendingConsents(passwords, VirtualClock())
    handle = pending.keep(CONSENT)
    del passwords.entries[PENDING_REALM, f"{handle}.athlete"]

    assert pending.look_up(handle) is None


def test_a_name_that_is_too_long_for_an_entry_loses_its_end() -> None:
    pending = PendingConsents(InMemoryPasswords(), VirtualClock())
    consent = Consent("12345", 7001, "🚴" * 100, CONSENT.granted_scope, TOKENS)

    kept = pending.look_up(pending.keep(consent))

    assert kept is not None
    assert 20 < len(kept.athlete_name) < 100
    assert kept.athlete_id == 7001
