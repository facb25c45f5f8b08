"""What follows from a notification: pure decisions about order, duplicates and deletes.

Strava neither signs its notifications nor promises their order, so none is believed: a fetch decides what is true.
The one exception is a delete, which takes effect at once and is confirmed by a fetch afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from strava_collector.job import Priority
from strava_collector.webhook import Notification

#: How far Strava's clock may be ahead of ours, in seconds.
CLOCK_DIFFERENCE = 600


@dataclass(frozen=True)
class Consequence:
    """What is to be done about a notification, besides recording it as an event."""

    #: A word for the log.
    meaning: str
    #: Fetch the activity with this priority.
    fetch: Optional[Priority] = None
    #: The activity is gone: mark the places where it was collected.
    tombstone: bool = False
    #: Keep it until its athlete connects.
    hold: bool = False


def happened_at(notification: Notification, received_at: float) -> int:
    """Return when a notification's event happened, in seconds since the epoch by Strava's clock.

    A time in the future is taken for the time of arrival: anybody may send notifications, and one with a time that
    is years ahead would make all later deletes look outdated.
    """
    latest = int(received_at) + CLOCK_DIFFERENCE
    return notification.event_time if notification.event_time <= latest else int(received_at)


def consequence(
    notification: Notification, *, event_time: int, athlete_known: bool, newest_event_time: Optional[int]
) -> Consequence:
    """Decide what follows from a notification.

    ``event_time`` is as :func:`happened_at` says. ``newest_event_time`` is that of the newest notification of the
    same activity seen before, in seconds since the epoch by Strava's clock, or None if there was none.
    """
    if notification.object_type != "activity" or notification.aspect_type not in (
        "create",
        "update",
        "delete",
    ):
        return Consequence("recorded")
    if not athlete_known:
        return Consequence("held", hold=True)
    if notification.aspect_type != "delete":
        return Consequence("changed", fetch=Priority.LIVE)
    if newest_event_time is None or event_time > newest_event_time:
        # Confirmed behind live activities: usually it is true, and if not, a few seconds do not matter.
        return Consequence("deleted", fetch=Priority.RECONCILIATION, tombstone=True)
    if event_time == newest_event_time:
        return Consequence("deleted within the second of another change", fetch=Priority.LIVE)
    # Older than another change, or made to look so by a forged one, or by a clock: a fetch tells.
    return Consequence("outdated delete", fetch=Priority.RECONCILIATION)
