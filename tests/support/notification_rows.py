"""The rows of the error table that are about notifications, and about what becomes of one that says farewell."""

from __future__ import annotations

from dataclasses import replace

from strava_collector.job import Outcome, Priority
from strava_collector.notification_rules import Consequence, Hold, Meaning
from strava_collector.outcome import Depart, Finish, Granted, Refused
from strava_collector.webhook import Notification
from tests.support.judging import FRESH, NEWS, NOT_WITHDRAWN, NOW, WITHDRAWN, Row
from tests.support.store import notification


def changed(aspect: str = "update", **fields: object) -> Notification:
    return notification(1, aspect_type=aspect, **fields)


def withdrawn(**fields: object) -> Notification:
    arrived: dict[str, object] = {"object_type": "athlete", "aspect_type": "update", "updates": {"authorized": "false"}}
    return notification(134815, **{**arrived, **fields})


NOTIFICATION_ROWS = [
    # Notifications.
    Row(
        "`create` or `update` of a connected athlete's activity",
        changed(),
        NEWS,
        Consequence(Meaning.CHANGED, fetch=Priority.LIVE, note=True),
        "changed",
    ),
    Row(
        "`update` while updates are not to be fetched",
        changed(),
        replace(NEWS, fetch_updates=False, present=True),
        Consequence(Meaning.NOT_FETCHED, note=True),
        "update not fetched",
    ),
    Row(
        "A notification of an athlete who is not connected",
        changed(),
        replace(NEWS, athlete_known=False),
        Consequence(Meaning.HELD, hold=Hold.UNKNOWN_ATHLETE),
        "held",
    ),
    Row(
        "A notification of another subscription",
        changed(),
        replace(NEWS, genuine=False),
        Consequence(Meaning.HELD, hold=Hold.FOREIGN_SUBSCRIPTION),
        "held",
    ),
    Row(
        "A notification in the name of another than the activity's athlete",
        changed(),
        replace(NEWS, collected_for=999),
        Consequence(Meaning.CONTRADICTED),
        "owner contradicted",
    ),
    Row(
        "`delete` that is the newest",
        changed("delete"),
        NEWS,
        Consequence(Meaning.DELETED, fetch=Priority.RECONCILIATION, tombstone=True, note=True),
        "deleted",
    ),
    Row(
        "`delete` within the second of another change",
        changed("delete"),
        replace(NEWS, newest_event_time=int(NOW)),
        Consequence(Meaning.SAME_SECOND_DELETE, fetch=Priority.LIVE, note=True),
        "delete within the second of another change",
    ),
    Row(
        "`delete` that is older than another change",
        changed("delete"),
        replace(NEWS, newest_event_time=int(NOW) + 1),
        Consequence(Meaning.OUTDATED_DELETE, fetch=Priority.RECONCILIATION, note=True),
        "outdated delete",
    ),
    Row(
        "Any other notification: athletes without news, unknown types",
        changed(object_type="gear"),
        NEWS,
        Consequence(Meaning.RECORDED),
        "recorded only",
    ),
    # Departures.
    Row(
        "A notification that the athlete has withdrawn the permission",
        withdrawn(),
        NEWS,
        Consequence(Meaning.DEAUTHORIZATION, confirm_access=True),
        "deauthorization claimed",
    ),
    Row(
        "Strava confirms it: 401, also with a renewed token, or the refresh token is refused",
        Refused(401),
        replace(FRESH, renewed=True),
        Depart(WITHDRAWN),
        WITHDRAWN,
        departure=True,
    ),
    Row(
        "Strava denies it: 200",
        Granted(),
        FRESH,
        Finish(Outcome.UNCHANGED, NOT_WITHDRAWN),
        NOT_WITHDRAWN,
        departure=True,
    ),
]
