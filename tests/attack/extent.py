"""How far an attack goes: a short form within ``make test``, the full one of ``make attack``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Optional

#: ``make attack`` sets it to ``full``.
VARIABLE = "ATTACK"


@dataclass(frozen=True)
class Extent:
    """The same cases, turned up or down."""

    #: Honest notifications that have to be answered while an attack lasts; it ends with the last of them.
    honest: int
    #: Honest notifications a second, each on a connection of its own.
    rate: float
    #: Connections that an attack of many holds open at a time.
    connections: int
    #: The listener's own limit, exceeded: connections of an attack that is about this limit.
    too_many: int
    #: Of an attack that is about numbers of requests: guesses, forged notifications, malformed requests.
    requests: int
    #: What p99 of the honest ones must stay below, in seconds. None within ``make test``, which measures nothing.
    p99: Optional[float]


SHORT = Extent(honest=12, rate=20.0, connections=100, too_many=1_100, requests=100, p99=None)
FULL = Extent(honest=120, rate=25.0, connections=400, too_many=3_000, requests=2_000, p99=0.5)


def chosen() -> Extent:
    """The one that the environment asks for."""
    return FULL if os.environ.get(VARIABLE) == "full" else SHORT
