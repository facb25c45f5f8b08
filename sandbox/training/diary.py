"""Two years of three lives: what was recorded, and what its owner did to it afterwards."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone

from sandbox.strava.activities import iso
from sandbox.strava.exchange import JsonObject
from sandbox.training.activity_json import describe
from sandbox.training.cyclist import Cyclist
from sandbox.training.done import Done
from sandbox.training.person import Day, Person
from sandbox.training.personal_records import PersonalRecords
from sandbox.training.recording import record
from sandbox.training.runner import Runner
from sandbox.training.triathlete import Triathlete

#: Days of the history.
DAYS = 730
#: Before that the athletes train for so long unseen, so that they begin neither unfit nor without records.
WARM_UP = 60

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0

#: The first id, far beyond those that Strava has given out.
_FIRST_ID = 9_100_000_000_000
#: Only what is older than this many days moves in time: its samples are not in the sample.
_MOVES_AFTER = 45


@dataclass(frozen=True)
class Change:
    """What an athlete does to an activity."""

    #: Epoch seconds.
    at: float
    #: Values of the activity that are others from then on.
    values: JsonObject = field(default_factory=dict)
    #: What Strava's notification says in ``updates``; None if it sends none.
    announced: dict[str, str] | None = None
    deletes: bool = False


@dataclass
class Entry:
    """An activity with all that becomes of it."""

    done: Done
    #: As it was saved first.
    detail: JsonObject
    #: Epoch seconds.
    uploaded_at: float
    changes: list[Change]

    @property
    def activity_id(self) -> int:
        return self.done.activity_id

    @property
    def is_deleted(self) -> bool:
        return any(change.deletes for change in self.changes)

    def at(self, moment: float) -> JsonObject | None:
        """The activity as Strava would return it at this time; None if there is none."""
        if moment < self.uploaded_at:
            return None
        content = copy.copy(self.detail)
        for change in self.changes:
            if change.at <= moment:
                if change.deletes:
                    return None
                content.update(change.values)
        return content


def people() -> list[Person]:
    """The three athletes."""
    return [Cyclist(), Runner(), Triathlete()]


def diary(who: Person, now: datetime, seed: int, days: int = DAYS) -> list[Entry]:
    """Everything that the athlete has saved until ``now``, in the order of the uploads."""
    end = int(now.timestamp())
    today = datetime.fromtimestamp(end + who.home.offset(end), timezone.utc).date()
    records = PersonalRecords()
    gone = {gear.id: gear.earlier for gear in who.gear}
    entries: list[Entry] = []
    for ago in range(days + WARM_UP, -1, -1):
        day = Day(today - timedelta(days=ago), ago, _rng(seed, who, today - timedelta(days=ago)))
        load = 0.0
        free_at = 0.0
        for number, session in enumerate(who.sessions(day)):
            start = session.town.moment(session.start)
            if start < free_at:  # whoever is late begins later
                start = int(free_at) + 300
            track = record(session, who.body, day.rng)
            load += track.load
            done = Done(who, session, track, _id(who, day.date, number), start)
            free_at = start + done.elapsed_time
            if ago > days:
                continue
            uploaded_at = round(free_at + day.rng.uniform(20, 240), 3)
            if uploaded_at > end - 60:
                continue
            if session.gear is not None:
                gone[session.gear.id] += done.distance
            metres = gone[session.gear.id] - session.gear.earlier if session.gear is not None else 0.0
            detail = describe(done, records, metres, day.rng)
            changes = [one for one in _changes(who, day, done, detail, uploaded_at) if one.at <= end - 60]
            entries.append(Entry(done, detail, uploaded_at, sorted(changes, key=lambda one: one.at)))
            if day.chance(0.008) and not session.manual:
                entries.append(_twice(done, detail, uploaded_at, day))
        who.body.sleep(load)
    return sorted((one for one in entries if one.uploaded_at <= end - 60), key=lambda one: one.uploaded_at)


def _changes(who: Person, day: Day, done: Done, detail: JsonObject, uploaded_at: float) -> Iterator[Change]:
    """What becomes of an activity; at most one thing, or it would be hard to follow."""
    session, rng = done.session, day.rng
    fate = rng.random()
    if session.is_test or session.race:
        return
    if fate < 0.06:
        name = f"{detail['name']} {rng.choice(('💪', '– finally', '(wind!)', '🌧', 'mit Umweg', '+ coffee'))}"
        yield Change(uploaded_at + rng.uniform(2 * MINUTE, 5 * HOUR), {"name": name}, {"title": name})
        if fate < 0.015:
            again = name + "!"
            yield Change(uploaded_at + rng.uniform(6, 40) * HOUR, {"name": again}, {"title": again})
    elif fate < 0.075:
        hidden = uploaded_at + rng.uniform(MINUTE, 2 * DAY)
        yield Change(hidden, {"private": True, "visibility": "only_me"}, {"private": "true"})
        if fate < 0.070:
            shown = hidden + rng.uniform(HOUR, 3 * DAY)
            yield Change(shown, {"private": False, "visibility": "everyone"}, {"private": "false"})
    elif fate < 0.085 and day.ago > _MOVES_AFTER:
        # The watch was wrong by some minutes or an hour; Strava tells nobody of this correction.
        moved = done.start - rng.choice((3_600, 1_800, 600))
        offset = session.town.offset(moved)
        values: JsonObject = {
            "start_date": iso(moved),
            "start_date_local": iso(moved + offset),
            "utc_offset": float(offset),
        }
        yield Change(uploaded_at + rng.uniform(HOUR, 3 * DAY), values)
    elif fate < 0.095 and session.sport_type == "Ride" and not (session.trainer or session.commute):
        values = {"sport_type": "GravelRide"}
        yield Change(uploaded_at + rng.uniform(MINUTE, DAY), values, {"type": "Ride"})
    elif fate < 0.11:
        yield Change(uploaded_at + rng.uniform(MINUTE, DAY), {"description": "Legs: good. Wind: not."})
    elif fate < 0.116 and not session.commute:
        yield Change(uploaded_at + rng.uniform(MINUTE, 9 * DAY), {}, None, deletes=True)


def _twice(done: Done, detail: JsonObject, uploaded_at: float, day: Day) -> Entry:
    """The phone has recorded it too; its copy is deleted soon."""
    copied = copy.copy(detail)
    activity_id = done.activity_id + 50
    copied.update(
        id=activity_id,
        name=f"{detail['name']} (phone)",
        device_name="Strava App",
        external_id=f"sample_{activity_id}.fit",
        upload_id=activity_id + 777,
        upload_id_str=str(activity_id + 777),
        segment_efforts=[],
        laps=[],
        achievement_count=0,
        pr_count=0,
    )
    later = round(uploaded_at + day.rng.uniform(30, 200), 3)
    gone = Change(later + day.rng.uniform(5 * MINUTE, 10 * HOUR), deletes=True)
    return Entry(replace(done, activity_id=activity_id), copied, later, [gone])


def _id(who: Person, day: date, number: int) -> int:
    """Grows with the days; the same day has the same ids in every history."""
    return _FIRST_ID + (day.toordinal() - 730_000) * 1_000 + who.athlete.id % 10 * 100 + number


def _rng(seed: int, who: Person, day: date) -> random.Random:
    return random.Random(f"training {seed} {who.athlete.id} {day.isoformat()}")
