"""Marcus, who runs in Boston for a marathon each April and a half each October."""

from __future__ import annotations

from datetime import date
from functools import cache

from sandbox.strava.accounts import Profile
from sandbox.strava.gear import Gear
from sandbox.training.body import Constitution
from sandbox.training.person import Day, Person, athlete, nth_weekday, title
from sandbox.training.roads import Road, Way, course, road
from sandbox.training.session import Session, Step, repeats, steady
from sandbox.training.towns import BOSTON, HONOLULU, LONDON, Town

_ID = 2
#: Days that a pair of shoes lasts, and how old the present one is: beyond 700 km, where runners look for new ones.
_PAIR_LASTS, _PAIR_AGE = 120, 112
_PAIRS = 8
#: The newest pair first.
_TRAINERS = [
    Gear(
        f"g99000002{number}",
        990_000_002,
        f"Daily blues {_PAIRS - number}",
        f"Blues {_PAIRS - number}",
        "Sole",
        f"Cushion {18 - number}",
        "",
        primary=True,
    )
    for number in range(_PAIRS)
]
_RACER = Gear("g990000029", 990_000_002, "Race day", "Race day", "Sole", "Plate 3", "", earlier=42_000.0)
_WATCH = "Garmin Forerunner 265"


class Runner(Person):
    """Six runs a week towards a race, four after it; every day in December."""

    def __init__(self) -> None:
        constitution = Constitution(
            weight=71.5,
            resting=46,
            threshold_heartrate=170,
            highest_heartrate=188,
            power=230.0,
            run_speed=4.35,
            swim_speed=0.8,
            best_fitness=64.0,
            heartrate_limits=(124, 142, 157, 171),
        )
        profile = Profile("Boston", "Massachusetts", "United States", "M", 71.5, None, constitution.heartrate_limits)
        marcus = athlete(_ID, "Marcus", "Webb", BOSTON, profile)
        put_away = {gear.id: _PAIR_AGE + number * _PAIR_LASTS for number, gear in enumerate(_TRAINERS[1:])}
        super().__init__(
            marcus,
            constitution,
            [*_TRAINERS, _RACER],
            BOSTON,
            connected_ago=420,
            sample_every=3,
            off=(331, 315),
            retired_ago=put_away,
        )

    def plan(self, day: Day) -> list[Session]:
        found = self._plan(day)
        return found if found or day.date.month != 12 else [self._easy(day, BOSTON, 5_000)]

    def _plan(self, day: Day) -> list[Session]:
        town = _where(day)
        to_race, race = _next_race(day.date)
        if to_race == 0:
            return [self._race(day, race)]
        after = min((day.date - one).days for one in _races(day.date.year) if one <= day.date)
        if after < 10:  # what a race leaves
            return [self._easy(day, town, 6_000)] if after > 5 and day.weekday in (1, 3, 5) else []
        taper = 0.6 if to_race <= 14 else 0.8 if to_race <= 21 else 1.0
        building = to_race <= 126
        if day.weekday == 4 or (day.weekday == 0 and not building):
            return []
        if town is not BOSTON:
            return [self._easy(day, town, 8_000)] if day.chance(0.8) else []
        if day.weekday == 6:
            longest = 18_000 + (14_000 * max(0.0, 1 - max(0, to_race - 21) / 105) if building else 0)
            return [self._long(day, longest * taper * (0.75 if day.is_easy_week else 1.0))]
        if day.weekday == 1 and day.chance(0.9 if building else 0.4):
            return [self._track(day)]
        if day.weekday == 3 and building and day.chance(0.85):
            return [self._tempo(day, 14_000 * taper)]
        if day.weekday == 2 and day.chance(0.12):
            return [self._typed_in(day)]
        if not day.chance(0.9 if building else 0.6):
            return []
        return [self._easy(day, town, (11_000 if building else 8_500) * taper * day.rng.uniform(0.75, 1.15))]

    def _easy(self, day: Day, town: Town, metres: float) -> Session:
        # A strap that stays at home now and then.
        return Session(
            "Run",
            title(day, "Morning Run", "Easy", "Shakeout", "Run with the dog 🐕", "Charles at sunrise"),
            town,
            day.at(6.6, 0.5),
            steady(0.76),
            course(_roads()[town.name], Way.THERE_AND_BACK, metres),
            gear=_shoes(day),
            device=_WATCH,
            heartrate=day.chance(0.93),
            auto_lap=1_609.344,
        )

    def _long(self, day: Day, metres: float) -> Session:
        return Session(
            "Run",
            title(day, "Long Run", "Sunday long one", "Long with the club"),
            BOSTON,
            day.at(8.1),
            steady(0.8),
            course(_roads()["river"], Way.THERE_AND_BACK, metres),
            gear=_shoes(day),
            device=_WATCH,
            workout_type=2,
            auto_lap=1_609.344,
        )

    def _track(self, day: Day) -> Session:
        steps = day.rng.choice(
            (repeats(6, 210, 1.1, 120, warm_up=720), repeats(10, 80, 1.17, 70, warm_up=720), repeats(4, 360, 1.06, 150))
        )
        return Session(
            "Run",
            title(day, "Evening Run", "Intervals", "6 × 1k", "Track Tuesday"),
            BOSTON,
            day.at(18.2),
            steps,
            course(_roads()["river"], Way.THERE_AND_BACK, 11_000),
            gear=_RACER if day.chance(0.3) else _shoes(day),
            device=_WATCH,
            workout_type=3,
            laps_by_hand=True,
        )

    def _tempo(self, day: Day, metres: float) -> Session:
        return Session(
            "Run",
            title(day, "Morning Run", "Tempo", "Marathon pace"),
            BOSTON,
            day.at(6.4),
            (Step(900, 0.72), Step(2_100, 0.95), Step(1e9, 0.7)),
            course(_roads()["river"], Way.THERE_AND_BACK, metres),
            gear=_shoes(day),
            device=_WATCH,
            workout_type=3,
            laps_by_hand=True,
        )

    def _race(self, day: Day, race: str) -> Session:
        marathon = race == "marathon"
        return Session(
            "Run",
            "Marathon!" if marathon else "Half marathon",
            BOSTON,
            day.at(10.0 if marathon else 8.0, 0.02),
            (Step(4_800 if marathon else 3_600, 0.915 if marathon else 0.965), Step(1e9, 0.89 if marathon else 0.95)),
            course(_roads()[race], Way.THERE),
            gear=_RACER,
            device=_WATCH,
            race=True,
            workout_type=1,
            stops=0,
            auto_lap=1_609.344,
            description="Went out a little too fast, as ever." if marathon else None,
        )

    def _typed_in(self, day: Day) -> Session:
        return Session(
            "Run",
            "Treadmill at the hotel",
            BOSTON,
            day.at(7.0).replace(second=0),
            steady(0.75),
            seconds=2_400,
            manual=True,
            heartrate=False,
            gear=_shoes(day),
            stops=0,
        )


def _shoes(day: Day) -> Gear:
    """The pair that was worn on a day."""
    return _TRAINERS[(day.ago + _PAIR_LASTS - _PAIR_AGE) // _PAIR_LASTS]


def _where(day: Day) -> Town:
    if day.is_between((2, 10), (2, 18)):
        return HONOLULU
    if 24 >= day.ago >= 20 or 402 >= day.ago >= 398:
        return LONDON
    return BOSTON


def _races(year: int) -> list[date]:
    """Third Monday of April, second Sunday of October, of this year and the one before."""
    return [
        one for each in (year - 1, year, year + 1) for one in (nth_weekday(each, 4, 0, 3), nth_weekday(each, 10, 6, 2))
    ]


def _next_race(today: date) -> tuple[int, str]:
    """Days until it, and which."""
    coming = min(one for one in _races(today.year) if one >= today)
    return (coming - today).days, "marathon" if coming.month == 4 else "half"


@cache
def _roads() -> dict[str, Road]:
    def run(name: str, town: Town, metres: float, segments: int, *, loop: bool = False) -> Road:
        step = metres / round(metres / 100)
        return road(name, town, metres, step=step, sport="Run", segments=segments, loop=loop)

    return {
        "river": run("river", BOSTON, 18_000, 6),
        "Boston": run("paths", BOSTON, 9_000, 4),
        "Honolulu": run("shore", HONOLULU, 9_000, 3),
        "London": run("canal", LONDON, 8_000, 3),
        "marathon": run("marathon", BOSTON, 42_240, 5, loop=False),
        "half": run("half", BOSTON, 21_130, 3, loop=True),
    }
