"""Events as they reach the index.

Every event begins with its own time, because Splunk may look for a time in the text although the input names one:
both ways must agree (``props.conf`` has the other half). Short values come first and long ones last, because Splunk
reads JSON fields only from the first few thousand characters at search time.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from operator import itemgetter

ACTIVITY_SOURCETYPE = "strava:activities"
WEBHOOK_SOURCETYPE = "strava:webhook"

#: Values whose JSON is longer than this go to the end of the event; in bytes, as Splunk's limit may be meant.
SHORT_VALUE = 300

#: How far a notification's own time may be from its arrival, in seconds: Splunk refuses times more than two days
#: ahead, and Strava has sent notifications since 2015.
NEWEST_NOTIFICATION = 86_400
OLDEST_NOTIFICATION = 20 * 365 * 86_400

#: What JSON allows in a string but XML 1.0 or a log reader does not: written as ``\uXXXX`` instead.
_UNSAFE = re.compile("[\x7f-\x9f\ud800-\udfff\u2028\u2029\ufffe\uffff]")

#: Made once: half of what a short event costs would be making it anew.
_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))

_START_DATE = re.compile(r"(?P<seconds>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?P<zone>Z|[+-]\d\d:\d\d)\Z", re.ASCII)


class NoStartDate(ValueError):
    """An activity's ``start_date`` is missing or no date, so there is no place for it on the time line."""


@dataclass(frozen=True)
class Event:
    """One event for splunkd."""

    #: Seconds since the epoch; equal to the time at the beginning of ``data``.
    time: float
    sourcetype: str
    index: str
    #: The input that wrote it, for instance ``strava_webhook://club``.
    source: str
    #: The event's text: one line of JSON.
    data: str


@dataclass(frozen=True)
class Tombstone:
    """What has to be written at a place that an activity has left."""

    activity_id: int
    athlete_id: int
    #: The place: ``start_date`` in the form that events begin with.
    start_date: str
    #: Epoch seconds, in milliseconds' precision; later than every event at this place.
    collected_at: float
    index: str


def start_date(activity: Mapping[str, object]) -> str:
    """Return an activity's start in the one form that all its events begin with: ``2024-05-01T06:30:00Z``.

    Strava writes exactly that; fractions and other zones are brought to it, so that ``props.conf`` needs one format.
    Raises NoStartDate.
    """
    match = _START_DATE.match(str(activity.get("start_date")))
    if match is None:
        raise NoStartDate
    try:
        moment = datetime.fromisoformat(match["seconds"] + match["zone"].replace("Z", "+00:00"))
        utc = moment.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise NoStartDate from None
    return utc.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def epoch(start: str) -> float:
    """Return the epoch seconds of a time in :func:`start_date`'s form."""
    return datetime.fromisoformat(start.replace("Z", "+00:00")).timestamp()


def activity_event(
    activity: Mapping[str, object],
    *,
    start: str,
    collected_at: float,
    reason: str,
    input_name: str,
    index: str,
    source: str,
) -> Event:
    """Return the event of a fetched activity: Strava's answer with all its keys, and what the collector knows."""
    fields = {
        **activity,
        "collected_at": collected_at,
        "collected_by": reason,
        "input": input_name,
    }
    fields.pop("start_date", None)
    if "deleted" in fields:
        # The word of our tombstones; Strava does not use it today.
        fields["strava_deleted"] = fields.pop("deleted")
    data = f"{{{','.join([*members({'start_date': start}), *short_first(fields)])}}}"
    return Event(epoch(start), ACTIVITY_SOURCETYPE, index, source, data)


def activity_digest(activity: Mapping[str, object]) -> str:
    """Return a hexadecimal SHA-256 that two answers of Strava share only if they differ in nothing but their order."""
    text = json.dumps(activity, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def tombstone_event(tombstone: Tombstone, source: str) -> Event:
    """Return the event that says: the activity is no longer at this place on the time line."""
    fields = {
        "start_date": tombstone.start_date,
        "id": tombstone.activity_id,
        "athlete": {"id": tombstone.athlete_id},
        "deleted": True,
        "collected_at": tombstone.collected_at,
    }
    return Event(epoch(tombstone.start_date), ACTIVITY_SOURCETYPE, tombstone.index, source, encode(fields))


def notification_event(
    body: Mapping[str, object], *, event_time: int, received_at: float, index: str, source: str
) -> Event:
    """Return the event of a notification: as received, plus when.

    Notifications are not signed, so ``event_time`` may be any number. One that Splunk would refuse as a time is kept
    as ``claimed_event_time`` and replaced by the time of arrival.
    """
    fields = {**body, "received_at": round(received_at, 3)}
    fields.pop("event_time", None)
    if not received_at - OLDEST_NOTIFICATION < event_time < received_at + NEWEST_NOTIFICATION:
        fields["claimed_event_time"] = event_time
        event_time = int(received_at)
    data = encode({"event_time": event_time, **fields})
    return Event(float(event_time), WEBHOOK_SOURCETYPE, index, source, data)


def encode(value: object) -> str:
    """Return a value as JSON that is also valid inside XML 1.0 and stays on one line.

    Raises ValueError for numbers that JSON has no form for.
    """
    text = _JSON.encode(value)
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def members(fields: Mapping[str, object]) -> list[str]:
    """Return each field as the piece of a JSON object that it becomes: ``"name":value``."""
    return [f"{encode(name)}:{encode(value)}" for name, value in fields.items()]


def short_first(fields: Mapping[str, object]) -> list[str]:
    """Return :func:`members`: short scalars in Strava's order, then everything else, the longest last.

    An activity may have 200 kB, so each value becomes JSON once: the text that is measured is the one that is written.
    """
    ranked = []
    for name, value in fields.items():
        text = encode(value)
        length = len(text) if len(text) > SHORT_VALUE else len(text.encode("utf-8"))
        is_short = length <= SHORT_VALUE and not isinstance(value, (dict, list))
        ranked.append(((0, 0) if is_short else (1, length), f"{encode(name)}:{text}"))
    ranked.sort(key=itemgetter(0))
    return [member for _, member in ranked]
