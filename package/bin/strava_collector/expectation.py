"""What notifications say that an activity looks like, and whether Strava's answer agrees.

A notification carries the new title, type and privacy of its activity. Strava may answer a fetch from before the
change all the same; that shows here. Expectations travel as JSON, ``{"title": ["Messy", 1780293600]}``: the value,
and the time of the event that it comes from. They are claims, nobody signs them: all that a wrong one costs is one
more fetch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Optional, Union

from strava_collector.privacy import Privacy, of_notification
from strava_collector.webhook import Notification

#: Longer titles are not kept; Strava's have fewer characters.
LONGEST = 500

_Value = Union[str, bool]


def merge(earlier: Optional[str], notification: Notification, event_time: int) -> Optional[str]:
    """Return what is known of the activity after this notification; None if that is nothing.

    ``earlier`` is what was known before, as this function returned it. A value counts if no known one is of a later
    event, so that notifications may come in any order.
    """
    known = _parse(earlier)
    if notification.object_type == "activity" and notification.aspect_type == "update":
        for key, claimed in notification.updates.items():
            if key not in _READERS or (key in known and known[key][1] > event_time):
                continue
            value = _READERS[key](claimed)
            known.pop(key, None)
            if value is not None:
                known[key] = (value, event_time)
    if not known:
        return None
    return json.dumps(known, separators=(",", ":"))


def without(expected: Optional[str], privacy: Privacy) -> Optional[str]:
    """Return what was expected without what is to be left out; None if nothing remains."""
    known = _parse(expected)
    kept = of_notification({key: list(entry) for key, entry in known.items()}, privacy)
    return json.dumps(kept, separators=(",", ":")) if kept else None


def contradicts(expected: Optional[str], activity: Mapping[str, object]) -> Optional[str]:
    """Return the name of the first field in which Strava's activity is not what was said; None if all agrees.

    What is missing in the activity, or is of a kind that we do not know, contradicts nothing.
    """
    for key, (value, _) in _parse(expected).items():
        present = [activity[name] for name in _NAMES[key] if isinstance(activity.get(name), type(value))]
        if present and not any(_same(value, one) for one in present):
            return key
    return None


def _same(expected: _Value, present: object) -> bool:
    if isinstance(expected, str) and isinstance(present, str):
        # Strava trims titles.
        return expected.strip() == present.strip()
    return expected == present


def _text(claimed: object) -> Optional[_Value]:
    return claimed if isinstance(claimed, str) and len(claimed) <= LONGEST else None


def _flag(claimed: object) -> Optional[_Value]:
    """Strava writes ``"true"`` and ``"false"``."""
    if isinstance(claimed, bool):
        return claimed
    return {"true": True, "false": False}.get(claimed.strip().lower()) if isinstance(claimed, str) else None


#: The fields of a notification's ``updates``, and how each is read.
_READERS = {"title": _text, "type": _text, "private": _flag}
#: Where Strava's activity has them; ``sport_type`` is newer and finer than ``type``.
_NAMES: Mapping[str, tuple[str, ...]] = {"title": ("name",), "type": ("sport_type", "type"), "private": ("private",)}


def _parse(expected: Optional[str]) -> dict[str, tuple[_Value, int]]:
    """Read what :func:`merge` wrote, in the order of the fields here; what it did not write is left out."""
    try:
        parsed = json.loads(expected or "{}")
    except ValueError:
        return {}
    found: dict[str, tuple[_Value, int]] = {}
    for key in _READERS:
        entry = parsed.get(key) if isinstance(parsed, dict) else None
        if isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], (str, bool)) and type(entry[1]) is int:
            found[key] = (entry[0], entry[1])
    return found
