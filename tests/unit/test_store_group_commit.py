"""Group commit: who is answered when, with what, and how often."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Callable, Union

import pytest

from sandbox.patience import patience
from strava_collector.errors import StoreUnavailable
from strava_collector.store import counters, inbox
from strava_collector.store.database import Database
from strava_collector.store.group_commit import MOST_AT_ONCE, GroupCommit
from strava_collector.webhook import Notification, Receipt
from tests.support.clock import VirtualClock
from tests.support.store import RIDES, database, notification, raw
from tests.support.waiting import ended, until


class Answers:
    """Collects what ``done`` was called with."""

    def __init__(self) -> None:
        self.given: list[Union[Receipt, StoreUnavailable]] = []

    def __call__(self, outcome: Union[Receipt, StoreUnavailable]) -> None:
        self.given.append(outcome)

    def wait(self, number: int) -> list[Union[Receipt, StoreUnavailable]]:
        until(lambda: len(self.given) >= number)
        assert len(self.given) == number
        return self.given


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    store = database(tmp_path)
    yield store
    store.close()


@pytest.fixture
def commits() -> list[int]:
    return []


@pytest.fixture
def committer(store: Database, clock: VirtualClock, commits: list[int]) -> Iterator[GroupCommit]:
    patient = patience(60)
    committer = GroupCommit(store, input=RIDES, clock=clock, patience=patient, committed=lambda: commits.append(1))
    yield committer
    committer.stop(patience(60))


@pytest.fixture
def impatient(store: Database, clock: VirtualClock, commits: list[int]) -> Iterator[GroupCommit]:
    """For tests that lock the store."""
    committer = GroupCommit(store, input=RIDES, clock=clock, patience=0.05, committed=lambda: commits.append(1))
    yield committer
    committer.stop(patience(60))


def stored(store: Database) -> list[int]:
    with store.read() as tx:
        return [one.notification.object_id for one in inbox.waiting(tx, RIDES, 10_000)]


def unstorable(object_id: int) -> Notification:
    """A notification that the parser would have refused."""
    good = notification(object_id)
    return Notification(
        good.object_type, 2**63, good.aspect_type, good.owner_id, good.subscription_id, 1, {}, good.body
    )


def test_a_notification_is_on_disk_when_its_receipt_comes(
    tmp_path: Path, committer: GroupCommit, commits: list[int]
) -> None:
    seen: list[int] = []

    def done(outcome: Union[Receipt, StoreUnavailable]) -> None:
        with closing(raw(tmp_path)) as other:
            seen.append(other.execute("SELECT COUNT(*) FROM notification").fetchone()[0])

    committer.start()
    committer.submit(notification(), done)
    until(lambda: commits == [1])
    assert seen == [1]


def test_a_redelivery_is_told_so(store: Database, committer: GroupCommit) -> None:
    answers = Answers()
    committer.start()
    committer.submit(notification(), answers)
    answers.wait(1)
    committer.submit(notification(), answers)
    assert answers.wait(2) == [Receipt.ACCEPTED, Receipt.DUPLICATE]
    assert stored(store) == [1]


def test_received_at_is_when_it_was_submitted(store: Database, committer: GroupCommit, clock: VirtualClock) -> None:
    submitted = clock.now()
    answers = Answers()
    committer.submit(notification(), answers)
    clock.advance(0.04)
    committer.start()
    answers.wait(1)
    with store.read() as tx:
        assert inbox.waiting(tx, RIDES)[0].received_at == submitted


def test_what_queued_up_shares_commits_in_the_order_of_its_arrival(
    store: Database, committer: GroupCommit, commits: list[int]
) -> None:
    answers = Answers()
    for object_id in range(2 * MOST_AT_ONCE + 1):
        committer.submit(notification(object_id), answers)
    committer.start()
    assert set(answers.wait(2 * MOST_AT_ONCE + 1)) == {Receipt.ACCEPTED}
    until(lambda: len(commits) == 3)
    assert stored(store) == list(range(2 * MOST_AT_ONCE + 1))


def test_threads_that_submit_at_once_all_get_their_own_answer(store: Database, committer: GroupCommit) -> None:
    committer.start()
    answers = [Answers() for _ in range(8)]

    def submit(number: int) -> None:
        for object_id in range(50):
            committer.submit(notification(1000 * number + object_id), answers[number])

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    ended(*threads)
    for one in answers:
        assert one.wait(50) == [Receipt.ACCEPTED] * 50
    assert len(stored(store)) == 400


def test_a_locked_store_refuses_at_once_what_has_waited_long_enough(
    tmp_path: Path, store: Database, impatient: GroupCommit, clock: VirtualClock, commits: list[int]
) -> None:
    stored(store)
    answers = Answers()
    with closing(raw(tmp_path)) as other:
        other.execute("BEGIN IMMEDIATE")
        for object_id in range(10 * MOST_AT_ONCE):
            impatient.submit(notification(object_id), answers)
        clock.advance(1.0)
        impatient.start()
        outcomes = answers.wait(10 * MOST_AT_ONCE)
        assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes)
        assert "locked" in str(outcomes[0])
        other.execute("ROLLBACK")
    assert commits == []
    impatient.submit(notification(), answers)
    assert answers.wait(10 * MOST_AT_ONCE + 1)[-1] is Receipt.ACCEPTED


def test_one_that_cannot_be_stored_does_not_take_the_others_with_it(
    store: Database, committer: GroupCommit, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = Answers(), Answers()
    committer.submit(notification(1), good)
    committer.submit(unstorable(2), bad)
    committer.submit(notification(3), good)
    committer.start()
    assert good.wait(2) == [Receipt.ACCEPTED] * 2
    assert isinstance(bad.wait(1)[0], StoreUnavailable)
    assert stored(store) == [1, 3]
    assert "action=notification_not_storable" in caplog.text
    healthy: list[bool] = []
    committer.healthy(healthy.append)
    assert healthy == [True]


@pytest.mark.parametrize("failure", [ValueError, SystemExit])
def test_a_callback_that_fails_is_logged_and_harms_nobody_else(
    store: Database,
    clock: VirtualClock,
    caplog: pytest.LogCaptureFixture,
    failure: Callable[[], BaseException],
) -> None:
    def fail(*_: object) -> None:
        raise failure()

    committer = GroupCommit(store, input=RIDES, clock=clock, committed=fail)
    answers = Answers()
    committer.submit(notification(1), fail)
    committer.submit(notification(2), answers)
    committer.start()
    answers.wait(1)
    committer.submit(notification(3), answers)
    answers.wait(2)
    committer.stop(patience(60))
    assert committer.failure is None
    assert caplog.text.count("action=callback_failed") == 3


def test_stopping_stores_what_was_submitted_and_refuses_what_comes_later(
    store: Database, committer: GroupCommit
) -> None:
    before, after = Answers(), Answers()
    for object_id in range(500):
        committer.submit(notification(object_id), before)
    committer.start()
    committer.stop(patience(60))
    assert before.given == [Receipt.ACCEPTED] * 500
    committer.submit(notification(501), after)
    (refusal,) = after.given
    assert "stopping" in str(refusal)
    assert len(stored(store)) == 500
    committer.stop()


def test_stopping_without_having_started_refuses_everything(committer: GroupCommit) -> None:
    answers = Answers()
    health: list[bool] = []
    committer.submit(notification(), answers)
    committer.healthy(health.append)
    committer.stop()
    assert isinstance(answers.given[0], StoreUnavailable)
    assert health == [False]


def test_a_thread_that_dies_says_why_and_answers_everybody(
    store: Database, committer: GroupCommit, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Answers()
    for object_id in range(2 * MOST_AT_ONCE):
        committer.submit(notification(object_id), answers)

    def die(*_: object, **__: object) -> None:
        raise GeneratorExit

    monkeypatch.setattr(inbox, "add", die)
    committer.start()
    assert all(isinstance(outcome, StoreUnavailable) for outcome in answers.wait(2 * MOST_AT_ONCE))
    until(lambda: committer.failure is not None)
    committer.submit(notification(), answers)
    assert "has died" in str(answers.wait(2 * MOST_AT_ONCE + 1)[-1])


def test_health_is_tried_by_writing_at_most_once_a_second(
    tmp_path: Path, store: Database, impatient: GroupCommit, clock: VirtualClock
) -> None:
    health: list[bool] = []
    impatient.start()

    def ask() -> bool:
        known = len(health)
        impatient.healthy(health.append)
        until(lambda: len(health) == known + 1)
        return health[-1]

    assert ask() is True
    with closing(raw(tmp_path)) as other:
        assert other.execute("SELECT COUNT(*) FROM probe").fetchone()[0] == 1
        other.execute("BEGIN IMMEDIATE")
        clock.advance(0.9)
        assert ask() is True, "what was found less than a second ago still holds"
        clock.advance(0.2)
        assert ask() is False
        other.execute("ROLLBACK")
    assert ask() is False
    clock.advance(1.1)
    assert ask() is True


def test_a_batch_that_was_refused_tells_the_health_check(
    tmp_path: Path, store: Database, impatient: GroupCommit
) -> None:
    stored(store)
    health: list[bool] = []
    answers = Answers()
    impatient.start()
    with closing(raw(tmp_path)) as other:
        other.execute("BEGIN IMMEDIATE")
        impatient.submit(notification(), answers)
        answers.wait(1)
        other.execute("ROLLBACK")
    impatient.healthy(health.append)
    assert health == [False]


def received_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.getMessage().startswith("action=received")]


def test_each_notification_is_logged_once_with_its_trail_and_how_long_it_waited(
    committer: GroupCommit, clock: VirtualClock, commits: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = Answers()
    committer.submit(notification(7), answers)
    committer.submit(notification(7), answers)
    committer.submit(notification(3, object_type="athlete", aspect_type="update"), answers)
    clock.advance(0.02)
    committer.start()
    until(lambda: len(received_lines(caplog)) == 3)
    committer.stop(patience(60))
    trail = notification(7).digest[:12]
    athlete = notification(3, object_type="athlete", aspect_type="update").digest[:12]
    assert [record.getMessage() for record in caplog.records] == [
        f"action=received trail={trail} notification_id=1 activity_id=7 athlete_id=134815 aspect=create"
        " event_time=1780293600 receipt=accepted waited=0.020",
        f"action=received trail={trail} notification_id=1 activity_id=7 athlete_id=134815 aspect=create"
        " event_time=1780293600 receipt=duplicate waited=0.020",
        f"action=received trail={athlete} notification_id=2 athlete_id=134815 aspect=update"
        " event_time=1780293600 receipt=accepted waited=0.020",
    ]


def test_nobodys_answer_waits_for_the_log(
    committer: GroupCommit, commits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    answers = Answers()

    class Watching(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append((len(answers.given), len(commits)))

    logger = logging.getLogger("strava_collector.store.group_commit")
    monkeypatch.setattr(logger, "level", logging.INFO)
    monkeypatch.setattr(logger, "handlers", [Watching()])
    for object_id in range(3):
        committer.submit(notification(object_id), answers)
    committer.start()
    until(lambda: len(seen) == 3)
    assert set(seen) == {(3, 1)}


def test_what_was_refused_has_no_line(
    tmp_path: Path, store: Database, impatient: GroupCommit, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stored(store)
    answers = Answers()
    with closing(raw(tmp_path)) as other:
        other.execute("BEGIN IMMEDIATE")
        impatient.submit(notification(), answers)
        impatient.start()
        answers.wait(1)
        other.execute("ROLLBACK")
    impatient.stop(patience(60))
    assert received_lines(caplog) == []


def test_what_is_received_and_redelivered_is_counted_with_the_commit(store: Database, committer: GroupCommit) -> None:
    answers = Answers()
    for object_id in (1, 2, 1, 1):
        committer.submit(notification(object_id), answers)
    committer.submit(unstorable(3), answers)
    committer.start()
    answers.wait(5)
    with store.read() as tx:
        found = counters.read(tx, RIDES)
    assert (found["received"], found["redelivered"]) == (2, 2)
