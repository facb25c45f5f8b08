"""Where tokens rest: Splunk's password storage, encrypted, in realms of the add-on's own.

UCC keeps all encrypted fields of a stanza in one blob and writes it in several steps whenever somebody edits the
stanza; a refresh token that had been rotated meanwhile would be overwritten. So tokens are kept apart from it, one
entry for each athlete, short enough that one call replaces it.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Callable, Optional, Protocol

from strava_collector.clock import Clock
from strava_collector.oauth import Tokens
from strava_collector.ports import SplunkUnavailable
from strava_collector.secret import Secret
from strava_collector.token_keeper import TokenStoreUnavailable

#: Of connected athletes; the user name is the athlete's id.
REALM = "ta_strava_webhook_tokens"

#: Of consents that no athlete's row has been saved for yet; the user name begins with the time until which it counts.
PENDING_REALM = "ta_strava_webhook_pending"

#: What one entry of the password storage holds, in bytes. solnlib counts characters; bytes are on the safe side.
LONGEST_PASSWORD = 255

#: Seconds from the consent to the saving of the row. The page saves at once, by itself; this is for a slow splunkd.
PENDING_LIFETIME = 600


class Passwords(Protocol):
    """The part of :class:`~strava_collector.splunkd.Splunkd` that is used here."""

    def passwords(self, realm: str) -> dict[str, Secret]: ...

    def password(self, realm: str, username: str) -> Optional[Secret]: ...

    def set_password(self, realm: str, username: str, password: Secret) -> None: ...

    def delete_password(self, realm: str, username: str) -> None: ...


def _ignore(*secrets: Secret) -> None:
    """Nobody wants to know."""


class TokenStore:
    """The tokens of connected athletes.

    Every method raises TokenStoreUnavailable when splunkd fails, and SessionExpired when it no longer accepts this
    process.
    """

    def __init__(self, splunkd: Passwords, *, register: Callable[..., None] = _ignore) -> None:
        """``register`` is told of every secret that passes, so that logs can be masked."""
        self._splunkd = splunkd
        self._register = register

    def load(self, athlete_id: int) -> Optional[Tokens]:
        """Return the athlete's tokens, or None if there are none or they cannot be understood."""
        try:
            stored = self._splunkd.password(REALM, str(athlete_id))
        except SplunkUnavailable as error:
            raise TokenStoreUnavailable(str(error)) from None
        tokens = _tokens_from(stored) if stored is not None else None
        if tokens is not None:
            self._register(tokens.access_token, tokens.refresh_token)
        return tokens

    def save(self, athlete_id: int, tokens: Tokens) -> None:
        """Store the tokens in one call that replaces the old ones; when it returns, they are safe."""
        self._register(tokens.access_token, tokens.refresh_token)
        try:
            self._splunkd.set_password(REALM, str(athlete_id), _as_text(tokens))
        except SplunkUnavailable as error:
            raise TokenStoreUnavailable(str(error)) from None

    def athlete_ids(self) -> frozenset[int]:
        """Return the athletes who have tokens."""
        try:
            stored = self._splunkd.passwords(REALM)
        except SplunkUnavailable as error:
            raise TokenStoreUnavailable(str(error)) from None
        return frozenset(int(name) for name in stored if name.isascii() and name.isdigit())

    def forget(self, athlete_id: int) -> None:
        """Delete the tokens, if there are any."""
        try:
            self._splunkd.delete_password(REALM, str(athlete_id))
        except SplunkUnavailable as error:
            raise TokenStoreUnavailable(str(error)) from None


@dataclass(frozen=True)
class Consent:
    """What an athlete consented to, before a row of the table Athletes stands for it."""

    client_id: str
    athlete_id: int
    athlete_name: str
    #: What Strava granted, separated by commas: ``read,activity:read_all``.
    granted_scope: str
    tokens: Tokens


@dataclass(frozen=True)
class Kept:
    """A consent that no row has been saved for."""

    handle: str
    consent: Consent
    has_expired: bool


class PendingConsents:
    """Consents between the exchange of their code and the saving of the athlete's row.

    The two happen in different processes, one for each REST handler, which may end in between, so memory will not do;
    a file or the KV Store would hold the tokens in clear. Password storage is encrypted and reaches both. The browser
    gets only a handle, which is worth nothing outside this Splunk and is good for one saving.

    An entry holds at most 255 characters, so a consent takes two: ``<handle>`` with the tokens, and
    ``<handle>.athlete``, written last, with the rest. The handle begins with the time until which it counts; what has
    expired stays until a running input has seen to its tokens (``loose_tokens``), which live on at Strava.

    Methods raise SplunkUnavailable and SessionExpired.
    """

    def __init__(self, splunkd: Passwords, clock: Clock, *, register: Callable[..., None] = _ignore) -> None:
        """``register`` is told of every secret that is read, so that logs can be masked."""
        self._splunkd = splunkd
        self._clock = clock
        self._register = register

    def keep(self, consent: Consent) -> str:
        """Keep a consent for ten minutes and return its handle."""
        handle = f"{int(self._clock.now()) + PENDING_LIFETIME}-{secrets.token_hex(16)}"
        self._splunkd.set_password(PENDING_REALM, handle, _as_text(consent.tokens))
        self._splunkd.set_password(PENDING_REALM, f"{handle}.athlete", _athlete_as_text(consent))
        return handle

    def look_up(self, handle: str) -> Optional[Consent]:
        """Return the consent that ``handle`` stands for, or None if it is unknown, used or expired."""
        if self._has_expired(handle) or not handle.replace("-", "").isalnum():
            return None
        tokens = self._splunkd.password(PENDING_REALM, handle)
        athlete = self._splunkd.password(PENDING_REALM, f"{handle}.athlete")
        return self._consent(tokens, athlete)

    def kept(self) -> list[Kept]:
        """Return all consents, also those that have expired, the newest first."""
        entries = self._splunkd.passwords(PENDING_REALM)
        found = []
        for handle in sorted(entries, reverse=True):
            consent = self._consent(entries[handle], entries.get(f"{handle}.athlete"))
            if consent is not None:
                found.append(Kept(handle, consent, self._has_expired(handle)))
        return found

    def drop(self, handle: str) -> None:
        """Make the handle worthless."""
        self._splunkd.delete_password(PENDING_REALM, f"{handle}.athlete")
        self._splunkd.delete_password(PENDING_REALM, handle)

    def drop_of(self, athlete_id: int) -> None:
        """Make all handles of this athlete's worthless."""
        for username, secret in self._splunkd.passwords(PENDING_REALM).items():
            handle, _, part = username.partition(".")
            if part == "athlete" and _athlete_of(secret) == athlete_id:
                self.drop(handle)

    def drop_remnants(self) -> None:
        """Remove what has expired and is no whole consent, so that nobody can say whose it is."""
        whole = {kept.handle for kept in self.kept()}
        for username in self._splunkd.passwords(PENDING_REALM):
            if self._has_expired(username) and username.partition(".")[0] not in whole:
                self._splunkd.delete_password(PENDING_REALM, username)

    def _consent(self, tokens: Optional[Secret], athlete: Optional[Secret]) -> Optional[Consent]:
        parsed = None if tokens is None else _tokens_from(tokens)
        if parsed is None or athlete is None:
            return None
        self._register(parsed.access_token, parsed.refresh_token)
        try:
            client_id, athlete_id, granted_scope, name = json.loads(athlete.reveal())
            return Consent(str(client_id), int(athlete_id), str(name), str(granted_scope), parsed)
        except (ValueError, TypeError):
            return None

    def _has_expired(self, handle: str) -> bool:
        until, _, _ = handle.partition("-")
        # ASCII digits only; anything else was not written by us.
        return not (until.isascii() and until.isdigit() and len(until) < 12 and int(until) >= self._clock.now())


def _as_text(tokens: Tokens) -> Secret:
    values = [tokens.access_token.reveal(), tokens.refresh_token.reveal(), tokens.expires_at]
    return Secret(_compact(values))


def _athlete_as_text(consent: Consent) -> Secret:
    """The rest of a consent; an athlete's name that is too long for one entry loses its end."""
    name = consent.athlete_name
    while True:
        text = _compact([consent.client_id, consent.athlete_id, consent.granted_scope, name])
        if not name or len(text.encode()) <= LONGEST_PASSWORD:
            return Secret(text)
        name = name[:-1]


def _tokens_from(stored: Secret) -> Optional[Tokens]:
    try:
        access_token, refresh_token, expires_at = json.loads(stored.reveal())
        return Tokens(Secret(str(access_token)), Secret(str(refresh_token)), int(expires_at))
    except (ValueError, TypeError):
        return None


def _athlete_of(stored: Secret) -> Optional[int]:
    try:
        return int(json.loads(stored.reveal())[1])
    except (ValueError, TypeError, IndexError, KeyError):
        return None


def _compact(values: list[object]) -> str:
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False)
