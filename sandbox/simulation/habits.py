"""What 200 athletes do in 30 days: who they are, when they ride, and what they do to their activities afterwards.

All of it is drawn before the simulation begins, each athlete and each day from numbers of its own: with half of the
athletes or days, the others do just the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Union

from sandbox.simulation.case import DAY, HOUR, MINUTE, START, Case

#: Hours east of Greenwich, most athletes in Europe.
_ZONES = (1, 1, 1, 2, 2, 0, -5, -8, 9)
_TITLES = (
    "Morning Ride 🚴",
    "Round the lake",
    "Intervalle 6×3′",
    "Easy",
    "Mit Ben ☀",
    "Recovery",
    "Köln – Bonn",
    "Ftp?",
)
_TYPES = ("Ride", "Run", "Walk", "Hike", "Workout", "TrailRun")
#: Both are small: the simulation is about when, not about how much.
_KINDS = ("swim", "manual")

#: A club moves its archives: the day, and who takes part. Days and shares are such that the default limits of a
#: quarter hour and of a day are both exceeded.
_MOVING_DAY, _MOVING_SHARE = 11, 0.14
#: A race on a Sunday: all arrive within 20 minutes.
_RACE_DAY, _RACE_SHARE = 20, 0.6
#: The club's ride on other Sundays.
_CLUB_RIDE_SHARE = 0.2
#: Old activities that are uploaded at once.
_ARCHIVE = 40


class Deed(Enum):
    """What an athlete can do."""

    RECORD = "record"
    EDIT = "edit"
    HIDE = "hide"
    SHOW = "show"
    DELETE = "delete"
    #: Takes the permission back; Strava tells.
    DEAUTHORIZE = "deauthorize"
    #: The refresh token dies; nobody is told.
    REVOKE = "revoke"
    CONNECT = "connect"


@dataclass(frozen=True)
class Happening:
    """Something that an athlete does."""

    #: Epoch seconds.
    at: float
    athlete: int
    deed: Deed
    #: Number of the athlete's activity, from 0.
    activity: int = -1
    #: Of ``StravaStandIn.record`` or ``edit``; a ``start_date`` is in epoch seconds.
    fields: dict[str, Union[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Person:
    """An athlete's way of life."""

    number: int
    #: Hours east of Greenwich.
    zone: int
    #: Local hour at which they are usually back.
    back_at: float
    #: Activities per week.
    weekly: float
    scope: str

    @property
    def name(self) -> tuple[str, str]:
        return f"Athlete{self.number}", "Simulated"


def person(case: Case, number: int) -> Person:
    """Draw an athlete."""
    rng = random.Random(f"person {case.seed} {number}")
    return Person(
        number=number,
        zone=rng.choice(_ZONES),
        back_at=rng.choice((7.2, 7.8, 12.8, 18.2, 19.0, 20.3)),
        weekly=min(14.0, rng.gammavariate(1.6, 1.05)),
        scope="read,activity:read" if rng.random() < 0.12 else "read,activity:read,activity:read_all",
    )


def life(case: Case, who: Person) -> list[Happening]:
    """Everything that the athlete does, in the order of time."""
    diary = _Diary(case, who)
    for day in range(case.days):
        diary.live(day)
    diary.permissions()
    done = sorted(diary.happenings, key=lambda happening: happening.at)
    return [happening for happening in done if happening.at < case.end]


class _Diary:
    """Collects what one athlete does."""

    def __init__(self, case: Case, who: Person) -> None:
        self._case = case
        self._who = who
        self._activities = 0
        self.happenings: list[Happening] = []
        whole = random.Random(f"life {case.seed} {who.number}")
        #: When they upload the archive of their old device.
        self._archive_day = whole.randrange(600)
        self._moves = whole.random() < _MOVING_SHARE
        self._races = whole.random() < _RACE_SHARE

    def live(self, day: int) -> None:
        """One day."""
        rng = random.Random(f"day {self._case.seed} {self._who.number} {day}")
        midnight = START + day * DAY
        weekend = day % 7 >= 5
        if rng.random() < self._who.weekly / 7 * (1.5 if weekend else 0.8):
            back_at = 11.3 if weekend else self._who.back_at
            hour = rng.gauss(back_at, 1.4 if weekend else 0.6)
            self._upload(rng, midnight + (hour - self._who.zone) * HOUR)
            if not weekend and rng.random() < 0.12:  # and back home
                self._upload(rng, midnight + (hour + 9 - self._who.zone) * HOUR)
        if day % 7 == 6 and rng.random() < _CLUB_RIDE_SHARE:
            self._upload(rng, midnight + 13 * HOUR + rng.uniform(0, 20 * MINUTE))
        if day == _RACE_DAY and self._races:
            self._upload(rng, midnight + 15 * HOUR + rng.uniform(0, 20 * MINUTE))
        if day == self._archive_day:
            self._upload_archive(rng, midnight + rng.uniform(6, 21) * HOUR)
        if day == _MOVING_DAY and self._moves:
            self._upload_archive(rng, midnight + rng.uniform(9, 13) * HOUR)

    def permissions(self) -> None:
        """Some leave, and some of those come back."""
        rng = random.Random(f"permissions {self._case.seed} {self._who.number}")
        fate, at = rng.random(), START + rng.uniform(0.1, 29.0) * DAY
        if fate < 0.04:
            self._do(at, Deed.DEAUTHORIZE)
            if fate < 0.025:
                self._do(at + rng.uniform(1.0, 4.0) * DAY, Deed.CONNECT)
        elif fate < 0.06:
            self._do(at, Deed.REVOKE)
            back = at + rng.uniform(0.5, 2.5) * DAY
            # Who is still away at the end would only leave their activities unjudged.
            self._do(min(back, self._case.end - HOUR), Deed.CONNECT)

    def _upload_archive(self, rng: random.Random, at: float) -> None:
        for _ in range(_ARCHIVE):
            at += rng.uniform(2.0, 12.0)
            self._record(rng, at, start_date=float(int(at - rng.uniform(30, 2_000) * DAY)))

    def _upload(self, rng: random.Random, at: float) -> None:
        """A new activity and what becomes of it."""
        number = self._record(rng, at)
        for when, deed, fields in _fate(rng, at):
            self._do(when, deed, number, fields)

    def _record(self, rng: random.Random, at: float, **fields: float) -> int:
        number = self._activities
        self._activities += 1
        wanted: dict[str, Union[str, float]] = {"kind": rng.choice(_KINDS), "private": rng.random() < 0.07, **fields}
        if rng.random() < 0.02 * self._case.faults:
            wanted["not_found_seconds"] = 3.0 * 200.0 ** rng.random()  # 3 s to 10 min
        self._do(at, Deed.RECORD, number, wanted)
        return number

    def _do(
        self, at: float, deed: Deed, activity: int = -1, fields: Union[dict[str, Union[str, float]], None] = None
    ) -> None:
        self.happenings.append(Happening(at, self._who.number, deed, activity, fields or {}))


_Fate = tuple[float, Deed, dict[str, Union[str, float]]]


def _fate(rng: random.Random, at: float) -> Iterator[_Fate]:
    """What is done to an activity after its upload at ``at``; each thing may overtake the others."""
    if rng.random() < 0.08:  # a program that renames what it sees
        yield at + rng.uniform(0.0, 1.2), Deed.EDIT, {"title": f"Auto {rng.randrange(1_000)}"}
    if rng.random() < 0.38:
        yield from _burst(rng, at + rng.lognormvariate(5.5, 1.2))
    if rng.random() < 0.10:
        yield from _burst(rng, at + rng.uniform(0.2, 6.0) * DAY)
    if rng.random() < 0.06:
        hidden_at = at + rng.lognormvariate(6.0, 1.5)
        yield hidden_at, Deed.HIDE, {}
        if rng.random() < 0.7:
            shown_at = hidden_at + rng.lognormvariate(4.0, 3.0)
            yield shown_at, Deed.SHOW, {}
            if rng.random() < 0.3:
                yield shown_at + rng.uniform(0.2, 20.0), Deed.HIDE, {}
    if rng.random() < 0.05:
        yield at + rng.lognormvariate(7.0, 1.0), Deed.SHOW, {}
    if rng.random() < 0.03:
        gone_at = at + (rng.uniform(0.5, 600.0) if rng.random() < 0.5 else rng.uniform(0.1, 8.0) * DAY)
        yield gone_at, Deed.DELETE, {}
    # What Strava does not tell anybody.
    if rng.random() < 0.06:
        yield at + rng.uniform(0.01, 3.0) * DAY, Deed.EDIT, {"description": f"Note {rng.randrange(1_000)}"}
    if rng.random() < 0.01:
        yield at + rng.uniform(0.01, 1.0) * DAY, Deed.EDIT, {"start_date": float(int(at) - rng.randrange(600, 90_000))}
    if rng.random() < 0.02:  # told, because the title changes too
        fields: dict[str, Union[str, float]] = {"title": _title(rng)}
        fields["start_date"] = float(int(at) - rng.randrange(600, 90_000))
        yield at + rng.uniform(0.01, 1.0) * DAY, Deed.EDIT, fields


def _burst(rng: random.Random, at: float) -> Iterator[_Fate]:
    for _ in range(rng.randrange(1, 5)):
        chance = rng.random()
        if chance < 0.60:
            yield at, Deed.EDIT, {"title": _title(rng)}
        elif chance < 0.80:
            yield at, Deed.EDIT, {"type": rng.choice(_TYPES)}
        elif chance < 0.90:
            yield at, Deed.EDIT, {"title": _title(rng), "type": rng.choice(_TYPES)}
        else:
            yield at, rng.choice((Deed.HIDE, Deed.SHOW)), {}
        at += rng.uniform(0.3, 20.0)


def _title(rng: random.Random) -> str:
    return f"{rng.choice(_TITLES)} {rng.randrange(10_000)}"
