"""Carries out a session: the track that the device records, point by point.

A point is 100 or 150 m, or half a minute, from the next. All figures of an activity are computed from its track, so
that laps, splits, efforts, samples and totals agree.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sandbox.training.body import Body, cost_of_slope, speed_on_bike, zone_of
from sandbox.training.session import Session

#: Indoors there is a point every so many seconds.
_INDOORS = 30.0
#: Seconds in which the heart rate follows the effort, mostly.
_LAG = 50.0
#: Metres a second at intensity 1.0 for what is neither ridden, run nor swum.
_WALKING = {"Walk": 1.75, "Hike": 1.7}
_RIDES = frozenset({"Ride", "GravelRide", "VirtualRide"})
_CADENCE = {"Ride": 84.0, "GravelRide": 78.0, "VirtualRide": 88.0, "Run": 86.0, "TrailRun": 82.0, "Swim": 28.0}


@dataclass
class Track:
    """Lists of the same length: the state at each point; rates hold since the point before."""

    #: Elapsed seconds, pauses included.
    elapsed: list[float] = field(default_factory=lambda: [0.0])
    #: Seconds in motion.
    moving: list[float] = field(default_factory=lambda: [0.0])
    #: Metres from the begin.
    metres: list[float] = field(default_factory=lambda: [0.0])
    #: Metres above the sea; empty indoors.
    altitudes: list[float] = field(default_factory=list)
    #: Beats a minute; watts; turns, steps of one leg or strokes a minute.
    heartrate: list[float] = field(default_factory=lambda: [0.0])
    watts: list[float] = field(default_factory=lambda: [0.0])
    cadence: list[float] = field(default_factory=lambda: [0.0])
    #: Indices of points at which a step of the session ended.
    steps: list[int] = field(default_factory=list)
    celsius: float = 20.0
    #: Training load: 100 for an hour at the threshold.
    load: float = 0.0

    def __len__(self) -> int:
        return len(self.elapsed)

    def point_at(self, metres: float) -> float:
        """The place of a distance among the points, with a fraction between two of them."""
        return place_of(self.metres, metres)

    def mean(self, values: Sequence[float], first: int = 0, last: int | None = None) -> float:
        """The mean by time of a rate between two points."""
        end = len(self) - 1 if last is None else last
        seconds = self.moving[end] - self.moving[first]
        if seconds <= 0:
            return values[min(first + 1, end)]
        total = sum(
            values[index] * (self.moving[index] - self.moving[index - 1]) for index in range(first + 1, end + 1)
        )
        return total / seconds

    def in_zones(self, limits: tuple[int, ...]) -> list[float]:
        """Seconds in each zone of the heart rate."""
        seconds = [0.0] * (len(limits) + 1)
        for index in range(1, len(self)):
            seconds[zone_of(self.heartrate[index], limits)] += self.moving[index] - self.moving[index - 1]
        return seconds

    def climb(self, first: int = 0, last: int | None = None) -> float:
        """Metres uphill between two points."""
        part = self.altitudes[first : (len(self) if last is None else last + 1)]
        return sum(max(0.0, there - here) for here, there in zip(part, part[1:]))


def place_of(values: Sequence[float], wanted: float) -> float:
    """Where a value lies in a growing list: an index with a fraction."""
    index = bisect_left(values, wanted)
    if index <= 0:
        return 0.0
    if index >= len(values):
        return float(len(values) - 1)
    before, after = values[index - 1], values[index]
    return index - 1 + (wanted - before) / (after - before) if after > before else float(index)


def value_at(values: Sequence[float], place: float) -> float:
    """The value at an index with a fraction."""
    index = int(place)
    if index >= len(values) - 1:
        return values[-1]
    return values[index] + (values[index + 1] - values[index]) * (place - index)


def record(session: Session, body: Body, rng: random.Random) -> Track:
    """Do it, with the body as it is today."""
    track = Track(celsius=round(session.town.temperature(session.start) + rng.gauss(0, 2.5)))
    if session.trainer or session.sport_type in ("WeightTraining", "Yoga"):
        track.celsius = 21.0
    day = body.shape * rng.gauss(1.0, 0.013)
    pace = _pace(session, body, day)
    heart = body.constitution.resting + rng.uniform(20, 32)
    moved, speed = 0.0, 3.0
    step, step_ends = 0, session.steps[0].seconds
    course = session.course
    if course is None:
        pieces, length, heights = max(1, round(session.seconds / _INDOORS)), 0.0, [0.0]
    else:
        pieces, length = len(course.path) - 1, course.road.step
        heights = track.altitudes = course.altitudes
    elapsed = metres = 0.0
    usual_cadence = _CADENCE.get(session.sport_type, 0.0)
    cafe_at = pieces // 2 if session.cafe else -1
    for piece in range(pieces):
        if moved >= step_ends and step < len(session.steps) - 1:
            step += 1
            step_ends = moved + session.steps[step].seconds
            track.steps.append(piece)
        intensity = session.steps[step].intensity * rng.gauss(1.0, 0.035)
        grade = (heights[piece + 1] - heights[piece]) / length if length else 0.0
        speed, watts, effort = pace(intensity, grade, speed)
        if length:
            seconds, gone = length / speed, length
        else:
            seconds, gone = _INDOORS, speed * _INDOORS
        heart += (body.heartrate_at(effort, moved / 3600, track.celsius) - heart) * (1 - math.exp(-seconds / _LAG))
        moved += seconds
        elapsed += seconds
        metres += gone
        track.load += seconds / 36 * min(effort, 1.6) ** 2
        if piece == cafe_at:
            elapsed += session.cafe
        elif rng.random() < session.stops * seconds / 3600:
            elapsed += round(rng.uniform(10, 75))
        track.elapsed.append(elapsed)
        track.moving.append(moved)
        track.metres.append(metres)
        track.heartrate.append(heart + rng.gauss(0, 0.8))
        track.watts.append(watts)
        turns = usual_cadence * (1 + 0.06 * (intensity - 0.8) - max(0.0, grade)) if effort > 0 else 0.0
        track.cadence.append(max(0.0, turns + rng.gauss(0, 1.2)) if turns else 0.0)
    if session.sport_type == "Swim":
        # Whole lengths of a pool.
        lengths = round(metres / 25) * 25 / metres
        track.metres = [one * lengths for one in track.metres]
    track.heartrate[0], track.watts[0], track.cadence[0] = track.heartrate[1], track.watts[1], track.cadence[1]
    return track


#: Speed in metres a second, watts, and how hard it was, of intensity, grade and the speed before.
_Pace = Callable[[float, float, float], "tuple[float, float, float]"]


def _pace(session: Session, body: Body, day: float) -> _Pace:
    one = body.constitution
    sport = session.sport_type
    if sport in _RIDES:
        threshold = one.power * day

        def ride(intensity: float, grade: float, before: float) -> tuple[float, float, float]:
            effort = max(0.0, intensity * (1.0 + 3.0 * min(grade, 0.08) if grade > 0 else 1.0 + 9.0 * grade))
            watts = threshold * effort
            return speed_on_bike(watts, grade, one.weight, before), watts, effort

        return ride
    if sport in ("Run", "TrailRun"):
        fastest = one.run_speed * day

        def run(intensity: float, grade: float, _: float) -> tuple[float, float, float]:
            return min(7.0, fastest * intensity / cost_of_slope(grade)), 0.0, intensity

        return run
    fastest = one.swim_speed * day if sport == "Swim" else _WALKING.get(sport, 0.0)

    def other(intensity: float, grade: float, _: float) -> tuple[float, float, float]:
        if fastest == 0.0:
            return 0.0, 0.0, intensity
        uphill = cost_of_slope(grade) if sport != "Swim" else 1.0
        return max(0.3, fastest * intensity / uphill), 0.0, intensity * (1.0 + 2.0 * max(0.0, grade))

    return other
