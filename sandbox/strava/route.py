"""Where an activity went: a closed loop around the athlete's town, and Google's polyline encoding of it."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]

_METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True)
class Route:
    """Points (latitude, longitude) at equal steps of distance, with their altitudes in metres."""

    points: Sequence[Point]
    altitudes: Sequence[float]
    distance: float

    def index_at(self, share: float) -> int:
        """The index of the point after ``share`` (0 to 1) of the way."""
        return min(len(self.points) - 1, int(share * (len(self.points) - 1)))


def make_route(rng: random.Random, centre: Point, distance: float, points: int) -> Route:
    """A wavy loop that starts and ends near ``centre`` and is about ``distance`` metres long."""
    waves = [(k, rng.uniform(0.0, 0.35 / k), rng.uniform(0.0, math.tau)) for k in range(2, 9)]
    turn = rng.uniform(0.0, math.tau)
    shape = []
    for step in range(points):
        angle = math.tau * step / (points - 1)
        radius = 1.0 + sum(size * math.sin(k * angle + phase) for k, size, phase in waves)
        shape.append((radius * math.cos(angle + turn), radius * math.sin(angle + turn)))
    length = sum(math.dist(here, there) for here, there in zip(shape, shape[1:]))
    scale = distance / length / _METRES_PER_DEGREE
    wider = 1.0 / math.cos(math.radians(centre[0]))
    x0, y0 = shape[0]
    track = [(round(centre[0] + (y - y0) * scale, 6), round(centre[1] + (x - x0) * scale * wider, 6)) for x, y in shape]
    hills = [(k, rng.uniform(2.0, 60.0 / k), rng.uniform(0.0, math.tau)) for k in range(1, 6)]
    base = rng.uniform(5.0, 600.0)
    altitudes = [
        round(
            base + sum(height * (1 + math.sin(k * math.tau * step / points + phase)) for k, height, phase in hills),
            1,
        )
        for step in range(points)
    ]
    return Route(track, altitudes, distance)


def encode_polyline(points: Sequence[Point]) -> str:
    """Google's encoded polyline, precision 5, as Strava's maps carry it."""
    text: list[str] = []
    previous = (0, 0)
    for point in points:
        here = (round(point[0] * 1e5), round(point[1] * 1e5))
        for value, before in zip(here, previous):
            text.append(_encode_difference(value - before))
        previous = here
    return "".join(text)


def decode_polyline(text: str) -> list[Point]:
    """The points of an encoded polyline."""
    numbers: list[int] = []
    value = shift = 0
    for character in text:
        chunk = ord(character) - 63
        value |= (chunk & 0x1F) << shift
        shift += 5
        if chunk < 0x20:
            numbers.append(~(value >> 1) if value & 1 else value >> 1)
            value = shift = 0
    latitude = longitude = 0
    points = []
    for north, east in zip(numbers[::2], numbers[1::2]):
        latitude, longitude = latitude + north, longitude + east
        points.append((latitude / 1e5, longitude / 1e5))
    return points


def _encode_difference(difference: int) -> str:
    value = ~(difference << 1) if difference < 0 else difference << 1
    characters = []
    while value >= 0x20:
        characters.append(chr((0x20 | (value & 0x1F)) + 63))
        value >>= 5
    characters.append(chr(value + 63))
    return "".join(characters)
