"""Second-by-second samples of an activity, in the form of ``GET /activities/{id}/streams``."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence

from sandbox.strava.activities import Activity, moving_time
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
    """The wanted streams by key, one sample per second; those that the activity has not are left out."""
    seconds = moving_time(activity.shape)
    rng = random.Random(f"streams {seed} {activity.id}")
    speed = activity.shape.speed
    series: dict[str, Sequence[object]] = {
        "time": range(seconds),
        "distance": [round(second * speed, 1) for second in range(seconds)],
        "velocity_smooth": [round(speed * rng.uniform(0.9, 1.1), 2) for _ in range(seconds)],
        "heartrate": [rng.randrange(110, 170) for _ in range(seconds)],
        "cadence": [rng.randrange(70, 95) for _ in range(seconds)],
        "temp": [14] * seconds,
        "moving": [True] * seconds,
    }
    if route.points:
        where = [route.index_at(second / seconds) for second in range(seconds)]
        series["latlng"] = [list(route.points[index]) for index in where]
        series["altitude"] = [route.altitudes[index] for index in where]
        series["grade_smooth"] = [round(rng.uniform(-6, 6), 1) for _ in range(seconds)]
    if activity.shape.type == "Ride":
        series["watts"] = [rng.randrange(80, 320) for _ in range(seconds)]
    return {
        key: {
            "data": list(series[key]),
            "series_type": "distance",
            "original_size": seconds,
            "resolution": "high",
        }
        for key in STREAM_KEYS
        if key in series and (key in keys or key == "distance")
    }
