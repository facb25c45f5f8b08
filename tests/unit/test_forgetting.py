"""An athlete whose row was deleted is forgotten, to the last row, and nobody else is touched."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

import pytest

from strava_collector.burial import Burial
from strava_collector.forgetting import FORGETTING_LEASE_SECONDS, NEWLY_MARKED, Forgetting
from strava_collector.job import Kind
from strava_collector.listing import Miss
from strava_collector.settings import Athlete, Settings
from strava_collector.store import around, athletes, farewell, leases, ledger, misses, queue, walks
from strava_collector.store.database import Transaction
from strava_collector.store.walks import About
from strava_collector.walk import Covered, Wanted, new_window
from strava_collector.writer import OutputClosed, Writer
from tests.support.clock import VirtualClock
from tests.support.collecting import Problems
from tests.support.finished_work import (
    ANNA,
    BEN,
    collected,
    count,
    deleted,
    finished_job,
    stored_notification,
    waiting_job,
)
from tests.support.mortality import NEVER, Fate, Index, Killed, MortalDatabase
from tests.support.store import RIDES

FIRST, SECOND = "2026-06-01T06:00:00Z", "2026-06-02T06:00:00Z"

#: Every table that has rows about athletes, with what its rows of an athlete have.
ABOUT_ANNA = {
    "activity": f"athlete_id = {ANNA}",
    "place": "activity_id < 10",
    "job": f"athlete_id = {ANNA}",
    "notification": f"athlete_id = {ANNA}",
    "pace": f"athlete_id = {ANNA}",
    "athlete": f"athlete_id = {ANNA}",
    "profile": f"athlete_id = {ANNA}",
    "gear": f"athlete_id = {ANNA}",
    "covered": f"athlete_id = {ANNA}",
    "walk": f"athlete_id = {ANNA}",
    "miss": f"athlete_id = {ANNA}",
    "lease": "1",
}
#: Those of what is kept to collect with.
AROUND = ("profile", "gear", "covered", "walk", "miss")


class World:
    """One input, and the rows that are left on *Athletes*: Ben's."""

    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock()
        self.fate = Fate()
        self.database = MortalDatabase(folder / "store", self.clock, self.fate)
        self.index = Index(self.fate)
        self.problems = Problems()
        self.stops = False
        self.hurried = 0
        self.settings: Optional[Settings] = settings(BEN)
        self.forgetting = self.process("strava_webhook://club")

    def process(self, source: str) -> Forgetting:
        return Forgetting(
            database=self.database,
            burial=Burial(
                database=self.database,
                writer=Writer(self.index),
                clock=self.clock,
                source=source,
                index="strava",
                stopping=lambda: self.stops,
            ),
            clock=self.clock,
            bulletin=self.problems,
            owner=source,
            hurry=self.hurry,
        )

    def hurry(self) -> None:
        self.hurried += 1

    def look(self) -> None:
        self.forgetting.look(self.settings)

    def restart(self) -> None:
        """The process has died; the next one looks when the lease has ended."""
        self.fate.last = NEVER
        self.clock.advance(FORGETTING_LEASE_SECONDS + 1.0)
        self.forgetting = self.process("strava_webhook://club")

    def rows(self, tx: Transaction) -> dict[str, int]:
        return {table: found for table, where in ABOUT_ANNA.items() if (found := count(tx, table, where))}

    def mark(self, tx: Transaction, connected_at: str = "50") -> None:
        athletes.mark_deauthorized(
            tx, athlete_id=ANNA, reason=athletes.ROW_DELETED, connected_at=connected_at, now=self.clock.now()
        )

    def collect(self, activities: int) -> None:
        for begin in range(1, activities + 1, 500):
            with self.database.write() as tx:
                for number in range(begin, min(begin + 500, activities + 1)):
                    collected(tx, number, start_date=FIRST, now=self.clock.now())


def settings(*ids: int, connected_at: str = "50") -> Settings:
    rows = {number: Athlete(f"athlete-{number}", number, "App", connected_at=connected_at) for number in ids}
    return Settings(athletes=rows)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.database.close()


def settle_the_story(world: World) -> None:
    """All that there can be about Anna, and the same about Ben."""
    now = world.clock.now()
    with world.database.write() as tx:
        collected(tx, 1, start_date=FIRST, now=now)
        collected(tx, 2, start_date=FIRST, now=now)
        collected(tx, 2, start_date=SECOND, index="moved", now=now)
        collected(tx, 3, start_date=FIRST, now=now)
        deleted(tx, 3, now=now)
        ledger.note_event(tx, activity_id=4, athlete_id=ANNA, event_time=1, now=now)
        collected(tx, 11, athlete_id=BEN, start_date=FIRST, now=now)
        for athlete_id, first in ((ANNA, 1), (BEN, 11)):
            finished_job(tx, first, athlete_id=athlete_id, now=now)
            waiting_job(tx, first + 1, athlete_id=athlete_id, now=now)
            finished_job(tx, athlete_id, athlete_id=athlete_id, kind=Kind.ATHLETE, now=now)
            stored_notification(tx, first, athlete_id=athlete_id, now=now)
            stored_notification(tx, athlete_id, athlete_id=athlete_id, object_type="athlete", now=now)
            for input in (RIDES, "another input"):
                stored_notification(
                    tx, first + 7, athlete_id=athlete_id, input=input, state="held", reason="unknown athlete", now=now
                )
            about = About(f"athlete-{athlete_id}", "App", "lists", "club", 14_400.0, 0)
            walks.save(tx, athlete_id, Covered(), connected_at="50", about=about, now=now)
            walks.go_on(tx, athlete_id, new_window(Covered(), Wanted(0, 14_400.0, 604_800.0), now))
            misses.add(tx, activity_id=first, athlete_id=athlete_id, input="club", kind=Miss.NEW, now=now)
            tx.execute("INSERT INTO pace VALUES (?, 1.0, 1.0)", (athlete_id,))
            around.begin_profile(tx, athlete_id)
            around.note_use(tx, athlete_id=athlete_id, gear_id="b1", now=now)
            finished_job(tx, first, athlete_id=athlete_id, kind=Kind.STREAMS, now=now)
            if athlete_id == ANNA:
                waiting_job(tx, first, kind=Kind.STREAMS, now=now)
        waiting_job(tx, ANNA, kind=Kind.ATHLETE, now=now)
        world.mark(tx)


def assert_only_ben_is_left(world: World) -> None:
    with world.database.read() as tx:
        assert world.rows(tx) == {}
        assert count(tx, "activity") == count(tx, "place") == count(tx, "pace") == 1
        for table in AROUND:
            assert count(tx, table) == 1
        assert count(tx, "job") == 4
        assert count(tx, "notification") == 4
    assert set(world.index.graves()) == {(1, "strava", FIRST), (2, "moved", SECOND)}
    assert {athlete for athlete, _ in world.index.farewells()} == {ANNA}


def test_every_table_that_names_athletes_is_looked_at(world: World) -> None:
    with world.database.read() as tx:
        tables = [row["name"] for row in tx.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
        naming = {
            table
            for table in tables
            if "athlete_id" in [row["name"] for row in tx.execute(f"PRAGMA table_info({table})").fetchall()]
        }
    assert naming == ABOUT_ANNA.keys() - {"place", "lease"}


def test_nothing_is_left_of_an_athlete_whose_row_is_gone(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    settle_the_story(world)
    world.problems.report(f"athlete_{ANNA}", "Anna has to connect again.")
    world.look()
    assert_only_ben_is_left(world)
    assert len(world.index.graves()) == 2
    assert len(world.index.farewells()) == 1
    assert world.problems.told == {}
    listed = [message for message in caplog.messages if message.startswith("action=erase ")]
    assert len(listed) == 3, "the place that activity 2 has left holds an old version"
    assert f"action=athlete_forgotten athlete_id={ANNA} activities=2" in caplog.text


def test_a_crash_between_any_two_steps_is_made_good_by_the_next_process(tmp_path: Path) -> None:
    moments, moment = NEVER, 0
    while moment < moments:
        moment += 1
        world = World(tmp_path / str(moment))
        try:
            settle_the_story(world)
            world.fate.moments, world.fate.last = 0, moment
            try:
                world.look()
                moments = moment  # it ended before that moment came
            except Killed:
                world.restart()
                world.look()
            world.fate.last = NEVER
            assert_only_ben_is_left(world)
        finally:
            world.database.close()
    assert moments > 20


def test_an_athlete_who_still_has_a_row_is_not_forgotten(world: World) -> None:
    settle_the_story(world)
    world.settings = settings(ANNA, BEN)
    world.look()
    assert world.index.events == []
    with world.database.read() as tx:
        assert athletes.is_deauthorized(tx, ANNA)
        assert count(tx, "job", f"athlete_id = {ANNA} AND status = 'pending'") == 3


def test_nobody_is_forgotten_before_the_settings_are_known(world: World) -> None:
    settle_the_story(world)
    world.settings = None
    world.look()
    assert world.index.events == []


def test_an_athlete_without_a_row_who_is_not_marked_is_not_forgotten(world: World) -> None:
    world.collect(3)
    world.look()
    assert world.index.events == []


def test_the_settings_are_read_soon_after_the_mark_and_then_as_usual(world: World) -> None:
    settle_the_story(world)
    world.settings = settings(ANNA, BEN)
    world.look()
    world.clock.advance(NEWLY_MARKED - 1.0)
    world.look()
    assert world.hurried == 2
    world.clock.advance(1.0)
    world.look()
    assert world.hurried == 2


def test_who_connects_again_in_the_middle_keeps_what_still_stands(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.collect(350)
    with world.database.write() as tx:
        world.mark(tx)

    def connect_again() -> None:
        with world.database.write() as tx:
            assert athletes.welcome_back(tx, {ANNA: "60"}) == [ANNA]

    world.index.after[50] = connect_again
    world.look()
    assert len(world.index.graves()) == 100, "the batch that was begun is ended"
    with world.database.read() as tx:
        assert count(tx, "place", "state = 'current'") == 250
        assert count(tx, "activity") == 350
    assert "forgetting_dropped" in caplog.text
    world.look()
    assert len(world.index.graves()) == 100


def test_who_connects_again_while_rows_are_deleted_keeps_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.collect(350)
    with world.database.write() as tx:
        world.mark(tx)
    forget, calls = farewell.forget_activities, []

    def connecting(tx: Transaction, *, athlete_id: int, now: float) -> int:
        calls.append(forget(tx, athlete_id=athlete_id, now=now))
        athletes.welcome_back(tx, {ANNA: "60"})
        return calls[-1]

    monkeypatch.setattr(farewell, "forget_activities", connecting)
    world.look()
    with world.database.read() as tx:
        assert len(calls) == 1
        assert count(tx, "activity") == 250


def test_it_stops_between_batches_and_goes_on_where_it_was(world: World) -> None:
    world.collect(350)
    with world.database.write() as tx:
        world.mark(tx)
    world.index.after[150] = lambda: setattr(world, "stops", True)
    world.look()
    assert len(world.index.graves()) == 200
    world.stops = False
    world.look()
    assert len(world.index.graves()) == len(set(world.index.graves())) == 350
    with world.database.read() as tx:
        assert world.rows(tx) == {}


def test_thousands_of_rows_take_many_short_transactions(world: World) -> None:
    world.collect(2_500)
    with world.database.write() as tx:
        for number in range(1, 1_001):
            finished_job(tx, 1, now=float(number))
        world.mark(tx)
    world.database.most_changes = 0
    world.look()
    with world.database.read() as tx:
        assert world.rows(tx) == {}
    assert world.database.most_changes <= 310


def test_of_two_inputs_one_is_at_work(world: World) -> None:
    world.collect(150)
    with world.database.write() as tx:
        world.mark(tx)
    other = world.process("strava_webhook://other")
    world.index.after[50] = lambda: (other.look(world.settings), None)[1]
    world.look()
    assert len(world.index.graves()) == len(set(world.index.graves())) == 150


def test_while_a_fetch_is_under_way_the_mark_stays(world: World) -> None:
    with world.database.write() as tx:
        ledger.note_event(tx, activity_id=1, athlete_id=ANNA, event_time=1, now=world.clock.now())
        waiting_job(tx, 1, now=world.clock.now())
        job = queue.claim(tx, input=RIDES, now=world.clock.now(), athletes={ANNA})
        world.mark(tx)
    assert job is not None
    world.look()
    with world.database.read() as tx:
        assert athletes.has_withdrawn(tx, ANNA, "50")
    with world.database.write() as tx:
        queue.reschedule(tx, job, run_at=0.0, counts=False, error=None, now=world.clock.now())
    world.look()
    with world.database.read() as tx:
        assert world.rows(tx) == {}


def test_while_a_fetch_is_under_way_no_row_that_it_needs_goes(world: World) -> None:
    """What the fetch leaves behind has to be found by the activity's row, which it began with."""
    with world.database.write() as tx:
        ledger.note_event(tx, activity_id=1, athlete_id=ANNA, event_time=1, now=world.clock.now())
        waiting_job(tx, 1, now=world.clock.now())
        assert queue.claim(tx, input=RIDES, now=world.clock.now(), athletes={ANNA}) is not None
        world.mark(tx)
    world.look()
    with world.database.read() as tx:
        assert count(tx, "activity", f"athlete_id = {ANNA}") == 1


@pytest.mark.parametrize("left", ["a job", "an activity"])
def test_what_comes_at_the_last_moment_keeps_the_mark(world: World, monkeypatch: pytest.MonkeyPatch, left: str) -> None:
    """Between the last look for work and the end, a fetch that was under way may have written or come back."""
    with world.database.write() as tx:
        world.mark(tx)
    forget_notifications = farewell.forget_notifications
    came: list[str] = []

    def then_something_comes(tx: Transaction, *, athlete_id: int, now: float) -> int:
        if not came:
            came.append(left)
            if left == "a job":
                waiting_job(tx, 1, now=now)
            else:
                collected(tx, 1, start_date=FIRST, now=now)
        return forget_notifications(tx, athlete_id=athlete_id, now=now)

    monkeypatch.setattr(farewell, "forget_notifications", then_something_comes)
    world.look()
    with world.database.read() as tx:
        assert athletes.has_withdrawn(tx, ANNA, "50")
    world.look()
    with world.database.read() as tx:
        assert world.rows(tx) == {}
    assert len(world.index.graves()) == (left == "an activity")


def test_who_has_lost_the_lease_at_the_last_moment_ends_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that slept longer than its lease, while another one is at work."""
    with world.database.write() as tx:
        world.mark(tx)
    forget_notifications = farewell.forget_notifications

    def and_another_takes_over(tx: Transaction, *, athlete_id: int, now: float) -> int:
        gone = forget_notifications(tx, athlete_id=athlete_id, now=now)
        later = now + FORGETTING_LEASE_SECONDS + 1.0
        assert leases.acquire(
            tx, name=f"forgetting:{ANNA}", holder="another", now=later, seconds=FORGETTING_LEASE_SECONDS
        )
        world.clock.advance(FORGETTING_LEASE_SECONDS + 1.0)
        return gone

    monkeypatch.setattr(farewell, "forget_notifications", and_another_takes_over)
    world.look()
    with world.database.read() as tx:
        assert athletes.has_withdrawn(tx, ANNA, "50")
        assert count(tx, "lease") == 1


def test_somebody_who_cannot_be_forgotten_yet_holds_up_nobody(world: World) -> None:
    with world.database.write() as tx:
        waiting_job(tx, 1, now=world.clock.now())
        assert queue.claim(tx, input=RIDES, now=world.clock.now(), athletes={ANNA}) is not None
        world.mark(tx)
        athletes.mark_deauthorized(tx, athlete_id=BEN, reason="Gone.", connected_at="1", now=world.clock.now())
    world.settings = Settings()
    world.look()
    with world.database.read() as tx:
        assert [found.athlete_id for found in athletes.standings(tx)] == [ANNA]


def test_splunkd_that_has_gone_ends_it_and_the_next_process_goes_on(world: World) -> None:
    settle_the_story(world)
    world.index.closed = True
    with pytest.raises(OutputClosed):
        world.look()
    world.index.closed = False
    world.restart()
    world.look()
    assert_only_ben_is_left(world)


def test_a_process_that_died_holds_the_lease_no_longer_than_until_its_next_begins(world: World) -> None:
    world.collect(150)
    with world.database.write() as tx:
        world.mark(tx)
    world.fate.moments, world.fate.last = 0, 8
    with pytest.raises(Killed):
        world.look()
    world.fate.last = NEVER
    with world.database.write() as tx:
        leases.release_others(tx, owner="strava_webhook://club", holder="strava_webhook://club anew")
    world.forgetting = world.process("strava_webhook://club")
    world.look()
    with world.database.read() as tx:
        assert world.rows(tx) == {}


def test_an_activity_of_somebody_else_with_the_athletes_number_stays(world: World) -> None:
    with world.database.write() as tx:
        collected(tx, ANNA, athlete_id=BEN, start_date=FIRST, now=world.clock.now())
        world.mark(tx)
    world.look()
    with world.database.read() as tx:
        assert count(tx, "activity", f"activity_id = {ANNA}") == count(tx, "place", f"activity_id = {ANNA}") == 1
