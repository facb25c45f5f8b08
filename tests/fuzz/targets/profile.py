"""Strava's answers about an athlete, the zones and a bike.

What is a JSON object with an id becomes an event that begins with its own time and has all that is kept, and digests
by which news is known. Everything else is no object. Nothing else happens.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from strava_collector.events import Event, encode
from strava_collector.privacy import KEEP_ALL, Privacy
from strava_collector.profile import (
    farewell_event,
    gear_digest,
    gear_event,
    gear_in,
    gear_of,
    profile_digest,
    profile_event,
    profile_of,
)
from tests.fuzz.answers import NOW, answer_of
from tests.fuzz.reading import written
from tests.fuzz.target import Target

_CHOICES = (KEEP_ALL, Privacy(location=True, text=True, health=True))


def _check(data: bytes) -> str:
    try:
        found = answer_of(data).json()
        encode(found)  # as the collector asks whether it can be written
    except (ValueError, RecursionError):
        return "nothing"
    # The collector looks whether the id is the one that was asked for.
    if not isinstance(found, dict) or not isinstance(found.get("id"), (int, str)):
        return "nothing"
    for privacy in _CHOICES:
        zones = found.get("zones")
        profile = profile_of(found, zones if isinstance(zones, dict) else None, privacy)
        assert len(profile_digest(profile, index="strava", connected_at="1")) == 32
        _check_event(profile_event(profile, collected_at=NOW, index="strava", source="x"), profile)
        gear = gear_of(found, privacy)
        assert len(gear_digest(gear, index="strava", connected_at="1")) == 32
        event = gear_event(gear, athlete_id=8, collected_at=NOW, index="strava", source="x")
        _check_event(event, {**gear, "athlete_id": 8})
    event = farewell_event(8, collected_at=NOW, index="strava", source="x")
    assert json.loads(event.data) == {"collected_at": NOW, "id": 8, "deleted": True}
    shown = gear_in(found)
    if shown is None:
        return "object"
    assert all(len(digest) == 32 for digest in shown.values())
    assert all(gear_id.isascii() and gear_id.isalnum() for gear_id in shown), "no id, or one that cannot be stored"
    return "with gear"


def _check_event(event: Event, kept: Mapping[str, object]) -> None:
    assert event.data.startswith(f'{{"collected_at":{NOW:.3f},')
    content = json.loads(event.data)
    assert {**kept, "collected_at": NOW} == content
    assert written(event) == [event]


TARGET = Target(
    name="profile",
    check=_check,
    ends=frozenset({"nothing", "object", "with gear"}),
    words=(
        *(b'"bikes"', b'"shoes"', b'"id": "b1"', b'"distance"', b'"zones"', b'"weight"', b'"city"', b'"firstname"'),
        *(
            b'"collected_at"',
            b'"athlete_id"',
            b'"name"',
            b'"primary"',
            b'"heart_rate"',
            b'"power"',
            b'"clubs"',
            b'"ftp"',
        ),
    ),
)
