"""A replay brings back everything finished since a time, each row once, however fast it is done again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Optional

import pytest

from strava_collector.job import Kind, Outcome, Priority, Reason
from strava_collector.store import athletes, ledger, queue, replay
from strava_collector.store.database import Transaction
from strava_collector.store.replay import ReplayCursor, Replayed
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
from tests.support.store import RIDES, query_plans

SECOND = "2026-06-02T06:00:00Z"


def run(
    tx: Transaction,
    since: float,
    *,
    now: float = 1000.0,
    limit: int = 200,
    meanwhile: Callable[[], None] = lambda: None,
) -> Replayed:
    """Replay until the end; what it brought back in all."""
    cursor: Optional[ReplayCursor] = None
    total = [0, 0, 0]
    for _ in range(1000):
        step = replay.replay_since(tx, since=since, now=now, limit=limit, cursor=cursor)
        for place, number in enumerate((step.notifications, step.tombstones, step.fetches)):
            total[place] += number
            assert number <= limit
        meanwhile()
        cursor = step.cursor
        if cursor is None:
            return Replayed(total[0], total[1], total[2])
    raise AssertionError("it does not end")


def test_there_is_nothing_to_replay_in_an_empty_store(tx: Transaction) -> None:
    assert run(tx, 0.0) == Replayed()


def test_notifications_dispatched_since_are_written_again(tx: Transaction) -> None:
    old, new = stored_notification(tx, 1, now=99.0), stored_notification(tx, 2, now=100.0)
    stored_notification(tx, 3, state="pending", now=200.0)
    stored_notification(tx, 4, state="held", reason="Unknown.", now=200.0)
    stored_notification(tx, 5, state="dead letter", reason="Not ours.", now=200.0)
    assert run(tx, 100.0).notifications == 1
    rows = tx.execute("SELECT state, replay, recorded, updated_at FROM notification WHERE id = ?", (new,)).fetchall()
    assert [tuple(row) for row in rows] == [("pending", 1, 1, 1000.0)]
    assert count(tx, "notification", "replay = 1") == 1
    assert count(tx, "notification", f"id = {old} AND state = 'dispatched'") == 1


def test_what_was_received_before_and_dispatched_since_is_replayed(tx: Transaction) -> None:
    number = stored_notification(tx, 1, now=50.0)
    tx.execute("UPDATE notification SET updated_at = 150.0 WHERE id = ?", (number,))
    assert run(tx, 100.0).notifications == 1


def test_tombstones_written_since_wait_to_be_written_again_as_they_were(tx: Transaction) -> None:
    collected(tx, 1)
    deleted(tx, 1, now=99.0)
    collected(tx, 2, now=100.0)
    deleted(tx, 2, now=200.0)
    collected(tx, 3, now=100.0)
    collected(tx, 3, start_date=SECOND, now=300.0)
    before = ledger.graves(tx, 2) + ledger.graves(tx, 3)
    assert run(tx, 150.0).tombstones == 2
    again = replay.tombstones_to_replay(tx, input=RIDES)
    assert sorted(again, key=str) == sorted(before, key=str)
    assert replay.tombstones_to_replay(tx, input="another") == []
    replay.tombstones_replayed(tx, again)
    assert replay.tombstones_to_replay(tx, input=RIDES) == []
    assert count(tx, "place", "state = 'left'") == 3
    assert count(tx, "place", "replay = 1") == 0
    assert count(tx, "place", "state = 'current'") == 1


def test_a_tombstone_that_is_overtaken_by_an_event_is_not_written_again(tx: Transaction) -> None:
    collected(tx, 1)
    deleted(tx, 1, now=200.0)
    assert run(tx, 150.0).tombstones == 1
    seen = replay.tombstones_to_replay(tx, input=RIDES)
    collected(tx, 1, now=1001.0)
    assert replay.tombstones_to_replay(tx, input=RIDES) == []
    replay.tombstones_replayed(tx, seen)
    assert count(tx, "place", "state = 'current'") == 1


def test_activities_collected_since_are_fetched_again_in_the_background(tx: Transaction) -> None:
    finished_job(tx, 1, now=99.0)
    finished_job(tx, 2, now=100.0, input="another")
    finished_job(tx, 3, now=100.0, outcome=Outcome.UNCHANGED)
    finished_job(tx, 3, now=100.0, kind=Kind.STREAMS)
    finished_job(tx, 9, now=99.0)
    finished_job(tx, 9, now=100.0, kind=Kind.STREAMS)
    for number, outcome in enumerate(
        (Outcome.DELETED, Outcome.CANCELLED, Outcome.SKIPPED, Outcome.DEAD_LETTER), start=4
    ):
        finished_job(tx, number, now=100.0, outcome=outcome)
    assert run(tx, 100.0).fetches == 3
    rows = tx.execute(
        "SELECT activity_id, kind, input, reason, priority, force, next_run_at, trail FROM job"
        " WHERE status = 'pending' ORDER BY activity_id, kind"
    ).fetchall()
    common = (Reason.MANUAL.value, int(Priority.HISTORY), 1, 1000.0)
    assert [tuple(row) for row in rows] == [
        (2, "activity", "another", *common, "trail-2"),
        # Whoever fetches it again asks for its samples, too.
        (3, "activity", RIDES, *common, "trail-3"),
        (9, "streams", RIDES, *common, "trail-9"),
    ]


def test_an_activity_collected_five_times_is_fetched_once(tx: Transaction) -> None:
    for number in range(5):
        finished_job(tx, 1, now=100.0 + number)

    def fetched_at_once() -> None:
        tx.execute(
            "UPDATE job SET status = 'done', outcome = 'collected', updated_at = 1001.0 WHERE status = 'pending'"
        )

    assert run(tx, 0.0, limit=1, meanwhile=fetched_at_once).fetches == 1
    assert count(tx, "job") == 6


def test_another_athletes_job_for_the_same_activity_is_another_job(tx: Transaction) -> None:
    finished_job(tx, 1, now=100.0)
    finished_job(tx, 1, now=101.0, athlete_id=BEN)
    assert run(tx, 0.0).fetches == 2


def test_a_live_job_takes_the_replay_in_and_keeps_its_priority(tx: Transaction) -> None:
    finished_job(tx, 1, now=100.0)
    live = waiting_job(tx, 1, now=900.0)
    assert run(tx, 0.0).fetches == 1
    job = queue.find(tx, live)
    assert job is not None and job.force and job.priority is Priority.LIVE and job.reason is Reason.WEBHOOK
    assert count(tx, "job") == 2


def test_what_is_deleted_or_of_a_deauthorized_athlete_is_not_fetched_again(tx: Transaction) -> None:
    for number in (1, 2):
        collected(tx, number)
        finished_job(tx, number, now=100.0)
    deleted(tx, 2, now=200.0)
    finished_job(tx, 3, now=100.0, athlete_id=BEN)
    athletes.mark_deauthorized(tx, athlete_id=BEN, reason="Withdrawn.", connected_at="1", now=100.0)
    assert run(tx, 0.0) == Replayed(0, 1, 1)
    assert count(tx, "job", "status = 'pending' AND activity_id = 1") == 1


def test_the_confirmation_of_an_athlete_is_not_asked_for_again(tx: Transaction) -> None:
    finished_job(tx, ANNA, kind=Kind.ATHLETE, outcome=Outcome.UNCHANGED, now=100.0)
    assert run(tx, 0.0).fetches == 0


def fill(tx: Transaction, rows: int, *, same_time: bool) -> None:
    for number in range(1, rows + 1):
        now = 100.0 if same_time else 100.0 + number
        stored_notification(tx, number, now=now)
        collected(tx, 10_000 + number, now=now)
        deleted(tx, 10_000 + number, now=now + 0.5)
        finished_job(tx, number, now=now)


@pytest.mark.parametrize("same_time", [True, False])
@pytest.mark.parametrize("done_at", [1001.0, 150.0, 120.5])
def test_every_row_comes_once_although_it_is_done_again_at_once(
    tx: Transaction, same_time: bool, done_at: float
) -> None:
    """Also if the clock has been set back since, so that what is done again looks old."""
    fill(tx, 40, same_time=same_time)
    writings: dict[str, int] = {}

    def everything_is_done_at_once() -> None:
        for row in tx.execute("SELECT id FROM notification WHERE state = 'pending'").fetchall():
            key = f"notification {row['id']}"
            writings[key] = writings.get(key, 0) + 1
        tx.execute("UPDATE notification SET state = 'dispatching' WHERE state = 'pending'")
        tx.execute(
            "UPDATE notification SET state = 'dispatched', replay = 0, updated_at = ? WHERE state = 'dispatching'",
            (done_at,),
        )
        graves = replay.tombstones_to_replay(tx, input=RIDES)
        for grave in graves:
            writings[f"grave {grave.activity_id}"] = writings.get(f"grave {grave.activity_id}", 0) + 1
        replay.tombstones_replayed(tx, graves)
        for row in tx.execute("SELECT activity_id FROM job WHERE status = 'pending'").fetchall():
            writings[f"fetch {row['activity_id']}"] = writings.get(f"fetch {row['activity_id']}", 0) + 1
        tx.execute(
            "UPDATE job SET status = 'done', outcome = 'collected', updated_at = ? WHERE status = 'pending'",
            (done_at,),
        )

    run(tx, 100.0, limit=7, meanwhile=everything_is_done_at_once)
    assert len(writings) == 120, "nothing is missing"
    # With a clock that is behind what it said before, some look as if their turn were yet to come, but only once.
    assert max(writings.values()) <= (1 if done_at > 1000.0 else 2)


def test_what_is_finished_while_it_runs_is_not_replayed(tx: Transaction) -> None:
    fill(tx, 20, same_time=False)
    new = iter(range(500, 600))

    def more() -> None:
        number = next(new)
        stored_notification(tx, number, now=1000.0 + number)
        finished_job(tx, number, now=1000.0 + number)

    total = run(tx, 0.0, limit=5, meanwhile=more)
    # Jobs come last, so those that were finished while the notifications came are older than their turn.
    assert (total.notifications, total.tombstones) == (20, 20)
    assert count(tx, "notification", "replay = 1 AND id > 20") == 0


def test_each_step_costs_what_it_brings_and_not_what_there_is(tx: Transaction) -> None:
    fill(tx, 3, same_time=False)
    for cursor in (
        ReplayCursor(),
        ReplayCursor(replay._Stage.TOMBSTONES),
        ReplayCursor(replay._Stage.JOBS),
    ):
        plans = query_plans(
            tx,
            lambda cursor=cursor: replay.replay_since(tx, since=0.0, now=1.0, cursor=cursor),  # type: ignore[misc]
        )
        assert plans
        for query, plan in plans.items():
            assert "SCAN" not in plan and "TEMP B-TREE" not in plan, (query, plan)
    for query, plan in query_plans(tx, lambda: replay.tombstones_to_replay(tx, input=RIDES)).items():
        assert "place_replay" in plan, (query, plan)
