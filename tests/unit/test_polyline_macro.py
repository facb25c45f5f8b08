"""The macro that takes a route's line apart, against a decoder in Python that knows nothing of it."""

from __future__ import annotations

import math
import random

import pytest

from sandbox.spl import Index
from sandbox.strava.route import encode_polyline

#: Of Google's own description of the format.
KNOWN = "_p~iF~ps|U_ulLnnqC_mqNvxq`@"


def decoded(line: str) -> list[tuple[float, float]]:
    """As the description has it: bit by bit."""
    numbers, value, shift = [], 0, 0
    for sign in line:
        bits = ord(sign) - 63
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            numbers.append(~(value >> 1) if value & 1 else value >> 1)
            value, shift = 0, 0
    points, lat, lon = [], 0, 0
    for north, east in zip(numbers[::2], numbers[1::2]):
        lat, lon = lat + north, lon + east
        points.append((lat / 100_000, lon / 100_000))
    return points


def shown(line: str) -> list[tuple[float, float]]:
    """What the macro makes of a line."""
    rows = Index.of([], now=0.0).chain([{"line": line}], "`strava_polyline(line)` | table lat, lon")
    return [(row["lat"], row["lon"]) for row in rows]


def test_the_example_of_the_description() -> None:
    assert shown(KNOWN) == [(38.5, -120.2), (40.7, -120.95), (43.252, -126.453)]


def test_one_point_is_a_point() -> None:
    assert shown(encode_polyline([(0.0, 0.0)])) == [(0.0, 0.0)]


@pytest.mark.parametrize("seed", range(8))
def test_lines_anywhere_on_earth(seed: int) -> None:
    rng = random.Random(seed)
    # Neighbours far apart need all six characters of a number, near ones one; both ends of the world are there.
    far = [(rng.uniform(-90, 90), rng.uniform(-180, 180)) for _ in range(40)]
    near = [(-41.3 + rng.gauss(0, 1e-4), 174.8 + rng.gauss(0, 1e-4)) for _ in range(200)]
    line = encode_polyline([*far, *near, (90.0, 180.0), (-90.0, -180.0), (90.0, 180.0)])
    found = shown(line)
    assert found == decoded(line)
    assert all(math.dist(here, there) < 1e-5 for here, there in zip(found, [*far, *near, (90.0, 180.0)]))


def test_each_sign_that_a_line_can_have() -> None:
    # A backslash and a grave accent among them, which cannot stand in the macro itself.
    line = "".join(chr(sign) + "@" for sign in range(95, 127)) + "".join(chr(sign) for sign in range(63, 95))
    assert len(decoded(line)) == 32
    assert shown(line) == decoded(line)


def test_rows_without_a_line_stay_as_they_are() -> None:
    rows = Index.of([], now=0.0).chain([{"lat": "1.5", "lon": "2.5"}], "`strava_polyline(line)` | table lat, lon")
    assert rows == [{"lat": "1.5", "lon": "2.5"}]
