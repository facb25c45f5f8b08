"""Profiles and gear of athletes: what of them is news, and the events that they become.

Both are written when they differ from what was written last. Distances of bikes and shoes change with every ride; they
make an event of the gear, not of the profile.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Optional

from strava_collector.events import Event, encode, short_first
from strava_collector.privacy import Privacy, of_athlete, of_gear

ATHLETE_SOURCETYPE = "strava:athlete"
GEAR_SOURCETYPE = "strava:gear"

#: The scope that shows an athlete's gear, weight, FTP and zones.
DETAILS = "profile:read_all"

_DAY = 86_400.0
#: What others do, or what changes by itself: no news of the athlete.
_RESTLESS = frozenset(
    {
        "updated_at",
        "badge_type_id",
        "follower_count",
        "friend_count",
        "mutual_friend_count",
        "friend",
        "follower",
        "blocked",
        "can_follow",
    }
)
_GEAR_LISTS = ("bikes", "shoes")
#: A bike's id, ``b123``, that of a pair of shoes, ``g123``, or of whatever Strava adds.
_GEAR_ID = re.compile(r"[a-z]{0,8}[0-9]{1,19}\Z")
#: What a profile says of gear, and an event of the gear is worth.
_OF_GEAR = ("distance", "name", "nickname", "primary", "retired")
_DISTANCES = frozenset({"distance", "converted_distance"})


def due_at(athlete_id: int, looked_at: Optional[float]) -> float:
    """Return when the athlete's profile is looked at next, in epoch seconds; 0 if it never was.

    Once on each UTC day, each athlete at a time of day of its own.
    """
    if looked_at is None:
        return 0.0
    return (looked_at // _DAY + 1) * _DAY + zlib.crc32(str(athlete_id).encode("ascii")) % _DAY


def day_of(time: float) -> float:
    """Return when the UTC day began, in epoch seconds."""
    return time // _DAY * _DAY


def profile_of(
    answer: Mapping[str, object], zones: Optional[Mapping[str, object]], privacy: Privacy
) -> dict[str, object]:
    """Return what is kept of an athlete's profile, with the zones if they are known."""
    return dict(of_athlete(answer if zones is None else {**answer, "zones": zones}, privacy))


def gear_of(answer: Mapping[str, object], privacy: Privacy) -> dict[str, object]:
    """Return what is kept of a bike or a pair of shoes."""
    return dict(of_gear(answer, privacy))


def profile_digest(profile: Mapping[str, object], *, index: str, connected_at: str) -> str:
    """Return a digest that changes when a new event is worth writing.

    Also with another index, and after the athlete has connected again: what was written before may be erased.
    """
    calm = {name: value for name, value in profile.items() if name not in _RESTLESS}
    for name in _GEAR_LISTS:
        if name in calm:
            calm[name] = [{key: one[key] for key in one if key not in _DISTANCES} for one in _dicts(calm[name])]
    return _digest([calm, index, connected_at])


def gear_digest(gear: Mapping[str, object], *, index: str, connected_at: str) -> str:
    """The same for gear."""
    return _digest([dict(gear), index, connected_at])


def gear_in(answer: Mapping[str, object]) -> Optional[dict[str, str]]:
    """Return the gear in a profile, by id, as a digest of what the profile says of it.

    None if it shows none, as it does without the scope for that.
    """
    if not any(isinstance(answer.get(name), list) for name in _GEAR_LISTS):
        return None
    return {
        str(one["id"]): _digest([one.get(key) for key in _OF_GEAR])
        for name in _GEAR_LISTS
        for one in _dicts(answer.get(name))
        if is_gear_id(one.get("id"))
    }


def is_gear_id(value: object) -> bool:
    """Whether Strava may have given this id to a bike or a pair of shoes."""
    return isinstance(value, str) and _GEAR_ID.match(value) is not None


def profile_event(profile: Mapping[str, object], *, collected_at: float, index: str, source: str) -> Event:
    """Return the event of a profile; ``_time`` is when it was looked at."""
    return _event(ATHLETE_SOURCETYPE, profile, {}, collected_at, index, source)


def farewell_event(athlete_id: int, *, collected_at: float, index: str, source: str) -> Event:
    """Return the event that says: whatever the index holds of this athlete from before has to be erased."""
    # As the macro strava_tombstone has it.
    data = f'{{"collected_at":{collected_at:.3f},{encode({"id": athlete_id, "deleted": True})[1:]}'
    return Event(collected_at, ATHLETE_SOURCETYPE, index, source, data)


def gear_event(gear: Mapping[str, object], *, athlete_id: int, collected_at: float, index: str, source: str) -> Event:
    """Return the event of a bike or a pair of shoes, which Strava does not say whose it is."""
    return _event(GEAR_SOURCETYPE, gear, {"athlete_id": athlete_id}, collected_at, index, source)


def _event(
    sourcetype: str,
    content: Mapping[str, object],
    added: Mapping[str, object],
    collected_at: float,
    index: str,
    source: str,
) -> Event:
    fields = short_first({name: value for name, value in content.items() if name != "collected_at"})
    # All three digits, as props.conf expects them.
    data = f'{{"collected_at":{collected_at:.3f},{encode({**added, **fields, **added})[1:]}'
    return Event(collected_at, sourcetype, index, source, data)


def _dicts(value: object) -> Iterator[dict[str, object]]:
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:32]
