"""How fast something grows, and how fast it may."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_HOUR = 3600.0
#: More pairs than those of so many points say nothing more, and cost a lot.
_POINTS = 400

#: Seconds and a value.
Point = tuple[float, float]


@dataclass(frozen=True)
class Slope:
    """What became of one measure after the warm-up."""

    name: str
    unit: str
    first: float
    last: float
    per_hour: float
    #: Per hour.
    limit: float

    @property
    def is_too_steep(self) -> bool:
        return self.per_hour > self.limit

    @property
    def words(self) -> str:
        """For the table."""
        verdict = "TOO STEEP" if self.is_too_steep else "flat"
        return (
            f"from {self.first:.1f} to {self.last:.1f} {self.unit},"
            f" {self.per_hour:+.2f} per hour, at most {self.limit:g}: {verdict}"
        )


def slope(name: str, unit: str, points: Sequence[Point], limit: float) -> Slope:
    """Judge a series of at least two points; ``limit`` is per hour.

    First and last are medians of the first and last tenth.
    """
    tenth = max(1, len(points) // 10)
    first = statistics.median(value for _, value in points[:tenth])
    last = statistics.median(value for _, value in points[-tenth:])
    return Slope(name, unit, first, last, per_hour(points), limit)


def per_hour(points: Sequence[Point]) -> float:
    """The median of the slopes between all pairs of points (Theil and Sen): a peak now and then does not move it."""
    if len(points) < 2:
        raise ValueError("A slope needs two points.")
    step = max(1, len(points) // _POINTS)
    some = points[::step] if len(points[::step]) > 1 else points
    return _HOUR * statistics.median(
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for number, earlier in enumerate(some)
        for later in some[number + 1 :]
    )
