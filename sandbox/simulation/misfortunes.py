"""What goes wrong meanwhile: at Strava, on the way, and on the host of the input."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Union

from sandbox.simulation.case import DAY, HOUR, MINUTE, START, Case

#: Seconds by which the host's clock is off, to either side.
CLOCK_ERROR = 90.0


@dataclass(frozen=True)
class Outage:
    """Strava fails from ``begin`` to ``end``, in epoch seconds."""

    begin: float
    end: float
    #: As ``Faults.outage`` of the stand-in takes it.
    what: Union[int, str]
    path: str


@dataclass(frozen=True)
class Restart:
    """The input's process ends and comes back ``down`` seconds later."""

    at: float
    down: float
    #: It dies in the middle of what it does, and not before its next so many touches of the world around it. None:
    #: it is stopped properly.
    dies_after: Union[int, None]
    #: When it is stopped properly, but its threads do not finish in time.
    impatient: bool


@dataclass(frozen=True)
class Misfortunes:
    """All faults of a case."""

    #: What the host's clock shows minus the true time, in seconds.
    clock_offset: float
    outages: tuple[Outage, ...]
    restarts: tuple[Restart, ...]
    #: Of the process that lists.
    lister_restarts: tuple[Restart, ...]
    #: Parts of all calls to Strava that end in a 500, a reset connection or a late answer.
    single_errors: float
    #: Part of the notifications that are committed, but whose acknowledgement comes too late.
    late_acknowledgements: float
    #: Part of the attempts to deliver that are answered 503.
    refused_deliveries: float
    #: Part of the reads and writes of tokens that splunkd does not answer.
    token_store_errors: float


def misfortunes(case: Case) -> Misfortunes:
    """Draw them, and keep the part of them that the case asks for."""
    sign = random.Random(f"clock {case.seed}").choice((-1, 1))
    return Misfortunes(
        clock_offset=sign * CLOCK_ERROR if case.faults else 0.0,
        outages=tuple(_outages(case)),
        restarts=tuple(_restarts(case, "restart")),
        lister_restarts=tuple(_restarts(case, "restart of the lister")) if case.lists else (),
        single_errors=0.004 * case.faults,
        late_acknowledgements=0.01 * case.faults,
        refused_deliveries=0.005 * case.faults,
        token_store_errors=0.001 * case.faults,
    )


def _outages(case: Case) -> list[Outage]:
    """On one day in seven, for half an hour to six hours."""
    found = []
    for day in range(case.days):
        rng = random.Random(f"outage {case.seed} {day}")
        happens = rng.random() < 0.15 and rng.random() < case.faults
        begin = START + (day + rng.random()) * DAY
        end = min(begin + rng.uniform(0.5, 6.0) * HOUR, case.end)
        what = rng.choice((503, 500, 502, "html", "reset", "timeout", "not_json", "redirect"))
        # Answers to a refresh are not garbled: Strava would have rotated the token, and only the athlete could help.
        path = rng.choice(("/api/v3/*", "*")) if what != "not_json" else "/api/v3/*"
        if happens:
            found.append(Outage(begin, end, what, path))
    return found


def _restarts(case: Case, what: str) -> list[Restart]:
    """Two a day, one of them clean and one a crash; on one day in ten the host is away for longer."""
    found = []
    for day in range(case.days):
        rng = random.Random(f"{what} {case.seed} {day}")
        for crash in (False, True):
            happens = rng.random() < case.faults
            at = START + (day + rng.random()) * DAY
            down = rng.uniform(60.0, 75.0) if crash else rng.uniform(4.0, 20.0)
            restart = Restart(at, down, rng.randrange(1, 14) if crash else None, rng.random() < 0.5)
            if happens:
                found.append(restart)
        happens = rng.random() < 0.1 and rng.random() < case.faults
        away = Restart(START + (day + rng.random()) * DAY, rng.uniform(10.0, 60.0) * MINUTE, None, False)
        if happens:
            found.append(away)
    return sorted(found, key=lambda restart: restart.at)
