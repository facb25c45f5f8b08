"""Whether a row of *Configuration → Applications* is right, as far as Strava and the other rows can tell.

Strava tells by the list of the application's push subscriptions, a cheap call that needs client ID and secret and
nothing else. Nothing is tried again here: saving the row once more asks once more.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Callable, Optional, Union

from strava_collector.configuration import Stanza, athlete_id_of
from strava_collector.errors import CollectorError, raised_at
from strava_collector.oauth import Refusal, refusal_of
from strava_collector.transport import Answer

#: Where people find what Strava knows about their application.
PAGE = "https://www.strava.com/settings/api"


class State(str, Enum):
    """What the table says of an application."""

    VERIFIED = "verified"
    #: Strava could not be asked, or did not say.
    NOT_VERIFIED = "not verified"
    INACTIVE = "inactive at Strava"


class ApplicationRefused(CollectorError):
    """The row must not be saved or deleted so; the message says why and what to do."""


@dataclass(frozen=True)
class Verdict:
    """What the row is saved with."""

    state: State
    #: A sentence about why.
    reason: str


def ask(call: Callable[[], Answer], patience: float) -> Union[Answer, CollectorError]:
    """Return what Strava answered, or why it did not, after ``patience`` seconds at most.

    The transport has limits of its own, but none for the system's name resolution, which can take half a minute on a
    host without a network. A call that is late is left to itself; its answer is of no use any more.
    """
    results: list[Union[Answer, CollectorError]] = []

    def work() -> None:
        try:
            results.append(call())
        except CollectorError as error:
            results.append(error)
        except Exception as error:
            # The interpreter would print it, with whatever it quotes; the call's address has the client secret in it.
            results.append(CollectorError(f"The add-on failed to ask ({type(error).__name__} in {raised_at(error)})."))

    thread = threading.Thread(target=work, name="application check", daemon=True)
    thread.start()
    thread.join(patience)
    if results:
        return results[0]
    return CollectorError(f"Strava did not answer within {patience:g} s.")


def judge(result: Union[Answer, CollectorError], client_id: str) -> Verdict:
    """Say what follows from the result of asking for the list of subscriptions.

    Raises ApplicationRefused, naming which of the two is wrong, when Strava says that they do not belong together.
    """
    if isinstance(result, CollectorError):
        return _not_verified(str(result))
    refusal = refusal_of(result) if 400 <= result.status < 404 else None
    if refusal is Refusal.CLIENT_ID:
        raise ApplicationRefused(
            f"Strava knows no application with the client ID {client_id}. Compare it with the one on {PAGE}."
        )
    if refusal is Refusal.CLIENT_SECRET:
        raise ApplicationRefused(
            f"Strava knows the client ID {client_id}, but the client secret does not belong to it. Copy the client "
            f"secret from {PAGE} once more."
        )
    if refusal is Refusal.INACTIVE:
        return Verdict(
            State.INACTIVE,
            f"Strava has switched this application off. See {PAGE}, or write to Strava's developer support; save the "
            "row again when it is on.",
        )
    if result.status == 200 and _is_list(result):
        return Verdict(State.VERIFIED, "Strava accepts the client ID and the client secret.")
    if result.status == 429:
        return _not_verified("Strava's rate limit for this application is used up (status 429).")
    if result.status == 200:
        return _not_verified("Strava answered with something else than the list that was asked for.")
    return _not_verified(f"Strava did not answer the question (status {result.status}).")


def conflict(
    name: str, client_id: str, *, applications: Mapping[str, Stanza], accounts: Mapping[str, Stanza]
) -> Optional[str]:
    """Return why the row ``name`` cannot have this client ID, or None if it can."""
    for other, stanza in sorted(applications.items()):
        if other != name and stanza.get("client_id", "").strip() == client_id:
            return (
                f"The application “{other}” has the client ID {client_id} already. Use that row; an application can "
                "be entered only once."
            )
    present = applications.get(name, {}).get("client_id", "").strip()
    connected = [row for row, stanza in sorted(accounts.items()) if _belongs(stanza, name) and athlete_id_of(stanza)]
    if present and present != client_id and connected:
        return (
            f"The client ID cannot change while athletes are connected to the application “{name}”: {_names(connected)}"
            ". Their consent was given to the present one. Delete those rows on Configuration → Athletes first, or add "
            "the other application as a row of its own."
        )
    return None


def needed_by(name: str, *, accounts: Mapping[str, Stanza], inputs: Mapping[str, Stanza]) -> Optional[str]:
    """Return why the row ``name`` cannot be deleted, or None if it can."""
    athletes = [row for row, stanza in sorted(accounts.items()) if _belongs(stanza, name)]
    users = [
        stanza_name.partition("://")[2]
        for stanza_name, stanza in sorted(inputs.items())
        if stanza_name.startswith("strava_") and "://" in stanza_name and _belongs(stanza, name)
    ]
    parts = []
    if athletes:
        parts.append(f"by athletes ({_names(athletes)}, on Configuration → Athletes)")
    if users:
        parts.append(f"by inputs ({_names(users)}, on the page Inputs)")
    if not parts:
        return None
    return f"The application “{name}” is used {' and '.join(parts)}. Delete those first."


def _belongs(stanza: Stanza, application: str) -> bool:
    return stanza.get("application", "").strip() == application


def _names(names: list[str]) -> str:
    return ", ".join(f"“{name}”" for name in names)


def _not_verified(reason: str) -> Verdict:
    return Verdict(State.NOT_VERIFIED, f"{reason} Save the row again to ask once more.")


def _is_list(answer: Answer) -> bool:
    try:
        return isinstance(answer.json(), list)
    except ValueError:
        return False
