"""What was there before the begin, and what becomes of it afterwards, announced or not."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Union

from sandbox.simulation.case import DAY, HOUR, START, Case
from sandbox.simulation.habits import Deed, Happening, Person

#: Numbers of activities from here on are of the past.
FIRST = 1_000_000
#: Days between two activities of an athlete, on average: a thousand are ten years.
_EVERY = 3.65
#: What was recorded, by kind of the stand-in: mostly small, because the simulation is about when and not about how
#: much, and some of each size up to 180 KB.
_KINDS = {"manual": 0.42, "swim": 0.42, "walk": 0.10, "run": 0.045, "ride": 0.015}
#: What is done to old activities, each athlete on one day in seven: what Strava tells, and what it tells nobody.
_DEEDS_PER_DAY = 1 / 7


@dataclass(frozen=True)
class Old:
    """An activity of the past."""

    athlete: int
    #: See FIRST.
    number: int
    kind: str
    #: Epoch seconds.
    start_date: int
    private: bool


def past(case: Case, who: Person) -> list[Old]:
    """Everything that the athlete had recorded, oldest first. The newest are the same, however many there are."""
    rng = random.Random(f"past {case.seed} {who.number}")
    count = case.history // case.athletes + (who.number < case.history % case.athletes)
    begin = START - HOUR
    found = []
    for number in range(count):
        begin -= rng.expovariate(1.0) * _EVERY * DAY
        kind = rng.choices(list(_KINDS), list(_KINDS.values()))[0]
        found.append(Old(who.number, FIRST + number, kind, int(begin), rng.random() < 0.05))
    return found[::-1]


def late_deeds(case: Case, who: Person, old: list[Old]) -> Iterator[Happening]:
    """What the athlete does to it while the simulation runs."""
    for day in range(case.days):
        rng = random.Random(f"late {case.seed} {who.number} {day}")
        if not old or rng.random() >= _DEEDS_PER_DAY:
            continue
        # Rather newer ones: some of them lie in the days that every look goes back.
        newest_first = min(int(rng.expovariate(1.0) * len(old) / 8), len(old) - 1)
        which = old[-1 - newest_first]
        at = START + (day + rng.random()) * DAY
        deed, fields = _deed(rng, which)
        yield Happening(at, who.number, deed, which.number, fields)
        if deed is Deed.HIDE and rng.random() < 0.5:
            yield Happening(at + rng.uniform(0.01, 5.0) * DAY, who.number, Deed.SHOW, which.number)


def _deed(rng: random.Random, which: Old) -> tuple[Deed, dict[str, Union[str, float]]]:
    chance = rng.random()
    if chance < 0.30:
        return Deed.EDIT, {"title": f"Renamed {rng.randrange(10_000)}"}
    if chance < 0.45:
        return Deed.EDIT, {"type": rng.choice(("Hike", "TrailRun", "Workout"))}
    if chance < 0.60:  # cropped; nobody is told
        return Deed.EDIT, {"seconds": float(rng.randrange(300, 900))}
    if chance < 0.70:  # nobody is told of this either
        return Deed.EDIT, {"start_date": float(which.start_date - rng.randrange(600, 90_000))}
    if chance < 0.85:
        return Deed.DELETE, {}
    return Deed.HIDE, {}
