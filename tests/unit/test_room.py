"""The size limit: when notifications are refused, what is said about it, and how it ends."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional, Union

import pytest

from sandbox.patience import patience
from strava_collector.errors import StoreUnavailable
from strava_collector.job import Priority
from strava_collector.room import FEWER_WAITING, LOOK_EVERY, Room
from strava_collector.settings import Advanced
from strava_collector.store import backlog, inbox
from strava_collector.store.database import Database
from strava_collector.store.group_commit import GroupCommit
from strava_collector.webhook import Receipt
from tests.support.clock import VirtualClock
from tests.support.store import RIDES, database, join, notification
from tests.support.waiting import until

MB = 1_000_000


@dataclass(frozen=True)
class Free:
    free: int


class World:
    """What a Room sees of the world, and the Room."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.advanced: Optional[Advanced] = Advanced(most_waiting=1_000, least_disk_mb=500)
        self.waiting = 0
        self.free = 1_000 * MB
        self.disk_fails: Optional[OSError] = None
        self.counted: list[int] = []
        self.seconds_to_count = 0.0
        self.room = Room(
            input=RIDES,
            folder=Path("/splunk/var"),
            advanced=lambda: self.advanced,
            clock=self.clock,
            disk_usage=self._disk_usage,
        )

    def refusal(self, items: int = 1) -> Optional[str]:
        """Why items are refused now; those that are not are taken."""
        try:
            self.room.check(items, self._count)
        except StoreUnavailable as error:
            return str(error)
        self.room.took(items)
        return None

    def later(self, seconds: float = LOOK_EVERY) -> None:
        self.clock.advance(seconds)

    def _count(self, limit: int) -> int:
        self.counted.append(limit)
        self.clock.advance(self.seconds_to_count)
        return min(self.waiting, limit)

    def _disk_usage(self, folder: Path) -> Free:
        assert folder == Path("/splunk/var")
        if self.disk_fails is not None:
            raise self.disk_fails
        return Free(self.free)


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(("waiting", "refused"), [(0, False), (999, False), (1_000, True), (5_000, True)])
def test_notifications_are_refused_as_soon_as_the_most_wait_that_may(world: World, waiting: int, refused: bool) -> None:
    world.waiting = waiting
    assert (world.refusal() is not None) is refused


@pytest.mark.parametrize(("free", "refused"), [(500 * MB, False), (500 * MB - 1, True), (0, True)])
def test_notifications_are_refused_when_the_disk_has_less_left_than_the_least(
    world: World, free: int, refused: bool
) -> None:
    world.free = free
    assert (world.refusal() is not None) is refused


def test_the_sentences_say_what_where_and_what_to_do(world: World) -> None:
    world.waiting = 1_000
    assert world.refusal() == (
        "At least 1000 notifications and fetches of the input “rides” wait in the store, as many as may. Look in its "
        "log why they are not fetched, or raise “Most that may wait” on Configuration → Advanced. Notifications are "
        "taken again by themselves when fewer wait."
    )
    world = World()
    world.free = 0
    assert world.refusal() == (
        f"The disk with the store in {Path('/splunk/var')} has less than 500 MB left. Free some space, or lower "
        "“Least free disk space” on Configuration → Advanced. Notifications are taken again by themselves when there "
        "is more."
    )


def test_before_the_settings_are_read_the_defaults_hold() -> None:
    world = World()
    world.advanced = None
    world.waiting = 999_999
    assert world.refusal() is None
    assert world.counted == [1_000_000]
    world.free = 500 * MB - 1
    world.later()
    assert world.refusal() is not None


def test_a_least_of_nothing_never_looks_at_the_disk() -> None:
    world = World()
    world.advanced = Advanced(least_disk_mb=0)
    world.disk_fails = OSError()
    world.free = 0
    assert world.refusal() is None


def test_between_two_looks_what_was_taken_is_counted(world: World) -> None:
    world.waiting = 900
    assert world.refusal(60) is None
    assert world.refusal(39) is None
    assert world.refusal(1) is None
    assert world.refusal(1) is not None
    assert len(world.counted) == 1


def test_the_store_is_looked_at_every_few_seconds_and_no_more_often(world: World) -> None:
    for _ in range(100):
        world.refusal()
        world.later(LOOK_EVERY / 10)
    assert len(world.counted) == 10


def test_where_counting_takes_long_it_is_done_more_rarely(world: World) -> None:
    world.seconds_to_count = 0.25
    world.refusal()
    world.later(24.5)
    world.refusal()
    assert len(world.counted) == 1
    world.later(0.5)
    world.refusal()
    assert len(world.counted) == 2


def test_a_count_that_fails_is_tried_again_at_once(world: World) -> None:
    def fail(limit: int) -> int:
        raise StoreUnavailable("The store is locked.")

    with pytest.raises(StoreUnavailable, match="locked"):
        world.room.check(1, fail)
    assert world.refusal() is None
    assert len(world.counted) == 1


def test_it_recovers_by_itself_when_a_hundred_fewer_wait(world: World) -> None:
    world.waiting = 1_000
    assert world.refusal() is not None
    world.waiting = 0
    assert world.refusal() is not None, "this is known at the next look"
    world.waiting = 1_000 - FEWER_WAITING + 1
    world.later()
    assert world.refusal() is not None
    world.waiting = 1_000 - FEWER_WAITING
    world.later()
    assert world.refusal() is None


def test_it_recovers_by_itself_when_a_little_more_disk_is_free(world: World) -> None:
    world.free = 499 * MB
    assert world.refusal() is not None
    world.free = 525 * MB - 1
    world.later()
    assert world.refusal() is not None
    world.free = 525 * MB
    world.later()
    assert world.refusal() is None


def test_limits_that_change_hold_from_the_next_look_on(world: World) -> None:
    world.waiting = 5_000
    world.free = 100 * MB
    assert world.refusal() is not None
    world.advanced = Advanced(most_waiting=10_000, least_disk_mb=50)
    world.later()
    assert world.refusal() is None
    world.advanced = Advanced(most_waiting=2_000, least_disk_mb=50)
    world.later()
    assert world.refusal() is not None


def test_a_refusal_is_logged_once_a_minute_with_how_many_it_hit(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world.waiting = 1_000
    for _ in range(120):
        world.refusal(3)
        world.later(1.0)
    first, second = caplog.records
    assert "action=no_room error=" in first.getMessage()
    assert "refused=3 waiting=1000 free_mb=1000" in first.getMessage()
    assert "refused=180 " in second.getMessage()
    assert {record.levelname for record in caplog.records} == {"ERROR"}
    world.waiting = 0
    world.later()
    world.refusal()
    assert "action=room_again refused=177 waiting=0 free_mb=1000" in caplog.records[-1].getMessage()
    assert len(caplog.records) == 3


def test_room_that_comes_and_goes_is_logged_once_a_minute_too(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for number in range(24):
        world.waiting = 1_000 if number % 2 else 0
        world.refusal()
        world.later()
    assert caplog.text.count("action=no_room") == 2
    assert caplog.text.count("action=room_again") == 2


def test_nothing_is_logged_while_there_is_room(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for _ in range(10):
        world.refusal()
        world.later()
    assert caplog.text == ""


def test_a_disk_that_cannot_be_looked_at_counts_as_empty_and_is_logged_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.disk_fails = OSError(errno.EIO, "Input/output error")
    for _ in range(3):
        assert world.refusal() is None
        world.later()
    (record,) = caplog.records
    assert record.getMessage() == (f'action=disk_space_unknown folder={Path("/splunk/var")} error="Input/output error"')
    world.disk_fails = None
    world.free = 0
    assert world.refusal() is not None
    world.disk_fails = OSError()
    world.later()
    assert world.refusal() is None
    assert "action=disk_space_unknown" in caplog.records[-1].getMessage()


# With the store.


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    store = database(tmp_path)
    yield store
    store.close()


def test_notifications_and_live_jobs_of_the_input_count(store: Database) -> None:
    with store.write() as tx:
        for object_id in range(4):
            inbox.add(tx, input=RIDES, notification=notification(object_id), received_at=1.0)
        inbox.add(tx, input="other", notification=notification(9), received_at=1.0)
        inbox.mark(tx, [1], inbox.State.DISPATCHING, now=1.0)
        inbox.mark(tx, [2], inbox.State.DISPATCHING, now=1.0)
        inbox.mark(tx, [2], inbox.State.DISPATCHED, now=1.0)
        for activity_id in range(3):
            join(tx, activity_id, priority=Priority(activity_id))
        join(tx, 8, input="other")
        tx.execute(
            "UPDATE job SET status = 'working', lease_id = 'l', lease_expires_at = 400.0, claimed_at = 100.0,"
            " claimed_generation = generation WHERE activity_id = 1"
        )
        join(tx, 7)
        tx.execute("UPDATE job SET status = 'done', outcome = 'collected' WHERE activity_id = 7")
    with store.read() as tx:
        assert backlog.count(tx, input=RIDES, limit=1_000) == 6
        assert [backlog.count(tx, input=RIDES, limit=limit) for limit in (7, 6, 5, 4, 3, 2, 1)] == [6, 6, 5, 4, 3, 2, 1]


class Committing:
    """A committer with little room, and what came of what it was given."""

    def __init__(self, store: Database) -> None:
        self.world = World()
        self.outcomes: list[Union[Receipt, StoreUnavailable]] = []
        self.health: list[bool] = []
        self.committer = GroupCommit(
            store, input=RIDES, clock=self.world.clock, committed=lambda: None, room=self.world.room
        )
        self._next = 0

    def submit(self) -> Union[Receipt, StoreUnavailable]:
        self._next += 1
        self.committer.submit(notification(self._next), self.outcomes.append)
        until(lambda: len(self.outcomes) == self._next)
        return self.outcomes[-1]

    def healthy(self) -> bool:
        asked = len(self.health)
        self.committer.healthy(self.health.append)
        until(lambda: len(self.health) > asked)
        return self.health[-1]


@pytest.fixture
def committing(store: Database) -> Iterator[Committing]:
    committing = Committing(store)
    committing.committer.start()
    yield committing
    committing.committer.stop(patience(60))


def test_without_room_nothing_is_stored_until_there_is_room_again(store: Database, committing: Committing) -> None:
    committing.world.advanced = Advanced(most_waiting=3, least_disk_mb=0)
    assert [committing.submit() for _ in range(3)] == [Receipt.ACCEPTED] * 3
    refused = committing.submit()
    assert isinstance(refused, StoreUnavailable)
    assert "At least 3 notifications" in str(refused)
    assert committing.committer.trouble == str(refused)
    with store.read() as tx:
        assert len(inbox.waiting(tx, RIDES)) == 3
    committing.world.advanced = replace(committing.world.advanced, most_waiting=3 + FEWER_WAITING)
    committing.world.later()
    assert committing.submit() is Receipt.ACCEPTED
    assert committing.committer.trouble is None


def test_a_full_disk_shows_in_the_health_although_no_notification_arrives(committing: Committing) -> None:
    assert committing.healthy() is True
    committing.world.free = 0
    committing.world.later()
    assert committing.healthy() is False
    assert "less than 500 MB" in str(committing.committer.trouble)
    committing.world.free = 600 * MB
    committing.world.later()
    assert committing.healthy() is True
    assert committing.committer.trouble is None


def test_redeliveries_take_no_room(committing: Committing) -> None:
    committing.world.advanced = Advanced(most_waiting=3, least_disk_mb=0)
    committing.submit()
    for _ in range(5):
        committing.committer.submit(notification(1), committing.outcomes.append)
    until(lambda: len(committing.outcomes) == 6)
    assert committing.outcomes[1:] == [Receipt.DUPLICATE] * 5
