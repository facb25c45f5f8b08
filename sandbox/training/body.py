"""What a body can do and what training makes of it: fitness, fatigue, power, speed, heart rate.

Fitness and fatigue are the usual pair of moving averages of the daily load (42 and 7 days, after Banister and Coggan);
an hour at the threshold is a load of 100.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Days over which load is averaged.
FITNESS_DAYS = 42
FATIGUE_DAYS = 7
#: Relative effort per hour in each zone of the heart rate, as users of Strava have worked it out.
_EFFORT_PER_HOUR = (12.0, 24.0, 45.0, 100.0, 120.0)


@dataclass(frozen=True)
class Constitution:
    """What an athlete was born with and has worked for."""

    #: Kilograms.
    weight: float
    #: Beats a minute.
    resting: float
    threshold_heartrate: float
    highest_heartrate: float
    #: Watts that can be held for an hour in the best shape; also what an estimate of Strava's builds on.
    power: float
    #: Metres a second that can be held for an hour's run, and in the water.
    run_speed: float
    swim_speed: float
    #: The fitness at which that holds.
    best_fitness: float
    #: Where one zone of the heart rate ends and the next begins.
    heartrate_limits: tuple[int, ...]


class Body:
    """Changes with every day of training, or without."""

    def __init__(self, constitution: Constitution) -> None:
        self.constitution = constitution
        self.fitness = self.fatigue = constitution.best_fitness * 0.7

    def sleep(self, load: float) -> None:
        """A day with this load is over."""
        self.fitness += (load - self.fitness) / FITNESS_DAYS
        self.fatigue += (load - self.fatigue) / FATIGUE_DAYS

    @property
    def shape(self) -> float:
        """How much of the best can be had today, about 0.8 to 1."""
        gain = min(1.1, self.fitness / self.constitution.best_fitness)
        return 0.80 + 0.20 * gain - 0.0009 * max(0.0, self.fatigue - self.fitness)

    def heartrate_at(self, intensity: float, hours: float, celsius: float) -> float:
        """Where the heart rate settles; 1.0 is the intensity at the threshold. It drifts up with time and heat."""
        one = self.constitution
        reserve = one.threshold_heartrate - one.resting
        beats = one.resting + reserve * (0.33 + 0.67 * intensity)
        beats += reserve * 0.025 * hours + 0.35 * max(0.0, celsius - 19.0)
        return min(one.highest_heartrate, max(one.resting + 12.0, beats))


def zone_of(beats: float, limits: tuple[int, ...]) -> int:
    """The zone of a heart rate, from 0."""
    return sum(beats >= limit for limit in limits)


def relative_effort(seconds_in_zones: list[float]) -> float:
    """Strava's ``suffer_score``, roughly."""
    return sum(seconds * points / 3600 for seconds, points in zip(seconds_in_zones, _EFFORT_PER_HOUR))


def speed_on_bike(watts: float, grade: float, weight: float, before: float) -> float:
    """Metres a second at which rolling, air and slope take the power; ``before`` is a guess to begin with."""
    force = (weight + 11.0) * 9.81 * (grade + 0.006)
    speed = max(before, 3.0)
    for _ in range(3):
        excess = (0.19 * speed * speed + force) * speed - watts
        speed -= excess / max(0.57 * speed * speed + force, 8.0)
        speed = min(max(speed, 1.8), 16.5)
    return speed


def cost_of_slope(grade: float) -> float:
    """By how much running is slower uphill, and a little faster downhill."""
    return 1.0 + 3.0 * grade + 14.0 * grade * grade
