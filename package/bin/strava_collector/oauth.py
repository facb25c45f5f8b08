"""OAuth at Strava: a code becomes tokens, a refresh token becomes new tokens, tokens are revoked.

Secrets travel in the body of a POST (or, to revoke, in the Authorization header), never in an address.
Nothing is tried again here: a code is good for one exchange, and a refresh token may be.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Optional

from strava_collector.clock import Clock
from strava_collector.errors import CollectorError
from strava_collector.secret import Secret
from strava_collector.settings import Application
from strava_collector.transport import Answer, Request, Transport

#: What can stand in an Authorization header and fits into one part of ``storage/passwords``.
_TOKEN = re.compile(r"[\x21-\x7e]{1,255}\Z")

#: Larger numbers are no ids and no times; SQLite could not store them, nor could they be calculated with.
_LARGEST = 2**63 - 1

#: Statuses below 500 that say "not now" rather than "no": request timeout, too early, rate limit.
_NOT_NOW = (408, 425, 429)


@dataclass(frozen=True)
class Tokens:
    """What lets us act for one athlete."""

    #: Goes into the Authorization header; lives for six hours.
    access_token: Secret
    #: Gives new tokens, once: Strava may rotate it, and the old one dies at once.
    refresh_token: Secret
    #: When the access token expires, seconds since the epoch by our own clock.
    expires_at: int


@dataclass(frozen=True)
class Grant:
    """What an athlete's consent brought."""

    tokens: Tokens
    athlete_id: int
    #: First and last name as the athlete wrote them; the id if there is neither.
    athlete_name: str
    #: The athlete as Strava described it.
    athlete: Mapping[str, object] = field(repr=False)


class Refusal(str, Enum):
    """What Strava did not accept."""

    REFRESH_TOKEN = "refresh token"  # noqa: S105 # a word, no secret
    CLIENT_ID = "client id"
    CLIENT_SECRET = "client secret"  # noqa: S105 # a word, no secret
    CODE = "code"
    INACTIVE = "application inactive"
    OTHER = "other"


class OAuthRefused(CollectorError):
    """Strava said no, and will until somebody acts; the message says who, and how."""

    def __init__(self, kind: Refusal, status: int, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status


class OAuthUnavailable(CollectorError):
    """Strava could not answer now: 5xx, 429, or nothing that can be read. Trying again later may help."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str]) -> None:
        super().__init__(message)
        #: Of the answer; the headers (names in lower case) for ``Retry-After`` and the rate limits.
        self.status = status
        self.headers = headers


#: Strava's words in an error, in lower case: resource, field, code. All others are OTHER.
_REFUSALS = {
    ("refreshtoken", "refresh_token", "invalid"): Refusal.REFRESH_TOKEN,
    ("application", "client_id", "invalid"): Refusal.CLIENT_ID,
    ("application", "", "invalid"): Refusal.CLIENT_SECRET,
    ("authorizationcode", "code", "invalid"): Refusal.CODE,
    ("application", "status", "inactive"): Refusal.INACTIVE,
}

#: What to do about each; ``{application}`` is the name the user gave it.
_HINTS = {
    Refusal.REFRESH_TOKEN: "Strava no longer accepts the athlete's permission (refresh token): "
    "the athlete must connect again (Configuration → Athletes).",
    Refusal.CLIENT_ID: 'Strava does not know the client ID of the application "{application}": correct it '
    "(Configuration → Applications).",
    Refusal.CLIENT_SECRET: 'Strava does not accept the client secret of the application "{application}": '
    "enter the one that Strava shows now (Configuration → Applications).",
    Refusal.CODE: "Strava did not accept the code of this consent, which is good once and for a short time: "
    "connect again (Configuration → Athletes).",
    Refusal.INACTIVE: 'Strava has switched the application "{application}" off: '
    "see its page in the settings at strava.com, or write to Strava's developer support.",
    Refusal.OTHER: 'Strava refused a call for the application "{application}" (status {status}): compare its '
    "settings at strava.com with Configuration → Applications.",
}


class OAuth:
    """Strava's token endpoints below one base address, which is a setting."""

    def __init__(self, transport: Transport, oauth_url: str, clock: Clock) -> None:
        self._transport = transport
        self._oauth_url = oauth_url.rstrip("/")
        self._clock = clock

    def exchange(self, application: Application, code: Secret) -> Grant:
        """Turn the code of a consent into tokens. A code works once, so a failure means a new consent.

        Raises TransportError, OAuthRefused, OAuthUnavailable.
        """
        answer = self._token(application, grant_type="authorization_code", code=code)
        parsed = _object(answer, application)
        athlete = parsed.get("athlete")
        if not isinstance(athlete, dict):
            raise _unreadable(answer, "the athlete is missing")
        athlete_id = _positive(athlete.get("id"))
        if athlete_id is None:
            raise _unreadable(answer, "the athlete's id is missing or malformed")
        return Grant(self._tokens(answer, parsed), athlete_id, _name(athlete, athlete_id), athlete)

    def refresh(self, application: Application, tokens: Tokens) -> Tokens:
        """Return new tokens. Strava returns the same ones while they are good for more than an hour.

        The caller sees to it that nobody else refreshes the same athlete's tokens now, and that the new ones
        are saved before they are used. Raises TransportError, OAuthRefused, OAuthUnavailable.
        """
        answer = self._token(application, grant_type="refresh_token", refresh_token=tokens.refresh_token)
        return self._tokens(answer, _object(answer, application))

    def revoke(self, application: Application, token: Secret) -> None:
        """Give the permission back. ``token`` is the access or the refresh token; it may be dead already.

        Raises TransportError, OAuthRefused, OAuthUnavailable; the last also for an answer that is not Strava's: a page
        of a network's own, with status 200, must not count as a permission that has ended.
        """
        answer = self._transport.send(
            Request(
                "POST",
                self._oauth_url + "/revoke",
                headers={"Authorization": _basic(application)},
                form={"token": token},
            )
        )
        if 200 <= answer.status < 300:
            if answer.body.strip() and not _is_json(answer):
                raise _unreadable(answer, "it is neither empty nor JSON")
            return
        faults = faults_of(answer)
        if any(code == "invalid" and what in ("access_token", "refresh_token", "token") for _, what, code in faults):
            return
        raise _refused(answer, application)

    def _token(self, application: Application, **form: str | Secret) -> Answer:
        return self._transport.send(
            Request(
                "POST",
                self._oauth_url + "/token",
                headers={"Accept": "application/json"},
                form={"client_id": application.client_id, "client_secret": application.client_secret, **form},
            )
        )

    def _tokens(self, answer: Answer, parsed: Mapping[str, object]) -> Tokens:
        access, refresh = parsed.get("access_token"), parsed.get("refresh_token")
        if not isinstance(access, str) or not _TOKEN.match(access):
            raise _unreadable(answer, "the access token is missing or malformed")
        if not isinstance(refresh, str) or not _TOKEN.match(refresh):
            raise _unreadable(answer, "the refresh token is missing or malformed")
        expires_at, expires_in = _positive(parsed.get("expires_at")), _positive(parsed.get("expires_in"))
        if expires_at is None:
            raise _unreadable(answer, "the time of expiry is missing or malformed")
        if expires_in is not None:
            # expires_at is by Strava's clock. Where ours is hours off it would make each token look expired,
            # or good for ever; the span is right on any clock.
            expires_at = int(self._clock.now()) + expires_in
        return Tokens(Secret(access), Secret(refresh), expires_at)


def _basic(application: Application) -> Secret:
    """Apart from its caller, so that no variable has the clear text when a call fails and its frames are shown."""
    pair = f"{application.client_id}:{application.client_secret.reveal()}".encode()
    return Secret("Basic " + base64.b64encode(pair).decode("ascii"))


def _object(answer: Answer, application: Application) -> Mapping[str, object]:
    """The answer's JSON object if it reports success."""
    if not 200 <= answer.status < 300:
        raise _refused(answer, application)
    parsed = _json(answer)
    if not isinstance(parsed, dict):
        raise _unreadable(answer, "it is no JSON object")
    return parsed


def _refused(answer: Answer, application: Application) -> CollectorError:
    status = answer.status
    if status >= 500 or status in _NOT_NOW:
        return OAuthUnavailable(
            status,
            f"Strava's OAuth service cannot answer now (status {status}).",
            answer.headers,
        )
    kind = refusal_of(answer) or Refusal.OTHER
    return OAuthRefused(kind, status, _HINTS[kind].format(application=application.name, status=status))


def refusal_of(answer: Answer) -> Optional[Refusal]:
    """Return what Strava did not accept, or None if it does not say so in words that are known."""
    return next((_REFUSALS[fault] for fault in faults_of(answer) if fault in _REFUSALS), None)


def _unreadable(answer: Answer, what: str) -> OAuthUnavailable:
    return OAuthUnavailable(
        answer.status,
        f"Strava's OAuth service sent an answer that cannot be used (status {answer.status}): {what}.",
        answer.headers,
    )


def faults_of(answer: Answer) -> list[tuple[str, str, str]]:
    """The errors that Strava names, as resource, field and code in lower case; none if it cannot be read."""
    parsed = _json(answer)
    errors = parsed.get("errors") if isinstance(parsed, dict) else None
    if not isinstance(errors, list):  # one recorded answer has a string here
        return []
    return [
        (_word(error, "resource"), _word(error, "field"), _word(error, "code"))
        for error in errors
        if isinstance(error, dict)
    ]


def _word(error: Mapping[str, object], key: str) -> str:
    value = error.get(key)
    return value.lower() if isinstance(value, str) else ""


def _json(answer: Answer) -> Optional[object]:
    try:
        return answer.json()
    except ValueError:
        return None


def _is_json(answer: Answer) -> bool:
    try:
        answer.json()
    except ValueError:
        return False
    return True


def _positive(value: object) -> Optional[int]:
    return value if type(value) is int and 0 < value <= _LARGEST else None


def _name(athlete: Mapping[str, object], athlete_id: int) -> str:
    parts = (athlete.get("firstname"), athlete.get("lastname"))
    name = " ".join(part.strip() for part in parts if isinstance(part, str) and part.strip()) or str(athlete_id)
    # Half a character, which JSON may hold, fits into no address and no file.
    return name.encode("utf-8", "replace").decode("utf-8")
