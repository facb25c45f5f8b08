"""The samples of a track, in the form of ``GET /activities/{id}/streams``."""

from __future__ import annotations

import json
import random

from sandbox.training.done import Done


def streams_answer(done: Done, rng: random.Random) -> bytes:
    """What Strava answers: a list for each stream, one value every few seconds in motion; a pause is a gap."""
    session, track = done.session, done.track
    every = done.person.sample_every
    course = session.course
    points = [] if course is None else course.points
    names = ["time", "distance", "velocity_smooth", "moving"]
    names += ["heartrate"] if session.heartrate else []
    names += ["cadence"] if session.device != "Strava App" and any(track.cadence) else []
    names += ["watts"] if session.power else []
    names += ["temp"] if session.sport_type not in ("WeightTraining", "VirtualRide", "Swim") else []
    names += ["latlng", "altitude", "grade_smooth"] if points else []
    columns: dict[str, list[object]] = {name: [] for name in names}
    index = 1
    for second in range(0, int(track.moving[-1]) + 1, every):
        while index < len(track) - 1 and track.moving[index] <= second:
            index += 1
        before, after = index - 1, index
        length = track.moving[after] - track.moving[before]
        share = min(1.0, (second - track.moving[before]) / length)
        # A pause is at the end of a piece.
        columns["time"].append(round(track.elapsed[before] + share * length))
        metres = track.metres[after] - track.metres[before]
        columns["distance"].append(round(track.metres[before] + share * metres, 1))
        columns["velocity_smooth"].append(round(metres / length, 2))
        columns["moving"].append(True)
        if "heartrate" in columns:
            beats = track.heartrate[before] + share * (track.heartrate[after] - track.heartrate[before])
            columns["heartrate"].append(round(beats))
        if "cadence" in columns:
            columns["cadence"].append(round(track.cadence[after]))
        if "watts" in columns:
            columns["watts"].append(max(0, round(track.watts[after] * rng.gauss(1.0, 0.09))))
        if "temp" in columns:
            columns["temp"].append(round(track.celsius))
        if points:
            here, there = points[before], points[after]
            rise = track.altitudes[after] - track.altitudes[before]
            latitude, longitude = (a + share * (b - a) for a, b in zip(here, there))
            columns["latlng"].append([round(latitude, 6), round(longitude, 6)])
            columns["altitude"].append(round(track.altitudes[before] + share * rise, 1))
            columns["grade_smooth"].append(round(rise / metres * 100, 1) if metres else 0.0)
    size = len(columns["time"])
    answer = {
        name: {"data": values, "series_type": "distance", "original_size": size, "resolution": "high"}
        for name, values in columns.items()
    }
    return json.dumps(answer).encode()
