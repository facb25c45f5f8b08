"""Whatever becomes of activities, the macros show what is there now, in any range of time.

Histories of two athletes are made by the add-on's own ledger and event functions: activities are saved, renamed, moved
in time, hidden, shown again and deleted, athletes leave and come back, writing is cut off and done again, and events
arrive in any order. What is true in the end is kept beside it, as simply as can be.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sandbox.spl import Index, stanzas
from strava_collector.events import Event, activity_event, epoch, tombstone_event
from strava_collector.sample_event import Collection, sample_events
from strava_collector.store import ledger
from strava_collector.store import streams as stored_streams
from strava_collector.store.database import Transaction
from tests.support.store import database, quick_folder

MACROS, PROPS = stanzas("macros.conf"), stanzas("props.conf")
NOW = 1_790_000_000.0
#: Where activities begin; few, so that they come back to where they were.
PLACES = ("2026-03-01T05:00:00Z", "2026-04-01T05:00:00Z", "2026-05-01T05:00:00Z")
#: Where a range is cut: before and behind each place, and at it.
CUTS = sorted(epoch(place) + by for place in PLACES for by in (-1, 0, 1))
#: Activities and athletes of one case; each case has ids of its own, so that they share a store.
_ACTIVITIES, _ATHLETES = 3, 2
_cases = itertools.count(1)


@dataclass(frozen=True)
class Step:
    """Something that happens, by the numbers of an activity and of a place."""

    what: str
    activity: int = 0
    place: int = 0
    #: It was written, and the process died before it knew; so it is done again.
    twice: bool = False


_steps = st.builds(
    Step,
    st.sampled_from(("save", "rename", "move", "hide", "show", "delete", "leave", "return", "older")),
    st.integers(0, _ACTIVITIES - 1),
    st.integers(0, len(PLACES) - 1),
    st.booleans(),
)


@dataclass
class Activity:
    """What is true of one."""

    id: int
    athlete: int
    title: int = 0
    place: Optional[str] = None
    is_hidden: bool = False
    is_deleted: bool = False

    def is_shown(self, absent: set[int]) -> bool:
        return self.place is not None and not (self.is_hidden or self.is_deleted or self.athlete in absent)


@dataclass
class Case:
    """A history: what is true, and the events that the add-on has written of it."""

    tx: Transaction
    number: int = field(default_factory=lambda: next(_cases))
    events: list[Event] = field(default_factory=list)
    #: Athletes who have left.
    absent: set[int] = field(default_factory=set)
    now: float = NOW
    #: By activity: the samples that were collected last, by where they stand.
    sampled: dict[int, tuple[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.athletes = [10 * self.number + one for one in range(_ATHLETES)]
        self.activities = [
            Activity(10 * self.number + one, self.athletes[one % _ATHLETES]) for one in range(_ACTIVITIES)
        ]

    def do(self, step: Step) -> None:
        one = self.activities[step.activity]
        if step.what == "older":
            self._write_as_the_older_add_on(one)
        elif step.what in ("leave", "return"):
            (self.absent.add if step.what == "leave" else self.absent.discard)(one.athlete)
            for other in self.activities:
                if other.athlete == one.athlete and other.place is not None:
                    self._collect(other, step.twice)
        elif one.place is not None or step.what == "save":
            self._change(one, step)
            self._collect(one, step.twice)

    def _change(self, one: Activity, step: Step) -> None:
        one.title += 1
        if (step.what == "save" and one.place is None) or step.what == "move":
            one.place = PLACES[step.place]
        elif step.what in ("hide", "show"):
            one.is_hidden = step.what == "hide"
        elif step.what == "delete":
            one.is_deleted = True

    # What the add-on does about it.

    def _collect(self, one: Activity, twice: bool) -> None:
        for is_noted in (False, True) if twice else (True,):
            self.now += 0.25  # several happen in one second
            if one.is_shown(self.absent):
                self._write(one, is_noted)
            else:
                graves = ledger.place_tombstones(self.tx, activity_id=one.id, now=self.now)
                self.events += [tombstone_event(grave, "s") for grave in graves]
                if is_noted:
                    ledger.left(self.tx, graves)

    def _write(self, one: Activity, is_noted: bool) -> None:
        assert one.place is not None
        placed = ledger.place_event(
            self.tx,
            activity_id=one.id,
            athlete_id=one.athlete,
            start_date=one.place,
            index="strava",
            input="club",
            now=self.now,
            detailed=True,
            fingerprint="",
        )
        self.events += [tombstone_event(grave, "s") for grave in placed.tombstones]
        content = {"id": one.id, "athlete": {"id": one.athlete}, "start_date": one.place, "name": f"title {one.title}"}
        self.events.append(
            activity_event(
                content,
                start=one.place,
                collected_at=placed.collected_at,
                reason="webhook",
                input_name="club",
                index="strava",
                source="s",
            )
        )
        if is_noted:
            ledger.left(self.tx, placed.tombstones)
            ledger.written(self.tx, one.id, collected_at=placed.collected_at, digest=str(one.title))
            if stored_streams.collected_key(self.tx, one.id) != one.place:
                self._sample(one, one.place)

    def _sample(self, one: Activity, place: str) -> None:
        at = stored_streams.begin(self.tx, one.id, now=self.now)
        collection = Collection(one.id, one.athlete, place, at, "strava", "s")
        self.events += sample_events(collection, [{"offset": 0, "heartrate": 100}])
        stored_streams.collected(self.tx, one.id, place)
        self.sampled[one.id] = (place, at)

    def _write_as_the_older_add_on(self, one: Activity) -> None:
        """Where this one has written, too: it knows no other places."""
        if one.is_shown(self.absent):
            data = f'{{"start_date":"{one.place}","id":{one.id},"name":"old","athlete":{{"id":{one.athlete}}}}}'
            self.events.append(Event(epoch(str(one.place)), "strava:activities", "strava", "strava_api://x", data))

    # What is true of a range.

    def shown(self, begin: float, end: float) -> set[tuple[int, str]]:
        there = [one for one in self.activities if one.is_shown(self.absent)]
        return {(one.id, f"title {one.title}") for one in there if begin <= epoch(str(one.place)) < end}

    def samples(self, athlete: int, begin: float, end: float) -> set[tuple[int, float]]:
        mine = {one.id for one in self.activities if one.athlete == athlete}
        return {(one, self.sampled[one][1]) for one, _ in self.shown(begin, end) if one in mine}


@pytest.fixture(scope="module")
def tx() -> Iterator[Transaction]:
    """A transaction that is never committed: each case has activities of its own."""
    with quick_folder() as folder, closing(database(Path(folder))) as store, store.write() as transaction:
        yield transaction


@example([Step("save"), Step("move", place=1), Step("move", place=0), Step("older")], (CUTS[0], CUTS[4]), 0)
@example([Step("save"), Step("leave", twice=True), Step("return"), Step("delete")], (CUTS[0], CUTS[-1]), 1)
@given(
    st.lists(_steps, min_size=3, max_size=25),
    st.tuples(st.sampled_from(CUTS), st.sampled_from(CUTS)).map(lambda ends: (min(ends), max(ends))),
    st.randoms(use_true_random=False).map(lambda source: source.randrange(1_000_000)),
)
@settings(max_examples=200, deadline=None)
def test_a_range_shows_what_stands_in_it_now(
    tx: Transaction, steps: list[Step], ends: tuple[float, float], order: int
) -> None:
    case = Case(tx)
    for step in [Step("save", 0, 0), *steps]:
        case.do(step)
    index = Index(NOW, macros=MACROS, props=PROPS)
    arrivals = sorted(range(len(case.events)), key=lambda at: hash((order, at)))
    for number, at in enumerate(arrivals):
        index.add([case.events[at]], indexed_at=NOW + 1_000_000 + number)

    for begin, end in (ends, (CUTS[0], CUTS[-1] + 1), (CUTS[0], ends[0]), (ends[1], CUTS[-1] + 1)):
        found = index.search("`strava_activities` | table id, name, athlete_id", begin, end)
        assert sorted((int(row["id"]), row["name"]) for row in found) == sorted(case.shown(begin, end))
        for athlete in case.athletes:
            rows = index.search(f"`strava_samples_of({athlete})` | table activity_id, collected_at", begin, end)
            there = sorted((int(row["activity_id"]), float(row["collected_at"])) for row in rows)
            assert there == sorted(case.samples(athlete, begin, end))
