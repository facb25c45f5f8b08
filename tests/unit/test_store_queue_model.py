"""The queue against a model of it, in any order of what notifications, workers, crashes and clocks do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from strava_collector.job import MAX_ATTEMPTS, Job, Outcome, Priority, Status
from strava_collector.store import crashed_jobs, queue
from tests.support.store import RIDES, database, job_counts, join, quick_folder

OTHER = "other"
LEASE = queue.JOB_LEASE_SECONDS


@dataclass
class Wanted:
    """What the model knows of a live job."""

    input: str
    priority: Priority
    force: bool
    due: float
    generation: int = 1
    attempts: int = 0
    crashes: int = 0
    lease: Optional[str] = None
    claimed_generation: int = 0
    expires: float = 0.0

    @property
    def overtaken(self) -> bool:
        return self.generation != self.claimed_generation

    def back(self) -> None:
        self.lease = None


@dataclass
class Model:
    live: dict[int, Wanted] = field(default_factory=dict)
    finished: int = 0
    dead: int = 0

    def claimable(self, input: str, now: float) -> list[tuple[Priority, float]]:
        return sorted(
            (job.priority, job.due)
            for job in self.live.values()
            if job.input == input and job.lease is None and job.due <= now
        )

    def crash(self, activity_id: int, now: float) -> None:
        job = self.live[activity_id]
        job.crashes += 1
        job.back()
        job.due = now
        if job.crashes >= MAX_ATTEMPTS:
            del self.live[activity_id]
            self.dead += 1


inputs = st.sampled_from([RIDES, OTHER])


class QueueAgainstModel(RuleBasedStateMachine):
    """Workers keep their jobs in a bundle and come back whenever they like, also long after losing the lease."""

    claimed = Bundle("claimed")

    def __init__(self) -> None:
        super().__init__()
        self.folder = quick_folder()
        self.store = database(Path(self.folder.name))
        self.model = Model()
        self.now = 10_000.0

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 2.0, 60.0, LEASE, 3600.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(
        activity_id=st.integers(1, 4),
        input=inputs,
        priority=st.sampled_from(Priority),
        force=st.booleans(),
        settle=st.sampled_from([0.0, 2.0, 300.0]),
    )
    def a_notification_joins(
        self, activity_id: int, input: str, priority: Priority, force: bool, settle: float
    ) -> None:
        due = self.now + settle
        with self.store.write() as tx:
            join(tx, activity_id, input=input, priority=priority, force=force, due_at=due, now=self.now)
        job = self.model.live.get(activity_id)
        if job is None:
            self.model.live[activity_id] = Wanted(input, priority, force, due)
            return
        first_since_claim = job.lease is not None and not job.overtaken
        job.due = due if first_since_claim else min(job.due, due)
        job.generation += 1
        job.priority = min(job.priority, priority)
        job.force = job.force or force
        job.attempts = job.crashes = 0
        if job.lease is None:
            job.input = input

    @rule(target=claimed, input=inputs)
    def a_worker_claims(self, input: str) -> Optional[Job]:
        with self.store.write() as tx:
            job = queue.claim(tx, input=input, now=self.now)
        best = self.model.claimable(input, self.now)
        if job is None:
            assert best == []
            return None
        assert (job.priority, job.next_run_at) == best[0]
        known = self.model.live[job.activity_id]
        assert known.lease is None
        known.lease, known.claimed_generation = job.lease_id, known.generation
        known.expires = self.now + LEASE
        return job

    def _mine(self, job: Job) -> Optional[Wanted]:
        known = self.model.live.get(job.activity_id)
        return known if known is not None and known.lease == job.lease_id else None

    @rule(job=consumes(claimed), fails=st.booleans())
    def it_finishes(self, job: Optional[Job], fails: bool) -> None:
        if job is None:
            return
        status, outcome = (Status.FAILED, Outcome.DEAD_LETTER) if fails else (Status.DONE, Outcome.COLLECTED)
        with self.store.write() as tx:
            mine = queue.is_mine(tx, job)
            finished = queue.finish(tx, job, status=status, outcome=outcome, error=None, now=self.now)
        known = self._mine(job)
        assert mine == (known is not None and not known.overtaken)
        assert finished == (known is not None)
        if known is None:
            return
        if known.overtaken:
            known.back()
            return
        del self.model.live[job.activity_id]
        self.model.dead += fails
        self.model.finished += not fails

    @rule(job=consumes(claimed), counts=st.booleans(), pause=st.sampled_from([0.0, 30.0, 900.0]))
    def it_is_postponed(self, job: Optional[Job], counts: bool, pause: float) -> None:
        if job is None:
            return
        with self.store.write() as tx:
            postponed = queue.reschedule(tx, job, run_at=self.now + pause, counts=counts, error="why", now=self.now)
        known = self._mine(job)
        assert postponed == (known is not None)
        if known is None:
            return
        if not known.overtaken:
            known.due = self.now + pause
            known.attempts += counts
            known.crashes = 0
        known.back()

    @rule(job=claimed)
    def it_renews(self, job: Optional[Job]) -> None:
        if job is None:
            return
        with self.store.write() as tx:
            renewed = queue.renew(tx, job, now=self.now)
        known = self._mine(job)
        assert renewed == (known is not None)
        if known is not None:
            known.expires = self.now + LEASE

    @rule(input=inputs)
    def a_new_process_takes_over(self, input: str) -> None:
        with self.store.write() as tx:
            taken = crashed_jobs.take_over(tx, input=input, now=self.now)
        working = [key for key, job in self.model.live.items() if job.lease is not None and job.input == input]
        assert taken == len(working)
        for activity_id in working:
            self.model.crash(activity_id, self.now)

    @rule()
    def leases_expire(self) -> None:
        with self.store.write() as tx:
            expired = crashed_jobs.expire(tx, now=self.now)
        late = [key for key, job in self.model.live.items() if job.lease is not None and job.expires <= self.now]
        assert expired == len(late)
        for activity_id in late:
            self.model.crash(activity_id, self.now)

    @invariant()
    def the_table_says_what_the_model_says(self) -> None:
        with self.store.read() as tx:
            rows = tx.execute("SELECT * FROM job WHERE status IN ('pending', 'working')").fetchall()
            counts = [job_counts(tx, input) for input in (RIDES, OTHER)]
            due = {input: queue.next_due(tx, input=input, now=self.now) for input in (RIDES, OTHER)}
        assert {row["activity_id"] for row in rows} == set(self.model.live)
        for row in rows:
            known = self.model.live[row["activity_id"]]
            assert row["input"] == known.input
            assert row["lease_id"] == known.lease
            assert row["generation"] == known.generation
            assert row["priority"] == known.priority
            assert bool(row["force"]) == known.force
            assert row["next_run_at"] == known.due
            # What failed before the last notification says nothing about what comes after it.
            assert row["attempts"] == known.attempts
            assert row["crashes"] == known.crashes
        assert sum(count["done"] for count in counts) == self.model.finished
        assert sum(count["failed"] for count in counts) == self.model.dead
        for input in (RIDES, OTHER):
            waiting = [job.due for job in self.model.live.values() if job.input == input and job.lease is None]
            # What is due already has its turn now; when exactly it would have had it is the turns' matter.
            earliest, told = min(waiting, default=None), due[input]
            assert (earliest is None) == (told is None)
            if earliest is not None and told is not None:
                assert told == earliest or earliest <= told <= self.now


QueueAgainstModel.TestCase.settings = settings(
    max_examples=80, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
test_the_queue_does_what_the_model_says = QueueAgainstModel.TestCase
