"""A confirmed deauthorization goes through to the end, whatever happens in between, and to nobody else's harm."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

import pytest

from strava_collector.burial import Burial
from strava_collector.deauthorization import Deauthorization
from strava_collector.job import Job, Kind, Outcome, Status
from strava_collector.oauth import Tokens
from strava_collector.secret import Secret
from strava_collector.settings import Athlete
from strava_collector.store import around, athletes, confirmations, crashed_jobs, leases, ledger, queue
from strava_collector.store.athletes import AthleteState
from strava_collector.token_keeper import RefreshBusy, TokenKeeper, TokenStoreUnavailable
from strava_collector.writer import OutputClosed, Writer
from tests.support.clock import VirtualClock
from tests.support.finished_work import ANNA, BEN, collected, count, deleted, waiting_job, walked
from tests.support.mortality import NEVER, Fate, Index, Killed, MortalDatabase, Vault
from tests.support.store import RIDES, query_plans

FIRST, SECOND = "2026-06-01T06:00:00Z", "2026-06-02T06:00:00Z"


class World:
    """One input, two athletes with activities, and the job that has confirmed that Anna withdrew."""

    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock()
        self.fate = Fate()
        self.database = MortalDatabase(folder / "store", self.clock, self.fate)
        self.index = Index(self.fate)
        self.vault = Vault(self.fate)
        self.stops = False
        for athlete_id in (ANNA, BEN):
            self.connect(athlete_id, "old")
        self.start()
        with self.database.write() as tx:
            waiting_job(tx, ANNA, kind=Kind.ATHLETE, now=self.clock.now())
        self.job = self.claim()

    def start(self) -> None:
        """A process of the input begins."""
        self.keeper = TokenKeeper(self.database, self.vault, self.clock)
        self.deauthorization = Deauthorization(
            database=self.database,
            burial=Burial(
                database=self.database,
                writer=Writer(self.index),
                clock=self.clock,
                source="strava_webhook://club",
                index="strava",
                stopping=lambda: self.stops,
            ),
            tokens=self.keeper,
            clock=self.clock,
        )

    def connect(self, athlete_id: int, mark: str) -> Tokens:
        tokens = Tokens(Secret(f"access-{mark}"), Secret(f"refresh-{mark}"), int(self.clock.now()) + 21_600)
        self.vault.tokens[athlete_id] = tokens
        return tokens

    def claim(self) -> Job:
        """Claim as the worker does, before anything else."""
        with self.database.write() as tx:
            job = confirmations.claim(tx, input=RIDES, now=self.clock.now(), athletes={ANNA})
        assert job is not None, "the job that carries it out has to be claimed again"
        return job

    def restart(self) -> None:
        """The process has died; the next one requeues its job and claims it."""
        self.fate.last = NEVER
        self.clock.advance(200.0)  # the lease of a refresh that died with it has ended
        with self.database.write() as tx:
            crashed_jobs.take_over(tx, input=RIDES, now=self.clock.now())
        self.start()
        self.job = self.claim()

    def carry_out(self, *, refused: Optional[str] = None) -> bool:
        return self.deauthorization.carry_out(
            self.job, ANNAS, "Strava refuses the token.", refused=None if refused is None else Secret(refused)
        )

    def begun(self) -> bool:
        """Whether it has been confirmed before."""
        with self.database.read() as tx:
            return athletes.has_withdrawn(tx, ANNA, ANNAS.connected_at)

    def finish(self) -> None:
        with self.database.write() as tx:
            assert queue.finish(
                tx, self.job, status=Status.DONE, outcome=Outcome.DELETED, error=None, now=self.clock.now()
            )

    def collect(self, activities: int, athlete_id: int = ANNA, *, first: int = 1) -> None:
        for begin in range(first, first + activities, 500):
            with self.database.write() as tx:
                for number in range(begin, min(begin + 500, first + activities)):
                    collected(tx, number, athlete_id=athlete_id, start_date=FIRST, now=self.clock.now())

    def places(self, where: str = "1") -> int:
        with self.database.read() as tx:
            return count(tx, "place", where)


ANNAS = Athlete("Anna", ANNA, "App", connected_at="50")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.database.close()


def erased(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [message for message in caplog.messages if message.startswith("action=erase ")]


def settle_the_story(world: World) -> None:
    """Three activities of Anna's, one of which has moved, waiting jobs, and Ben, whom it does not concern."""
    world.collect(3)
    world.collect(2, BEN, first=11)
    with world.database.write() as tx:
        now = world.clock.now()
        collected(tx, 2, start_date=SECOND, index="moved", now=now)
        collected(tx, 4, start_date=FIRST, now=now)
        deleted(tx, 4, now=now)
        for number in (5, 6):
            waiting_job(tx, number, now=now)
        waiting_job(tx, 5, athlete_id=ANNA, input="another input", kind=Kind.STREAMS, now=now)
        waiting_job(tx, 12, athlete_id=BEN, now=now)
        for athlete_id in (ANNA, BEN):
            around.begin_profile(tx, athlete_id)
            around.note_use(tx, athlete_id=athlete_id, gear_id="b1", now=now)
            walked(tx, athlete_id)


def assert_all_is_done(world: World, log: list[str]) -> None:
    with world.database.read() as tx:
        standing = athletes.standing(tx, ANNA)
        assert standing is not None and standing.state is AthleteState.DEAUTHORIZED
        assert count(tx, "job", f"athlete_id = {ANNA} AND status = 'pending'") == 0
        assert count(tx, "job", f"athlete_id = {ANNA} AND outcome = 'cancelled'") == 3
        assert count(tx, "job", f"athlete_id = {BEN} AND status = 'pending'") == 1
        assert count(tx, "place", "state <> 'left' AND activity_id < 10") == 0
        assert count(tx, "place", "state = 'current' AND activity_id > 10") == 2
        assert ledger.collected_of(tx, ANNA) == []
        assert athletes.standing(tx, BEN) is None
        for table in ("profile", "gear", "covered", "walk", "miss"):
            assert count(tx, table, f"athlete_id = {ANNA}") == 0
            assert count(tx, table) == 1
    assert set(world.index.graves()) == {(1, "strava", FIRST), (2, "moved", SECOND), (3, "strava", FIRST)}
    assert {athlete for athlete, _ in world.index.farewells()} == {ANNA}
    assert list(world.vault.tokens) == [BEN]
    # The place that activity 2 has left holds an old version still; activity 4 was listed when it was deleted.
    assert {line.partition("action=erase ")[2] for line in log} == {
        f"activity_id={number} athlete_id={ANNA} in_index={index} start_date={start} reason=deauthorized"
        for number, index, start in (
            (1, "strava", FIRST),
            (2, "strava", FIRST),
            (2, "moved", SECOND),
            (3, "strava", FIRST),
        )
    }


def test_a_deauthorization_leaves_nothing_of_the_athletes_and_touches_nobody_else(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    settle_the_story(world)
    assert world.carry_out(refused="access-old")
    assert_all_is_done(world, erased(caplog))
    assert len(world.index.graves()) == 3
    assert len(erased(caplog)) == 4
    world.finish()
    last = world.index.events[-1]
    assert last.sourcetype == "strava:athlete"
    times = [json.loads(event.data)["collected_at"] for event in world.index.events]
    assert times[-1] > max(times[:-1]), "what was collected before it is to be erased"


def dies_at(world: World, moment: int) -> bool:
    """Let the process die at this moment and the next one end the work; False if there was no such moment."""
    world.fate.moments, world.fate.last = 0, moment
    try:
        world.carry_out(refused="access-old")
    except Killed:
        world.restart()
        assert ANNA in world.vault.tokens or world.begun()
        assert world.carry_out()
        return True
    world.fate.last = NEVER
    return False


def test_a_crash_between_any_two_steps_is_made_good_by_the_next_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    moments, moment = NEVER, 0
    while moment < moments:
        moment += 1
        caplog.clear()
        world = World(tmp_path / str(moment))
        try:
            settle_the_story(world)
            if not dies_at(world, moment):
                moments = moment  # it ended before that moment came
            assert_all_is_done(world, erased(caplog))
            world.finish()
        finally:
            world.database.close()
    assert moments > 20


def test_a_second_run_has_nothing_left_to_do(world: World, caplog: pytest.LogCaptureFixture) -> None:
    settle_the_story(world)
    assert world.carry_out()
    events = len(world.index.events)
    caplog.set_level(logging.INFO)
    assert world.carry_out()
    assert len(world.index.events) == events
    assert erased(caplog) == []


def test_five_thousand_places_take_many_short_transactions(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world.collect(2_500)
    with world.database.write() as tx:
        # Each has moved, and its first place has not been told yet: two tombstones each.
        tx.execute(
            "INSERT INTO place (activity_id, start_date, index_name, state, tombstone_ms)"
            " SELECT activity_id, ?, 'strava', 'leaving', 1 FROM activity",
            (SECOND,),
        )
    world.database.most_changes = 0
    assert world.carry_out()
    assert len(set(world.index.graves())) == len(world.index.graves()) == len(erased(caplog)) == 5_000
    assert world.places("state = 'left'") == 5_000
    assert world.database.most_changes <= 310


def test_it_stops_between_batches_and_goes_on_where_it_was(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world.collect(350)

    def stop() -> None:
        world.stops = True

    world.index.after[150] = stop
    assert not world.carry_out()
    assert len(world.index.graves()) == world.places("state = 'left'") == 200
    world.stops = False
    with world.database.write() as tx:
        now = world.clock.now()
        assert queue.reschedule(tx, world.job, run_at=now, counts=False, error=None, now=now)
    world.job = world.claim()
    assert world.carry_out()
    assert len(world.index.graves()) == len(set(world.index.graves())) == len(erased(caplog)) == 350


def test_it_stops_before_the_tombstones_too(world: World) -> None:
    settle_the_story(world)
    world.stops = True
    assert not world.carry_out()
    assert world.index.events == []


def test_its_lease_lasts_however_long_it_takes(world: World) -> None:
    world.collect(350)
    for number in (50, 150, 250, 340):
        world.index.after[number] = lambda: (world.clock.advance(250.0), None)[1]
    assert world.carry_out()
    with world.database.write() as tx:
        assert crashed_jobs.expire(tx, now=world.clock.now()) == 0
    world.finish()


def test_a_job_that_was_taken_away_writes_nothing_more(world: World) -> None:
    world.collect(350)

    def taken_away() -> None:
        world.clock.advance(301.0)
        with world.database.write() as tx:
            assert crashed_jobs.expire(tx, now=world.clock.now()) == 1

    world.index.after[50] = taken_away
    assert not world.carry_out()
    assert len(world.index.graves()) == 100, "the batch that was begun is ended"
    assert not world.carry_out()
    world.job = world.claim()
    assert world.carry_out()
    assert len(set(world.index.graves())) == 350


def test_another_notification_of_the_same_meanwhile_does_not_stop_it(world: World) -> None:
    world.collect(150)

    def again() -> None:
        with world.database.write() as tx:
            waiting_job(tx, ANNA, kind=Kind.ATHLETE, now=world.clock.now())

    world.index.after[50] = again
    assert world.carry_out()
    assert len(world.index.graves()) == 150
    world.finish()  # as pending, because of the newer notification
    world.job = world.claim()
    assert world.begun()
    assert world.carry_out()
    assert len(world.index.graves()) == 150


def test_an_athlete_who_connects_again_in_the_middle_keeps_what_still_stands(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.collect(350)

    def connect_again() -> None:
        new = world.connect(ANNA, "new")
        with world.database.write() as tx:
            assert athletes.welcome_back(tx, {ANNA: "60"}) == [ANNA]
            waiting_job(tx, 9, now=world.clock.now())
        assert new.access_token == Secret("access-new")

    world.index.after[50] = connect_again
    assert world.carry_out(refused="access-old")
    assert len(world.index.graves()) == 100
    assert world.places("state = 'current'") == 250
    assert world.vault.tokens[ANNA].access_token == Secret("access-new")
    with world.database.read() as tx:
        assert athletes.standing(tx, ANNA) is None
        assert count(tx, "job", "activity_id = 9 AND status = 'pending'") == 1
    assert "deauthorization_dropped" in caplog.text


def test_an_athlete_who_connected_again_before_the_tokens_are_deleted_keeps_them(world: World) -> None:
    settle_the_story(world)
    world.connect(ANNA, "new")
    assert world.carry_out(refused="access-old")
    assert world.vault.tokens[ANNA].access_token == Secret("access-new")
    assert world.index.events == []
    with world.database.read() as tx:
        assert athletes.blocked(tx, world.clock.now()) == frozenset()
        assert count(tx, "job", f"athlete_id = {ANNA} AND status = 'pending'") == 3


def test_an_athlete_who_connects_again_while_the_tokens_are_deleted_keeps_her_jobs_too(world: World) -> None:
    settle_the_story(world)

    def connect_again() -> None:
        world.connect(ANNA, "new")
        with world.database.write() as tx:
            assert athletes.welcome_back(tx, {ANNA: "60"}) == [ANNA]

    world.vault.meanwhile = connect_again
    assert world.carry_out(refused="access-old")
    assert world.index.events == []
    with world.database.read() as tx:
        assert count(tx, "job", f"athlete_id = {ANNA} AND status = 'pending'") == 3


def test_a_fetch_that_ends_behind_the_first_pass_gets_its_tombstone(world: World) -> None:
    world.collect(150)

    def late() -> None:
        with world.database.write() as tx:
            collected(tx, 1, start_date=SECOND, now=world.clock.now())

    world.index.after[120] = late
    assert world.carry_out()
    assert (1, "strava", SECOND) in world.index.graves()
    assert world.places("state <> 'left'") == 0


def test_tombstones_are_newer_than_every_event_whatever_the_clock_does(world: World) -> None:
    world.collect(3)
    world.clock.set_wall(world.clock.now() - 3600.0)
    assert world.carry_out()
    times = [json.loads(event.data)["collected_at"] for event in world.index.events]
    assert min(times) > world.clock.now() + 3599.0


def test_splunkd_that_has_gone_ends_it_and_the_next_process_goes_on(world: World) -> None:
    world.collect(3)
    world.index.closed = True
    with pytest.raises(OutputClosed):
        world.carry_out()
    assert world.places("state = 'left'") == 0
    world.index.closed = False
    world.restart()
    assert world.carry_out()
    assert len(world.index.graves()) == 3


def test_a_place_that_cannot_be_written_to_holds_up_no_other(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world.collect(150)
    world.index.poison = '"id":77,'
    assert world.carry_out()
    assert len(world.index.graves()) == 149
    assert len(erased(caplog)) == 150
    assert "action=tombstone_not_written activity_id=77 error=KeyError" in caplog.text


def test_a_refresh_in_progress_is_waited_for(world: World) -> None:
    settle_the_story(world)
    with world.database.write() as tx:
        assert leases.acquire(tx, name=f"tokens:{ANNA}", holder="another", now=world.clock.now(), seconds=180.0)
    with pytest.raises(RefreshBusy):
        world.carry_out()
    assert ANNA in world.vault.tokens and world.index.events == []
    with world.database.write() as tx:
        leases.release(tx, name=f"tokens:{ANNA}", holder="another")
    assert world.carry_out()
    assert list(world.vault.tokens) == [BEN]


def test_tokens_that_splunkd_does_not_delete_now_are_deleted_by_the_next_run(world: World) -> None:
    settle_the_story(world)
    world.vault.failure = TokenStoreUnavailable("splunkd does not answer.")
    with pytest.raises(TokenStoreUnavailable):
        world.carry_out()
    assert world.index.events == []
    world.vault.failure = None
    assert world.carry_out()
    assert list(world.vault.tokens) == [BEN]


def test_a_new_consent_between_two_tries_to_delete_the_tokens_is_kept(world: World) -> None:
    settle_the_story(world)
    world.vault.failure = TokenStoreUnavailable("splunkd does not answer.")
    with pytest.raises(TokenStoreUnavailable):
        world.carry_out(refused="access-old")
    world.vault.failure = None
    world.connect(ANNA, "new")
    assert world.begun(), "the settings have not been read again yet"
    assert world.carry_out()
    assert world.vault.tokens[ANNA].access_token == Secret("access-new")
    assert world.index.events == []
    assert not world.begun()


def test_a_deauthorization_of_an_older_connection_does_not_count_for_the_new_one(world: World) -> None:
    assert not world.begun()
    with world.database.write() as tx:
        athletes.mark_deauthorized(tx, athlete_id=ANNA, reason="Then.", connected_at="40", now=world.clock.now())
    assert not world.begun()
    assert world.carry_out()
    assert world.begun()
    with world.database.read() as tx:
        standing = athletes.standing(tx, ANNA)
    assert standing is not None and (standing.reason, standing.connected_at) == ("Strava refuses the token.", "50")


def test_an_athletes_activities_are_walked_through_by_id_without_looking_at_other_athletes(world: World) -> None:
    world.collect(5)
    world.collect(5, BEN, first=11)
    with world.database.write() as tx:
        now = world.clock.now()
        deleted(tx, 2, now=now)
        ledger.place_tombstones(tx, activity_id=3, now=now)
        ledger.note_event(tx, activity_id=6, athlete_id=ANNA, event_time=1, now=now)
        assert ledger.collected_of(tx, ANNA, limit=2) == [1, 3]
        assert ledger.collected_of(tx, ANNA, after=3) == [4, 5]
        plans = query_plans(tx, lambda: ledger.collected_of(tx, ANNA, after=3))
        assert all("activity_athlete" in plan and "TEMP" not in plan for plan in plans.values()), plans


def test_the_graves_of_an_activity_are_all_places_but_the_one_that_shows_it(world: World) -> None:
    with world.database.write() as tx:
        now = world.clock.now()
        collected(tx, 1, start_date=FIRST, now=now)
        assert ledger.graves(tx, 1) == ()
        collected(tx, 1, start_date=SECOND, now=now)
        assert [grave.start_date for grave in ledger.graves(tx, 1)] == [FIRST]
        (newest,) = ledger.place_tombstones(tx, activity_id=1, now=now)
        assert [grave.start_date for grave in ledger.graves(tx, 1)] == [FIRST, SECOND]
        assert newest in ledger.graves(tx, 1)
