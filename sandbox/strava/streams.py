"""Second-by-second samples of an activity, in the form of ``GET /activities/{id}/streams``."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import Callable

from sandbox.strava.activities import Activity
from sandbox.strava.exchange import JsonObject
from sandbox.strava.route import Route

STREAM_KEYS = (
    "time",
    "distance",
    "latlng",
    "altitude",
    "velocity_smooth",
    "heartrate",
    "cadence",
    "watts",
    "temp",
    "moving",
    "grade_smooth",
)


def streams(activity: Activity, seed: int, route: Route, keys: Collection[str]) -> dict[str, JsonObject]:
    """The wanted streams by key, one sample per second; those that the activity has not are left out.

    They depend on the activity's id, length and way only: another title changes nothing in them.
    """
    seconds = activity.moving_time
    speed = activity.shape.speed

    def noise(key: str) -> random.Random:
        return random.Random(f"streams {key} {seed} {activity.id}")

    series: dict[str, Callable[[], Sequence[object]]] = {
        "time": lambda: range(seconds),
        "distance": lambda: [round(second * speed, 1) for second in range(seconds)],
        "velocity_smooth": lambda: _floats(noise("velocity"), seconds, speed * 0.9, speed * 1.1, 2),
        "heartrate": lambda: _integers(noise("heartrate"), seconds, 110, 170),
        "cadence": lambda: _integers(noise("cadence"), seconds, 70, 95),
        "temp": lambda: [14] * seconds,
        "moving": lambda: [True] * seconds,
    }
    if route.points:
        where = [route.index_at(second / seconds) for second in range(seconds)]
        series["latlng"] = lambda: [list(route.points[index]) for index in where]
        series["altitude"] = lambda: [route.altitudes[index] for index in where]
        series["grade_smooth"] = lambda: _floats(noise("grade"), seconds, -6.0, 6.0, 1)
    if activity.shape.type == "Ride":
        series["watts"] = lambda: _integers(noise("watts"), seconds, 80, 320)
    return {
        key: {
            "data": list(series[key]()),
            "series_type": "distance",
            "original_size": seconds,
            "resolution": "high",
        }
        for key in STREAM_KEYS
        if key in series and (key in keys or key == "distance")
    }


def _floats(rng: random.Random, count: int, low: float, high: float, digits: int) -> list[float]:
    return [round(low + (high - low) * rng.random(), digits) for _ in range(count)]


def _integers(rng: random.Random, count: int, low: int, high: int) -> list[int]:
    return [low + int((high - low) * rng.random()) for _ in range(count)]
