"""What the dispatcher does when something fails in the middle, and what it writes again when somebody asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from strava_collector.errors import CollectorError
from strava_collector.events import Event
from strava_collector.store import ledger
from strava_collector.store.replay import replay_since
from strava_collector.writer import OutputClosed
from tests.support.collecting import ANNA, BEN, INPUT
from tests.support.dispatching import START, Dispatching


@pytest.fixture
def d(tmp_path: Path) -> Iterator[Dispatching]:
    dispatching = Dispatching(tmp_path / "store")
    yield dispatching
    dispatching.close()


def ids(d: Dispatching) -> list[int]:
    return [event["object_id"] for event in d.index.notifications]


# Failures.


def test_one_that_fails_twice_is_a_dead_letter_and_holds_up_no_other(
    d: Dispatching, caplog: pytest.LogCaptureFixture
) -> None:
    d.index.poison = '"object_id":3,'
    for number in range(1, 6):
        d.receive("create", number)
    d.dispatch()
    assert ids(d) == [1, 2, 4, 5], "and nothing is written twice"
    assert d.states() == {"dispatched": 4, "dead letter": 1}
    (reason,) = [reason for reason in d.reasons() if reason]
    assert "KeyError" in reason
    assert "retry" in reason
    assert d.counted() == {"set_aside": 1}
    (record,) = [one for one in caplog.records if "notification_set_aside" in one.getMessage()]
    assert record.exc_info is not None
    assert d.live_jobs() == [(number, ANNA) for number in range(1, 6)]


def test_many_that_fail_in_a_large_batch_repeat_no_event_of_the_others(d: Dispatching) -> None:
    d.index.poison = '"aspect_type":"update"'
    for number in range(1, 61):
        d.receive("update" if number % 7 == 0 else "create", number)
    d.dispatch()
    assert ids(d) == [number for number in range(1, 61) if number % 7]
    assert d.states() == {"dispatched": 52, "dead letter": 8}


def test_one_that_fails_once_is_dispatched_the_next_time(d: Dispatching, monkeypatch: pytest.MonkeyPatch) -> None:
    write, failures = d.index.write, [KeyError("for once")]

    def flaky(event: Event) -> None:
        if failures:
            raise failures.pop()
        write(event)

    monkeypatch.setattr(d.index, "write", flaky)
    d.receive("create", 1)
    d.dispatch()
    assert (ids(d), d.states(), d.counted()) == ([1], {"dispatched": 1}, {})


def test_one_that_cannot_be_decided_is_a_dead_letter_too(d: Dispatching, monkeypatch: pytest.MonkeyPatch) -> None:
    note_event = ledger.note_event

    def fails_for_two(tx: object, *, activity_id: int, **others: object) -> None:
        if activity_id == 2:
            raise RuntimeError("a fault of ours")
        note_event(tx, activity_id=activity_id, **others)  # type: ignore[arg-type]

    monkeypatch.setattr(ledger, "note_event", fails_for_two)
    for number in range(1, 4):
        d.receive("create", number)
    d.dispatch()
    assert ids(d) == [1, 3]
    assert d.live_jobs() == [(1, ANNA), (3, ANNA)]
    assert d.states() == {"dispatched": 2, "dead letter": 1}


def test_a_dead_letter_that_is_retried_writes_the_event_that_is_missing(d: Dispatching) -> None:
    d.index.poison = '"object_id":1,'
    d.receive("create", 1)
    d.dispatch()
    d.index.poison = None
    with d.database.write() as tx:
        tx.execute("UPDATE notification SET state = 'pending', reason = NULL")
    d.dispatch()
    assert ids(d) == [1]
    assert d.states() == {"dispatched": 1}


def test_a_redelivery_of_an_older_one_meanwhile_is_not_set_aside_in_its_place(
    d: Dispatching, monkeypatch: pytest.MonkeyPatch
) -> None:
    d.receive("create", 1, event_time=5)
    d.dispatch()
    write = d.index.write

    def redelivered_meanwhile(event: Event) -> None:
        if '"object_id":2,' in event.data:
            d.receive("create", 1, event_time=5)
            raise KeyError("a fault of ours")
        write(event)

    monkeypatch.setattr(d.index, "write", redelivered_meanwhile)
    d.receive("create", 2)
    d.dispatch()
    assert d.reasons()[0] is None
    assert d.reasons()[1] is not None


def test_what_was_out_when_splunkd_went_is_not_repeated(d: Dispatching, monkeypatch: pytest.MonkeyPatch) -> None:
    write = d.index.write

    def closes_after_two(event: Event) -> None:
        d.index.closed = len(d.index.events) == 2
        write(event)

    monkeypatch.setattr(d.index, "write", closes_after_two)
    for number in range(1, 4):
        d.receive("create", number)
    with pytest.raises(OutputClosed):
        d.dispatch()
    monkeypatch.setattr(d.index, "write", write)
    d.index.closed = False
    d.begin()
    d.dispatch()
    assert ids(d) == [1, 2, 3]


def test_a_crash_in_the_middle_of_a_delete_writes_its_tombstone_and_counts_it_once(d: Dispatching) -> None:
    d.collect(1)
    d.receive("delete", 1)
    d.index.closed = True
    with pytest.raises(CollectorError):
        d.dispatch()
    d.index.closed = False
    d.begin()
    d.dispatch()
    (tombstone,) = d.index.activities
    assert (tombstone["deleted"], tombstone["start_date"]) == (True, START)
    assert d.counted() == {"deleted_at_once": 1}
    with d.database.read() as tx:
        assert tx.execute("SELECT generation FROM job").fetchone()[0] == 1


def replay(d: Dispatching) -> None:
    """Ask for everything that has been finished once more."""
    d.clock.advance(60.0)
    cursor = None
    while True:
        with d.database.write() as tx:
            step = replay_since(tx, since=0.0, now=d.clock.now(), cursor=cursor)
        cursor = step.cursor
        if cursor is None:
            return


def generations(d: Dispatching) -> list[tuple[int, int]]:
    """All jobs, each with how often it was asked for."""
    with d.database.read() as tx:
        return [tuple(row) for row in tx.execute("SELECT id, generation FROM job ORDER BY id").fetchall()]


def test_a_replayed_notification_has_its_event_written_again_and_nothing_else_follows(d: Dispatching) -> None:
    d.collect(1)
    d.receive("delete", 1)
    d.receive("update", ANNA, object_type="athlete", updates={"authorized": "false"})
    d.dispatch()
    d.fetch()
    d.fetch()
    d.collect(1)  # it was forged
    before = (list(d.index.notifications), list(d.index.activities), d.counted())
    replay(d)
    asked_for = generations(d)  # by the replay itself
    d.dispatch()
    assert d.index.notifications == before[0] * 2
    assert d.index.activities == before[1]
    assert d.counted() == before[2]
    assert generations(d) == asked_for
    assert d.states() == {"dispatched": 2}
    assert d.dispatch() == 0


def test_a_redelivery_during_a_replay_has_the_effect_of_a_redelivery(d: Dispatching) -> None:
    second = int(d.clock.now())
    for aspect in ("delete", "create"):
        d.receive(aspect, 1, event_time=second)
    d.dispatch()
    d.fetch()
    replay(d)
    d.receive("delete", 1, event_time=second)
    d.dispatch()
    assert d.live_jobs() == [(1, ANNA)]
    assert d.states() == {"dispatched": 2}
    assert len(d.index.notifications) == 4


def test_a_replayed_tombstone_is_written_again_with_the_time_that_it_had(d: Dispatching) -> None:
    d.collect(1)
    d.collect(2, owner=BEN)
    d.receive("delete", 1)
    d.dispatch()
    (tombstone,) = d.index.activities
    replay(d)
    d.dispatch()
    assert d.index.activities == [tombstone, tombstone]
    with d.database.read() as tx:
        rows = tx.execute("SELECT state, replay FROM place ORDER BY activity_id").fetchall()
    assert [tuple(row) for row in rows] == [("left", 0), ("current", 0)]
    assert d.dispatch() == 0


def test_another_inputs_tombstones_are_left_to_that_input(d: Dispatching) -> None:
    d.collect(1)
    d.receive("delete", 1)
    d.dispatch()
    with d.database.write() as tx:
        tx.execute("UPDATE activity SET input = 'other'")
        tx.execute("UPDATE notification SET input = 'other'")
    replay(d)
    assert d.dispatch() == 0
    assert len(d.index.activities) == 1


def test_many_tombstones_are_replayed_in_batches_also_without_any_notification(d: Dispatching) -> None:
    with d.database.write() as tx:
        for activity in range(1, 451):
            ledger.place_event(
                tx,
                activity_id=activity,
                athlete_id=ANNA,
                start_date=START,
                index="strava",
                input=INPUT.name,
                now=d.clock.now(),
                detailed=True,
                fingerprint="a-b",
            )
            ledger.left(tx, ledger.place_tombstones(tx, activity_id=activity, now=d.clock.now()))
    replay(d)
    assert [d.dispatcher.dispatch() for _ in range(4)] == [200, 200, 50, 0]
    assert len({event["id"] for event in d.index.activities}) == 450


def test_a_tombstone_that_cannot_be_written_again_holds_up_no_other(
    d: Dispatching, caplog: pytest.LogCaptureFixture
) -> None:
    for activity in (1, 2):
        d.collect(activity)
        d.receive("delete", activity)
    d.dispatch()
    d.index.poison = '"id":1,'
    replay(d)
    d.dispatch()
    assert [event["id"] for event in d.index.activities] == [1, 2, 2]
    assert "action=tombstone_not_replayed" in caplog.text
    assert d.dispatch() == 0


def test_a_crash_in_the_middle_of_a_replay_writes_again_what_was_not_out(d: Dispatching) -> None:
    d.collect(1)
    d.receive("delete", 1)
    d.dispatch()
    replay(d)
    d.index.closed = True
    with pytest.raises(OutputClosed):
        d.dispatch()
    d.index.closed = False
    d.begin()
    d.dispatch()
    assert len(d.index.activities) == 2
    assert len(d.index.notifications) == 2
    assert d.states() == {"dispatched": 1}
