"""Efforts as Strava shows them: on segments, and the fastest over well-known distances of a run."""

from __future__ import annotations

import random
from typing import Optional

from sandbox.strava.exchange import JsonObject
from sandbox.training.done import Done
from sandbox.training.personal_records import PersonalRecords
from sandbox.training.recording import Track, value_at
from sandbox.training.roads import Segment
from sandbox.training.session import Session
from sandbox.training.stretches import between, stretch_of

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


def segment_efforts(done: Done, records: PersonalRecords, rng: random.Random) -> list[JsonObject]:
    session = done.session
    if session.course is None or session.manual:
        return []
    efforts = []
    for segment, first, last in session.course.segments():
        stretch = stretch_of(done, first, last)
        rank = records.rank(segment.id, between(done.track.elapsed, first, last))
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


def best_efforts(done: Done, records: PersonalRecords, rng: random.Random) -> list[JsonObject]:
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
        stretch = stretch_of(done, begin, end)
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
