"""An activity as Strava would describe it, computed from its track: SummaryActivity and DetailedActivity."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Optional

from sandbox.strava.activities import iso
from sandbox.strava.exchange import JsonObject
from sandbox.strava.gear import summary_gear
from sandbox.strava.route import encode_polyline
from sandbox.training.body import Constitution, relative_effort
from sandbox.training.person import Person
from sandbox.training.personal_records import PersonalRecords
from sandbox.training.recording import Track, place_of, value_at
from sandbox.training.roads import Course, Segment
from sandbox.training.session import Session

MILE = 1_609.344
_BEST_EFFORTS = (
    ("400m", 400.0),
    ("1/2 mile", 805.0),
    ("1K", 1_000.0),
    ("1 mile", 1_609.0),
    ("2 mile", 3_219.0),
    ("5K", 5_000.0),
    ("10K", 10_000.0),
    ("15K", 15_000.0),
    ("10 mile", 16_090.0),
    ("Half-Marathon", 21_097.0),
    ("Marathon", 42_195.0),
)
#: What has splits, and its energy from the way.
ON_FOOT = ("Run", "Walk", "Hike")
#: One point in so many is in a summary's polyline.
_SUMMARY_STEP = 6
#: What only ``GET /activities/{id}`` tells, not a list.
DETAIL_ONLY = frozenset(
    {
        "description",
        "calories",
        "perceived_exertion",
        "prefer_perceived_exertion",
        "segment_efforts",
        "splits_metric",
        "splits_standard",
        "laps",
        "best_efforts",
        "gear",
        "photos",
        "stats_visibility",
        "hide_from_home",
        "embed_token",
        "similar_activities",
        "available_zones",
    }
)


@dataclass(frozen=True)
class Done:
    """A session that has been done."""

    person: Person
    session: Session
    track: Track
    activity_id: int
    #: Epoch seconds.
    start: int

    @cached_property
    def offset(self) -> int:
        """Seconds that the clocks there were ahead of UTC."""
        return self.session.town.offset(self.start)

    @cached_property
    def moving_time(self) -> int:
        return round(self.track.moving[-1])

    @cached_property
    def elapsed_time(self) -> int:
        return max(self.moving_time, round(self.track.elapsed[-1]))

    @cached_property
    def distance(self) -> float:
        return round(self.track.metres[-1], 1)


def summary_of(detail: JsonObject) -> JsonObject:
    """What a list shows of an activity."""
    found = {name: value for name, value in detail.items() if name not in DETAIL_ONLY}
    route = detail["map"]
    assert isinstance(route, dict)
    found["map"] = {"id": route["id"], "summary_polyline": route["summary_polyline"], "resource_state": 2}
    found["resource_state"] = 2
    return found


def describe(done: Done, records: PersonalRecords, gone: float, rng: random.Random) -> JsonObject:
    """The answer of ``GET /activities/{id}``; ``gone`` are the metres of its gear so far, with this activity."""
    session, track, athlete = done.session, done.track, done.person.athlete
    offset = done.offset
    outdoors = session.course is not None
    line, short_line = ("", "") if session.course is None else _polylines(session.course)
    points = [] if session.course is None else session.course.points
    efforts = _segment_efforts(done, records, rng)
    best = _best_efforts(done, records, rng)
    ranks = [one["pr_rank"] for one in (*efforts, *best) if one["pr_rank"] is not None]
    speed = done.distance / done.moving_time
    speeds = _speeds(track)
    manual = session.manual
    heart = session.heartrate and not manual
    on_foot = session.type in ON_FOOT
    social = rng.randrange(30, 160) if session.race else max(0, round(rng.gauss(3 if session.commute else 14, 6)))
    visibility = "only_me" if session.private else "everyone"
    content: JsonObject = {
        "resource_state": 3,
        "athlete": {"id": athlete.id, "resource_state": 1},
        "name": session.title,
        "distance": done.distance,
        "moving_time": done.moving_time,
        "elapsed_time": done.elapsed_time,
        "total_elevation_gain": round(track.climb(), 1) if outdoors else 0,
        "type": session.type,
        "sport_type": session.sport_type,
        "workout_type": session.workout_type,
        "device_name": session.device,
        "id": done.activity_id,
        "start_date": iso(done.start),
        "start_date_local": iso(done.start + offset),
        "timezone": session.town.zone_label,
        "utc_offset": float(offset),
        "location_city": None,
        "location_state": None,
        "location_country": session.town.country or None,
        "achievement_count": len(ranks),
        "kudos_count": social,
        "comment_count": min(social, rng.randrange(0, 12 if session.race else 3)),
        "athlete_count": rng.randrange(1, 60) if session.race else 1,
        "photo_count": 0,
        "map": {
            "id": f"a{done.activity_id}",
            "polyline": line,
            "resource_state": 3,
            "summary_polyline": short_line,
        },
        "trainer": session.trainer,
        "commute": session.commute,
        "manual": manual,
        "private": session.private,
        "visibility": visibility,
        "flagged": False,
        "gear_id": None if session.gear is None else session.gear.id,
        "start_latlng": list(points[0]) if points else [],
        "end_latlng": list(points[-1]) if points else [],
        "average_speed": round(speed, 3),
        "max_speed": round(max([*speeds, speed]), 3),
        "has_heartrate": heart,
        "heartrate_opt_out": False,
        "display_hide_heartrate_option": heart,
        "upload_id": None if manual else done.activity_id + 777,
        "upload_id_str": None if manual else str(done.activity_id + 777),
        "external_id": None if manual else f"sample_{done.activity_id}.fit",
        "from_accepted_tag": False,
        "pr_count": sum(rank == 1 for rank in ranks),
        "total_photo_count": 0,
        "has_kudoed": False,
    }
    if not manual:
        content.update(_measured(done, rng, heart=heart))
    content.update(
        {
            "description": session.description,
            "calories": round(_calories(done), 1),
            "perceived_exertion": None,
            "prefer_perceived_exertion": False,
            "segment_efforts": list(efforts),
            "splits_metric": _splits(done, 1_000.0) if on_foot else [],
            "splits_standard": _splits(done, MILE) if on_foot else [],
            "laps": _laps(done),
            "best_efforts": list(best),
            "gear": None if session.gear is None else summary_gear(session.gear, gone),
            "photos": {"primary": None, "count": 0},
            "stats_visibility": [{"type": name, "visibility": "everyone"} for name in ("heart_rate", "pace", "power")],
            "hide_from_home": False,
            "embed_token": f"{rng.getrandbits(160):040x}",
            "available_zones": [name for name, has in (("heartrate", heart), ("power", session.power)) if has],
        }
    )
    return content


@cache
def _polylines(course: Course) -> tuple[str, str]:
    """Of the activity in full, and of its entry in a list."""
    points = course.points
    return encode_polyline(points), encode_polyline([*points[:-1:_SUMMARY_STEP], points[-1]])


def _measured(done: Done, rng: random.Random, *, heart: bool) -> JsonObject:
    session, track = done.session, done.track
    found: JsonObject = {}
    if heart:
        found["average_heartrate"] = round(track.mean(track.heartrate), 1)
        found["max_heartrate"] = float(round(max(track.heartrate)))
        zones = track.in_zones(done.person.constitution.heartrate_limits)
        found["suffer_score"] = float(round(relative_effort(zones)))
    if session.course is not None:
        found["elev_high"] = max(track.altitudes)
        found["elev_low"] = min(track.altitudes)
    if session.sport_type not in ("WeightTraining", "VirtualRide", "Swim"):
        found["average_temp"] = round(track.celsius)
    if any(track.cadence) and session.device != "Strava App":
        found["average_cadence"] = round(track.mean(track.cadence), 1)
    if session.type in ("Ride", "VirtualRide"):
        watts = track.mean(track.watts)
        found["average_watts"] = round(watts, 1)
        found["kilojoules"] = round(watts * done.moving_time / 1000, 1)
        found["device_watts"] = session.power
        if session.power:
            found["weighted_average_watts"] = round(track.mean([one**4 for one in track.watts]) ** 0.25)
            found["max_watts"] = round(max(track.watts) * rng.uniform(1.2, 1.9))
    return found


def _calories(done: Done) -> float:
    """Kilocalories: of work on a bike, of metres on foot, else of time."""
    weight = done.person.constitution.weight
    if any(done.track.watts):
        return done.track.mean(done.track.watts) * done.moving_time / 1000 * 1.1
    if done.session.type in ON_FOOT:
        return done.distance / 1000 * weight * 1.02
    return done.moving_time / 3600 * weight * (8.5 if done.session.type == "Swim" else 4.0)


def _speeds(track: Track) -> list[float]:
    """Metres a second between points."""
    return [
        (track.metres[index] - track.metres[index - 1]) / (track.moving[index] - track.moving[index - 1])
        for index in range(1, len(track))
    ]


def _stretch(done: Done, begin: float, end: float) -> JsonObject:
    """What laps and efforts have in common, between two places among the points."""
    session, track = done.session, done.track
    first, last = _points(track, begin, end)
    started = done.start + int(value_at(track.elapsed, begin))
    found: JsonObject = {
        "elapsed_time": _between(track.elapsed, begin, end),
        "moving_time": _between(track.moving, begin, end),
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


def _between(values: Sequence[float], begin: float, end: float) -> int:
    """Whole seconds, which add up."""
    return round(value_at(values, end)) - round(value_at(values, begin))


def _segment_efforts(done: Done, records: PersonalRecords, rng: random.Random) -> list[JsonObject]:
    session = done.session
    if session.course is None or session.manual:
        return []
    efforts = []
    for segment, first, last in session.course.segments():
        stretch = _stretch(done, first, last)
        rank = records.rank(segment.id, _between(done.track.elapsed, first, last))
        efforts.append(
            {
                "id": 3_300_000_000_000_000_000 + rng.randrange(10**15),
                "resource_state": 2,
                "name": segment.name,
                "activity": {"id": done.activity_id, "visibility": "everyone", "resource_state": 1},
                "athlete": {"id": done.person.athlete.id, "resource_state": 1},
                **stretch,
                "segment": _segment(session, segment),
                "pr_rank": rank,
                "achievements": _achievements(rank),
                "visibility": "everyone",
                "kom_rank": None,
                "hidden": False,
            }
        )
    return efforts


def _segment(session: Session, segment: Segment) -> JsonObject:
    assert session.course is not None
    road = session.course.road
    low, high = sorted((segment.first, segment.last))
    heights = road.altitudes[low : high + 1]
    metres = (high - low) * road.step
    slopes = [(there - here) / road.step * 100 for here, there in zip(heights, heights[1:])]
    sign = 1 if segment.first < segment.last else -1
    return {
        "id": segment.id,
        "resource_state": 2,
        "name": segment.name,
        "activity_type": segment.sport,
        "distance": round(metres, 1),
        "average_grade": round(sign * (heights[-1] - heights[0]) / metres * 100, 1),
        "maximum_grade": round(max(sign * slope for slope in slopes), 1),
        "elevation_high": max(heights),
        "elevation_low": min(heights),
        "start_latlng": list(road.points[segment.first]),
        "end_latlng": list(road.points[segment.last]),
        "elevation_profile": None,
        "climb_category": min(5, max(0, int(sign * (heights[-1] - heights[0]) / 80))),
        "city": road.town.name,
        "state": road.town.state,
        "country": road.town.country,
        "private": False,
        "hazardous": False,
        "starred": segment.id % 7 == 0,
    }


def _best_efforts(done: Done, records: PersonalRecords, rng: random.Random) -> list[JsonObject]:
    if done.session.type != "Run" or done.session.manual:
        return []
    found = []
    for name, metres in _BEST_EFFORTS:
        window = _fastest(done.track, metres)
        if window is None:
            break
        begin, end = window
        seconds = round(value_at(done.track.elapsed, end) - value_at(done.track.elapsed, begin))
        rank = records.rank(name, seconds)
        stretch = _stretch(done, begin, end)
        found.append(
            {
                "id": 60_000_000_000 + rng.randrange(10**9),
                "resource_state": 2,
                "name": name,
                "activity": {"id": done.activity_id, "visibility": "everyone", "resource_state": 1},
                "athlete": {"id": done.person.athlete.id, "resource_state": 1},
                "elapsed_time": seconds,
                "moving_time": seconds,
                "start_date": stretch["start_date"],
                "start_date_local": stretch["start_date_local"],
                "distance": int(metres),
                "pr_rank": rank,
                "achievements": _achievements(rank),
                "start_index": stretch["start_index"],
                "end_index": stretch["end_index"],
            }
        )
    return found


def _achievements(rank: Optional[int]) -> list[object]:
    return [] if rank is None else [{"type_id": 3, "type": "pr", "rank": rank}]


def _fastest(track: Track, metres: float) -> Optional[tuple[float, float]]:
    """Where the fastest stretch of this length begins, at some point, and where it ends; None if there is none."""
    distances, elapsed, count = track.metres, track.elapsed, len(track)
    best, found, end = float("inf"), None, 0
    for begin in range(count):
        wanted = distances[begin] + metres
        while end < count and distances[end] < wanted:
            end += 1
        if end == count:
            break
        share = (wanted - distances[end - 1]) / (distances[end] - distances[end - 1])
        seconds = elapsed[end - 1] + (elapsed[end] - elapsed[end - 1]) * share - elapsed[begin]
        if seconds < best:
            best, found = seconds, (float(begin), end - 1 + share)
    return found


def _splits(done: Done, length: float) -> list[object]:
    """The way cut into pieces of ``length`` metres; what remains is the last one."""
    if done.session.manual or not done.distance:
        return []
    session, track, constitution = done.session, done.track, done.person.constitution
    found: list[object] = []
    for number, (begin, end) in enumerate(_cut(track, length)):
        seconds = max(1, _between(track.moving, begin, end))
        metres = round(value_at(track.metres, end), 1) - round(value_at(track.metres, begin), 1)
        climbed = value_at(track.altitudes, end) - value_at(track.altitudes, begin) if track.altitudes else 0.0
        speed = metres / seconds
        split: JsonObject = {
            "distance": round(metres, 1),
            "elapsed_time": _between(track.elapsed, begin, end),
            "elevation_difference": round(climbed, 1),
            "moving_time": _between(track.moving, begin, end),
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


def _laps(done: Done) -> list[object]:
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
        stretch = _stretch(done, begin, end)
        seconds = max(1, _between(track.moving, begin, end))
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
