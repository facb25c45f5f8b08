"""Collects the diaries as the add-on would have: its own code decides and writes every event.

The ledger of a store in a temporary folder gives out each ``collected_at`` and the tombstones, the rules for profiles
and gear say what is news, and the events come from the functions that the running input calls.
"""

from __future__ import annotations

import heapq
import random
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import accumulate, count
from pathlib import Path
from typing import Callable, Optional

from sandbox.strava.exchange import JsonObject
from sandbox.strava.gear import Gear, detailed_gear
from sandbox.strava.profile import detailed_athlete, zones
from sandbox.training.activity_json import summary_of
from sandbox.training.diary import DAY, DAYS, HOUR, Change, Entry, diary, people
from sandbox.training.person import Person
from sandbox.training.samples import streams_answer
from strava_collector import profile, streams
from strava_collector.events import (
    Event,
    activity_digest,
    activity_event,
    notification_event,
    start_date,
    tombstone_event,
)
from strava_collector.fingerprint import fingerprint
from strava_collector.privacy import Privacy
from strava_collector.sample_event import Collection, sample_events
from strava_collector.store import around, ledger
from strava_collector.store import streams as stored_streams
from strava_collector.store.database import Database, Transaction

INDEX = "strava"
#: As the inputs are called that would have written the events.
WEBHOOK, LISTS = "sample", "sample_history"
SUBSCRIPTION = 990_001
#: Of so many newest activities of each athlete the samples are collected, and of the newest that was deleted.
WITH_SAMPLES = 12
#: How often the lists are looked at, in seconds; only so is noticed what Strava announces to nobody.
_INTERVAL = 4 * HOUR
#: History is fetched in full as the limits allow: some 700 a day.
_HISTORY_PAUSE = 124.0
_CONNECTED_AT = "2017-05-14T08:12:33Z"


@dataclass
class History:
    """What reached the index, and what is true in the end."""

    #: In the order in which they were written.
    events: list[Event] = field(default_factory=list)
    #: The activities that exist, as Strava would return them now, by id.
    activities: dict[int, JsonObject] = field(default_factory=dict)
    #: Ids of those that were collected and then deleted, by athlete.
    deleted: dict[int, int] = field(default_factory=dict)
    #: Metres that each piece of gear has gone, by id.
    gear: dict[str, float] = field(default_factory=dict)
    #: Ids of activities whose samples were collected, of those that exist; the index has some of deleted ones, too.
    sampled: set[int] = field(default_factory=set)


@dataclass(order=True)
class _Task:
    at: float
    order: int
    do: Callable[[], None] = field(compare=False)


def collect(now: datetime, seed: int, days: int = DAYS, with_samples: int = WITH_SAMPLES) -> History:
    """Let the three athletes live until ``now`` and collect what they do."""
    history = History()
    with _store() as tx:
        tasks: list[_Task] = []
        order = count()
        for who in people():
            entries = diary(who, now, seed, days)
            collector = _Collector(history, tx, who, entries, now.timestamp(), seed, with_samples)
            tasks.extend(_Task(at, next(order), do) for at, do in collector.tasks(days))
        heapq.heapify(tasks)
        while tasks:
            heapq.heappop(tasks).do()
    return history


class _Collector:
    """One athlete's inputs."""

    def __init__(
        self,
        history: History,
        tx: Transaction,
        who: Person,
        entries: Sequence[Entry],
        now: float,
        seed: int,
        with_samples: int,
    ) -> None:
        self._history = history
        self._tx = tx
        self._who = who
        self._entries = entries
        self._now = now
        self._rng = random.Random(f"collecting {seed} {who.athlete.id}")
        recorded = sorted((one for one in entries if not one.done.session.manual), key=lambda one: one.done.start)
        living = [one for one in recorded if not one.is_deleted]
        self._to_sample: set[int] = set()
        if with_samples:
            deleted = [one for one in recorded if one.is_deleted and one.done.session.heartrate]
            tests = [one for one in living if one.done.session.is_test]
            self._to_sample = {one.activity_id for one in (*living[-with_samples:], *tests, *deleted[-1:])}
        self._tests = [one for one in entries if one.done.session.is_test]
        self._mileage = {gear.id: Mileage(gear, entries) for gear in who.gear}

    def tasks(self, days: int) -> Iterator[tuple[float, Callable[[], None]]]:
        """What is done and when, until now."""
        begin = self._now - days * DAY
        connected = max(begin, self._now - self._who.connected_ago * DAY)
        old = [one for one in self._entries if one.uploaded_at < connected]
        for number, entry in enumerate(reversed(old)):
            listed = connected + 60 + number // 200
            yield listed, self._list(entry, listed)
            fetched = min(self._now - 30, connected + 300 + number * _HISTORY_PAUSE + self._rng.uniform(0, 20))
            yield fetched, self._fetch(entry, fetched)
        for entry in self._entries:
            if entry.uploaded_at >= connected:
                at = entry.uploaded_at + self._rng.uniform(2.4, 4.0)
                yield at, self._created(entry, at)
            for change in entry.changes:
                if change.at >= connected:
                    at = self._seen_at(change)
                    yield at, self._changed(entry, change, at)
        look = connected + 30
        while look < self._now:
            yield look, self._look(look)
            look = profile.due_at(self._who.athlete.id, look)
        yield self._now, self._settle

    def _seen_at(self, change: Change) -> float:
        if change.announced is not None:
            return change.at + self._rng.uniform(2.4, 4.0)
        if change.deletes:
            return change.at + self._rng.uniform(0.3, 1.5)
        return min(self._now, (change.at // _INTERVAL + 1) * _INTERVAL + self._rng.uniform(5, 90))

    # What happens.

    def _list(self, entry: Entry, at: float) -> Callable[[], None]:
        def do() -> None:
            content = entry.at(at)
            if content is not None:
                self._write(entry, summary_of(content), at, "polling", LISTS, detailed=False)

        return do

    def _fetch(self, entry: Entry, at: float) -> Callable[[], None]:
        def do() -> None:
            content = entry.at(at)
            if content is not None:
                self._write(entry, content, at, "polling", LISTS)
                self._sample(entry, content, at + 2)

        return do

    def _created(self, entry: Entry, at: float) -> Callable[[], None]:
        def do() -> None:
            content = entry.at(entry.uploaded_at)
            assert content is not None
            self._notify(entry, entry.uploaded_at, "create", {})
            self._write(entry, content, at, "webhook", WEBHOOK)
            self._sample(entry, content, at + 2)

        return do

    def _changed(self, entry: Entry, change: Change, at: float) -> Callable[[], None]:
        def do() -> None:
            if change.deletes:
                self._notify(entry, change.at, "delete", {})
                self._bury(entry, at)
                return
            if change.announced is not None:
                self._notify(entry, change.at, "update", change.announced)
            content = entry.at(at)
            if content is None:
                return
            reason, name = ("polling", LISTS) if change.announced is None else ("webhook", WEBHOOK)
            self._write(entry, content, at, reason, name)

        return do

    def _settle(self) -> None:
        for entry in self._entries:
            content = entry.at(self._now)
            if content is not None:
                self._history.activities[entry.activity_id] = content
            elif entry.is_deleted and self._is_collected(entry):
                self._history.deleted[entry.activity_id] = self._who.athlete.id
                self._history.sampled.discard(entry.activity_id)
        self._history.gear.update(
            {gear.id: gear.earlier + self._mileage[gear.id].at(self._now) for gear in self._shown(self._now)}
        )

    # What is written.

    def _is_collected(self, entry: Entry) -> bool:
        return ledger.find(self._tx, entry.activity_id) is not None

    def _notify(self, entry: Entry, at: float, aspect: str, updates: dict[str, str]) -> None:
        body: JsonObject = {
            "aspect_type": aspect,
            "event_time": int(at),
            "object_id": entry.activity_id,
            "object_type": "activity",
            "owner_id": self._who.athlete.id,
            "subscription_id": SUBSCRIPTION,
            "updates": dict(updates),
        }
        received_at = at + self._rng.uniform(0.2, 1.4)
        source = f"strava_webhook://{WEBHOOK}"
        self._history.events.append(
            notification_event(body, event_time=int(at), received_at=received_at, index=INDEX, source=source)
        )

    def _write(
        self, entry: Entry, content: JsonObject, at: float, reason: str, name: str, *, detailed: bool = True
    ) -> None:
        start, digest = start_date(content), activity_digest(content)
        if ledger.holds(self._tx, activity_id=entry.activity_id, start_date=start, index=INDEX, digest=digest):
            return
        placed = ledger.place_event(
            self._tx,
            activity_id=entry.activity_id,
            athlete_id=self._who.athlete.id,
            start_date=start,
            index=INDEX,
            input=name,
            now=at,
            detailed=detailed,
            fingerprint=fingerprint(content),
        )
        source = f"{'strava_webhook' if name == WEBHOOK else 'strava_activities'}://{name}"
        self._history.events.extend(tombstone_event(grave, source) for grave in placed.tombstones)
        self._history.events.append(
            activity_event(
                content,
                start=start,
                collected_at=placed.collected_at,
                reason=reason,
                input_name=name,
                index=INDEX,
                source=source,
            )
        )
        ledger.left(self._tx, placed.tombstones)
        ledger.written(self._tx, entry.activity_id, collected_at=placed.collected_at, digest=digest)

    def _bury(self, entry: Entry, at: float) -> None:
        graves = ledger.place_tombstones(self._tx, activity_id=entry.activity_id, now=at)
        self._history.events.extend(tombstone_event(grave, f"strava_webhook://{WEBHOOK}") for grave in graves)
        ledger.left(self._tx, graves)

    def _sample(self, entry: Entry, content: JsonObject, at: float) -> None:
        if entry.activity_id not in self._to_sample or not streams.is_recorded(content):
            return
        collected_at = stored_streams.begin(self._tx, entry.activity_id, now=at)
        start, source = start_date(content), f"strava_webhook://{WEBHOOK}"
        collection = Collection(entry.activity_id, self._who.athlete.id, start, collected_at, INDEX, source)
        noise = random.Random(f"samples {entry.activity_id}") if entry.is_deleted else self._rng
        for piece in streams.read_streams(streams_answer(entry.done, noise), Privacy()).pieces():
            self._history.events.extend(sample_events(collection, piece))
        key = streams.stream_key(content, Privacy(), INDEX)
        stored_streams.collected(self._tx, entry.activity_id, key)
        self._history.sampled.add(entry.activity_id)

    # Around the activities.

    def _look(self, at: float) -> Callable[[], None]:
        """Look at profile and gear, as is done once a day."""

        def do() -> None:
            athlete, source = self._who.athlete, f"strava_webhook://{WEBHOOK}"
            mine = self._shown(at)
            gone = {gear.id: self._mileage[gear.id].at(at) for gear in mine}
            self._update_profile(at)
            around.begin_profile(self._tx, athlete.id)
            answer = detailed_athlete(athlete, mine, gone)
            kept = profile.profile_of(answer, zones(athlete), Privacy())
            digest = profile.profile_digest(kept, index=INDEX, connected_at=_CONNECTED_AT)
            collected_at = around.profile_news(self._tx, athlete.id, digest, at)
            if collected_at is not None:
                event = profile.profile_event(kept, collected_at=collected_at, index=INDEX, source=source)
                self._history.events.append(event)
            around.profile_seen(self._tx, athlete.id, digest=digest, now=at)
            around.show_gear(self._tx, athlete.id, profile.gear_in(answer) or {})
            by_id = {gear.id: gear for gear in mine}
            for wanted in around.gear_to_look_at(self._tx, today=profile.day_of(at), now=at):
                if wanted.athlete_id == athlete.id:
                    self._look_at_gear(wanted, detailed_gear(by_id[wanted.gear_id], gone[wanted.gear_id]), at + 1)

        return do

    def _look_at_gear(self, wanted: around.Gear, answer: JsonObject, at: float) -> None:
        kept = profile.gear_of(answer, Privacy())
        digest = profile.gear_digest(kept, index=INDEX, connected_at=_CONNECTED_AT)
        collected_at = around.gear_news(self._tx, wanted, digest, at)
        if collected_at is not None:
            self._history.events.append(
                profile.gear_event(
                    kept,
                    athlete_id=wanted.athlete_id,
                    collected_at=collected_at,
                    index=INDEX,
                    source=f"strava_webhook://{WEBHOOK}",
                )
            )
        around.gear_seen(self._tx, wanted, digest=digest, now=at)

    def _shown(self, at: float) -> list[Gear]:
        """What the athlete owns by then, as it is by then."""
        ago = (self._now - at) / DAY
        mine = [gear for gear in self._who.gear if gear.earlier or self._mileage[gear.id].at(at)]
        return [
            replace(gear, retired=True, primary=False) if ago < self._who.retired_ago.get(gear.id, -1.0) else gear
            for gear in mine
        ]

    def _update_profile(self, at: float) -> None:
        """Weight goes with the seasons; the FTP is what the last test has shown."""
        mine, best = self._who.athlete.profile, self._who.constitution
        month = int(at // (30 * DAY))
        mine.weight = round(best.weight + random.Random(f"weight {month}").uniform(-1.2, 1.6), 1)
        tests = [one for one in self._tests if one.uploaded_at <= at]
        if tests:
            mine.ftp = ftp_of(tests[-1])


def ftp_of(entry: Entry) -> Optional[int]:
    """95 % of the mean power of a test's twenty minutes."""
    track = entry.done.track
    marks = track.steps
    return round(0.95 * track.mean(track.watts, marks[1], marks[2])) if len(marks) > 2 else None


class Mileage:
    """How far a piece of gear has gone in activities, as time goes by."""

    def __init__(self, gear: Gear, entries: Sequence[Entry]) -> None:
        steps = []
        for entry in entries:
            if entry.done.session.gear is not None and entry.done.session.gear.id == gear.id:
                steps.append((entry.uploaded_at, entry.done.distance))
                steps.extend((change.at, -entry.done.distance) for change in entry.changes if change.deletes)
        steps.sort()
        self._times = [at for at, _ in steps]
        self._metres = [0.0, *accumulate(metres for _, metres in steps)]

    def at(self, moment: float) -> float:
        """Metres in the activities that existed at this time."""
        return self._metres[bisect_right(self._times, moment)]


@contextmanager
def _store() -> Iterator[Transaction]:
    """A transaction on an empty store, which is thrown away."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        database = stack.enter_context(closing(Database(Path(folder), clock=_StoppedClock())))
        yield stack.enter_context(database.write())


class _StoppedClock:
    """The store needs one; nothing here asks it."""

    def now(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        return 0.0
