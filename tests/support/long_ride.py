"""Strava's answer with the streams of a ride of eight hours: a sample a second, all values."""

from __future__ import annotations

import json
import random

SAMPLES = 8 * 3600


def long_ride(samples: int = SAMPLES) -> bytes:
    """The body of the answer."""
    rng = random.Random(1)
    data: dict[str, list[object]] = {
        "time": list(range(samples)),
        "distance": [round(second * 7.3, 1) for second in range(samples)],
        "latlng": [[round(47 + second * 1e-5, 6), round(8 + second * 1e-5, 6)] for second in range(samples)],
        "altitude": [round(rng.uniform(400, 1200), 1) for _ in range(samples)],
        "velocity_smooth": [round(rng.uniform(4, 12), 2) for _ in range(samples)],
        "heartrate": [rng.randrange(90, 190) for _ in range(samples)],
        "cadence": [rng.randrange(60, 110) for _ in range(samples)],
        "watts": [rng.randrange(0, 400) for _ in range(samples)],
        "temp": [rng.randrange(10, 30) for _ in range(samples)],
        "moving": [rng.random() < 0.95 for _ in range(samples)],
        "grade_smooth": [round(rng.uniform(-9, 9), 1) for _ in range(samples)],
    }
    return json.dumps(
        {
            name: {"data": values, "series_type": "distance", "original_size": samples, "resolution": "high"}
            for name, values in data.items()
        }
    ).encode()
