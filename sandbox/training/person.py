"""What the three athletes have in common: who they are, what they own, and the frame of their days."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from sandbox.strava.accounts import Athlete, Profile
from sandbox.strava.gear import Gear
from sandbox.training.body import Body, Constitution
from sandbox.training.session import Session
from sandbox.training.towns import Town


@dataclass(frozen=True)
class Day:
    """A day of an athlete's life."""

    date: date
    #: Days before the last day of the history: some things happen so long ago, whatever the date.
    ago: int
    rng: random.Random

    @property
    def weekday(self) -> int:
        """0 is Monday."""
        return self.date.weekday()

    @property
    def is_easy_week(self) -> bool:
        """Every fourth week is one to recover in."""
        return self.date.toordinal() // 7 % 4 == 3

    def at(self, hour: float, spread: float = 0.2) -> datetime:
        """About this hour by the local clocks, to the second."""
        seconds = round((hour + self.rng.uniform(-spread, spread)) * 3600)
        return datetime.combine(self.date, time()) + timedelta(seconds=seconds)

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def is_between(self, first: tuple[int, int], last: tuple[int, int]) -> bool:
        """Whether it lies between two days of a year, as (month, day)."""
        return first <= (self.date.month, self.date.day) <= last


def nth_weekday(year: int, month: int, weekday: int, number: int) -> date:
    """The second Sunday of a month, for instance: races are on such days."""
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))


@dataclass
class Person(ABC):
    """One athlete, who decides day by day what to train."""

    athlete: Athlete
    constitution: Constitution
    gear: Sequence[Gear]
    home: Town
    #: The add-on was connected so many days before the end; what was before, it read from lists.
    connected_ago: int
    #: Seconds between two samples that the watch keeps.
    sample_every: int
    #: ``ago`` of the first and the last day of an illness or an injury.
    off: tuple[int, int]
    #: ``ago`` of the day on which gear was put away, by id.
    retired_ago: dict[str, int] = field(default_factory=dict)
    body: Body = field(init=False)

    def __post_init__(self) -> None:
        self.body = Body(self.constitution)

    def sessions(self, day: Day) -> list[Session]:
        """What is trained on a day."""
        if self.off[0] >= day.ago >= self.off[1]:
            return []
        return self.plan(day)

    @abstractmethod
    def plan(self, day: Day) -> list[Session]:
        """What is trained on a day in good health."""


def athlete(number: int, first_name: str, last_name: str, home: Town, profile: Profile) -> Athlete:
    """An athlete with an id far beyond those that Strava has given out."""
    return Athlete(
        id=990_000_000 + number,
        first_name=first_name,
        last_name=last_name,
        city=home.name,
        state=home.state,
        country=home.country,
        latitude=home.latitude,
        longitude=home.longitude,
        profile=profile,
    )


def title(day: Day, usual: str, *others: str) -> str:
    """Mostly what Strava proposes, sometimes something of one's own."""
    return day.rng.choice(others) if others and day.chance(0.3) else usual
