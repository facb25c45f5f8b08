"""Texts that are not to be kept reach neither the inbox nor anything that comes of it, and leave what has them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Optional

import pytest

from sandbox.patience import patience
from strava_collector import expectation
from strava_collector.errors import StoreUnavailable
from strava_collector.job import Kind
from strava_collector.privacy import KEEP_ALL, Privacy
from strava_collector.settings import EnabledActivities
from strava_collector.store import dead_letters, inbox, leaving_out, replay
from strava_collector.store.group_commit import GroupCommit
from strava_collector.webhook import Receipt
from tests.support.clock import VirtualClock
from tests.support.collecting import ANNA, INPUT, STRANGER, Collecting, ride
from tests.support.store import join, notification
from tests.support.waiting import until

TEXT = Privacy(text=True)
SECRET = "Breakfast with Zebedee"
UPDATE = {"aspect_type": "update", "updates": {"title": SECRET, "type": "Ride"}}


class World:
    """An input that comes and goes, on one store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "store"
        self.clock = VirtualClock()
        self.running: Optional[Collecting] = None

    def start(self, privacy: Privacy, *, beside: Privacy = KEEP_ALL) -> Collecting:
        """A new process of the input, as splunkd makes one when its stanza has changed; beside an input that lists."""
        events = []
        if self.running is not None:
            events = self.running.index.events
            self.running.close()
        self.running = Collecting(self.folder, webhook_input=replace(INPUT, privacy=privacy), clock=self.clock)
        self.running.index.events = events
        self.tick_beside(beside)
        return self.running

    def tick_beside(self, privacy: Privacy) -> None:
        """The boxes of the input that lists are changed, and the settings read again."""
        assert self.running is not None and self.running.settings is not None
        beside = EnabledActivities("lists", INPUT.application, privacy=privacy)
        self.running.settings = replace(self.running.settings, enabled_activities=(beside,))

    def deliver(self, activity: int = 1, *, owner: int = ANNA, **fields: object) -> Receipt:
        """What the listener does with a notification that has arrived."""
        c = self.running
        assert c is not None
        committer = GroupCommit(
            c.database, input=c.input.name, clock=c.clock, committed=lambda: None, privacy=c.pipeline.left_out.of_all
        )
        outcomes: list[object] = []
        committer.start()
        arrived = notification(activity, **{"event_time": int(self.clock.now()), "owner_id": owner, **UPDATE, **fields})
        committer.submit(arrived, outcomes.append)
        until(lambda: bool(outcomes))
        committer.stop(patience(60))
        (receipt,) = outcomes
        assert isinstance(receipt, Receipt)
        return receipt

    def look_after(self) -> None:
        assert self.running is not None
        for _ in range(5):
            self.running.upkeep.look(self.running.settings)
            self.clock.advance(2.0)

    def on_disk(self) -> bytes:
        """Every byte of the store's files."""
        return b"".join(path.read_bytes() for path in sorted(self.folder.iterdir()) if path.is_file())

    def written(self) -> str:
        assert self.running is not None
        return "\n".join(event.data for event in self.running.index.events)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    if world.running is not None:
        world.running.close()


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    caplog.set_level(logging.DEBUG)
    yield caplog


def assert_nowhere(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in what is stored, nor in what is written, nor in what is logged; not even a word of it."""
    for word in SECRET.split()[::2]:
        assert word.encode() not in world.on_disk()
        assert word not in world.written()
        assert word not in caplog.text


def test_the_search_for_the_secret_finds_it_where_it_is(world: World) -> None:
    world.start(KEEP_ALL)
    world.deliver()
    assert b"Zebedee" in world.on_disk()


def test_a_title_never_reaches_the_store_the_job_the_event_or_the_log(
    world: World, logged: pytest.LogCaptureFixture
) -> None:
    c = world.start(TEXT)
    c.transport.add(ride(1))
    world.deliver()
    assert_nowhere(world, logged)

    c.run()

    assert_nowhere(world, logged)
    (event,) = c.index.notifications
    assert event["updates"] == {"type": "Ride"}
    assert event["aspect_type"] == "update"
    assert len(c.index.activities) == 1


def test_held_and_given_up_notifications_have_none_either(world: World, logged: pytest.LogCaptureFixture) -> None:
    c = world.start(TEXT)
    c.index.poison = '"object_id":2'
    world.deliver(1, owner=STRANGER)
    world.deliver(2)
    for _ in range(3):
        c.dispatcher.dispatch()

    with c.database.read() as tx:
        counts = inbox.counts(tx, INPUT.name)
        (dead,) = dead_letters.dead_letters(tx, limit=10)
    assert (counts["held"], counts["dead letter"]) == (1, 1)
    assert_nowhere(world, logged)

    c.index.poison = None
    with c.database.write() as tx:
        dead_letters.retry_notification(tx, dead.id, world.clock.now())
    c.dispatcher.dispatch()

    assert [event["object_id"] for event in c.index.notifications] == [1, 2]
    assert_nowhere(world, logged)


def test_a_redelivery_is_recognised_although_its_title_is_gone(world: World) -> None:
    world.start(TEXT)
    assert world.deliver() is Receipt.ACCEPTED
    assert world.deliver() is Receipt.DUPLICATE


def test_two_titles_within_a_second_are_two_notifications(world: World) -> None:
    """With a digest of what is kept, the second would be taken for the first again, and its edit for seen."""
    world.start(TEXT)
    assert world.deliver() is Receipt.ACCEPTED
    assert world.deliver(updates={"title": "Another one", "type": "Ride"}) is Receipt.ACCEPTED


@pytest.mark.parametrize(("first", "second"), [(KEEP_ALL, TEXT), (TEXT, KEEP_ALL)])
def test_a_redelivery_is_recognised_when_the_setting_has_changed_since(
    world: World, first: Privacy, second: Privacy
) -> None:
    world.start(first)
    assert world.deliver(event_time=1_780_293_600) is Receipt.ACCEPTED
    world.start(second)
    world.look_after()
    assert world.deliver(event_time=1_780_293_600) is Receipt.DUPLICATE


def test_what_waits_when_the_setting_changes_is_written_without_its_title(
    world: World, logged: pytest.LogCaptureFixture
) -> None:
    world.start(KEEP_ALL)
    world.deliver()
    c = world.start(TEXT)
    c.transport.add(ride(1))

    c.run()

    assert "Zebedee" not in world.written()
    assert [json.loads(event.data)["updates"] for event in c.index.events[:1]] == [{"type": "Ride"}]
    with c.database.read() as tx:
        assert tx.execute("SELECT expected FROM job").fetchone()["expected"] == '{"type":["Ride",1780293600]}'


def test_everything_stored_loses_its_titles_when_the_setting_changes(
    world: World, logged: pytest.LogCaptureFixture
) -> None:
    """Waiting, held, given up and done ones, what jobs expect, and SQLite's log."""
    c = world.start(KEEP_ALL)
    c.transport.add(ride(1))
    world.deliver(1)
    c.run()
    world.deliver(2, owner=STRANGER)
    c.dispatcher.dispatch()
    world.deliver(3)
    c.dispatcher.dispatch()
    world.deliver(4)
    assert world.on_disk().count(b"Zebedee") > 4
    c = world.start(TEXT)
    c.index.events.clear()
    logged.clear()

    world.look_after()

    assert b"Zebedee" not in world.on_disk()
    with c.database.read() as tx:
        bodies = [row["body"] for row in tx.execute("SELECT body FROM notification ORDER BY id").fetchall()]
        expected = [row["expected"] for row in tx.execute("SELECT expected FROM job ORDER BY id").fetchall()]
    assert [json.loads(body)["updates"] for body in bodies] == [{"type": "Ride"}] * 4
    # Done, waiting because it was told before, and not dispatched yet.
    assert [one and json.loads(one).keys() for one in expected] == [{"type"}, {"type"}]
    assert "action=left_out input=club" in logged.text
    assert "Zebedee" not in logged.text


def test_the_store_is_looked_through_once_and_again_when_work_comes_from_another_input(world: World) -> None:
    c = world.start(TEXT)
    world.look_after()
    stored = notification(7, **UPDATE)
    with c.database.write() as tx:
        inbox.add(tx, input="former", notification=stored, received_at=world.clock.now())
    world.look_after()
    assert b"Zebedee" in world.on_disk()

    world.clock.advance(120.0)
    world.look_after()

    with c.database.read() as tx:
        assert tx.execute("SELECT input FROM notification").fetchone()["input"] == INPUT.name
    assert b"Zebedee" not in world.on_disk()


def test_what_other_jobs_expect_is_left_alone(world: World) -> None:
    """That of streams is a digest."""
    c = world.start(TEXT)
    with c.database.write() as tx:
        join(tx, 7, kind=Kind.STREAMS, input=INPUT.name, expected="0a" * 16)
    world.look_after()
    with c.database.read() as tx:
        assert tx.execute("SELECT expected FROM job").fetchone()["expected"] == "0a" * 16


def test_what_is_not_this_inputs_is_left_alone(world: World) -> None:
    c = world.start(TEXT)
    for number in range(3):
        with c.database.write() as tx:
            inbox.add(tx, input=f"other-{number}", notification=notification(number, **UPDATE), received_at=1.0)
    with c.database.read() as tx:
        found = leaving_out.look(tx, input=INPUT.name, privacy=TEXT, position=leaving_out.Position())
    assert found.notifications == {}


def test_a_walk_goes_through_all_rows_in_parts(world: World) -> None:
    c = world.start(KEEP_ALL)
    with c.database.write() as tx:
        for number in range(25):
            inbox.add(tx, input=INPUT.name, notification=notification(number, **UPDATE), received_at=1.0)
    position: Optional[leaving_out.Position] = leaving_out.Position()
    rows = []
    while position is not None:
        with c.database.write() as tx:
            found = leaving_out.look(tx, input=INPUT.name, privacy=TEXT, position=position, limit=10)
            rows.append(leaving_out.leave_out(tx, found))
        position = found.position
    assert rows == [10, 10, 5, 0]


def test_a_replay_by_hand_repeats_no_title(world: World, logged: pytest.LogCaptureFixture) -> None:
    c = world.start(KEEP_ALL)
    c.transport.add(ride(1))
    world.deliver()
    c.run()
    c = world.start(TEXT)
    c.index.events.clear()
    with c.database.write() as tx:
        replay.replay_since(tx, since=0.0, now=world.clock.now())

    c.dispatcher.dispatch()

    (event,) = c.index.notifications
    assert event["updates"] == {"type": "Ride"}


def test_without_its_title_a_notification_survives_the_repair_of_a_damaged_store(world: World) -> None:
    """Its hash is that of what was received; the repair has another one to compare with."""
    c = world.start(TEXT)
    world.deliver(1)
    world.deliver(2, aspect_type="create", updates={})
    with c.database.write() as tx:  # a row that cannot be read is damage
        tx.execute("UPDATE notification SET body = '{\"torn' WHERE object_id = 2")
    with pytest.raises(StoreUnavailable), c.database.write() as tx:
        inbox.waiting(tx, INPUT.name)

    with c.database.read() as tx:
        (stored,) = inbox.waiting(tx, INPUT.name)
    assert stored.notification.object_id == 1
    assert stored.notification.updates == {"type": "Ride"}


def test_what_was_expected_loses_its_title_only(world: World) -> None:
    known = '{"title":["Zebedee",5],"type":["Ride",5],"private":[true,5]}'
    assert expectation.without(known, TEXT) == '{"type":["Ride",5],"private":[true,5]}'
    assert expectation.without('{"title":["Zebedee",5]}', TEXT) is None
    assert expectation.without(known, Privacy(location=True)) == known
    assert expectation.without(None, TEXT) is None
    assert expectation.without("nonsense", TEXT) is None


def test_a_title_that_another_input_leaves_out_never_reaches_the_store(
    world: World, logged: pytest.LogCaptureFixture
) -> None:
    c = world.start(KEEP_ALL, beside=TEXT)
    c.transport.add(ride(1))
    world.deliver()
    c.run()
    assert c.index.notifications
    assert_nowhere(world, logged)


def test_a_box_that_is_ticked_in_another_input_holds_without_a_restart(
    world: World, logged: pytest.LogCaptureFixture
) -> None:
    c = world.start(KEEP_ALL)
    c.transport.add(ride(1))
    world.look_after()
    world.deliver(1)
    assert b"Zebedee" in world.on_disk()

    world.tick_beside(TEXT)
    world.look_after()
    c.run()

    assert b"Zebedee" not in world.on_disk()
    assert "Zebedee" not in world.written()
    (begin, changed) = [text for text in logged.messages if "action=left_out_changed" in text]
    assert begin == "action=left_out_changed application=App now=nothing"
    assert changed == 'action=left_out_changed application=App was=nothing now="names and texts"'


def test_what_was_under_way_to_the_store_when_a_box_was_ticked_leaves_it_too(world: World) -> None:
    """The listener judged it by the settings before."""
    c = world.start(KEEP_ALL)
    world.look_after()
    world.tick_beside(TEXT)
    c.upkeep.look(c.settings)
    with c.database.write() as tx:
        inbox.add(tx, input=INPUT.name, notification=notification(7, **UPDATE), received_at=world.clock.now())
    world.look_after()
    assert b"Zebedee" not in world.on_disk()


def test_a_box_that_another_input_loses_is_told_and_titles_are_kept_again(
    world: World, logged: pytest.LogCaptureFixture
) -> None:
    c = world.start(KEEP_ALL, beside=Privacy(location=True, text=True, health=True))
    world.look_after()
    world.tick_beside(Privacy(health=True))
    world.look_after()
    world.deliver()
    c.dispatcher.dispatch()
    assert "Zebedee" in world.written()
    assert 'was="location, names and texts and health" now=health' in logged.text
