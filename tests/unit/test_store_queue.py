"""The queue: joining, claiming, finishing, and what happens in between."""

from __future__ import annotations

from typing import Optional

import pytest

from strava_collector.job import MAX_ATTEMPTS, Job, Kind, Outcome, Priority, Reason, Status
from strava_collector.store import crashed_jobs, queue, sweeps
from strava_collector.store.database import Transaction
from tests.support.store import RIDES, job_counts, join


def claim(tx: Transaction, now: float = 100.0, *, input: str = RIDES) -> Job:
    job = queue.claim(tx, input=input, now=now)
    assert job is not None, "nothing was due"
    return job


def only(tx: Transaction, job_id: int = 1) -> Job:
    job = queue.find(tx, job_id)
    assert job is not None
    return job


def done(tx: Transaction, job: Job, now: float = 110.0) -> bool:
    return queue.finish(tx, job, status=Status.DONE, outcome=Outcome.COLLECTED, error=None, now=now)


# Joining.


def test_the_first_wish_makes_a_job(tx: Transaction) -> None:
    join(tx, 7, due_at=102.0, now=100.0)
    job = only(tx)
    assert (job.kind, job.activity_id, job.athlete_id, job.input) == (Kind.ACTIVITY, 7, 134815, RIDES)
    assert (job.status, job.outcome, job.attempts, job.max_attempts) == (
        Status.PENDING,
        None,
        0,
        MAX_ATTEMPTS,
    )
    assert (job.generation, job.claimed_generation, job.lease_id, job.claimed_at) == (1, None, None, None)
    assert (job.next_run_at, job.created_at, job.updated_at) == (102.0, 100.0, 100.0)


def test_a_burst_is_one_job_that_is_due_by_its_first_notification(tx: Transaction) -> None:
    for second in (0.0, 0.5, 1.0):
        join(tx, 7, due_at=102.0 + second, now=100.0 + second)
    assert job_counts(tx, RIDES) == {"pending": 1, "working": 0, "done": 0, "failed": 0}
    assert (only(tx).generation, only(tx).next_run_at) == (3, 102.0)


def test_a_wish_makes_a_waiting_job_run_earlier_never_later(tx: Transaction) -> None:
    join(tx, due_at=500.0)
    join(tx, due_at=200.0)
    assert only(tx).next_run_at == 200.0


def test_a_wish_brings_a_higher_priority_and_its_reason_never_a_lower_one(tx: Transaction) -> None:
    join(tx, priority=Priority.RECONCILIATION, reason=Reason.POLLING)
    join(tx, priority=Priority.HISTORY, reason=Reason.POLLING)
    assert (only(tx).priority, only(tx).reason) == (Priority.RECONCILIATION, Reason.POLLING)
    join(tx, priority=Priority.LIVE, reason=Reason.WEBHOOK)
    assert (only(tx).priority, only(tx).reason) == (Priority.LIVE, Reason.WEBHOOK)
    join(tx, priority=Priority.HISTORY, reason=Reason.POLLING)
    assert (only(tx).priority, only(tx).reason) == (Priority.LIVE, Reason.WEBHOOK)


def test_a_job_keeps_the_trail_that_it_began_with(tx: Transaction) -> None:
    first = join(tx, 7, trail="first")
    second = join(tx, 7, trail="second")
    assert (first.trail, second.trail, only(tx).trail) == ("first", "first", "first")
    assert second.job_id == first.job_id
    assert queue.live_trail(tx, 7, 134815) == "first"
    done(tx, claim(tx))
    assert queue.live_trail(tx, 7, 134815) is None
    assert join(tx, 7, trail="third").trail == "third"


def test_a_wish_that_shares_a_fetch_is_merged_one_that_causes_another_is_not(tx: Transaction) -> None:
    assert not join(tx).merged
    assert join(tx).merged
    claim(tx)
    assert not join(tx).merged, "the fetch under way may have come too early for it"
    assert join(tx).merged


def test_the_newest_expectation_counts_and_none_leaves_it(tx: Transaction) -> None:
    join(tx, 7)
    assert queue.live_expected(tx, 7, 134815) is None
    join(tx, 7, expected="{1}")
    join(tx, 7, expected="{2}")
    join(tx, 7)
    assert (only(tx).expected, queue.live_expected(tx, 7, 134815)) == ("{2}", "{2}")
    assert queue.live_expected(tx, 7, 999) is None


def test_force_stays_once_somebody_asked_for_it(tx: Transaction) -> None:
    join(tx, force=True)
    join(tx, force=False)
    assert only(tx).force is True


def test_a_wish_starts_counting_attempts_afresh(tx: Transaction) -> None:
    join(tx)
    queue.reschedule(tx, claim(tx), run_at=400.0, counts=True, error="Strava was down.", now=101.0)
    assert (only(tx).attempts, only(tx).error) == (1, "Strava was down.")
    join(tx, due_at=120.0, now=118.0)
    assert (only(tx).attempts, only(tx).error, only(tx).next_run_at) == (0, None, 120.0)


def test_a_finished_job_is_followed_by_a_new_one(tx: Transaction) -> None:
    join(tx)
    assert done(tx, claim(tx))
    join(tx)
    assert job_counts(tx, RIDES) == {"pending": 1, "working": 0, "done": 1, "failed": 0}


def test_a_wish_in_the_name_of_another_athlete_is_another_job(tx: Transaction) -> None:
    join(tx, 7)
    claim(tx)
    join(tx, 7, athlete_id=999)
    assert job_counts(tx, RIDES) == {"pending": 1, "working": 1, "done": 0, "failed": 0}
    assert only(tx, 1).generation == 1


def test_different_kinds_of_one_activity_are_different_jobs(tx: Transaction) -> None:
    join(tx, 7)
    join(tx, 7, kind=Kind.STREAMS)
    assert job_counts(tx, RIDES)["pending"] == 2


def test_a_waiting_job_goes_to_the_input_that_asks_a_working_one_stays(tx: Transaction) -> None:
    join(tx)
    join(tx, input="other")
    assert only(tx).input == "other"
    claim(tx, input="other")
    join(tx, input=RIDES)
    assert only(tx).input == "other"


# Claiming.


def test_a_claimed_job_has_a_lease_and_is_claimed_once(tx: Transaction) -> None:
    join(tx, now=100.0)
    job = claim(tx, 105.0)
    assert (job.status, job.claimed_generation, job.claimed_at) == (Status.WORKING, 1, 105.0)
    assert job.lease_expires_at == 405.0
    assert job.lease_id is not None
    assert len(job.lease_id) == 32
    assert queue.claim(tx, input=RIDES, now=105.0) is None


def test_nothing_is_claimed_before_it_is_due_or_by_another_input(tx: Transaction) -> None:
    join(tx, due_at=102.0)
    assert queue.claim(tx, input=RIDES, now=101.999) is None
    assert queue.claim(tx, input="other", now=103.0) is None
    assert queue.claim(tx, input=RIDES, now=102.0) is not None


def test_claims_go_by_priority_then_due_time_then_age(tx: Transaction) -> None:
    join(tx, 1, priority=Priority.HISTORY, due_at=10.0)
    join(tx, 2, priority=Priority.RECONCILIATION, due_at=20.0)
    join(tx, 3, priority=Priority.LIVE, due_at=40.0)
    join(tx, 4, priority=Priority.LIVE, due_at=30.0)
    join(tx, 5, priority=Priority.LIVE, due_at=40.0)
    join(tx, 6, priority=Priority.LIVE, due_at=101.0)
    assert [claim(tx, 100.0).activity_id for _ in range(5)] == [4, 3, 5, 2, 1]
    assert queue.claim(tx, input=RIDES, now=100.0) is None


def test_the_next_due_time_is_that_of_the_earliest_waiting_job(tx: Transaction) -> None:
    assert queue.next_due(tx, input=RIDES, now=100.0) is None
    join(tx, 1, priority=Priority.LIVE, due_at=300.0)
    join(tx, 2, priority=Priority.HISTORY, due_at=200.0)
    assert queue.next_due(tx, input=RIDES, now=100.0) == 200.0
    assert queue.next_due(tx, input=RIDES, now=100.0, lowest=Priority.LIVE) == 300.0
    assert queue.next_due(tx, input="other", now=100.0) is None
    claim(tx, 250.0)
    assert queue.next_due(tx, input=RIDES, now=250.0) == 300.0


def test_at_the_time_that_next_due_tells_there_is_something_to_claim(tx: Transaction) -> None:
    for number, priority in enumerate([*Priority] * 5):
        join(tx, number, priority=priority, athlete_id=number % 4, due_at=100.0 + 17 * number % 40)
    now, claimed = 100.0, 0
    while True:
        due = queue.next_due(tx, input=RIDES, now=now, cooldown=15.0)
        if due is None:
            break
        now = max(now, due)
        assert queue.claim(tx, input=RIDES, now=now, cooldown=15.0) is not None
        claimed += 1
    assert claimed == 15


# Working.


def test_a_job_is_mine_until_its_lease_is_lost_or_a_notification_joins(tx: Transaction) -> None:
    join(tx)
    job = claim(tx)
    assert queue.is_mine(tx, job)
    join(tx, due_at=111.0, now=109.0)
    assert not queue.is_mine(tx, job)
    assert done(tx, job)
    assert not queue.is_mine(tx, job)


def test_a_notification_during_the_fetch_makes_it_run_once_more_at_its_own_time(tx: Transaction) -> None:
    join(tx, due_at=100.0)
    job = claim(tx)
    join(tx, due_at=107.0, now=105.0)
    join(tx, due_at=108.0, now=106.0)
    assert done(tx, job)
    again = only(tx)
    assert (again.status, again.outcome, again.next_run_at) == (Status.PENDING, None, 107.0)
    assert (again.lease_id, again.generation, again.claimed_generation) == (None, 3, 1)
    assert claim(tx, 107.0).claimed_generation == 3


def test_a_failure_does_not_finish_a_job_that_a_notification_joined(tx: Transaction) -> None:
    join(tx)
    job = claim(tx)
    join(tx, due_at=107.0)
    queue.finish(tx, job, status=Status.FAILED, outcome=Outcome.DEAD_LETTER, error="gone", now=110.0)
    assert (only(tx).status, only(tx).error) == (Status.PENDING, None)


def test_a_postponed_job_that_a_notification_joined_runs_when_that_one_says(tx: Transaction) -> None:
    join(tx)
    job = claim(tx)
    join(tx, due_at=107.0, now=105.0)
    assert queue.reschedule(tx, job, run_at=900.0, counts=True, error="down", now=110.0)
    assert (only(tx).next_run_at, only(tx).attempts, only(tx).error) == (107.0, 0, None)


@pytest.mark.parametrize(("counts", "attempts"), [(True, 1), (False, 0)])
def test_postponing_counts_as_an_attempt_only_if_it_says_so(tx: Transaction, counts: bool, attempts: int) -> None:
    join(tx)
    assert queue.reschedule(tx, claim(tx), run_at=160.0, counts=counts, error="why", now=101.0)
    job = only(tx)
    assert (job.status, job.attempts, job.next_run_at, job.error) == (Status.PENDING, attempts, 160.0, "why")
    assert (job.lease_id, job.lease_expires_at) == (None, None)


@pytest.mark.parametrize("joined", [False, True])
def test_postponing_may_change_the_priority_but_lower_it_only_if_nobody_joined(tx: Transaction, joined: bool) -> None:
    join(tx)
    job = claim(tx)
    if joined:
        join(tx)
    queue.reschedule(tx, job, run_at=160.0, counts=False, error=None, now=101.0, priority=Priority.RECONCILIATION)
    assert only(tx).priority is (Priority.LIVE if joined else Priority.RECONCILIATION)


def test_who_comes_back_after_losing_the_lease_changes_nothing(tx: Transaction) -> None:
    join(tx)
    late = claim(tx, 100.0)
    assert crashed_jobs.expire(tx, now=400.0) == 1
    present = claim(tx, 400.0)
    assert present.id == late.id
    before = only(tx)
    assert not queue.is_mine(tx, late)
    assert not queue.renew(tx, late, now=401.0)
    assert not done(tx, late)
    assert not queue.reschedule(tx, late, run_at=0.0, counts=True, error="late", now=401.0)
    join(tx)
    assert not done(tx, late)
    assert only(tx).lease_id == before.lease_id
    assert done(tx, present)


def test_a_finished_job_cannot_be_finished_again(tx: Transaction) -> None:
    join(tx)
    job = claim(tx)
    assert done(tx, job)
    assert not done(tx, job)
    with pytest.raises(ValueError, match="does not finish as pending"):
        queue.finish(tx, job, status=Status.PENDING, outcome=Outcome.COLLECTED, error=None, now=1.0)


@pytest.mark.parametrize("counts", [True, False])
def test_a_job_that_ends_with_a_failed_attempt_counts_it(tx: Transaction, counts: bool) -> None:
    join(tx, 1)
    queue.reschedule(tx, claim(tx), run_at=100.0, counts=True, error="Strava was down.", now=100.0)
    queue.finish(
        tx,
        claim(tx, 101.0),
        status=Status.FAILED,
        outcome=Outcome.DEAD_LETTER,
        error="Strava was down. Given up after 2 attempts.",
        counts=counts,
        now=101.0,
    )
    assert only(tx).attempts == (2 if counts else 1)


# Dying.


def test_a_renewed_lease_does_not_expire_one_that_is_not_does(tx: Transaction) -> None:
    join(tx, 1)
    join(tx, 2)
    renewed, dead = claim(tx, 100.0), claim(tx, 100.0)
    assert queue.renew(tx, renewed, now=390.0)
    assert crashed_jobs.expire(tx, now=399.9) == 0
    assert crashed_jobs.expire(tx, now=400.0) == 1
    assert queue.is_mine(tx, renewed)
    assert (only(tx, dead.id).status, only(tx, dead.id).crashes) == (Status.PENDING, 1)


def test_a_lease_does_not_wait_for_a_clock_that_was_set_back(tx: Transaction) -> None:
    join(tx)
    claim(tx, 10_000.0)
    assert crashed_jobs.expire(tx, now=6_400.0) == 0
    assert crashed_jobs.expire(tx, now=6_699.0) == 0
    assert crashed_jobs.expire(tx, now=6_700.0) == 1


def test_a_new_process_takes_over_its_own_inputs_jobs_at_once(tx: Transaction) -> None:
    join(tx, 1)
    join(tx, 2, input="other")
    mine, theirs = claim(tx), claim(tx, input="other")
    assert crashed_jobs.take_over(tx, input=RIDES, now=101.0) == 1
    job = only(tx, mine.id)
    assert (job.status, job.next_run_at, job.crashes, job.error) == (Status.PENDING, 101.0, 1, crashed_jobs.CRASHED)
    assert queue.is_mine(tx, theirs)


def test_a_job_that_kills_its_process_five_times_becomes_a_dead_letter(tx: Transaction) -> None:
    join(tx)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        job = claim(tx, 100.0 * attempt)
        assert crashed_jobs.take_over(tx, input=RIDES, now=100.0 * attempt + 50) == 1
    job = only(tx)
    assert (job.status, job.outcome, job.crashes) == (Status.FAILED, Outcome.DEAD_LETTER, 5)
    assert job.error is not None
    assert "5 times in a row" in job.error
    assert queue.claim(tx, input=RIDES, now=9_999.0) is None


def test_a_crash_is_no_attempt_and_an_answer_shows_that_the_job_is_no_poison(tx: Transaction) -> None:
    join(tx)
    for _ in range(2 * MAX_ATTEMPTS):
        claim(tx)
        assert crashed_jobs.take_over(tx, input=RIDES, now=100.0) == 1
        queue.reschedule(tx, claim(tx), run_at=100.0, counts=False, error="404", now=100.0)
    assert (only(tx).attempts, only(tx).crashes) == (0, 0)


def test_a_graceful_stop_is_no_crash(tx: Transaction) -> None:
    join(tx)
    for _ in range(2 * MAX_ATTEMPTS):
        queue.reschedule(tx, claim(tx), run_at=100.0, counts=False, error=None, now=100.0)
        assert crashed_jobs.take_over(tx, input=RIDES, now=100.0) == 0
    assert only(tx).attempts == 0


# What operators, upkeep and departures do.


def test_cancelling_ends_an_athletes_waiting_jobs_in_batches_and_nobody_elses(tx: Transaction) -> None:
    for number in range(5):
        join(tx, number, input=RIDES if number % 2 else "other")
    join(tx, 9, athlete_id=999, due_at=101.0)
    working = claim(tx)
    assert sweeps.cancel(tx, athlete_id=134815, now=120.0, limit=3) == 3
    assert sweeps.cancel(tx, athlete_id=134815, now=120.0, limit=3) == 1
    assert sweeps.cancel(tx, athlete_id=134815, now=120.0) == 0
    outcomes = [row["outcome"] for row in tx.execute("SELECT outcome FROM job WHERE status = 'done'").fetchall()]
    assert outcomes == ["cancelled"] * 4
    assert queue.is_mine(tx, working)
    assert claim(tx, 101.0).athlete_id == 999


def test_who_waits_too_long_for_an_athlete_is_a_dead_letter(tx: Transaction) -> None:
    join(tx, 1, now=100.0)
    join(tx, 2, now=200.0)
    join(tx, 3, now=100.0, athlete_id=999)
    join(tx, 4, now=100.0, input="other")
    gave_up = sweeps.give_up_waiting(tx, input=RIDES, athlete_id=134815, before=150.0, error="Nobody came.", now=300.0)
    assert gave_up == 1
    assert (only(tx, 1).status, only(tx, 1).outcome, only(tx, 1).error) == (
        Status.FAILED,
        Outcome.DEAD_LETTER,
        "Nobody came.",
    )
    assert job_counts(tx, RIDES)["pending"] == 2


def test_waiting_jobs_of_athletes_change_hands_working_ones_stay(tx: Transaction) -> None:
    for number in range(4):
        join(tx, number, athlete_id=134815 if number < 3 else 999, input="old", due_at=100.0 + number)
    working = claim(tx, input="old")
    assert sweeps.adopt(tx, old_input="old", new_input=RIDES, athletes=[134815], now=120.0, limit=1) == 1
    assert sweeps.adopt(tx, old_input="old", new_input=RIDES, athletes=[134815, 777], now=120.0) == 1
    assert job_counts(tx, RIDES)["pending"] == 2
    assert job_counts(tx, "old") == {"pending": 1, "working": 1, "done": 0, "failed": 0}
    assert queue.is_mine(tx, working)


def test_hurrying_makes_due_what_waits_after_a_failure_only(tx: Transaction) -> None:
    join(tx, 1)
    queue.reschedule(tx, claim(tx), run_at=5_000.0, counts=True, error="Strava was down.", now=101.0)
    join(tx, 2, due_at=5_000.0)
    assert sweeps.hurry(tx, input="other", now=200.0) == 0
    assert sweeps.hurry(tx, input=RIDES, now=200.0) == 1
    assert (only(tx, 1).next_run_at, only(tx, 2).next_run_at) == (200.0, 5_000.0)
    assert only(tx, 1).attempts == 1


def test_what_would_wait_longer_than_anything_may_was_put_off_by_a_clock_that_was_ahead(tx: Transaction) -> None:
    join(tx, 1, due_at=100.0 + 30 * 86_400.0)
    join(tx, 2, due_at=100.0 + 3_600.0)
    assert sweeps.pull_back(tx, input=RIDES, now=100.0, longest=3_600.0) == 1
    assert (only(tx, 1).next_run_at, only(tx, 2).next_run_at) == (100.0, 3_700.0)


# Looking.


@pytest.mark.parametrize(("since", "begun"), [(99.0, True), (100.0, True), (100.1, False)])
def test_whether_a_fetch_has_begun_since_is_remembered_also_when_it_is_done(
    tx: Transaction, since: float, begun: bool
) -> None:
    join(tx, 7)
    assert not queue.fetch_begun_since(tx, 7, 134815, 0.0)
    job = claim(tx, 100.0)
    assert queue.fetch_begun_since(tx, 7, 134815, since) is begun
    done(tx, job)
    join(tx, 7, due_at=200.0)
    assert queue.fetch_begun_since(tx, 7, 134815, since) is begun
    assert not queue.fetch_begun_since(tx, 8, 134815, 0.0)


def test_the_fetch_of_streams_is_no_fetch_of_the_activity(tx: Transaction) -> None:
    join(tx, 7, kind=Kind.STREAMS)
    claim(tx)
    assert not queue.fetch_begun_since(tx, 7, 134815, 0.0)


def test_done_jobs_are_pruned_dead_letters_stay(tx: Transaction) -> None:
    outcomes: dict[int, Optional[Outcome]] = {1: Outcome.COLLECTED, 2: Outcome.DEAD_LETTER, 3: None}
    for activity_id, outcome in outcomes.items():
        join(tx, activity_id)
        job = claim(tx)
        if outcome is not None:
            status = Status.FAILED if outcome is Outcome.DEAD_LETTER else Status.DONE
            queue.finish(tx, job, status=status, outcome=outcome, error=None, now=200.0)
    assert sweeps.prune(tx, before=200.0) == 0
    assert sweeps.prune(tx, before=200.1, limit=10) == 1
    assert job_counts(tx, RIDES) == {"pending": 0, "working": 1, "done": 0, "failed": 1}
