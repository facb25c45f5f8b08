"""Whose turn it is: order, fairness between athletes, and the pace of each."""

from __future__ import annotations

from typing import Optional

import pytest

from strava_collector.job import Job, Outcome, Priority, Reason, Status
from strava_collector.store import queue, turns
from strava_collector.store.database import Transaction
from tests.support.store import RIDES, join

ANNA, BEN, CLEO = 134815, 227615, 300001
NOW = 10_000.0
HOUR = 3600.0


def claim(
    tx: Transaction,
    now: float = NOW,
    *,
    cooldown: float = 0.0,
    lowest: Priority = Priority.HISTORY,
    per_athlete: int = 99,
) -> Optional[Job]:
    return queue.claim(
        tx,
        input=RIDES,
        now=now,
        cooldown=cooldown,
        lowest=lowest,
        backlog=lowest is Priority.HISTORY,
        per_athlete=per_athlete,
    )


def fetch(tx: Transaction, now: float = NOW, *, cooldown: float = 0.0) -> Optional[int]:
    """Claim and finish; the activity."""
    job = claim(tx, now, cooldown=cooldown)
    if job is None:
        return None
    queue.finish(tx, job, status=Status.DONE, outcome=Outcome.COLLECTED, error=None, now=now)
    return job.activity_id


def next_at(
    tx: Transaction, now: float, *, cooldown: float = 0.0, lowest: Priority = Priority.HISTORY
) -> Optional[float]:
    backlog = lowest is Priority.HISTORY
    return queue.next_due(tx, input=RIDES, now=now, cooldown=cooldown, lowest=lowest, backlog=backlog)


def many(tx: Transaction, athlete_id: int, jobs: int, *, first: int = 1, due: float = 100.0) -> None:
    """Waiting live jobs, put there as quickly as possible."""
    tx.executemany(
        "INSERT INTO job (kind, activity_id, athlete_id, input, reason, priority, status, max_attempts, next_run_at,"
        " trail, created_at, updated_at) VALUES ('activity', ?, ?, ?, 'webhook', 0, 'pending', 5, ?, 't', 1.0, 1.0)",
        [(number, athlete_id, RIDES, due) for number in range(first, first + jobs)],
    )


# Order.


def test_a_backlog_may_have_a_turn_while_history_has_none(tx: Transaction) -> None:
    many(tx, ANNA, 30)
    join(tx, 1_000, priority=Priority.HISTORY)
    claimed = 0
    while queue.claim(tx, input=RIDES, now=NOW, lowest=Priority.RECONCILIATION, backlog=True) is not None:
        claimed += 1
    assert claimed == 30


def test_live_goes_before_reconciliation_and_that_before_history(tx: Transaction) -> None:
    for activity_id, priority in enumerate(Priority):
        join(tx, activity_id, priority=priority, due_at=NOW - 10 - activity_id)
    assert [fetch(tx) for _ in range(4)] == [0, 1, 2, None]


@pytest.mark.parametrize("lowest", list(Priority))
def test_what_is_below_the_lowest_priority_has_no_turn(tx: Transaction, lowest: Priority) -> None:
    for priority in Priority:
        join(tx, int(priority), priority=priority, due_at=NOW - int(priority))
    claimed = [job.priority for _ in Priority if (job := claim(tx, lowest=lowest)) is not None]
    assert claimed == [priority for priority in Priority if priority <= lowest]
    assert next_at(tx, NOW, lowest=lowest) is None
    assert next_at(tx, NOW) == (None if lowest is Priority.HISTORY else NOW - int(Priority.HISTORY))


def test_a_backlog_waits_while_history_has_no_turn_even_if_reconciliation_has_one(tx: Transaction) -> None:
    many(tx, ANNA, 100)
    while (job := claim(tx, lowest=Priority.RECONCILIATION)) is not None:
        last = job
    assert last.activity_id < 30
    assert claim(tx) is not None


def test_within_a_priority_jobs_go_in_the_order_of_their_due_times(tx: Transaction) -> None:
    for activity_id, (athlete_id, due) in enumerate([(ANNA, 30.0), (BEN, 20.0), (CLEO, 10.0), (BEN, 5.0)]):
        join(tx, activity_id, athlete_id=athlete_id, due_at=due, priority=Priority.HISTORY)
    assert [fetch(tx) for _ in range(4)] == [3, 2, 1, 0]


def test_an_athlete_s_jobs_go_in_the_order_of_their_due_times_then_age(tx: Transaction) -> None:
    for activity_id, due in [(1, 30.0), (2, 10.0), (3, 10.0), (4, 20.0)]:
        join(tx, activity_id, due_at=due)
    assert [fetch(tx) for _ in range(4)] == [2, 3, 4, 1]


# Fairness.


@pytest.mark.parametrize("cooldown", [0.0, 15.0])
@pytest.mark.parametrize("heavy", [1, 999_999], ids=["the lower id", "the higher id"])
def test_five_thousand_jobs_of_one_athlete_delay_anothers_live_job_by_no_more_than_one_fetch(
    tx: Transaction, cooldown: float, heavy: int
) -> None:
    many(tx, heavy, 5_000)
    now = NOW
    for number in range(50):
        # In the middle of a fetch of the one's, the other rides; Ben's is claimed next, or the one after.
        fetch(tx, now, cooldown=cooldown)
        join(tx, 10_000 + number, athlete_id=BEN, due_at=now + 0.1, now=now)
        now += 0.5
        claimed = [fetch(tx, now, cooldown=cooldown), fetch(tx, now, cooldown=cooldown)]
        assert 10_000 + number in claimed
        now += 60.0


def test_with_a_clock_that_stands_still_athletes_take_turns_all_the_same(tx: Transaction) -> None:
    many(tx, ANNA, 5_000)
    join(tx, 10_000, athlete_id=BEN, due_at=NOW)
    assert 10_000 in [fetch(tx), fetch(tx)]


def test_two_athletes_with_many_jobs_take_turns(tx: Transaction) -> None:
    many(tx, ANNA, 100)
    many(tx, BEN, 100, first=1_000)
    claimed = [fetch(tx, NOW + number) for number in range(20)]
    assert sum(1 for activity_id in claimed if activity_id is not None and activity_id >= 1_000) == 10


def test_an_athlete_whose_calls_hang_leaves_room_for_others(tx: Transaction) -> None:
    many(tx, ANNA, 10)
    assert claim(tx, per_athlete=2) is not None
    assert claim(tx, NOW + 1, per_athlete=2) is not None
    assert claim(tx, NOW + 2, per_athlete=2) is None
    join(tx, 10_000, athlete_id=BEN, due_at=NOW)
    job = claim(tx, NOW + 3, per_athlete=2)
    assert job is not None
    assert job.athlete_id == BEN


def test_only_jobs_of_the_athletes_asked_for_have_a_turn(tx: Transaction) -> None:
    join(tx, 1, athlete_id=ANNA)
    join(tx, 2, athlete_id=BEN)
    assert queue.claim(tx, input=RIDES, now=NOW, athletes={CLEO}) is None
    assert queue.next_due(tx, input=RIDES, now=NOW, athletes=()) is None
    job = queue.claim(tx, input=RIDES, now=NOW, athletes={BEN, CLEO})
    assert job is not None
    assert job.athlete_id == BEN


# The pace.


def test_three_live_fetches_go_at_once_then_one_every_fifteen_seconds(tx: Transaction) -> None:
    many(tx, ANNA, 10)
    now, times = NOW, []
    for _ in range(7):
        at = next_at(tx, now, cooldown=15.0)
        assert at is not None
        now = max(now, at)
        assert fetch(tx, now, cooldown=15.0) is not None
        times.append(now - NOW)
    assert times == [0, 0, 0, 15, 30, 45, 60]
    assert fetch(tx, now + 14.9, cooldown=15.0) is None


def test_after_a_rest_three_go_at_once_again(tx: Transaction) -> None:
    many(tx, ANNA, 10)
    for _ in range(3):
        fetch(tx, cooldown=15.0)
    assert [fetch(tx, NOW + 45, cooldown=15.0) is not None for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize("cooldown", [0.1, 7.3, 15.0, 1 / 3])
def test_the_pace_holds_for_hours_whatever_the_fractions(tx: Transaction, cooldown: float) -> None:
    many(tx, ANNA, 400)
    begin = now = 1_780_293_600.123
    fetched = 0
    while fetched < 300:
        at = next_at(tx, now, cooldown=cooldown)
        assert at is not None
        now = max(now, at)
        fetched += fetch(tx, now, cooldown=cooldown) is not None
    assert now - begin == pytest.approx((300 - 3) * cooldown, rel=1e-4)


def test_three_at_once_are_never_four_because_of_rounding(tx: Transaction) -> None:
    many(tx, ANNA, 2_000)
    for number in range(100):
        now = 1_780_293_600.0 + number * 1_000.123456789
        assert [fetch(tx, now, cooldown=7.3) is not None for _ in range(4)] == [True, True, True, False]


def test_the_pace_of_one_is_no_other_s(tx: Transaction) -> None:
    many(tx, ANNA, 10)
    many(tx, BEN, 10, first=100)
    claimed = [fetch(tx, cooldown=15.0) for _ in range(7)]
    assert sum(activity_id is not None and activity_id >= 100 for activity_id in claimed) == 3
    assert claimed[-1] is None


def test_history_is_not_paced_and_does_not_pace(tx: Transaction) -> None:
    for activity_id in range(10):
        join(tx, activity_id, priority=Priority.HISTORY, reason=Reason.POLLING)
    assert None not in [fetch(tx, cooldown=15.0) for _ in range(10)]
    many(tx, ANNA, 3, first=100)
    assert None not in [fetch(tx, cooldown=15.0) for _ in range(3)]


def test_a_cooldown_that_was_shortened_counts_at_once(tx: Transaction) -> None:
    many(tx, ANNA, 10)
    for _ in range(3):
        fetch(tx, cooldown=300.0)
    assert fetch(tx, NOW + 1, cooldown=300.0) is None
    assert fetch(tx, NOW + 1, cooldown=1.0) is not None


@pytest.mark.parametrize("step", [-HOUR, HOUR, -30 * 24 * HOUR])
def test_a_clock_that_steps_holds_nobody_up(tx: Transaction, step: float) -> None:
    now = NOW + 40 * 24 * HOUR
    many(tx, ANNA, 20)
    for _ in range(3):
        assert fetch(tx, now, cooldown=15.0) is not None
    now += step
    assert [fetch(tx, now, cooldown=15.0) is not None for _ in range(4)] == [True, True, True, False]
    assert next_at(tx, now, cooldown=15.0) == now + 15


# A backlog gives way.


def test_who_has_had_more_turns_than_is_usual_counts_as_background_work(tx: Transaction) -> None:
    many(tx, ANNA, 30)
    backlog = []
    for _ in range(turns.USUAL + 5):
        assert fetch(tx) is not None
        backlog.append(turns.is_backlog(tx, ANNA, NOW))
    assert backlog == [False] * turns.USUAL + [True] * 5
    assert not turns.is_backlog(tx, BEN, NOW)


def test_who_rides_as_often_as_is_usual_never_does(tx: Transaction) -> None:
    many(tx, ANNA, 200)
    now = NOW
    for _ in range(200):
        assert fetch(tx, now, cooldown=15.0) is not None
        assert not turns.is_backlog(tx, ANNA, now)
        now += turns.USUAL_EVERY


def test_a_rest_of_two_hours_makes_room_for_the_next_live_ride_however_large_the_backlog(tx: Transaction) -> None:
    many(tx, ANNA, 500)
    for _ in range(400):
        fetch(tx)
    assert turns.is_backlog(tx, ANNA, NOW)
    assert fetch(tx, NOW + 7_200) is not None
    assert not turns.is_backlog(tx, ANNA, NOW + 7_200)


def test_history_makes_nobody_busy(tx: Transaction) -> None:
    for activity_id in range(50):
        join(tx, activity_id, priority=Priority.HISTORY, reason=Reason.POLLING)
    for _ in range(50):
        fetch(tx)
    assert not turns.is_backlog(tx, ANNA, NOW)


def test_when_background_work_has_no_turn_a_backlog_has_none_either_but_for_a_while_only(tx: Transaction) -> None:
    many(tx, ANNA, 50)
    join(tx, 1_000, priority=Priority.HISTORY)
    for _ in range(turns.USUAL):
        assert claim(tx, lowest=Priority.LIVE) is not None
    assert claim(tx, lowest=Priority.LIVE) is None
    at = next_at(tx, NOW, lowest=Priority.LIVE)
    assert at == NOW + turns.USUAL_EVERY
    assert claim(tx, at - 0.1, lowest=Priority.LIVE) is None
    assert claim(tx, at, lowest=Priority.LIVE) is not None
    assert not turns.is_backlog(tx, ANNA, at)


def test_a_backlog_that_gives_way_goes_on_at_the_usual_pace(tx: Transaction) -> None:
    many(tx, ANNA, 100)
    now, fetched = NOW, 0
    while now < NOW + 20 * turns.USUAL_EVERY:
        at = next_at(tx, now, cooldown=15.0, lowest=Priority.LIVE)
        assert at is not None
        now = max(now, at)
        fetched += claim(tx, now, cooldown=15.0, lowest=Priority.LIVE) is not None
    assert 40 <= fetched <= 42


@pytest.mark.parametrize("step", [-HOUR, -30 * 24 * HOUR])
def test_a_clock_that_is_set_back_makes_nobody_busy_for_long(tx: Transaction, step: float) -> None:
    now = NOW + 40 * 24 * HOUR
    many(tx, ANNA, 50)
    for _ in range(turns.USUAL + 5):
        fetch(tx, now)
    now += step
    at = next_at(tx, now, lowest=Priority.LIVE)
    assert at is not None
    assert at <= now + 4 * turns.USUAL_EVERY
    assert claim(tx, max(now, at), lowest=Priority.LIVE) is not None


# Cost.


def test_the_cost_of_a_claim_depends_on_the_athletes_not_on_their_jobs(tx: Transaction) -> None:
    def instructions() -> int:
        """Of SQLite's virtual machine, in tens: a count that no other load of this host changes."""
        steps = 0

        def count() -> int:
            nonlocal steps
            steps += 1
            return 0

        tx.set_progress_handler(count, 10)
        for number in range(20):
            assert fetch(tx, NOW + number) is not None
        tx.set_progress_handler(None, 0)
        return steps

    many(tx, ANNA, 100)
    few = instructions()
    many(tx, ANNA, 30_000, first=1_000)
    assert 0 < instructions() < 1.5 * few


def test_old_paces_are_forgotten(tx: Transaction) -> None:
    many(tx, ANNA, 1)
    fetch(tx, cooldown=15.0)
    turns.forget_old(tx, NOW)
    assert tx.execute("SELECT COUNT(*) FROM pace").fetchone()[0] == 1
    turns.forget_old(tx, NOW + 15.1)
    assert tx.execute("SELECT COUNT(*) FROM pace").fetchone()[0] == 1
    turns.forget_old(tx, NOW + turns.USUAL_EVERY + 1)
    assert tx.execute("SELECT COUNT(*) FROM pace").fetchone()[0] == 0
