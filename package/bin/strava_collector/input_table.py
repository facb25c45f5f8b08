"""What the table of *Inputs* shows besides the rows themselves: how it is about each input's subscription.

Worked out when the rows are listed, and never stored. What cannot be found out is left out: a store that is locked must
not make the page fail.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Optional

from strava_collector.configuration import Stanza, enabled_inputs, is_on
from strava_collector.errors import StoreUnavailable
from strava_collector.logfmt import line
from strava_collector.store import subscriptions, view
from strava_collector.store.subscriptions import Watch
from strava_collector.subscription_rules import State

log = logging.getLogger(__name__)

#: The names of the columns; a stanza never has these two.
SUBSCRIPTION, SUBSCRIPTION_HELP = "subscription", "subscription_help"

_DISABLED = "The input is disabled, so nobody looks after the subscription."
_WAITING = (
    "The subscription has not been looked at yet: that is done as soon as the input listens and can reach Strava."
)
#: Shown as the state while the store cannot be looked into.
UNKNOWN = "unknown"
_UNKNOWN = "It cannot be seen just now. Reload the page."

_OF_ANOTHER = (
    "The input “{keeper}” keeps the subscription of the application, and an application has only one, so nothing is "
    "sent to this input. Disable one of the two, or choose another application for one."
)


def look(folder: Optional[Path]) -> Optional[Mapping[str, Watch]]:
    """Return what is known of the subscriptions, by input; None if that cannot be found out. Changes nothing."""
    if folder is None:
        return None
    if not view.exists(folder):
        return {}
    try:
        with view.view(folder) as tx:
            return {one.input: one for one in subscriptions.watches(tx)}
    except StoreUnavailable as error:
        log.warning(line("subscriptions_not_known", error=str(error)))
        return None


def keeper_beside(name: str, inputs: Mapping[str, Stanza], seen: Mapping[str, Watch]) -> str:
    """Return the other enabled input that keeps the subscription of this one's application; empty if none does."""
    application = inputs.get(name, {}).get("application", "").strip()
    return next(
        (
            one.name
            for one in enabled_inputs(inputs)
            if one.name != name and one.application == application and one.name in seen
        ),
        "",
    )


def is_waiting(name: str, row: Stanza, seen: Optional[Mapping[str, Watch]]) -> bool:
    """Whether nobody has looked at this input's subscription, so that somebody else may have it."""
    is_managed = is_on(row, "manage_subscription", default=True)
    return seen is not None and name not in seen and is_managed and not is_on(row, "disabled", default=False)


def columns(name: str, row: Stanza, seen: Optional[Mapping[str, Watch]], keeper: str = "") -> dict[str, str]:
    """Return the computed columns of a row. ``keeper`` is the other input that has its subscription, if one has."""
    if is_on(row, "disabled", default=False):
        return _columns("", _DISABLED)
    if seen is None:
        return _columns(UNKNOWN, _UNKNOWN)
    watch = seen.get(name)
    is_managed = is_on(row, "manage_subscription", default=True)
    if watch is None and is_managed and keeper:
        return _columns(State.WAITING.value, _OF_ANOTHER.format(keeper=keeper))
    if watch is None or (watch.state is State.BY_HAND) == is_managed:
        # Nobody has looked since the box was ticked or unticked.
        return _columns(*((State.WAITING.value, _WAITING) if is_managed else (State.BY_HAND.value, "")))
    at = "" if watch.state is State.BY_HAND else f" Looked at: {_utc(watch.looked_at)}."
    return _columns(watch.state.value, f"{watch.said}{at}")


def _columns(state: str, said: str) -> dict[str, str]:
    return {SUBSCRIPTION: state, SUBSCRIPTION_HELP: said}


def _utc(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M} UTC"
