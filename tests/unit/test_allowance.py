"""One application's quota and circuit as all threads and processes share them through the store."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Optional

import pytest

from strava_collector.allowance import Allowance, Permission, Usage
from strava_collector.circuit import Breach
from strava_collector.job import Outcome, Priority, Status
from strava_collector.quota import UnderWay
from strava_collector.settings import Advanced
from strava_collector.store import applications, crashed_jobs, queue, volume
from strava_collector.store.database import Database
from strava_collector.transport import Answer
from tests.support.clock import START, VirtualClock
from tests.support.store import RIDES, join

APP = "4711"
HOUR = 3600.0
#: All that is wanted here is the quota. The user's own limit makes the tests shorter.
ADVANCED = Advanced(concurrency=100, own_quarter_limit=20)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    with_clock = Database(tmp_path / "store", clock=VirtualClock())
    yield with_clock
    with_clock.close()


class Process:
    """An allowance with a clock of its own, as each process has one, and Strava's counts as they answer."""

    def __init__(self, store: Database, strava: Strava, *, ahead: float = 0.0) -> None:
        self.store = store
        self.strava = strava
        self.clock = VirtualClock(strava.now() + ahead)
        strava.clocks.append(self.clock)
        self.allowance = Allowance(self.clock, jitter=random.Random(1))
        self._calls = 0

    def permission(self, advanced: Advanced = ADVANCED) -> Permission:
        with self.store.read() as tx:
            return self.allowance.permission(tx, APP, advanced)

    def begin(self, advanced: Advanced = ADVANCED, *, background: bool = False) -> Optional[str]:
        """Reserve a call if it may be made; its lease."""
        with self.store.write() as tx:
            permission = self.allowance.permission(tx, APP, advanced)
            if not (permission.allows(Priority.HISTORY if background else Priority.LIVE)):
                return None
            self._calls += 1
            lease = f"{id(self)}-{self._calls}"
            self.allowance.reserve(tx, APP, lease, background=background)
            return lease

    def end(self, lease: str, *, status: int = 200, headers: bool = True, retry_after: Optional[float] = None) -> Usage:
        """Strava answers the call."""
        answer = self.strava.answer(status, headers=headers)
        sent = received = self.clock.monotonic()
        self.allowance.observe(answer, sent=sent, received=received)
        with self.store.write() as tx:
            return self.allowance.answered(tx, APP, lease, answer, retry_after=retry_after)

    def call(self, advanced: Advanced = ADVANCED, *, background: bool = False) -> bool:
        lease = self.begin(advanced, background=background)
        if lease is not None:
            self.end(lease)
        return lease is not None


class Strava:
    """Strava's clock and counts."""

    def __init__(self) -> None:
        self.clocks: list[VirtualClock] = []
        self.time = START
        self.used: dict[float, int] = {}

    def now(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += seconds
        for clock in self.clocks:
            clock.advance(seconds)

    def answer(self, status: int = 200, *, headers: bool = True) -> Answer:
        quarter, day = self.time // 900 * 900, self.time // 86_400 * 86_400 + 0.5
        for window in (quarter, day):
            self.used[window] = self.used.get(window, 0) + 1
        counts = f"{self.used[quarter]},{self.used[day]}"
        told = {
            "x-ratelimit-limit": "200,2000",
            "x-ratelimit-usage": counts,
            "x-readratelimit-limit": "100,1000",
            "x-readratelimit-usage": counts,
        }
        date = {"date": formatdate(int(self.time), usegmt=True)}
        return Answer(status, {**date, **(told if headers else {})}, b"", 0.0)


def used(process: Process) -> Usage:
    with process.store.read() as tx:
        return process.allowance.usage(tx, APP)


# Reservations.


def test_a_reserved_call_is_one_that_cannot_be_made_again(store: Database) -> None:
    process = Process(store, Strava())
    leases = [process.begin() for _ in range(20)]
    assert None not in leases
    assert process.begin() is None
    permission = process.permission(replace(ADVANCED, concurrency=1_000))
    assert permission == Permission(None, START + 900, "quarter-hour limit")


def test_no_more_calls_are_under_way_than_the_setting_says(store: Database) -> None:
    process = Process(store, Strava())
    three = Advanced(concurrency=3)
    leases = [process.begin(three) for _ in range(3)]
    assert process.begin(three) is None
    assert process.permission(three) == Permission(None)
    assert leases[0] is not None
    process.end(leases[0])
    assert process.begin(three) is not None


def test_a_call_that_was_not_made_after_all_does_not_count(store: Database) -> None:
    process = Process(store, Strava())
    lease = process.begin()
    assert lease is not None
    with store.write() as tx:
        process.allowance.release(tx, lease)
        assert applications.under_way(tx, APP) == UnderWay()
    assert used(process) == Usage(0, 0)


def test_a_call_without_an_answer_counts(store: Database) -> None:
    process = Process(store, Strava())
    lease = process.begin(background=True)
    assert lease is not None
    with store.write() as tx:
        process.allowance.unanswered(tx, lease)
        quota = applications.quota(tx, APP)
    assert (used(process), quota.reads_day.background) == (Usage(1, 1), 1)


def test_an_answer_brings_what_others_have_used(store: Database) -> None:
    strava = Strava()
    process = Process(store, strava)
    for _ in range(40):
        strava.answer()
    assert process.call()
    assert used(process) == Usage(41, 41)


def test_an_answer_to_a_lease_that_was_taken_over_is_not_counted_twice(store: Database) -> None:
    process = Process(store, Strava())
    lease = process.begin()
    assert lease is not None
    with store.write() as tx:
        applications.abandon(tx, lease, process.clock.now())
    process.end(lease)
    assert used(process) == Usage(1, 1)


@pytest.mark.parametrize("end", ["take_over", "expire", "finish", "reschedule"])
def test_a_lease_that_ends_without_account_counts_as_a_call_that_was_made(store: Database, end: str) -> None:
    process = Process(store, Strava())
    with store.write() as tx:
        join(tx, due_at=START, now=START)
        job = queue.claim(tx, input=RIDES, now=START)
        assert job is not None
        process.allowance.reserve(tx, APP, str(job.lease_id), background=True)
        if end == "take_over":
            crashed_jobs.take_over(tx, input=RIDES, now=START + 1)
        elif end == "expire":
            crashed_jobs.expire(tx, now=START + 301)
        elif end == "finish":
            queue.finish(tx, job, status=Status.DONE, outcome=Outcome.COLLECTED, error=None, now=START + 1)
        else:
            queue.reschedule(tx, job, run_at=START, counts=False, error=None, now=START + 1)
        assert applications.under_way(tx, APP) == UnderWay()
        assert applications.quota(tx, APP).reads_day.background == 1
    assert used(process) == Usage(1, 1)


def test_reservations_that_belong_to_no_job_are_counted_after_a_while(store: Database) -> None:
    process = Process(store, Strava())
    process.begin()
    with store.write() as tx:
        applications.abandon_old(tx, before=START, now=START + 10)
        assert applications.under_way(tx, APP) == UnderWay(1)
        applications.abandon_old(tx, before=START + 1, now=START + 601)
        assert applications.under_way(tx, APP) == UnderWay()
    assert used(process) == Usage(1, 1)


def test_what_a_working_job_has_reserved_is_left_alone(store: Database) -> None:
    process = Process(store, Strava())
    with store.write() as tx:
        join(tx, due_at=START, now=START)
        job = queue.claim(tx, input=RIDES, now=START)
        assert job is not None
        process.allowance.reserve(tx, APP, str(job.lease_id), background=False)
        applications.abandon_old(tx, before=START + 5, now=START + 601)
        assert applications.under_way(tx, APP) == UnderWay(1)


def test_history_keeps_to_its_share_while_live_goes_on(store: Database) -> None:
    process = Process(store, Strava())
    assert sum(process.call(background=True) for _ in range(20)) == 12
    permission = process.permission()
    assert permission.lowest is Priority.RECONCILIATION
    assert permission.why == "history share of the quarter-hour limit"
    assert sum(process.call() for _ in range(20)) == 8


def test_history_leaves_one_of_the_calls_at_once_free(store: Database) -> None:
    process = Process(store, Strava())
    three = Advanced(concurrency=3)
    history = [process.begin(three, background=True) for _ in range(3)]
    assert [lease is not None for lease in history] == [True, True, False]
    # Nothing but calls is in its way, so there is no time to wait for.
    assert process.permission(three) == Permission(Priority.RECONCILIATION)
    assert process.begin(three) is not None
    assert process.permission(three) == Permission(None)
    # Whatever the calls are for, the last one is not history's.
    assert history[0] is not None
    process.end(history[0])
    assert process.begin(three, background=True) is None


def test_history_may_have_the_only_call_at_once(store: Database) -> None:
    process = Process(store, Strava())
    assert process.begin(Advanced(concurrency=1), background=True) is not None


def test_history_stops_for_the_day_when_it_has_written_what_it_may(store: Database) -> None:
    strava = Strava()
    process = Process(store, strava)
    advanced = Advanced(concurrency=100, history_mb_per_day=0.5)
    with store.write() as tx:
        volume.add(tx, process.clock.now(), 499_999)
    assert process.call(advanced, background=True)
    with store.write() as tx:
        volume.add(tx, process.clock.now(), 1)
    assert not process.call(advanced, background=True)
    midnight = START // 86_400 * 86_400 + 86_400
    assert process.permission(advanced) == Permission(Priority.RECONCILIATION, midnight, "history volume of the day")
    assert process.permission(replace(advanced, history_mb_per_day=0.0)).allows(Priority.HISTORY)
    assert process.call(advanced)
    strava.advance(midnight - START)
    assert process.call(advanced, background=True)


def test_reconciliation_leaves_a_part_of_the_limit_to_live_activities(store: Database) -> None:
    process = Process(store, Strava())
    for _ in range(16):
        with store.write() as tx:
            permission = process.allowance.reserve_if_allowed(tx, APP, "list", ADVANCED, Priority.RECONCILIATION)
        assert permission.allows(Priority.RECONCILIATION)
        process.end("list")
    with store.write() as tx:
        permission = process.allowance.reserve_if_allowed(tx, APP, "list", ADVANCED, Priority.RECONCILIATION)
        assert applications.under_way(tx, APP) == UnderWay()
        assert applications.quota(tx, APP).reads_quarter.background == 0
    assert permission.lowest is Priority.LIVE
    assert permission.why == "the rest of the quarter-hour limit is kept for live activities"
    assert permission.until == START + 900
    assert sum(process.call() for _ in range(20)) == 4


# Several processes.


def test_two_processes_together_keep_to_one_limit(store: Database) -> None:
    strava = Strava()
    first, second = Process(store, strava), Process(store, strava)
    calls = 0
    for _ in range(15):
        calls += first.call() + second.call()
        strava.advance(1.0)
    assert calls == 20
    assert used(first) == used(second) == Usage(20, 20)
    strava.advance(900)
    assert first.call()


def test_two_processes_together_keep_to_the_setting_of_calls_at_once(store: Database) -> None:
    strava = Strava()
    three = Advanced(concurrency=3)
    first, second = Process(store, strava), Process(store, strava)
    begun = [process.begin(three) for _ in range(3) for process in (first, second)]
    assert sum(lease is not None for lease in begun) == 3


def test_a_process_that_is_killed_with_calls_under_way_leaves_them_counted(store: Database) -> None:
    strava = Strava()
    first = Process(store, strava)
    for _ in range(10):
        first.begin()
        strava.answer()
    strava.advance(650)
    second = Process(store, strava)
    with store.write() as tx:
        applications.abandon_old(tx, before=START + 1, now=START + 650)
    assert used(second) == Usage(10, 10)
    # Strava has counted them too, and they are not counted twice.
    strava.advance(5)
    assert second.call()
    assert used(second) == Usage(11, 11)


@pytest.mark.parametrize("seconds_before", [1.0, 0.4])
def test_a_restart_just_before_midnight_neither_forgets_nor_doubles(store: Database, seconds_before: float) -> None:
    strava = Strava()
    first = Process(store, strava)
    strava.advance(17 * HOUR + 3_600 - seconds_before - 50)  # 23:59:09 or so
    for _ in range(10):
        first.call()
    lease = first.begin()  # under way when the process is killed
    assert lease is not None
    strava.answer()
    strava.advance(50)
    second = Process(store, strava)
    with store.write() as tx:
        applications.abandon(tx, lease, second.clock.now())
    assert used(second) == Usage(11, 11)
    strava.advance(seconds_before + 1.5)
    assert used(second) == Usage(0, 0)
    assert second.call()
    assert used(second) == Usage(1, 1)


# Clocks.


@pytest.mark.parametrize("ahead", [300.0, -300.0, 90.0, -HOUR])
def test_windows_follow_stravas_clock_not_ours(store: Database, ahead: float) -> None:
    strava = Strava()
    process = Process(store, strava, ahead=ahead)
    assert process.call()
    strava.advance(1.0)
    assert sum(process.call() for _ in range(30)) == 19
    permission = process.permission()
    assert permission.until == pytest.approx(process.clock.now() + 899, abs=1.5)
    strava.advance(898)
    assert not process.call()
    strava.advance(2.5)
    assert process.call()


def test_the_difference_of_the_clocks_outlives_the_process(store: Database) -> None:
    strava = Strava()
    for _ in range(20):
        Process(store, strava, ahead=300.0).call()
    strava.advance(700)
    # Our clock shows a new quarter hour already.
    assert not Process(store, strava, ahead=300.0).call()


@pytest.mark.parametrize("step", [HOUR, -HOUR, 24 * HOUR])
def test_a_clock_that_is_set_between_two_calls_opens_and_closes_no_window(store: Database, step: float) -> None:
    strava = Strava()
    process = Process(store, strava)
    assert sum(process.call() for _ in range(12)) == 12
    process.clock.set_wall(process.clock.now() + step)
    assert sum(process.call() for _ in range(12)) == 8
    permission = process.permission()
    assert permission.until == pytest.approx(process.clock.now() + 900, abs=1.5)
    strava.advance(902)
    assert process.call()


@pytest.mark.parametrize("step", [HOUR, -HOUR, 24 * HOUR])
def test_a_call_that_breaks_off_after_the_clock_was_set_ends_no_window(store: Database, step: float) -> None:
    strava = Strava()
    process = Process(store, strava)
    assert sum(process.call() for _ in range(19)) == 19
    lease = process.begin()
    assert lease is not None
    process.clock.set_wall(process.clock.now() + step)
    with store.write() as tx:
        process.allowance.unanswered(tx, lease)
    assert used(process) == Usage(20, 20)
    assert not process.call()


# Refusals.


def test_a_429_is_told_closes_the_window_and_counts_as_a_defect(
    store: Database, caplog: pytest.LogCaptureFixture
) -> None:
    process = Process(store, Strava())
    lease = process.begin()
    assert lease is not None
    with caplog.at_level(logging.ERROR):
        process.end(lease, status=429, headers=False)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "action=rate_limited" in caplog.text
    permission = process.permission()
    assert not permission.allows(Priority.LIVE)
    assert permission.until is not None
    assert START + 901 <= permission.until <= START + 916.5
    assert permission.why == "Strava's refusal (429)"
    with store.read() as tx:
        assert applications.quota(tx, APP).refusals == 1


@pytest.mark.parametrize("retry_after", [42.0, 7_200.0])
def test_a_429_that_says_how_long_is_heeded(store: Database, retry_after: float) -> None:
    process = Process(store, Strava())
    lease = process.begin()
    assert lease is not None
    process.end(lease, status=429, headers=False, retry_after=retry_after)
    until = process.permission().until
    assert until is not None
    assert START + retry_after <= until <= START + retry_after + 16.5


# The circuit.


def test_while_the_circuit_is_open_there_is_one_call_at_a_time(store: Database) -> None:
    strava = Strava()
    first, second = Process(store, strava), Process(store, strava)
    with store.write() as tx:
        for activity_id in (1, 2, 3):
            first.allowance.is_failing(tx, APP, activity_id, "Strava answered 503.", base=30.0)
    assert second.permission() == Permission(None, START + 30, "Strava answered 503.")
    strava.advance(30)
    probe = second.begin()
    assert probe is not None
    assert first.begin() is None
    with store.write() as tx:
        second.allowance.is_failing(tx, APP, 1, "Strava answered 503.", base=30.0)
    second.end(probe, status=503)
    assert first.permission().until == START + 30 + 60
    strava.advance(60)
    probe = first.begin()
    assert probe is not None
    first.end(probe)
    with store.write() as tx:
        first.allowance.is_well(tx, APP)
    assert second.begin() is not None
    assert first.begin() is not None


def test_an_application_that_is_refused_is_told_once(store: Database, caplog: pytest.LogCaptureFixture) -> None:
    process = Process(store, Strava())
    with caplog.at_level(logging.ERROR):
        for _ in range(5):
            with store.write() as tx:
                process.allowance.is_refused(tx, APP, Breach.INACTIVE, "Switched off.")
    assert caplog.text.count("action=circuit_opened") == 1
    assert process.permission().until == START + 900
    with store.write() as tx:
        process.allowance.hurry(tx, APP)
    assert process.permission().allows(Priority.LIVE)


def test_applications_have_nothing_to_do_with_each_other(store: Database) -> None:
    process = Process(store, Strava())
    with store.write() as tx:
        process.allowance.is_refused(tx, "4712", Breach.INACTIVE, "Switched off.")
        applications.reserve(tx, "lease", applications.Reservation("4712", False, START))
    assert process.permission(Advanced(concurrency=1)).allows(Priority.LIVE)
