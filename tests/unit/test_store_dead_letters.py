"""Dead letters: listed newest first, retried once, never twice."""

from __future__ import annotations

from typing import Optional

import pytest

from strava_collector.job import Kind, Outcome, Priority, Reason, Status
from strava_collector.store import athletes, dead_letters, queue
from strava_collector.store.database import Transaction
from strava_collector.store.dead_letters import (
    DeadLetter,
    NoSuchDeadLetter,
    NotADeadLetter,
    PermissionWithdrawn,
    Thing,
)
from tests.support.finished_work import ANNA, BEN, count, finished_job, stored_notification, waiting_job
from tests.support.store import RIDES, query_plans


def failed(
    tx: Transaction,
    activity_id: int = 1,
    *,
    athlete_id: int = ANNA,
    kind: Kind = Kind.ACTIVITY,
    error: Optional[str] = "Strava answered 500.",
    now: float = 100.0,
) -> int:
    return finished_job(
        tx, activity_id, outcome=Outcome.DEAD_LETTER, error=error, athlete_id=athlete_id, kind=kind, now=now
    )


def set_aside(
    tx: Transaction, object_id: int = 1, *, input: str = RIDES, object_type: str = "activity", now: float = 100.0
) -> int:
    return stored_notification(
        tx, object_id, state="dead letter", reason="Not ours.", input=input, object_type=object_type, now=now
    )


def test_there_are_none_in_an_empty_store(tx: Transaction) -> None:
    assert dead_letters.dead_letters(tx, limit=10) == []
    assert dead_letters.count_dead_letters(tx) == 0
    assert dead_letters.retry_all(tx, 1.0) == 0


def test_jobs_and_notifications_are_listed_newest_first(tx: Transaction) -> None:
    job = failed(tx, 1, now=300.0)
    notification = set_aside(tx, 2, now=200.0)
    about_an_athlete = set_aside(tx, ANNA, object_type="athlete", input="other", now=400.0)
    finished_job(tx, 3)
    waiting_job(tx, 4)
    stored_notification(tx, 5)
    assert dead_letters.dead_letters(tx, limit=10) == [
        DeadLetter(Thing.NOTIFICATION, about_an_athlete, "athlete", None, ANNA, "other", "Not ours.", 1, 400.0),
        DeadLetter(Thing.JOB, job, "activity", 1, ANNA, RIDES, "Strava answered 500.", 0, 300.0),
        DeadLetter(Thing.NOTIFICATION, notification, "activity", 2, ANNA, RIDES, "Not ours.", 1, 200.0),
    ]
    assert dead_letters.count_dead_letters(tx) == 3


def test_the_list_has_pages_that_leave_nothing_out(tx: Transaction) -> None:
    for number in range(1, 8):
        failed(tx, number)
        set_aside(tx, number)
    pages = [dead_letters.dead_letters(tx, limit=4, offset=offset) for offset in range(0, 16, 4)]
    found = [(letter.thing, letter.id) for page in pages for letter in page]
    assert len(found) == len(set(found)) == 14


def test_a_retried_job_runs_at_once_before_everything_else_and_is_listed_no_more(tx: Transaction) -> None:
    old = failed(tx, 7, now=100.0)
    retried = dead_letters.retry_job(tx, old, 500.0)
    assert retried.job_id is not None
    job = queue.find(tx, retried.job_id)
    assert job is not None and job.id != old
    assert (job.kind, job.activity_id, job.athlete_id, job.input) == (Kind.ACTIVITY, 7, ANNA, RIDES)
    assert (job.reason, job.priority, job.force, job.attempts) == (Reason.MANUAL, Priority.LIVE, True, 0)
    assert (job.status, job.next_run_at, job.trail) == (Status.PENDING, 500.0, "trail-7")
    assert retried.trail == "trail-7"
    assert dead_letters.dead_letters(tx, limit=10) == []


def test_a_retried_job_joins_the_live_one(tx: Transaction) -> None:
    old = failed(tx, 7)
    live = waiting_job(tx, 7, now=200.0)
    assert dead_letters.retry_job(tx, old, 500.0).job_id == live
    job = queue.find(tx, live)
    assert job is not None and job.force and job.generation == 2
    assert count(tx, "job") == 1


def test_only_dead_letters_are_retried_and_the_error_says_what_is_wrong(tx: Transaction) -> None:
    done, pending = finished_job(tx, 1), stored_notification(tx, 2, state="pending")
    with pytest.raises(NotADeadLetter, match=f"Job {done} is done; only a failed job"):
        dead_letters.retry_job(tx, done, 1.0)
    with pytest.raises(NoSuchDeadLetter, match="no job 999"):
        dead_letters.retry_job(tx, 999, 1.0)
    with pytest.raises(NotADeadLetter, match=f"Notification {pending} is pending"):
        dead_letters.retry_notification(tx, pending, 1.0)
    with pytest.raises(NoSuchDeadLetter, match="no notification 999"):
        dead_letters.retry_notification(tx, 999, 1.0)


def test_a_job_cannot_be_retried_twice(tx: Transaction) -> None:
    old = failed(tx, 7)
    dead_letters.retry_job(tx, old, 500.0)
    with pytest.raises(NoSuchDeadLetter):
        dead_letters.retry_job(tx, old, 501.0)


def test_a_retried_notification_waits_to_be_dispatched(tx: Transaction) -> None:
    old = set_aside(tx, 3)
    retried = dead_letters.retry_notification(tx, old, 500.0)
    assert (retried.job_id, retried.trail) == (None, "trail-3")
    row = tx.execute("SELECT state, reason, updated_at FROM notification").fetchone()
    assert tuple(row) == ("pending", None, 500.0)


def test_nothing_is_retried_in_the_name_of_an_athlete_who_withdrew_the_permission(tx: Transaction) -> None:
    hers, his = failed(tx, 1), failed(tx, 2, athlete_id=BEN)
    carries_it_out = failed(tx, ANNA, kind=Kind.ATHLETE)
    athletes.mark_deauthorized(tx, athlete_id=ANNA, reason="Withdrawn.", connected_at="1", now=100.0)
    with pytest.raises(PermissionWithdrawn, match="Connect the athlete again"):
        dead_letters.retry_job(tx, hers, 500.0)
    assert dead_letters.retry_all(tx, 500.0) == 2
    assert dead_letters.retry_all(tx, 500.0) == 0
    assert {letter.id for letter in dead_letters.dead_letters(tx, limit=10)} == {hers}
    assert queue.find(tx, his) is None and queue.find(tx, carries_it_out) is None
    athletes.clear(tx, ANNA)
    assert dead_letters.retry_all(tx, 500.0) == 1


def test_all_are_retried_in_batches_until_none_is_left(tx: Transaction) -> None:
    for number in range(1, 31):
        failed(tx, number)
        set_aside(tx, number)
    batches: list[int] = []
    while batches[-1:] != [0]:
        batches.append(dead_letters.retry_all(tx, 500.0, limit=25))
    assert batches == [25, 25, 10, 0]
    assert dead_letters.count_dead_letters(tx) == 0
    assert {row["status"]: row["n"] for row in tx.execute("SELECT status, COUNT(*) AS n FROM job GROUP BY status")} == {
        "pending": 30
    }


def test_what_fails_again_meanwhile_is_not_retried_for_ever(tx: Transaction) -> None:
    number = set_aside(tx, 1)
    assert dead_letters.retry_all(tx, 500.0) == 1
    tx.execute("UPDATE notification SET state = 'dead letter', reason = 'Again.', updated_at = 501.0")
    assert dead_letters.retry_all(tx, 500.0) == 0
    assert dead_letters.dead_letters(tx, limit=1)[0].id == number
    failed(tx, 2, now=502.0)
    assert dead_letters.retry_all(tx, 500.0) == 0
    assert dead_letters.retry_all(tx, 503.0) == 2


def test_finding_dead_letters_does_not_look_at_the_others(tx: Transaction) -> None:
    set_aside(tx)
    for use in (
        lambda: dead_letters.dead_letters(tx, limit=10),
        lambda: dead_letters.count_dead_letters(tx),
        lambda: dead_letters.retry_all(tx, 1.0),
    ):
        for query, plan in query_plans(tx, use).items():
            assert "SCAN job" not in plan.replace("USING", "") or "job_failed" in plan, (query, plan)
            assert "SCAN notification" not in plan, (query, plan)
