"""The long lists inside a detailed activity: segment efforts, splits, laps and best efforts."""

from __future__ import annotations

import math
import random

from sandbox.strava.activities import UTC_OFFSET, Activity, iso
from sandbox.strava.exchange import JsonObject
from sandbox.strava.route import Route

_SEGMENT_NAMES = (
    "Côte de la Croix 🚵",
    "Sprint to the bridge",
    "Вверх по улице",
    "坂道チャレンジ",
    "KOM or bust (2 km @ 7 %)",
    'The "Wall"',
    "Hafenstraße <nord>",
    "Östra backen & tillbaka",
    "الطريق الساحلي",
    "Back\\slash climb",
)
_BEST_EFFORTS = (
    ("400m", 400),
    ("1/2 mile", 805),
    ("1k", 1_000),
    ("1 mile", 1_609),
    ("2 mile", 3_219),
    ("5k", 5_000),
    ("10k", 10_000),
)


def segment_efforts(rng: random.Random, activity: Activity, route: Route) -> list[JsonObject]:
    """One effort per segment on the way, in the order in which they were ridden."""
    count = activity.shape.segment_efforts
    moving = activity.moving_time
    efforts: list[JsonObject] = []
    for number in range(count):
        begin, end = sorted((rng.uniform(0, 1), rng.uniform(0, 1)))
        begin = number / count
        end = min(1.0, begin + max(0.004, (end - begin) * 0.05))
        seconds = max(5, int((end - begin) * moving))
        start = activity.start_date + int(begin * moving)
        rank = rng.choice((None, None, None, None, 1, 2, 3))
        efforts.append(
            {
                "id": 3_300_000_000_000_000_000 + rng.randrange(10**15),
                "resource_state": 2,
                "name": f"{_SEGMENT_NAMES[number % len(_SEGMENT_NAMES)]} {number + 1}",
                "activity": {"id": activity.id, "visibility": "everyone", "resource_state": 1},
                "athlete": {"id": activity.athlete.id, "resource_state": 1},
                "elapsed_time": seconds,
                "moving_time": seconds,
                "start_date": iso(start),
                "start_date_local": iso(start + UTC_OFFSET),
                "distance": round((end - begin) * route.distance, 1),
                "start_index": int(begin * moving),
                "end_index": int(end * moving),
                "average_cadence": round(rng.uniform(70, 95), 1),
                "device_watts": activity.shape.type == "Ride",
                "average_watts": round(rng.uniform(150, 320), 1),
                "average_heartrate": round(rng.uniform(120, 175), 1),
                "max_heartrate": float(rng.randrange(150, 188)),
                "segment": _segment(rng, activity, route, number, begin, end),
                "pr_rank": rank,
                "achievements": [] if rank is None else [{"type_id": 3, "type": "pr", "rank": rank}],
                "visibility": "everyone",
                "kom_rank": None,
                "hidden": number % 2 == 1,
            }
        )
    return efforts


def splits(rng: random.Random, activity: Activity, route: Route, length: float) -> list[JsonObject]:
    """The activity cut into pieces of ``length`` metres."""
    if not route.points:
        return []
    pieces: list[JsonObject] = []
    for number in range(math.ceil(route.distance / length)):
        distance = min(length, route.distance - number * length)
        speed = activity.shape.speed * rng.uniform(0.8, 1.2)
        seconds = max(1, round(distance / speed))
        pieces.append(
            {
                "distance": round(distance, 1),
                "elapsed_time": seconds + rng.randrange(0, 9),
                "elevation_difference": round(rng.uniform(-25, 25), 1),
                "moving_time": seconds,
                "split": number + 1,
                "average_speed": round(speed, 2),
                "average_grade_adjusted_speed": round(speed * 1.02, 2),
                "average_heartrate": round(rng.uniform(118, 170), 12),
                "pace_zone": rng.randrange(0, 4),
            }
        )
    return pieces


def laps(rng: random.Random, activity: Activity) -> list[JsonObject]:
    """One lap per 10 km, at least one; none for a manual entry."""
    if activity.manual:
        return []
    shape = activity.shape
    count = max(1, int(activity.distance // 10_000))
    seconds = activity.moving_time // count
    return [
        {
            "id": 50_000_000_000 + rng.randrange(10**9),
            "resource_state": 2,
            "name": f"Lap {number + 1}",
            "activity": {"id": activity.id, "visibility": "everyone", "resource_state": 1},
            "athlete": {"id": activity.athlete.id, "resource_state": 1},
            "elapsed_time": seconds + rng.randrange(0, 30),
            "moving_time": seconds,
            "start_date": iso(activity.start_date + number * seconds),
            "start_date_local": iso(activity.start_date + number * seconds + UTC_OFFSET),
            "distance": round(activity.distance / count, 1),
            "average_speed": round(shape.speed, 2),
            "max_speed": round(shape.speed * 1.6, 2),
            "lap_index": number + 1,
            "split": number + 1,
            "start_index": number * seconds,
            "end_index": (number + 1) * seconds - 1,
            "total_elevation_gain": round(rng.uniform(0, 120), 1),
            "average_cadence": round(rng.uniform(70, 95), 1),
            "device_watts": shape.type == "Ride",
            "average_watts": round(rng.uniform(120, 260), 1),
            "average_heartrate": round(rng.uniform(118, 170), 1),
            "max_heartrate": float(rng.randrange(150, 188)),
            "pace_zone": rng.randrange(0, 4),
        }
        for number in range(count)
    ]


def best_efforts(rng: random.Random, activity: Activity) -> list[JsonObject]:
    """A runner's fastest stretches; other sports have none."""
    if activity.shape.type != "Run":
        return []
    return [
        {
            "id": 60_000_000_000 + rng.randrange(10**9),
            "resource_state": 2,
            "name": name,
            "activity": {"id": activity.id, "visibility": "everyone", "resource_state": 1},
            "athlete": {"id": activity.athlete.id, "resource_state": 1},
            "elapsed_time": int(metres / activity.shape.speed * 0.93),
            "moving_time": int(metres / activity.shape.speed * 0.93),
            "start_date": iso(activity.start_date + 60),
            "start_date_local": iso(activity.start_date + 60 + UTC_OFFSET),
            "distance": metres,
            "pr_rank": None,
            "achievements": [],
            "start_index": 60,
            "end_index": 60 + int(metres / activity.shape.speed * 0.93),
        }
        for name, metres in _BEST_EFFORTS
        if metres <= activity.distance
    ]


def _segment(rng: random.Random, activity: Activity, route: Route, number: int, begin: float, end: float) -> JsonObject:
    first, last = route.index_at(begin), route.index_at(end)
    athlete = activity.athlete
    return {
        "id": 1_000_000 + athlete.id % 10_000 * 1_000 + number,
        "resource_state": 2,
        "name": f"{_SEGMENT_NAMES[number % len(_SEGMENT_NAMES)]} {number + 1}",
        "activity_type": activity.shape.type,
        "distance": round((end - begin) * route.distance, 1),
        "average_grade": round(rng.uniform(-3, 9), 1),
        "maximum_grade": round(rng.uniform(4, 19), 1),
        "elevation_high": max(route.altitudes[first : last + 1]),
        "elevation_low": min(route.altitudes[first : last + 1]),
        "start_latlng": list(route.points[first]),
        "end_latlng": list(route.points[last]),
        "elevation_profile": None,
        "elevation_profiles": None,
        "climb_category": rng.randrange(0, 3),
        "city": athlete.city,
        "state": athlete.state,
        "country": athlete.country,
        "private": False,
        "hazardous": False,
        "starred": rng.random() < 0.1,
    }
