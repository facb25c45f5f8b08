"""Parts of a way as Strava shows them: laps, splits, and what efforts have in common with these."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.strava.activities import iso
from sandbox.strava.exchange import JsonObject
from sandbox.training.body import Constitution
from sandbox.training.done import Done
from sandbox.training.recording import Track, place_of, value_at

MILE = 1_609.344


def stretch_of(done: Done, begin: float, end: float) -> JsonObject:
    """What laps and efforts have in common, between two places among the points."""
    session, track = done.session, done.track
    first, last = _points(track, begin, end)
    started = done.start + int(value_at(track.elapsed, begin))
    found: JsonObject = {
        "elapsed_time": between(track.elapsed, begin, end),
        "moving_time": between(track.moving, begin, end),
        "start_date": iso(started),
        "start_date_local": iso(started + done.offset),
        "distance": round(round(value_at(track.metres, end), 1) - round(value_at(track.metres, begin), 1), 1),
        "start_index": int(value_at(track.moving, begin)) // done.person.sample_every,
        "end_index": int(value_at(track.moving, end)) // done.person.sample_every,
    }
    if session.device != "Strava App":
        found["average_cadence"] = round(track.mean(track.cadence, first, last), 1)
    if session.type in ("Ride", "VirtualRide"):
        found["device_watts"] = session.power
        found["average_watts"] = round(track.mean(track.watts, first, last), 1)
    if session.heartrate:
        found["average_heartrate"] = round(track.mean(track.heartrate, first, last), 1)
        found["max_heartrate"] = float(round(max(track.heartrate[first + 1 : last + 1])))
    return found


def _points(track: Track, begin: float, end: float) -> tuple[int, int]:
    """The points nearest to two places; at least one apart."""
    last = min(len(track) - 1, max(round(begin) + 1, round(end)))
    return min(round(begin), last - 1), last


def between(values: Sequence[float], begin: float, end: float) -> int:
    """Whole seconds, which add up."""
    return round(value_at(values, end)) - round(value_at(values, begin))


def splits(done: Done, length: float) -> list[object]:
    """The way cut into pieces of ``length`` metres; what remains is the last one."""
    if done.session.manual or not done.distance:
        return []
    session, track, constitution = done.session, done.track, done.person.constitution
    found: list[object] = []
    for number, (begin, end) in enumerate(_cut(track, length)):
        seconds = max(1, between(track.moving, begin, end))
        metres = round(value_at(track.metres, end), 1) - round(value_at(track.metres, begin), 1)
        climbed = value_at(track.altitudes, end) - value_at(track.altitudes, begin) if track.altitudes else 0.0
        speed = metres / seconds
        split: JsonObject = {
            "distance": round(metres, 1),
            "elapsed_time": between(track.elapsed, begin, end),
            "elevation_difference": round(climbed, 1),
            "moving_time": between(track.moving, begin, end),
            "split": number + 1,
            "average_speed": round(speed, 2),
            "average_grade_adjusted_speed": round(speed * (1 + 2.5 * max(0.0, climbed / max(metres, 1.0))), 2),
            "pace_zone": _pace_zone(speed, constitution),
        }
        if session.heartrate:
            first, last = _points(track, begin, end)
            split["average_heartrate"] = round(track.mean(track.heartrate, first, last), 1)
        found.append(split)
    return found


def _pace_zone(speed: float, constitution: Constitution) -> int:
    share = speed / constitution.run_speed
    return sum(share > limit for limit in (0.0, 0.78, 0.88, 0.94, 1.0, 1.08))


def _cut(track: Track, length: float) -> list[tuple[float, float]]:
    """Begins and ends of pieces of equal length; a rest of less than 20 m belongs to the last one."""
    total = track.metres[-1]
    whole = int((total - 20.0) // length) if total > 20.0 else 0
    places = [place_of(track.metres, number * length) for number in range(whole + 1)]
    return list(zip(places, [*places[1:], float(len(track) - 1)]))


def laps(done: Done) -> list[object]:
    session, track = done.session, done.track
    if session.manual:
        return []
    last = float(len(track) - 1)
    if session.laps_by_hand:
        marks = [0.0, *(float(one) for one in track.steps if 0 < one < last)]
        pieces = list(zip(marks, [*marks[1:], last]))
    elif session.auto_lap and track.metres[-1]:
        pieces = _cut(track, session.auto_lap)
    else:
        pieces = [(0.0, last)]
    found: list[object] = []
    for number, (begin, end) in enumerate(pieces):
        stretch = stretch_of(done, begin, end)
        seconds = max(1, between(track.moving, begin, end))
        metres = round(value_at(track.metres, end), 1) - round(value_at(track.metres, begin), 1)
        first, final = int(begin), min(len(track) - 1, int(end) + 1)
        fastest = max(
            (track.metres[index] - track.metres[index - 1]) / (track.moving[index] - track.moving[index - 1])
            for index in range(first + 1, final + 1)
        )
        lap: JsonObject = {
            "id": 50_000_000_000_000 + done.activity_id % 10**9 * 100 + number,
            "resource_state": 2,
            "name": f"Lap {number + 1}",
            "activity": {"id": done.activity_id, "visibility": "everyone", "resource_state": 1},
            "athlete": {"id": done.person.athlete.id, "resource_state": 1},
            **stretch,
            "average_speed": round(metres / seconds, 2),
            "max_speed": round(fastest, 2),
            "lap_index": number + 1,
            "split": number + 1,
            "total_elevation_gain": round(track.climb(round(begin), round(end)), 1),
        }
        if session.type == "Run":
            lap["pace_zone"] = _pace_zone(metres / seconds, done.person.constitution)
        found.append(lap)
    return found
