"""The notification: what Strava sends to the callback URL, checked once and then passed around as a value.

A notification says that something happened to an object, never what the object looks like. Strava may add fields
at any time, so unknown ones are kept as they came; the known ones are checked strictly, because everything behind
this module trusts them. Strava's documentation: https://developers.strava.com/docs/webhooks/
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NoReturn, Optional

from strava_collector.privacy import Privacy, of_notification

#: What SQLite can store, and more than any id of Strava's.
MAX_INTEGER = 2**63 - 1

#: Deeper JSON is no notification; the limit is far below what Python's recursion allows anywhere it is handled.
MAX_DEPTH = 16

#: Digits of an integer, also in unknown fields: converting very long ones takes quadratic time.
MAX_DIGITS = 40

#: Commas, and so values and keys, also those within a text. A notification has seven; reading as many as a body can
#: hold would take a hundred times as long as anything that Strava sends.
MAX_COMMAS = 1_000

#: ``create``, ``update``, ``activity``, ``athlete``, and whatever Strava may add.
_NAME = re.compile(r"[a-z_]{1,64}\Z")


class Receipt(str, Enum):
    """What became of a notification that is now safe on disk; the value is the answer's ``status``."""

    ACCEPTED = "accepted"
    #: The same notification was stored before; Strava sends again what it believes lost.
    DUPLICATE = "duplicate"


class NotANotification(Exception):
    """The body is not a notification; ``str(error)`` says why in a sentence that never quotes the body."""


@dataclass(frozen=True)
class Notification:
    """One notification; the integers are at least 0 and fit into 64 bits with a sign."""

    #: ``activity`` or ``athlete``; an unknown one is no error, it is recorded later.
    object_type: str
    #: The activity's id, or the athlete's.
    object_id: int
    #: ``create``, ``update`` or ``delete``; an unknown one is no error either.
    aspect_type: str
    #: The athlete whom the object belongs to.
    owner_id: int
    subscription_id: int
    #: When it happened, in seconds since the epoch, as Strava says.
    event_time: int
    #: What an update changed, for instance ``{"title": "Messy"}``; empty if there was nothing or null.
    updates: Mapping[str, object] = field(hash=False)
    #: The whole JSON object as received, with unknown fields, without what is to be left out.
    body: Mapping[str, object] = field(hash=False)
    #: The digest of what was received, if something of it has been left out since.
    received_digest: Optional[str] = None

    @property
    def digest(self) -> str:
        """Hexadecimal SHA-256 that is the same for a redelivery, whatever the order of its keys and its blanks.

        Always of what was received: two new titles within a second are two notifications also for those who keep no
        titles, and a redelivery is one also if that setting was changed since the first delivery.
        """
        return self.received_digest or self.kept_digest

    @property
    def kept_digest(self) -> str:
        """The same of what is kept."""
        return hashlib.sha256(_canonical_encoder.encode(self.body).encode("ascii")).hexdigest()

    def without(self, privacy: Privacy) -> Notification:
        """Return the notification as it may be kept."""
        body = of_notification(self.body, privacy)
        if body == self.body:
            return self
        updates = body.get("updates")
        return replace(
            self, updates=updates if isinstance(updates, dict) else {}, body=body, received_digest=self.digest
        )

    def body_json(self) -> str:
        """The notification as compact JSON with the keys in the order received, in ASCII only."""
        return _compact_encoder.encode(self.body)


def parse_notification(body: bytes) -> Notification:
    """Read a request's body. Raises :class:`NotANotification`."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise NotANotification("The body is not UTF-8.") from None
    return notification_from_json(text)


def notification_from_json(text: str) -> Notification:
    """Read JSON text, from a request or from the store. Raises :class:`NotANotification`."""
    if text.count(",") > MAX_COMMAS:
        raise NotANotification("The JSON holds too many values.")
    try:
        body = _decoder.decode(text)
    except RecursionError:
        raise NotANotification("The JSON is nested too deeply.") from None
    except ValueError:
        # The decoder's own messages quote the text.
        raise NotANotification("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise NotANotification("The JSON is not an object.")
    # Counting is enough for every notification that Strava has ever sent.
    if text.count("{") + text.count("[") > MAX_DEPTH and _depth_exceeds(body, MAX_DEPTH):
        raise NotANotification("The JSON is nested too deeply.")
    updates = body.get("updates")
    if updates is None:
        updates = {}
    elif not isinstance(updates, dict):
        raise NotANotification("updates is not an object.")
    return Notification(
        object_type=_name(body, "object_type"),
        object_id=_integer(body, "object_id"),
        aspect_type=_name(body, "aspect_type"),
        owner_id=_integer(body, "owner_id"),
        subscription_id=_integer(body, "subscription_id"),
        event_time=_integer(body, "event_time"),
        updates=updates,
        body=body,
    )


def _name(body: Mapping[str, object], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str):
        raise NotANotification(f"{key} is not a string." if key in body else f"{key} is missing.")
    if not _NAME.match(value):
        raise NotANotification(f"{key} is not a lower-case word.")
    return value


def _integer(body: Mapping[str, object], key: str) -> int:
    value = body.get(key)
    # bool is a subclass of int, and true is not an id.
    if not isinstance(value, int) or isinstance(value, bool):
        raise NotANotification(f"{key} is not an integer." if key in body else f"{key} is missing.")
    if not 0 <= value <= MAX_INTEGER:
        raise NotANotification(f"{key} is out of range.")
    return value


def _depth_exceeds(value: object, limit: int) -> bool:
    """Whether containers are nested more than ``limit`` deep; without recursion, which is what it guards against."""
    level = [value]
    for _ in range(limit):
        level = [child for container in level for child in _children(container)]
        if not level:
            return False
    return any(isinstance(container, (dict, list)) for container in level)


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse an object that names a key twice: parsers disagree about which one counts."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise NotANotification("The JSON names a key twice.")
    return result


def _parse_int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise NotANotification("The JSON holds a number that is too long.")
    return int(digits)


def _parse_float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise NotANotification("The JSON holds a number that is too large.")
    return number


def _refuse_constant(constant: str) -> NoReturn:
    """Python reads NaN and Infinity, which are not JSON and which nobody downstream could read."""
    raise NotANotification("The JSON holds NaN or Infinity.")


# Built once: building one costs as much as using it.
_compact_encoder = json.JSONEncoder(separators=(",", ":"))
_canonical_encoder = json.JSONEncoder(separators=(",", ":"), sort_keys=True)
_decoder = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_int=_parse_int,
    parse_float=_parse_float,
    parse_constant=_refuse_constant,
)
