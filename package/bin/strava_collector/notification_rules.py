"""What follows from a notification: pure decisions about order, duplicates and deletes.

Strava neither signs its notifications nor promises their order, so none is believed: a fetch decides what is true.
The one exception is a delete, which takes effect at once and is confirmed by a fetch afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Optional

from strava_collector.job import Priority
from strava_collector.webhook import Notification

#: How far Strava's clock may be ahead of ours, in seconds.
CLOCK_DIFFERENCE = 600


class Meaning(str, Enum):
    """What a notification says to us; the word that stands in the log."""

    CHANGED = "changed"
    DELETED = "deleted"
    SAME_SECOND_DELETE = "delete within the second of another change"
    OUTDATED_DELETE = "outdated delete"
    #: An update that the user does not want to be fetched.
    NOT_FETCHED = "update not fetched"
    #: Somebody whose activities we collect withdraws the permission.
    DEAUTHORIZATION = "deauthorization claimed"
    #: It names an owner whose the object is not.
    CONTRADICTED = "owner contradicted"
    #: Nothing that concerns us.
    RECORDED = "recorded only"
    HELD = "held"


class Hold(str, Enum):
    """Why a notification is kept until more is known; goes into the store as its ``reason``."""

    UNKNOWN_ATHLETE = "unknown athlete"
    FOREIGN_SUBSCRIPTION = "foreign subscription"


@dataclass(frozen=True)
class Circumstances:
    """What is known when a notification is dispatched."""

    #: As :func:`happened_at` says.
    event_time: int
    #: Its subscription is the application's.
    genuine: bool
    #: Its owner is connected, to this application.
    athlete_known: bool
    #: Updates are to be fetched.
    fetch_updates: bool
    #: The newest event of the same activity seen before, by Strava's clock; None if there was none.
    newest_event_time: Optional[int] = None
    #: The athlete whose activity it is, as Strava itself said; None if it was never collected.
    collected_for: Optional[int] = None
    #: It was collected, and is not deleted since.
    present: bool = False


@dataclass(frozen=True)
class Consequence:
    """What is to be done about a notification, besides recording it as an event."""

    meaning: Meaning
    #: Fetch the activity with this priority.
    fetch: Optional[Priority] = None
    #: The activity is gone: mark the places where it was collected.
    tombstone: bool = False
    #: Ask Strava whether the athlete still grants access.
    confirm_access: bool = False
    #: Remember when this happened, to tell an outdated notification from a new one.
    note: bool = False
    #: Keep it until more is known.
    hold: Optional[Hold] = None


def happened_at(notification: Notification, received_at: float) -> int:
    """Return when a notification's event happened, in seconds since the epoch by Strava's clock.

    A time in the future is taken for the time of arrival: anybody may send notifications, and one with a time that
    is years ahead would make all later deletes look outdated.
    """
    latest = int(received_at) + CLOCK_DIFFERENCE
    return notification.event_time if notification.event_time <= latest else int(received_at)


def consequence(notification: Notification, at: Circumstances) -> Consequence:
    """Decide what follows from a notification."""
    if not at.genuine:
        return Consequence(Meaning.HELD, hold=Hold.FOREIGN_SUBSCRIPTION)
    if notification.object_type == "athlete":
        return _of_athlete(notification, at)
    if notification.object_type != "activity" or notification.aspect_type not in ("create", "update", "delete"):
        return Consequence(Meaning.RECORDED)
    if not at.athlete_known:
        return Consequence(Meaning.HELD, hold=Hold.UNKNOWN_ATHLETE)
    if at.collected_for is not None and at.collected_for != notification.owner_id:
        return Consequence(Meaning.CONTRADICTED)
    if notification.aspect_type != "delete":
        return _of_change(notification, at)
    return _of_delete(at)


def claims_deauthorization(notification: Notification) -> bool:
    """Whether a notification about an athlete says that the permission was withdrawn.

    Strava's own is an update with ``{"authorized": "false"}``; other spellings and ``delete`` have been reported.
    """
    if notification.object_type != "athlete":
        return False
    if notification.aspect_type == "delete":
        return True
    authorized = notification.updates.get("authorized")
    if isinstance(authorized, str):
        return authorized.strip().lower() in ("false", "0")
    return isinstance(authorized, (bool, int, float)) and not authorized


def _of_athlete(notification: Notification, at: Circumstances) -> Consequence:
    if not claims_deauthorization(notification):
        return Consequence(Meaning.RECORDED)
    if notification.object_id != notification.owner_id:
        return Consequence(Meaning.CONTRADICTED)
    if not at.athlete_known:
        return Consequence(Meaning.RECORDED)
    return Consequence(Meaning.DEAUTHORIZATION, confirm_access=True)


def _of_change(notification: Notification, at: Circumstances) -> Consequence:
    is_unwanted = notification.aspect_type == "update" and at.present and "private" not in notification.updates
    if is_unwanted and not at.fetch_updates:
        return Consequence(Meaning.NOT_FETCHED, note=True)
    return Consequence(Meaning.CHANGED, fetch=Priority.LIVE, note=True)


def _of_delete(at: Circumstances) -> Consequence:
    if at.newest_event_time is None or at.event_time > at.newest_event_time:
        # Confirmed behind live activities: usually it is true, and if not, a few seconds do not matter.
        return Consequence(Meaning.DELETED, fetch=Priority.RECONCILIATION, tombstone=True, note=True)
    if at.event_time == at.newest_event_time:
        return Consequence(Meaning.SAME_SECOND_DELETE, fetch=Priority.LIVE, note=True)
    # Older than another change, or made to look so by a forged one, or by a clock: a fetch tells.
    return Consequence(Meaning.OUTDATED_DELETE, fetch=Priority.RECONCILIATION, note=True)
