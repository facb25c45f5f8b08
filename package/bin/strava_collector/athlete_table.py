"""What the table of *Configuration → Athletes* shows besides the rows themselves: each athlete's state, what it means
and what to do about it, the activity collected last, and what the granted scopes let the add-on see.

All of it is worked out when the rows are listed, and none of it is stored. What cannot be found out is left out: a
store that is locked must not make the page fail.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Optional

from strava_collector.configuration import Stanza, athlete_id_of
from strava_collector.errors import StoreUnavailable
from strava_collector.logfmt import line
from strava_collector.profile import DETAILS
from strava_collector.store import athletes, ledger, view
from strava_collector.store.athletes import AthleteState, Standing
from strava_collector.store.ledger import Newest

log = logging.getLogger(__name__)

#: The names of the columns; a row of the conf file never has these four.
STATE, HINT, LAST_ACTIVITY, LAST_ACTIVITY_HELP = "state", "state_help", "last_activity", "last_activity_help"
#: The first one is a field of the row, which is shown in words.
GRANTED, GRANTED_HELP = "granted_scope", "granted_help"

NONE_YET, UNKNOWN = "none yet", "unknown"


class State(str, Enum):
    """Whether an athlete's activities can be collected."""

    CONNECTED = "connected"
    RECONNECT = "needs to reconnect"
    DISCONNECTED = "disconnected"


_COLLECTED = "Activities are collected as long as an input for this application runs."
_NEVER = "No athlete has been connected in this row. Edit it to connect with Strava, or delete it."
_NO_TOKENS = (
    "There are no tokens for this athlete, so nothing can be fetched. Edit the row to connect with Strava again."
)
_WITHDRAWN = (
    "The athlete has withdrawn the permission at Strava; what was collected is marked as deleted. Edit the row to "
    "connect with Strava again, or delete it."
)
_HALF_DELETED = "The deletion of this row was interrupted. Delete it again."
_RECONNECT = "{why} New activities wait for 7 days. Edit the row to connect with Strava again."


@dataclass(frozen=True)
class Seen:
    """What the store says about the athletes of some rows."""

    #: Those who are not in good standing.
    standings: Mapping[int, Standing] = field(default_factory=dict)
    newest: Mapping[int, Newest] = field(default_factory=dict)
    #: False if the store is there and could not be read.
    known: bool = True


def look(folder: Optional[Path], athlete_ids: Collection[int]) -> Seen:
    """Look into the store, if there is one; takes half a second at most and changes nothing."""
    if folder is None or not view.exists(folder):
        return Seen(known=folder is not None)
    try:
        with view.view(folder) as tx:
            newest = {athlete_id: ledger.newest_of(tx, athlete_id) for athlete_id in athlete_ids}
            standings = {found.athlete_id: found for found in athletes.standings(tx)}
    except StoreUnavailable as error:
        log.warning(line("athletes_not_known", error=str(error)))
        return Seen(known=False)
    return Seen(standings, {athlete_id: found for athlete_id, found in newest.items() if found is not None})


def columns(row: Stanza, seen: Seen, with_tokens: Optional[Collection[int]]) -> dict[str, str]:
    """Return the computed columns of a row. ``with_tokens`` are the athletes who have tokens, None if that is not
    known."""
    athlete_id = athlete_id_of(row)
    if athlete_id is None:
        return {
            **dict.fromkeys((LAST_ACTIVITY, LAST_ACTIVITY_HELP, GRANTED, GRANTED_HELP), ""),
            STATE: State.DISCONNECTED.value,
            HINT: _NEVER,
        }
    state, hint = _state(athlete_id, row, seen, with_tokens)
    last_activity, last_activity_help = _last_activity(athlete_id, seen)
    granted, granted_help = granted_in_words(row.get(GRANTED, ""), row.get("scope", ""))
    return {
        STATE: state.value,
        HINT: hint,
        LAST_ACTIVITY: last_activity,
        LAST_ACTIVITY_HELP: last_activity_help,
        GRANTED: granted,
        GRANTED_HELP: granted_help,
    }


def granted_in_words(granted: str, wanted: str) -> tuple[str, str]:
    """Say what the granted scopes let the add-on see: in a few words, and with what is missing of what was wanted."""
    scopes = granted.replace(",", " ").split()
    hidden, profile = "activity:read_all" in scopes, DETAILS in scopes
    if not hidden and "activity:read" not in scopes:
        return granted, granted
    which = "all activities, also those that only the athlete sees"
    seen = f"{granted}: {which if hidden else 'only activities that everyone or the followers see'}"
    seen += ", and the profile with FTP, zones, bikes and shoes." if profile else "."
    words = "All activities" if hidden else "All but private activities"
    unticked = []
    if "activity:read_all" in wanted and not hidden:
        unticked.append("The box for private activities was unticked at Strava.")
    if DETAILS in wanted and not profile:
        unticked.append("The box for the complete profile was unticked at Strava.")
        words += ", not the profile"
    elif profile and not unticked:
        words += ", and the profile"
    if not unticked:
        return words, seen
    return f"{words}: unticked at Strava", " ".join((seen, *unticked, "Edit the row to connect again."))


def _state(athlete_id: int, row: Stanza, seen: Seen, with_tokens: Optional[Collection[int]]) -> tuple[State, str]:
    standing = seen.standings.get(athlete_id)
    if standing is not None and standing.connected_at != row.get("connected_at", "").strip():
        standing = None  # of a connection before this one
    if standing is not None and standing.state is AthleteState.DEAUTHORIZED:
        return State.DISCONNECTED, _HALF_DELETED if standing.reason == athletes.ROW_DELETED else _WITHDRAWN
    if with_tokens is not None and athlete_id not in with_tokens:
        return State.DISCONNECTED, _NO_TOKENS
    if standing is not None:
        return State.RECONNECT, _RECONNECT.format(why=standing.reason)
    if not seen.known:
        return State.CONNECTED, f"{_COLLECTED} Whether Strava still accepts the connection cannot be seen just now."
    return State.CONNECTED, _COLLECTED


def _last_activity(athlete_id: int, seen: Seen) -> tuple[str, str]:
    """When it was collected, and that with when it began and what it is."""
    newest = seen.newest.get(athlete_id)
    if newest is None:
        nothing = NONE_YET if seen.known else UNKNOWN
        return nothing, nothing
    collected, began = _utc(newest.collected_at), newest.start_date.replace("T", " ")[:16]
    return collected, f"Activity {newest.activity_id}, begun {began} UTC, collected {collected}"


def _utc(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M} UTC"
