"""Lena, who rides to work in Zürich and into the hills at the weekend, with a power meter on the good bike."""

from __future__ import annotations

from functools import cache

from sandbox.strava.accounts import Profile
from sandbox.strava.gear import Gear
from sandbox.training.body import Constitution
from sandbox.training.person import Day, Person, athlete, title
from sandbox.training.roads import Road, Way, course, road
from sandbox.training.session import Session, Step, repeats, steady
from sandbox.training.towns import FORT_WILLIAM, MASPALOMAS, ZURICH

_ID = 1
_RACER = Gear("b990000011", 990_000_001, "Rennrad", "Rennrad", "Tour", "Carbon 2", "", primary=True, earlier=6_120_000)
_CITY = Gear("b990000012", 990_000_001, "Stadtvelo", "Stadtvelo", "Veloplus", "City 8", "Mit Korb", earlier=11_400_000)
_GEAR = (_RACER, _CITY)


class Cyclist(Person):
    """Commutes on four days, intervals on Wednesday, long on Saturday, with friends on Sunday."""

    def __init__(self) -> None:
        constitution = Constitution(
            weight=63.0,
            resting=49,
            threshold_heartrate=172,
            highest_heartrate=191,
            power=252.0,
            run_speed=3.2,
            swim_speed=0.8,
            best_fitness=70.0,
            heartrate_limits=(118, 147, 162, 177),
        )
        profile = Profile("Zürich", "Zürich", "Switzerland", "F", 63.0, 228, constitution.heartrate_limits, True)
        lena = athlete(_ID, "Lena", "Brunner", ZURICH, profile)
        super().__init__(lena, constitution, _GEAR, ZURICH, connected_ago=650, sample_every=1, off=(262, 244))

    def plan(self, day: Day) -> list[Session]:
        if day.is_between((3, 1), (3, 9)):
            return [] if day.weekday == 3 else [self._away(day, "camp")]
        if day.is_between((7, 18), (7, 29)):
            return [] if day.weekday in (1, 5) else [self._away(day, "tour")]
        found = []
        winter = day.date.month in (11, 12, 1, 2)
        if day.weekday < 4 and not day.is_between((12, 24), (12, 31)) and day.chance(0.84 if not winter else 0.7):
            found += self._commute(day)
        if day.weekday == 2 and 1 <= day.date.day <= 7:
            found.append(self._test(day))
        elif day.weekday == 2 and day.chance(0.75):
            found.append(self._intervals(day, winter))
        if day.weekday == 5 and day.chance(0.85):
            found.append(self._long(day, winter))
        if day.weekday == 6 and day.chance(0.5 if not winter else 0.3):
            found.append(self._sunday(day))
        return found

    def _commute(self, day: Day) -> list[Session]:
        way = _roads()["work"]
        morning = Session(
            "Ride",
            "Morning Ride",
            ZURICH,
            day.at(7.3),
            steady(0.52),
            course(way, Way.THERE),
            gear=_CITY,
            device="Strava App",
            heartrate=False,
            commute=True,
            stops=14,
        )
        evening = Session(
            "Ride",
            title(day, "Evening Ride", "Heimweg", "Heimweg im Regen", "Noch schnell einkaufen"),
            ZURICH,
            day.at(17.4, 0.5),
            steady(0.5),
            course(way, Way.BACK),
            gear=_CITY,
            device="Strava App",
            heartrate=False,
            commute=True,
            stops=14,
        )
        return [morning, evening] if day.chance(0.93) else [morning]

    def _test(self, day: Day) -> Session:
        """Twenty minutes as hard as they can be held, once a month."""
        steps = (Step(780, 0.62), Step(300, 0.45), Step(1200, 1.05), Step(1e9, 0.45))
        return _on_the_trainer(day, "FTP-Test 20 min", steps, seconds=2_640, is_test=True)

    def _intervals(self, day: Day, winter: bool) -> Session:
        steps = day.rng.choice((repeats(4, 480, 0.98, 180), repeats(5, 240, 1.08, 240), repeats(2, 1200, 0.9, 300)))
        if winter:
            return _on_the_trainer(day, title(day, "Rolle", "Intervalle auf der Rolle"), steps, seconds=4_200)
        return Session(
            "Ride",
            title(day, "Lunch Ride", "Intervalle", "Feierabendrunde ⛰"),
            ZURICH,
            day.at(18.3),
            steps,
            course(_roads()["evening"], Way.THERE),
            gear=_RACER,
            device="Garmin Edge 540",
            power=True,
            workout_type=12,
            laps_by_hand=True,
        )

    def _long(self, day: Day, winter: bool) -> Session:
        which = "short" if winter or day.is_easy_week else day.rng.choice(("lake", "hills", "lake", "pass"))
        return Session(
            "Ride",
            title(day, "Morning Ride", "Um den See", "Drei Pässe light", "Mit Ben ☀", "Grundlage"),
            ZURICH,
            day.at(9.2, 0.8),
            steady(0.68 if which != "pass" else 0.72),
            course(_roads()[which], Way.THERE),
            gear=_RACER,
            device="Garmin Edge 540",
            power=True,
            cafe=day.rng.choice((0.0, 1_500.0, 2_400.0)),
            auto_lap=10_000,
        )

    def _sunday(self, day: Day) -> Session:
        return Session(
            "GravelRide",
            title(day, "Afternoon Ride", "Waldwege", "Schlamm"),
            ZURICH,
            day.at(13.5, 1.0),
            steady(0.66),
            course(_roads()["woods"], Way.THERE),
            gear=_RACER,
            device="Garmin Edge 540",
            power=True,
            cafe=day.rng.choice((0.0, 1_200.0)),
        )

    def _away(self, day: Day, where: str) -> Session:
        town = MASPALOMAS if where == "camp" else FORT_WILLIAM
        return Session(
            "Ride",
            title(day, "Morning Ride", "Ferien!", "Gegenwind", "Aussicht"),
            town,
            day.at(9.5),
            steady(0.7),
            course(_roads()[f"{where} {day.date.toordinal() % 2}"], Way.THERE),
            gear=_RACER,
            device="Garmin Edge 540",
            power=True,
            cafe=1_800.0,
            auto_lap=10_000,
        )


@cache
def _roads() -> dict[str, Road]:
    def ride(name: str, metres: float, segments: int, hills: float = 1.0) -> Road:
        return road(name, ZURICH, metres, step=150.0, sport="Ride", segments=segments, hills=hills)

    found = {
        "work": road("work", ZURICH, 8_700, step=100.0, sport="Ride", segments=2, hills=0.25, loop=False),
        "evening": ride("evening", 33_000, 3),
        "short": ride("short", 46_000, 3, 0.6),
        "lake": ride("lake", 72_000, 5, 0.5),
        "hills": ride("hills", 88_000, 6, 1.6),
        "pass": ride("pass", 121_000, 6, 1.7),
        "woods": ride("woods", 38_000, 3, 1.1),
    }
    for number, metres in enumerate((64_000.0, 92_000.0)):
        for where, town in (("camp", MASPALOMAS), ("tour", FORT_WILLIAM)):
            name = f"{where} {number}"
            found[name] = road(name, town, metres, step=150.0, sport="Ride", segments=4)
    return found


def _on_the_trainer(day: Day, name: str, steps: tuple[Step, ...], *, seconds: float, is_test: bool = False) -> Session:
    return Session(
        "Ride",
        name,
        ZURICH,
        day.at(18.8),
        steps,
        seconds=seconds,
        gear=_RACER,
        device="Garmin Edge 540",
        power=True,
        trainer=True,
        workout_type=12,
        stops=0,
        laps_by_hand=True,
        is_test=is_test,
    )
