"""The roads that an athlete knows: the same ones again and again, with the segments on them."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from enum import Enum
from functools import cache

from sandbox.strava.route import Point, make_route
from sandbox.training.towns import Town

_METRES_PER_DEGREE = 111_320.0
_NAMES = (
    ("Climb to the {}", "Descent from the {}"),
    ("{} sprint", "{} sprint, other way"),
    ("Along the {}", "Back along the {}"),
    ("{} drag", "{} drag reversed"),
    ("Up to the {}", "Down from the {}"),
    ("{} straight", "{} straight home"),
)
_LANDMARKS = ("chapel", "old mill", "reservoir", "water tower", "quarry", "ferry", "orchard", "viaduct", "lighthouse")


class Way(Enum):
    """How a road is followed."""

    #: From its beginning to its end; a loop ends where it began.
    THERE = "there"
    BACK = "back"
    #: As far as wanted and back again.
    THERE_AND_BACK = "there and back"


@dataclass(frozen=True)
class Segment:
    """A stretch on which everybody's times are compared, in one direction."""

    id: int
    name: str
    #: ``Ride`` or ``Run``.
    sport: str
    #: Indices of the road's points; backwards if the first one is larger.
    first: int
    last: int


@dataclass(frozen=True, eq=False)
class Road:
    """Points at equal steps, and what is known of them."""

    town: Town
    points: tuple[Point, ...]
    #: Metres above the sea, for each point.
    altitudes: tuple[float, ...]
    #: Metres between two points.
    step: float
    segments: tuple[Segment, ...]

    @property
    def metres(self) -> float:
        return self.step * (len(self.points) - 1)


@dataclass(frozen=True, eq=False)
class Course:
    """What is run or ridden of a road on one day; the same object for the same way."""

    road: Road
    #: Indices of the road's points, in the order in which they are passed.
    path: tuple[int, ...]

    @property
    def points(self) -> list[Point]:
        return [self.road.points[index] for index in self.path]

    @property
    def altitudes(self) -> list[float]:
        return [self.road.altitudes[index] for index in self.path]

    def segments(self) -> list[tuple[Segment, int, int]]:
        """The segments on the course in the order of their begins, with the first and the last index in ``path``."""
        turn = self.path.index(max(self.path))
        found = []
        for segment in self.road.segments:
            for begin, end, forwards in ((0, turn, True), (turn, len(self.path) - 1, False)):
                if begin == end or forwards != (segment.first < segment.last):
                    continue
                low, high = sorted((self.path[begin], self.path[end]))
                if min(segment.first, segment.last) >= low and max(segment.first, segment.last) <= high:
                    sign = 1 if forwards else -1
                    first = begin + sign * (segment.first - self.path[begin])
                    found.append((segment, first, first + abs(segment.last - segment.first)))
        return sorted(found, key=lambda one: one[1])


def road(
    name: str,
    town: Town,
    metres: float,
    *,
    step: float,
    sport: str,
    segments: int,
    hills: float = 1.0,
    loop: bool = True,
) -> Road:
    """Lay out a road; the same for the same arguments. One that is no loop is half of a loop."""
    rng = random.Random(f"road {name} {town.name}")
    count = round(metres / step) + 1
    around = metres if loop else metres * 2
    coarse = make_route(rng, (town.latitude, town.longitude), around, max(64, round(around / step)))
    points = _evenly(coarse.points, step, count)
    altitudes = _altitudes(rng, town, around, step, count, hills)
    return Road(town, points, altitudes, step, _segments(rng, sport, count, step, segments))


def course(along: Road, way: Way, metres: float | None = None) -> Course:
    """Follow a road; ``metres`` only matters there and back."""
    last = len(along.points) - 1
    turn = last
    if way is Way.THERE_AND_BACK:
        turn = min(last, max(1, round((metres or along.metres) / 2 / along.step)))
    return _course(along, way, turn)


@cache
def _course(along: Road, way: Way, turn: int) -> Course:
    if way is Way.THERE:
        return Course(along, tuple(range(turn + 1)))
    if way is Way.BACK:
        return Course(along, tuple(range(turn, -1, -1)))
    return Course(along, (*range(turn + 1), *range(turn - 1, -1, -1)))


def _evenly(points: object, step: float, count: int) -> tuple[Point, ...]:
    """Points with ``step`` metres between each two, on the line through the given ones."""
    line: list[Point] = list(points)  # type: ignore[call-overload]
    wider = math.cos(math.radians(line[0][0]))
    found = [line[0]]
    here, index = line[0], 1
    while len(found) < count:
        target = line[index % len(line)]
        north = (target[0] - here[0]) * _METRES_PER_DEGREE
        east = (target[1] - here[1]) * _METRES_PER_DEGREE * wider
        away = math.hypot(north, east)
        missing = step - _metres(found[-1], here, wider)
        if away < missing:
            here, index = target, index + 1
            continue
        share = missing / away if away else 0.0
        here = (here[0] + (target[0] - here[0]) * share, here[1] + (target[1] - here[1]) * share)
        found.append((round(here[0], 6), round(here[1], 6)))
        here = found[-1]
    return tuple(found)


def _metres(one: Point, other: Point, wider: float) -> float:
    return math.hypot(one[0] - other[0], (one[1] - other[1]) * wider) * _METRES_PER_DEGREE


def _altitudes(
    rng: random.Random, town: Town, around: float, step: float, count: int, hills: float
) -> tuple[float, ...]:
    """Hills and waves that end as high as they begin, never steeper than one metre in ten."""
    kilometres = around / 1000
    waves = []
    for length in (0.35, 0.12, 0.05, 0.02):
        number = max(1, round(1 / length))
        most = 0.08 * around / (math.tau * number) / 2
        waves.append((number, min(most, town.hills * hills * length * rng.uniform(0.6, 1.2)), rng.uniform(0, math.tau)))
    number = max(1, round(kilometres / 1.2))
    waves.append((number, min(7.0, town.hills * 0.04) * hills, rng.uniform(0, math.tau)))
    ground = [
        sum(height * math.sin(math.tau * number * index * step / around + phase) for number, height, phase in waves)
        for index in range(count)
    ]
    low = min(ground)
    return tuple(round(town.altitude + height - low, 1) for height in ground)


def _segments(rng: random.Random, sport: str, count: int, step: float, wanted: int) -> tuple[Segment, ...]:
    """Each in both directions, spread over the road."""
    found = []
    for number in range(wanted):
        begin = int((number + rng.uniform(0.1, 0.3)) / wanted * (count - 1))
        longest = int((count - 1) / wanted * 0.6)
        end = min(count - 1, begin + max(3, min(longest, round(rng.uniform(600, 3_500) / step))))
        landmark = f"{rng.choice(_LANDMARKS)} {rng.randrange(2, 99)}"
        identity = 7_000_000_000 + rng.randrange(10**9) * 2
        there, back = rng.choice(_NAMES)
        found.append(Segment(identity, there.format(landmark).capitalize(), sport, begin, end))
        found.append(Segment(identity + 1, back.format(landmark).capitalize(), sport, end, begin))
    return tuple(found)
