"""Isla, who swims, rides and runs in Melbourne, lifts, rides in a virtual world in winter and hikes in summer."""

from __future__ import annotations

from datetime import date
from functools import cache

from sandbox.strava.accounts import Profile
from sandbox.strava.gear import Gear
from sandbox.training.body import Constitution
from sandbox.training.person import Day, Person, athlete, nth_weekday, title
from sandbox.training.roads import Road, Way, course, road
from sandbox.training.session import Session, Step, repeats, steady
from sandbox.training.towns import MELBOURNE, QUEENSTOWN, VIRTUAL, Town

_ID = 3
_BIKE = Gear("b990000031", 990_000_003, "Tri bike", "Tri", "Aero", "P-3", "", primary=True, earlier=3_900_000.0)
_OLD = Gear("b990000032", 990_000_003, "Old steel", "Old steel", "Marke", "1994", "", retired=True, earlier=18_000_000)
_SHOES = Gear("g990000033", 990_000_003, "Road shoes", "Road", "Swift", "Float", "", primary=True, earlier=205_000.0)
_BOOTS = Gear("g990000034", 990_000_003, "Boots", "Boots", "Track", "Mid", "", earlier=120_000.0)
_GEAR = (_BIKE, _OLD, _SHOES, _BOOTS)
_WATCH = "Garmin Forerunner 965"


class Triathlete(Person):
    """Two sessions on most days; long course in November, short course in February."""

    def __init__(self) -> None:
        constitution = Constitution(
            weight=60.5,
            resting=51,
            threshold_heartrate=174,
            highest_heartrate=193,
            power=232.0,
            run_speed=3.85,
            swim_speed=1.22,
            best_fitness=78.0,
            heartrate_limits=(121, 150, 165, 179),
        )
        profile = Profile("Melbourne", "Victoria", "Australia", "F", 60.5, 215, constitution.heartrate_limits)
        isla = athlete(_ID, "Isla", "Moreau", MELBOURNE, profile)
        super().__init__(isla, constitution, _GEAR, MELBOURNE, connected_ago=150, sample_every=4, off=(452, 440))

    def plan(self, day: Day) -> list[Session]:
        if day.is_between((1, 4), (1, 17)):
            return [self._hike(day)] if day.weekday not in (2, 5) else [self._run(day, QUEENSTOWN, 7_000)]
        to_race = min((one - day.date).days for one in _races(day.date.year) if one >= day.date)
        after = min((day.date - one).days for one in _races(day.date.year) if one < day.date)
        if to_race == 0:
            return self._race(day)
        if after <= 6:
            return [self._swim(day, 1_500)] if after in (3, 5) else []
        share = 0.55 if to_race <= 7 else 0.75 if to_race <= 14 else 0.7 if day.is_easy_week else 1.0
        found = []
        winter = day.date.month in (6, 7, 8)
        if day.weekday in (0, 4) and day.chance(0.9):
            found.append(self._swim(day, 2_600 * share))
        if day.weekday == 2 and day.chance(0.7):
            found.append(self._swim(day, 3_200 * share))
        if day.weekday == 0 and day.chance(0.75):
            found.append(self._gym(day))
        if day.weekday in (1, 3) and day.chance(0.85):
            found.append(self._virtual(day) if winter else self._ride(day, "bay"))
        if day.weekday in (2, 6) and day.chance(0.88):
            found.append(self._run(day, MELBOURNE, (16_000 if day.weekday == 6 else 9_000) * share))
        if day.weekday == 5 and day.chance(0.9):
            long = self._ride(day, "ranges" if share == 1.0 else "bay")
            found += [long, self._run(day, MELBOURNE, 4_000, hour=12.9)] if day.chance(0.35) else [long]
        if day.weekday == 4 and day.chance(0.35):
            found.append(self._yoga(day))
        return found

    def _swim(self, day: Day, metres: float) -> Session:
        return Session(
            "Swim",
            title(day, "Morning Swim", "Squad 🏊", "Pull and paddles"),
            MELBOURNE,
            day.at(6.0),
            repeats(6, 240, 0.98, 60, warm_up=480),
            seconds=metres / 1.0,
            device=_WATCH,
            heartrate=day.chance(0.7),
            trainer=False,
            stops=10,
            auto_lap=400,
        )

    def _gym(self, day: Day) -> Session:
        return Session(
            "WeightTraining",
            title(day, "Evening Weight Training", "Legs", "Core"),
            MELBOURNE,
            day.at(18.5),
            steady(0.42),
            seconds=day.rng.randrange(2_400, 3_900),
            device=_WATCH,
            stops=0,
        )

    def _yoga(self, day: Day) -> Session:
        return Session(
            "Yoga",
            "Yoga",
            MELBOURNE,
            day.at(19.5).replace(second=0),
            steady(0.2),
            seconds=3_600,
            manual=True,
            heartrate=False,
            private=day.chance(0.3),
            stops=0,
        )

    def _virtual(self, day: Day) -> Session:
        return Session(
            "VirtualRide",
            title(day, "Zwift - Volcano laps", "Zwift - Tempus"),
            VIRTUAL,
            day.at(18.6),
            repeats(3, 600, 0.95, 240, warm_up=600),
            course(_roads()["virtual"], Way.THERE),
            gear=_BIKE,
            device="Zwift",
            power=True,
            trainer=True,
            stops=0,
        )

    def _ride(self, day: Day, where: str) -> Session:
        steps = steady(0.7) if where == "ranges" else repeats(3, 720, 0.88, 300)
        return Session(
            "Ride",
            title(day, "Morning Ride", "Beach Road", "Long, coffee, home"),
            MELBOURNE,
            day.at(6.2 if day.weekday != 5 else 7.5),
            steps,
            course(_roads()[where], Way.THERE),
            gear=_BIKE,
            device=_WATCH,
            power=True,
            cafe=1_500.0 if where == "ranges" else 0.0,
            auto_lap=5_000,
        )

    def _run(self, day: Day, town: Town, metres: float, hour: float = 6.5) -> Session:
        return Session(
            "TrailRun" if town is QUEENSTOWN else "Run",
            title(day, "Morning Run" if hour < 12 else "Afternoon Run", "Brick", "Tan track", "Steady"),
            town,
            day.at(hour),
            steady(0.79),
            course(_roads()[town.name], Way.THERE_AND_BACK, metres),
            gear=_SHOES,
            device=_WATCH,
            auto_lap=1_000,
        )

    def _hike(self, day: Day) -> Session:
        return Session(
            "Hike",
            title(day, "Morning Hike", "Above the lake ⛰", "Hut to hut"),
            QUEENSTOWN,
            day.at(9.0),
            steady(0.62),
            course(_roads()["ridge"], Way.THERE_AND_BACK, day.rng.uniform(9_000, 17_000)),
            gear=_BOOTS,
            device=_WATCH,
            cafe=2_700.0,
            stops=5,
        )

    def _race(self, day: Day) -> list[Session]:
        long = day.date.month == 11
        swim = Session(
            "Swim",
            "Race: swim",
            MELBOURNE,
            day.at(7.0, 0.01),
            steady(0.97),
            seconds=1_680 if long else 1_290,
            device=_WATCH,
            race=True,
            stops=0,
        )
        ride = Session(
            "Ride",
            "Race: bike",
            MELBOURNE,
            day.at(7.62, 0.01),
            steady(0.82 if long else 0.93),
            course(_roads()["race long" if long else "race short"], Way.THERE),
            gear=_BIKE,
            device=_WATCH,
            power=True,
            race=True,
            workout_type=11,
            stops=0,
            auto_lap=5_000,
        )
        run = Session(
            "Run",
            "Race: run",
            MELBOURNE,
            day.at(10.6 if long else 9.0, 0.01),
            (Step(3_600, 0.88 if long else 0.95), Step(1e9, 0.85)),
            course(_roads()["Melbourne"], Way.THERE_AND_BACK, 21_200 if long else 10_000),
            gear=_SHOES,
            device=_WATCH,
            race=True,
            workout_type=1,
            stops=0,
            auto_lap=1_000,
        )
        return [swim, ride, run]


def _races(year: int) -> list[date]:
    """The first Sunday of November and the third of February."""
    return [
        one for each in (year - 1, year, year + 1) for one in (nth_weekday(each, 2, 6, 3), nth_weekday(each, 11, 6, 1))
    ]


@cache
def _roads() -> dict[str, Road]:
    def ride(name: str, metres: float, segments: int, hills: float, town: Town = MELBOURNE) -> Road:
        return road(name, town, metres, step=150.0, sport="Ride", segments=segments, hills=hills)

    return {
        "bay": ride("bay", 42_000, 4, 0.3),
        "ranges": ride("ranges", 96_000, 6, 2.0),
        "race long": ride("race long", 90_000, 4, 0.3),
        "race short": ride("race short", 40_050, 2, 0.3),
        "virtual": ride("virtual", 31_050, 3, 1.0, VIRTUAL),
        "Melbourne": road("tan", MELBOURNE, 10_600, step=100.0, sport="Run", segments=4, hills=0.3, loop=False),
        "Queenstown": road("lakeside", QUEENSTOWN, 5_000, step=100.0, sport="Run", segments=2, hills=0.2, loop=False),
        "ridge": road("ridge", QUEENSTOWN, 9_000, step=100.0, sport="Run", segments=0, hills=2.0, loop=False),
    }
