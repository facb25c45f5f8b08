"""A session of training as it is planned: what, when, where, how hard."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sandbox.strava.gear import Gear
from sandbox.training.roads import Course
from sandbox.training.towns import Town


@dataclass(frozen=True)
class Step:
    """A part of a session; intensity 1.0 is the threshold."""

    seconds: float
    intensity: float


def steady(intensity: float) -> tuple[Step, ...]:
    """The same until the end."""
    return (Step(1e9, intensity),)


def repeats(count: int, work: float, hard: float, rest: float, *, warm_up: float = 900) -> tuple[Step, ...]:
    """Warm up, then ``count`` times hard and easy, then home."""
    once = (Step(work, hard), Step(rest, 0.55))
    return (Step(warm_up, 0.66), *(once * count), Step(1e9, 0.6))


@dataclass(frozen=True)
class Session:
    """One activity, before it has been done."""

    sport_type: str
    title: str
    town: Town
    #: By the clocks of the town, without a zone.
    start: datetime
    steps: tuple[Step, ...]
    #: None indoors and for what somebody types in.
    course: Course | None = None
    #: Indoors: how long, in seconds.
    seconds: float = 0.0
    gear: Gear | None = None
    device: str | None = None
    #: Whether each is measured.
    heartrate: bool = True
    power: bool = False
    commute: bool = False
    trainer: bool = False
    manual: bool = False
    private: bool = False
    race: bool = False
    #: Strava's number for a kind of run or ride (run: 1 race, 2 long, 3 workout; ride: 10 none, 11 race, 12 workout).
    workout_type: int | None = None
    description: str | None = None
    #: Pauses per hour in motion, and one long one in the middle, in seconds.
    stops: float = 2.0
    cafe: float = 0.0
    #: Whether the lap key was pressed at each step; otherwise the device counts laps by distance.
    laps_by_hand: bool = False
    #: Metres of a lap that the device counts; 0 for none.
    auto_lap: float = 0.0
    #: Whether its samples are worth keeping, however old they are.
    is_test: bool = False

    @property
    def type(self) -> str:
        """The older, coarser name of ``sport_type``."""
        return {"GravelRide": "Ride", "MountainBikeRide": "Ride", "TrailRun": "Run"}.get(
            self.sport_type, self.sport_type
        )
