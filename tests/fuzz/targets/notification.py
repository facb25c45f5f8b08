"""A request's body, read as a notification.

It is a notification or :class:`NotANotification` with a sentence that quotes nothing of it. A notification survives
what happens to it: the store and back, leaving out what is not to be kept, the event, and the way to splunkd.
"""

from __future__ import annotations

import json
import re

from strava_collector.events import notification_event
from strava_collector.expectation import contradicts, merge, without
from strava_collector.privacy import Privacy
from strava_collector.webhook import (
    MAX_INTEGER,
    NotANotification,
    Notification,
    notification_from_json,
    parse_notification,
)
from tests.fuzz.target import Target

_SENTENCE = re.compile(
    r"(?:The (?:body|JSON) (?:is|names|holds) [A-Za-z0-9 -]+"
    r"|(?:object_type|object_id|aspect_type|owner_id|subscription_id|event_time|updates) is [a-z -]+)\.\Z"
)
_RECEIVED = 1_714_545_000.25


def _check(data: bytes) -> str:
    try:
        notification = parse_notification(data)
    except NotANotification as error:
        assert _SENTENCE.match(str(error)), str(error)
        return "refused"
    _check_values(notification)
    _check_store(notification)
    _check_event(notification)
    _check_left_out(notification)
    _check_expectation(notification)
    return "notification"


def _check_values(notification: Notification) -> None:
    for number in (notification.object_id, notification.owner_id, notification.subscription_id):
        assert type(number) is int and 0 <= number <= MAX_INTEGER
    assert 0 <= notification.event_time <= MAX_INTEGER
    for word in (notification.object_type, notification.aspect_type):
        assert re.fullmatch("[a-z_]{1,64}", word)


def _check_store(notification: Notification) -> None:
    text = notification.body_json()
    assert text.isascii() and text.isprintable()
    again = notification_from_json(text)
    assert again == notification
    assert again.digest == notification.digest


def _check_event(notification: Notification) -> None:
    event = notification_event(
        notification.body,
        event_time=notification.event_time,
        received_at=_RECEIVED,
        index="strava",
        source="strava_webhook://club",
    )
    content = json.loads(event.data)
    assert event.data.startswith(f'{{"event_time":{int(event.time)}')
    assert abs(event.time - _RECEIVED) < 21 * 365 * 86_400
    assert "\n" not in event.data
    ours = {"event_time", "received_at", "claimed_event_time"}
    assert {key: content[key] for key in content if key not in ours} == {
        key: value for key, value in notification.body.items() if key not in ours
    }
    assert notification.event_time in (content["event_time"], content.get("claimed_event_time"))


def _check_left_out(notification: Notification) -> None:
    kept = notification.without(Privacy(location=True, text=True, health=True))
    assert kept.digest == notification.digest
    assert (kept.object_id, kept.owner_id, kept.event_time) == (
        notification.object_id,
        notification.owner_id,
        notification.event_time,
    )
    assert "title" not in kept.updates
    notification_from_json(kept.body_json())


def _check_expectation(notification: Notification) -> None:
    expected = merge(None, notification, notification.event_time)
    assert merge(expected, notification, notification.event_time) == expected
    contradicts(expected, {"name": "Ride", "type": "Ride", "private": False})
    assert "title" not in json.loads(without(expected, Privacy(text=True)) or "{}")


TARGET = Target(
    name="notification",
    check=_check,
    ends=frozenset({"refused", "notification"}),
    words=(
        *(b'"object_type"', b'"object_id"', b'"aspect_type"', b'"owner_id"', b'"subscription_id"', b'"event_time"'),
        *(b'"updates"', b'"title"', b'"type"', b'"private"', b'"authorized"', b'"activity"', b'"athlete"', b'"create"'),
        *(b'"update"', b'"delete"', b'"false"', b'{"a":', b'"a":1,"a":2', b'"received_at"', b'"claimed_event_time"'),
    ),
)
