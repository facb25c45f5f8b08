"""What a list of activities tells of each one, in a few characters, so that a list shows what has changed since.

Strava gives no time of the last change. So the store keeps a fingerprint of the fields that an entry of a list and the
activity in full have in common; another fingerprint means that the activity was edited. The first half covers what
Strava announces to a webhook when it changes, the second half the rest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

#: Changes of these are announced (title, type, private).
ANNOUNCED = ("name", "sport_type", "type", "private")
#: Changes of these are not.
SILENT = (
    "start_date",
    "distance",
    "moving_time",
    "elapsed_time",
    "total_elevation_gain",
    "gear_id",
    "commute",
    "trainer",
    "manual",
    "flagged",
    "visibility",
    "workout_type",
    "start_latlng",
    "end_latlng",
)

#: What is nested more deeply makes no difference: Strava's places have two levels, and Python's stack is not endless.
_MOST_LEVELS = 16


def fingerprint(activity: Mapping[str, object]) -> str:
    """Return ``xxxxxxxx-xxxxxxxx`` of an activity in full or of its entry in a list.

    Kudos, comments and what Strava computes anew are left out: they change all the time and are nobody's edit.
    """
    return f"{_short(activity, ANNOUNCED)}-{_short(activity, SILENT)}"


def announced_differ(one: str, other: str) -> bool:
    """Whether two fingerprints differ in something that Strava would have announced."""
    return one.partition("-")[0] != other.partition("-")[0]


def silent_differ(one: str, other: str) -> bool:
    """Whether two fingerprints differ in something that Strava announces to nobody."""
    return one.partition("-")[2] != other.partition("-")[2]


def _short(activity: Mapping[str, object], names: tuple[str, ...]) -> str:
    values = [_plain(activity.get(name)) for name in names]
    return hashlib.sha256(json.dumps(values, separators=(",", ":")).encode("ascii")).hexdigest()[:8]


def _plain(value: object, levels: int = _MOST_LEVELS) -> object:
    """The same value for the same thing: ``12`` and ``12.0``, nothing and an empty list."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(part, levels - 1) for part in value] or None if levels else None
    if isinstance(value, dict):
        return {key: _plain(part, levels - 1) for key, part in value.items()} if levels else None
    return value
