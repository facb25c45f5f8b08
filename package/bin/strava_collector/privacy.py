"""What the user does not want to be kept of what Strava tells: it is left out before anything is written.

Keys decide, wherever they stand: Strava adds fields without notice, and a rule about one place of an answer would let
the same thing through at the next one. Upper and lower case, ``_`` and ``-`` make no difference. Nothing is blurred or
shortened: a route with hidden ends can be completed from segments, splits and sums.

What stays on purpose:

* With ``location``: titles, which may name a place (``text`` drops them); altitude, climb, grade, temperature, distance
  and speed. They say how a way was, not where; somebody who has a way already can recognise it by them, so whoever
  wants to rule that out collects no streams. Of the time zone only its offset stays.
* With ``text``: a best effort's name (“400m” is a distance), the device's, and ids, of segments and gear for instance.
* With ``health``: power, cadence, kilojoules, FTP and the power zones, which are measured at the bike; a bike's weight.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Optional


@dataclass(frozen=True)
class Privacy:
    """What an input leaves out; by default nothing."""

    #: Start and end points, polylines, ``latlng``, segments and places.
    location: bool = False
    #: Names, descriptions, photos.
    text: bool = False
    #: Heart rate and other values of health.
    health: bool = False

    @property
    def words(self) -> str:
        """What is left out, for people: ``location and health``, or ``nothing``."""
        wanted = (("location", self.location), ("names and texts", self.text), ("health", self.health))
        *others, last = [word for word, is_wanted in wanted if is_wanted] or ["nothing"]
        return f"{', '.join(others)} and {last}" if others else last


#: Nothing is left out.
KEEP_ALL = Privacy()


def union(wishes: Iterable[Privacy]) -> Privacy:
    """Return what leaves out all that any of them leaves out."""
    found = tuple(wishes)
    return Privacy(
        location=any(one.location for one in found),
        text=any(one.text for one in found),
        health=any(one.health for one in found),
    )


@dataclass(frozen=True)
class Words:
    """The keys that one setting leaves out."""

    #: Keys that are one of these.
    whole: tuple[str, ...]
    #: Keys that contain one of these.
    parts: tuple[str, ...]
    #: Keys that end with one of these.
    endings: tuple[str, ...] = ()
    #: Keys that stay although they contain or end with one.
    but: tuple[str, ...] = ()


#: Clubs say where somebody lives, photos show where they were taken, similar activities that the same way was taken
#: before, and who has the embed token is shown the map by Strava.
LOCATION = Words(
    whole=(
        *("map", "lat", "lng", "lon", "city", "state", "country", "place"),
        *("clubs", "similar_activities", "embed_token"),
    ),
    parts=("latlng", "latitude", "longitude", "polyline", "location", "segment", "route", "photo"),
    but=("photo_count", "total_photo_count"),
)
#: Clubs have names and addresses, and who has the embed token is shown the title by Strava.
TEXT = Words(
    whole=(
        *("external_id", "bio", "text", "caption", "comment", "comments", "highlighted_kudosers"),
        *("profile", "profile_medium", "clubs", "embed_token"),
    ),
    parts=("description", "photo", "avatar"),
    endings=("name", "title", "note", "notes", "url", "urls"),
    but=("device_name", "photo_count", "total_photo_count"),
)
HEALTH = Words(
    whole=("weight", "available_zones"), parts=("heartrate", "exertion", "calories", "suffer_score", "relative_effort")
)

#: What of Strava's streams may be asked for, by its key there.
STREAMS = (
    *("time", "distance", "latlng", "altitude", "velocity_smooth", "heartrate", "cadence", "watts", "temp"),
    *("moving", "grade_smooth"),
)

#: Objects and lists nested more deeply are left out: nobody has looked what is in them. Strava's have fewer than ten
#: levels.
MOST_LEVELS = 64

_NO_LETTER_OR_DIGIT = re.compile("[^a-z0-9]")
_OFFSET = re.compile(r"\(GMT[+-]\d\d:\d\d\)", re.ASCII)

#: Its entries' names are distances.
_BEST_EFFORTS = "best_efforts"


def of_activity(activity: Mapping[str, object], privacy: Privacy) -> Mapping[str, object]:
    """Return an activity, in full or as it stands in a list, without what is to be left out."""
    return _without(activity, _Leaving(privacy))


def of_notification(body: Mapping[str, object], privacy: Privacy) -> Mapping[str, object]:
    """Return a notification as received without what is to be left out: with ``text`` the new title.

    What it is about stays, and so does that something has changed.
    """
    return _without(body, _Leaving(privacy))


def of_athlete(profile: Mapping[str, object], privacy: Privacy) -> Mapping[str, object]:
    """Return an athlete's profile, with zones or without, without what is to be left out."""
    return _without(profile, _Leaving(privacy))


def of_gear(gear: Mapping[str, object], privacy: Privacy) -> Mapping[str, object]:
    """Return a bike or a pair of shoes without what is to be left out; its weight is nobody's health."""
    return _without(gear, _Leaving(privacy, keep=frozenset({"weight"})))


def stream_keys(privacy: Privacy) -> tuple[str, ...]:
    """Return the keys of the streams that may be asked for: what is not asked for reaches nobody by mistake.

    ``latlng`` is left out with the location, ``heartrate`` with health. ``altitude`` and ``temp`` stay: they name no
    place and say nothing of a body.
    """
    return tuple(key for key in STREAMS if not _is_left_out(key, privacy))


@dataclass(frozen=True)
class _Leaving:
    privacy: Privacy
    #: Keys that stay here.
    keep: frozenset[str] = frozenset()

    def out(self, key: str) -> bool:
        return key not in self.keep and _is_left_out(key, self.privacy)


def _without(answer: Mapping[str, object], leaving: _Leaving) -> Mapping[str, object]:
    if leaving.privacy == KEEP_ALL:
        return answer
    return _of_object(answer, leaving, MOST_LEVELS)


def _of_object(
    value: Mapping[str, object], leaving: _Leaving, levels: int, *, best_effort: bool = False
) -> dict[str, object]:
    kept: dict[str, object] = {}
    for key, part in value.items():
        if leaving.out(key) and not (best_effort and key == "name" and isinstance(part, str)):
            continue
        if leaving.privacy.location and _plain(key) == "timezone":
            part = _offset(part)
            if part is None:
                continue
        if _may_stay(part, leaving, levels):
            kept[key] = _of_part(part, leaving, levels, best_efforts=key == _BEST_EFFORTS)
    return kept


def _of_part(part: object, leaving: _Leaving, levels: int, *, best_efforts: bool = False) -> object:
    if isinstance(part, dict):
        return _of_object(part, leaving, levels - 1)
    if not isinstance(part, list):
        return part
    inside = [one for one in part if _may_stay(one, leaving, levels - 1)]
    if best_efforts:
        return [
            _of_object(one, leaving, levels - 2, best_effort=True) if isinstance(one, dict) else one
            for one in inside
            if not isinstance(one, list)
        ]
    return [_of_part(one, leaving, levels - 1) for one in inside]


def _may_stay(part: object, leaving: _Leaving, levels: int) -> bool:
    if isinstance(part, dict):
        return levels > 1 and not _is_about_what_is_left_out(part, leaving)
    return levels > 1 or not isinstance(part, list)


def _is_about_what_is_left_out(value: Mapping[str, object], leaving: _Leaving) -> bool:
    """Whether an object says in its ``type`` what a key would say elsewhere: ``{"type": "heartrate", "data": …}``."""
    kind = value.get("type")
    return isinstance(kind, str) and leaving.out(kind)


def _offset(timezone: object) -> Optional[str]:
    """``(GMT+02:00)`` of ``(GMT+02:00) Europe/Helsinki``, for the rest is where somebody lives."""
    match = _OFFSET.match(timezone) if isinstance(timezone, str) else None
    return match and match[0]


@lru_cache(maxsize=4096)
def _is_left_out(key: str, privacy: Privacy) -> bool:
    plain = _plain(key)
    wanted = ((privacy.location, LOCATION), (privacy.text, TEXT), (privacy.health, HEALTH))
    return any(is_wanted and _is_one(plain, words) for is_wanted, words in wanted)


def _is_one(plain: str, words: Words) -> bool:
    if plain in map(_plain, words.but):
        return False
    return (
        plain in map(_plain, words.whole)
        or any(_plain(part) in plain for part in words.parts)
        or any(plain.endswith(_plain(ending)) for ending in words.endings)
    )


def _plain(key: str) -> str:
    return _NO_LETTER_OR_DIGIT.sub("", key.lower())
