"""What is said of many figures: their quartiles, and how long the slowest took."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Quartiles."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Spread:
        """Of one figure or more."""
        if len(figures) == 1:
            return cls(figures[0], figures[0], figures[0])
        low, median, high = statistics.quantiles(figures, n=4, method="inclusive")
        return cls(low, median, high)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """How many times theirs ours are, round by round. A round in which theirs are 0 says nothing."""
    return Spread.of([our / their for our, their in zip(ours, theirs) if their > 0] or [0.0])


def percentile(figures: Sequence[float], share: float) -> float:
    """The smallest figure that so much of all are not above."""
    ordered = sorted(figures)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
