"""Where each search's expectation is found, by the search's name in the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.search.answers import Answer
from tests.search.truth import EVERYBODY, Asked

Compute = Callable[[Asked], Answer]


@dataclass(frozen=True)
class Expectation:
    """How the rows are computed that a search has to show."""

    compute: Compute
    #: About whom it is asked, one after the other.
    athletes: tuple[int, ...]


EXPECTATIONS: dict[str, Expectation] = {}


def expected(name: str, *athletes: int) -> Callable[[Compute], Compute]:
    """The decorated function computes what the search of this name has to show, about each of the athletes."""

    def register(compute: Compute) -> Compute:
        assert name not in EXPECTATIONS, name
        EXPECTATIONS[name] = Expectation(compute, athletes or EVERYBODY)
        return compute

    return register
