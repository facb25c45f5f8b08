"""Bikes and shoes of the athletes, and how far each has gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.strava.accounts import Athlete
from sandbox.strava.exchange import JsonObject

#: Metres that the usual gear had gone before the stand-in knew of any activity.
_EARLIER = 8_412_345.0


@dataclass(eq=False)
class Gear:
    """One bike or one pair of shoes."""

    id: str
    athlete_id: int
    name: str
    nickname: str
    brand_name: str
    model_name: str
    description: str
    primary: bool = False
    retired: bool = False
    #: Metres before the activities that the stand-in has.
    earlier: float = 0.0

    @property
    def is_bike(self) -> bool:
        return self.id.startswith("b")


class GearBook:
    """Everybody's gear; each athlete begins with two bikes, one of them retired, and a pair of shoes."""

    def __init__(self) -> None:
        self._by_athlete: dict[int, list[Gear]] = {}

    def of(self, athlete: Athlete) -> list[Gear]:
        """Bikes and shoes in the order in which they came."""
        found = self._by_athlete.get(athlete.id)
        if found is None:
            found = self._by_athlete[athlete.id] = _first_gear(athlete)
        return found

    def usual(self, athlete: Athlete, activity_type: str) -> Gear:
        """What the athlete uses unless they say otherwise."""
        bike = activity_type == "Ride"
        return next(gear for gear in self.of(athlete) if gear.primary and gear.is_bike == bike)

    def add(self, athlete: Athlete, name: str, *, bike: bool) -> Gear:
        """A new piece, which is not the primary one."""
        mine = self.of(athlete)
        number = f"{_number(athlete)}{len(mine)}"
        gear = Gear(f"{'b' if bike else 'g'}{number}", athlete.id, name, name, "Marke", "Modell", "")
        mine.append(gear)
        return gear

    def find(self, athlete: Athlete, gear_id: str) -> Gear | None:
        """The athlete's gear of this id; others' is not there."""
        return next((gear for gear in self.of(athlete) if gear.id == gear_id), None)


def summary_gear(gear: Gear, gone: float) -> JsonObject:
    """SummaryGear, as it stands in activities and profiles; ``gone`` is metres in activities."""
    metres = round(gear.earlier + gone)
    return {
        "id": gear.id,
        "primary": gear.primary,
        "name": gear.name,
        "nickname": gear.nickname,
        "resource_state": 2,
        "retired": gear.retired,
        "distance": metres,
        "converted_distance": round(metres / 1_000, 1),
    }


def detailed_gear(gear: Gear, gone: float) -> JsonObject:
    """The answer of ``GET /gear/{id}``; shoes have no frame."""
    content: JsonObject = {
        **summary_gear(gear, gone),
        "resource_state": 3,
        "brand_name": gear.brand_name,
        "model_name": gear.model_name,
        "description": gear.description,
        "notification_distance": 600,
    }
    if gear.is_bike:
        content.update(frame_type=3, weight=8.4)
    return content


def gear_in_profile(gear: list[Gear], gone: Mapping[str, float]) -> JsonObject:
    """``bikes`` and ``shoes`` of the detailed athlete."""
    return {
        "bikes": [summary_gear(one, gone.get(one.id, 0.0)) for one in gear if one.is_bike],
        "shoes": [summary_gear(one, gone.get(one.id, 0.0)) for one in gear if not one.is_bike],
    }


def _number(athlete: Athlete) -> int:
    return athlete.id % 9_999_999


def _first_gear(athlete: Athlete) -> list[Gear]:
    number = _number(athlete)
    return [
        Gear(
            f"b{number}",
            athlete.id,
            "Crème “Gravel” №1",
            "Crème",
            "Crème",
            "Gravel №1",
            "Für alles außer Eis",
            primary=True,
            earlier=_EARLIER,
        ),
        Gear(f"b{number}1", athlete.id, "Altes Rad", "Alt", "Marke", "1998", "", retired=True, earlier=31_000_000.0),
        Gear(
            f"g{number}",
            athlete.id,
            "Schnelle Schuhe",
            "Schnell",
            "Marke",
            "Schnell 3",
            "",
            primary=True,
            earlier=_EARLIER,
        ),
    ]
