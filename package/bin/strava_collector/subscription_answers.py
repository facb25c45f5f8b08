"""What Strava's answers about subscriptions say, and the sentences for everything that it refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Callable, Optional

from strava_collector.callback_url import LONGEST_CALLBACK_URL
from strava_collector.errors import CollectorError
from strava_collector.oauth import Refusal, faults_of, refusal_of
from strava_collector.settings import Application
from strava_collector.subscription_rules import Listed, State, shown
from strava_collector.transport import Answer

#: Where people find what Strava knows about their application.
SETTINGS_PAGE = "https://www.strava.com/settings/api"

#: Larger ids are none; the store could not hold them.
_LARGEST = 2**63 - 1

_BLANKS = re.compile(r"\s+")


class SubscriptionTrouble(CollectorError):
    """The subscription could not be looked at, made or deleted; the message says why and what to do."""

    def __init__(self, state: State, message: str, *, at: Optional[float] = None) -> None:
        super().__init__(message)
        self.state = state
        #: Not to be tried before, in epoch seconds.
        self.at = at


def listed_in(answer: Answer) -> Optional[tuple[Listed, ...]]:
    """Return what Strava lists, by ascending id; None if the answer is not such a list."""
    if answer.status != 200:
        return None
    try:
        entries = answer.json()
    except ValueError:
        return None
    if not isinstance(entries, list):
        return None
    found = [_listed(entry) for entry in entries]
    known = [one for one in found if one is not None]
    return tuple(sorted(known, key=lambda one: one.id)) if len(known) == len(found) else None


def created_in(answer: Answer, callback_url: str) -> Optional[Listed]:
    """Return the subscription that was made; None if the answer does not say so. Older answers have only its id."""
    if not 200 <= answer.status < 300:
        return None
    try:
        made = _listed(answer.json())
    except ValueError:
        return None
    return None if made is None else Listed(made.id, made.callback_url or callback_url, made.created_at)


def is_gone(answer: Answer) -> bool:
    """Whether a deleted subscription is gone: deleted now, or it was not there."""
    return answer.status == 404 or 200 <= answer.status < 300


def trouble_of(
    answer: Answer,
    application: Application,
    *,
    to_do: str,
    callback_url: str = "",
    look_there: Callable[[], str] = str,
    tried_again: bool = True,
) -> SubscriptionTrouble:
    """Return what an answer means that is not the wanted one.

    ``to_do`` says what was asked for, for instance “list the application's subscription”. ``look_there`` says what
    somebody saw who asked the callback URL just now; it is called only if that helps, and may take seconds.
    ``tried_again`` says that the add-on asks again by itself.
    """

    def again(words: str) -> str:
        return f" {words}" if tried_again else ""

    status = answer.status
    if status == 429:
        return SubscriptionTrouble(
            State.LIMITED,
            f"Strava's rate limit for the application “{application.name}” is used up (429), so it did not {to_do}."
            f"{again('It is tried again when the limit is free.')}",
        )
    if status >= 500 or status == 408:
        return SubscriptionTrouble(
            State.OUTAGE,
            f"Strava cannot {to_do} now (status {status}).{again('It is tried again at growing intervals.')}",
        )
    refusal = refusal_of(answer)
    if refusal in _APPLICATION:
        state, sentence = _APPLICATION[refusal]
        return SubscriptionTrouble(
            state,
            sentence.format(name=application.name, client_id=application.client_id, page=SETTINGS_PAGE)
            + (again("It is looked again by itself.") if state is State.INACTIVE else ""),
        )
    faults = faults_of(answer)
    codes = {code for _, _, code in faults}
    if any("not verifiable" in code for code in codes):
        return SubscriptionTrouble(State.NOT_VERIFIABLE, _not_verifiable(callback_url, look_there))
    if any("return 200" in code for code in codes):
        return SubscriptionTrouble(State.NOT_200, _not_200(callback_url, look_there))
    if "already exists" in codes:
        return SubscriptionTrouble(
            State.EXISTS,
            f"Strava says that the application “{application.name}” has a subscription already, and lists none. Delete "
            "all subscriptions of the application with the command “strava_admin.py subscriptions delete --all”"
            + (", or wait: it is tried again." if tried_again else "."),
        )
    if any(field.replace("_", " ") == "callback url" for _, field, _ in faults):
        return SubscriptionTrouble(
            State.URL_REFUSED,
            f"Strava does not take the callback URL {shown(callback_url)} ({_words(faults)}). Correct it in the input: "
            f"https, a host name of the internet, {LONGEST_CALLBACK_URL} characters at most (it has "
            f"{len(callback_url)}).",
        )
    if status == 200:
        return SubscriptionTrouble(
            State.OUTAGE,
            f"Something else than Strava's API answered when it was asked to {to_do}: the answer cannot be read. Look "
            "at the API URL (Configuration → Advanced) and at the proxy.",
        )
    return SubscriptionTrouble(
        State.REFUSED,
        f"Strava refused to {to_do} (status {status}{_words(faults, before=': ')}). Compare the application "
        f"“{application.name}” with {SETTINGS_PAGE}.",
    )


_APPLICATION: Mapping[Optional[Refusal], tuple[State, str]] = {
    Refusal.CLIENT_ID: (
        State.CLIENT_ID,
        "Strava knows no application with the client ID {client_id}. Compare it with the one on {page} and correct the "
        "row “{name}” on Configuration → Applications.",
    ),
    Refusal.CLIENT_SECRET: (
        State.CLIENT_SECRET,
        "Strava does not accept the client secret of the application “{name}”. Copy it once more from {page} to "
        "Configuration → Applications.",
    ),
    Refusal.INACTIVE: (
        State.INACTIVE,
        "Strava has switched the application “{name}” off (403 Inactive), so it has no subscription. See {page}, or "
        "write to Strava's developer support.",
    ),
}


def _not_verifiable(callback_url: str, look_there: Callable[[], str]) -> str:
    return _with_look(
        f"Strava could not verify the callback URL {shown(callback_url)}: within 2 s it got no answer from there, or "
        "another one than it wants.",
        look_there,
        "Make sure that the internet reaches that address (DNS, router, firewall), that the certificate is of a public "
        "authority and complete, and that what stands in front passes on path and query.",
    )


def _not_200(callback_url: str, look_there: Callable[[], str]) -> str:
    return _with_look(
        f"Strava asked the callback URL {shown(callback_url)}, and the answer had another status than 200.",
        look_there,
        "Mostly another program answers there, or something in front changes the path or leaves out the query: see "
        "that the address leads to this input's port, with exactly this path.",
    )


def _with_look(what: str, look_there: Callable[[], str], to_do: str) -> str:
    return " ".join(filter(None, (what, look_there().strip(), to_do)))


def _listed(entry: object) -> Optional[Listed]:
    subscription_id = entry.get("id") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or type(subscription_id) is not int or not 0 < subscription_id <= _LARGEST:
        return None
    return Listed(subscription_id, _text(entry.get("callback_url")), _text(entry.get("created_at"))[:40])


def _text(value: object) -> str:
    """A text without halves of characters, which JSON may hold and the store cannot; empty if it is none."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""


def _words(faults: list[tuple[str, str, str]], before: str = "") -> str:
    """Strava's own words, for people."""
    said = "; ".join(_BLANKS.sub(" ", " ".join(filter(None, fault))).strip() for fault in faults[:3])
    return before + shown(said[:100]) if said else ""
