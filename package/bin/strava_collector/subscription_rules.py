"""What to do about an application's push subscription: pure decisions.

Strava keeps one subscription per application and cannot change it; what is not as it should be is deleted and made
anew. What belongs to somebody else is left alone unless the user allows otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Optional, Union
from urllib.parse import urlsplit

#: The longest pause between two looks, in seconds; also the pause while all is well.
LONGEST_PAUSE = 3600.0

#: What is quoted of others must not break a line or become markup, nor fill a page.
_LONGEST_QUOTE = 255
_HARMLESS = str.maketrans("<>", "‹›")


class State(str, Enum):
    """How keeping the subscription went last; the words that pages show."""

    KEPT = "kept"
    #: The user makes the subscription.
    BY_HAND = "by hand"
    #: Not looked yet, or no further call may be made now.
    WAITING = "waiting"
    FOREIGN = "another callback URL"
    CONTESTED = "replaced by another installation"
    NOT_VERIFIABLE = "not verifiable"
    NOT_200 = "callback URL does not answer 200"
    EXISTS = "already exists"
    URL_REFUSED = "callback URL refused"
    CLIENT_ID = "wrong client ID"
    CLIENT_SECRET = "wrong client secret"  # noqa: S105 # words, no secret
    INACTIVE = "application inactive"
    LIMITED = "rate limit used up"
    OUTAGE = "Strava fails"
    UNREACHABLE = "Strava not reached"
    REFUSED = "refused"

    @property
    def passes(self) -> bool:
        """Whether it may well be over in a while without anybody's doing."""
        return self in (State.WAITING, State.LIMITED, State.OUTAGE, State.UNREACHABLE)


#: The first pause after a failure, in seconds; it doubles up to LONGEST_PAUSE. Whoever mends a setting is not kept
#: waiting: a change of what is wanted ends any pause.
_FIRST_PAUSE = {
    State.KEPT: LONGEST_PAUSE,
    State.FOREIGN: LONGEST_PAUSE,
    State.CONTESTED: LONGEST_PAUSE,
    State.URL_REFUSED: LONGEST_PAUSE,
    State.CLIENT_ID: 900.0,
    State.CLIENT_SECRET: 900.0,
    State.INACTIVE: 900.0,
    State.REFUSED: 900.0,
}
_ORDINARY_PAUSE = 120.0


def pause(state: State, failures: int) -> float:
    """Return the seconds to the next look, after so many failures in a row, this one included."""
    first = _FIRST_PAUSE.get(state, _ORDINARY_PAUSE)
    return float(min(first * 2 ** min(max(failures - 1, 0), 16), LONGEST_PAUSE))


@dataclass(frozen=True)
class Listed:
    """A subscription as Strava lists it."""

    id: int
    #: Empty if Strava does not say.
    callback_url: str
    #: As Strava wrote it: fractions of nine digits have been seen, so it is not parsed.
    created_at: str = ""


@dataclass(frozen=True)
class Wanted:
    """What the input asks for."""

    callback_url: str
    #: The user allows that a subscription with another callback URL is deleted.
    may_replace: bool = False


@dataclass(frozen=True)
class Known:
    """What is remembered of the last looks."""

    #: The subscription that this host has made or found to be its own; None if there was none.
    subscription_id: Optional[int] = None
    #: The verify token is another one than when it was made.
    token_changed: bool = False
    #: The callback URL of a foreign subscription that was replaced.
    rival: Optional[str] = None


@dataclass(frozen=True)
class Keep:
    """All is as it should be."""

    listed: Listed


@dataclass(frozen=True)
class Create:
    """There is none."""

    why: str
    #: There was one of ours, and somebody has deleted it.
    missing: Optional[int] = None


@dataclass(frozen=True)
class Replace:
    """Delete this one, then create."""

    listed: Listed
    why: str
    #: It is somebody else's; the user has allowed it.
    foreign: bool = False


@dataclass(frozen=True)
class Refuse:
    """Do nothing; the sentences say what is there, and what the user can do."""

    state: State
    said: str


Plan = Union[Keep, Create, Replace, Refuse]


def decide(listed: Sequence[Listed], wanted: Wanted, known: Known) -> Plan:
    """Return what follows from what Strava lists, what is wanted and what is remembered.

    Strava keeps one subscription per application; should it list several, ours counts.
    """
    if not listed:
        if known.subscription_id is None:
            return Create("there is none")
        return Create("the one that was there is gone", missing=known.subscription_id)
    ours = [one for one in listed if same_url(one.callback_url, wanted.callback_url)]
    if ours:
        found = ours[-1]
        if found.id == known.subscription_id and known.token_changed:
            return Replace(found, "the verify token has changed")
        return Keep(found)
    there = listed[-1]
    if there.id == known.subscription_id:
        return Replace(there, "the callback URL has changed")
    if not wanted.may_replace:
        return Refuse(State.FOREIGN, _foreign(there, wanted))
    if known.rival is not None and same_url(there.callback_url, known.rival):
        return Refuse(State.CONTESTED, _contested(there))
    return Replace(there, "the input may replace a subscription with another callback URL", foreign=True)


def same_url(one: str, other: str) -> bool:
    """Whether two callback URLs are the same address, however they are written."""
    return _comparable(one) == _comparable(other)


def shown(text: str) -> str:
    """Return what somebody else wrote so that it can be shown in a sentence."""
    printable = "".join(character if character.isprintable() else "�" for character in text)
    cut = printable if len(printable) <= _LONGEST_QUOTE else printable[:_LONGEST_QUOTE] + "…"
    return cut.translate(_HARMLESS)


def _comparable(url: str) -> tuple[str, str, Optional[int], str, str]:
    try:
        parts = urlsplit(url.strip())
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
        return parts.scheme, parts.hostname or "", port, parts.path or "/", parts.query
    except ValueError:
        return "", "", None, url, ""


def _described(there: Listed) -> str:
    since = f", made {shown(there.created_at)}" if there.created_at else ""
    where = f"leads to {shown(there.callback_url)}" if there.callback_url else "leads to an unknown address"
    return f"subscription {there.id}{since}, which {where}"


def _foreign(there: Listed, wanted: Wanted) -> str:
    return (
        f"The application has a subscription with another callback URL at Strava: {_described(there)}. Strava allows "
        f"one, so nothing is sent to {wanted.callback_url}. If nobody needs the other one, tick “Replace a "
        "subscription with another callback URL” in the input, or delete it; otherwise use an application of its own "
        "here."
    )


def _contested(there: Listed) -> str:
    return (
        f"The subscription that this input had made was replaced by another one: {_described(there)}. That address had "
        "been replaced before, so another installation uses the same application and takes it back; this input no "
        "longer does. Stop the other one or give it an application of its own, then save this input again on the page "
        "Inputs: it takes the subscription once more then."
    )
