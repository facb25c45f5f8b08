"""The figures of one case."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.simulation.case import Case


@dataclass
class Result:
    """The figures of one case. Equal for equal cases."""

    case: Case
    #: In the order of the table.
    figures: dict[str, float] = field(default_factory=dict)
    #: Why the case fails: one line for each thing that must not be, at most a few of each kind.
    violations: list[str] = field(default_factory=list)
    #: Reasons of dead letters with their numbers, what happened to the host, what Strava answered.
    details: dict[str, dict[str, int]] = field(default_factory=dict)
    #: The notifications that waited longest since the oracle could have answered them, one line for each.
    slowest: list[str] = field(default_factory=list)
