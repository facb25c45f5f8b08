"""No query of daily work walks through a table: SQLite's own plans say so, with rows in the tables.

Without this, the store would be as quick as ever in every other test, and slow after a year.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Callable

import pytest

from strava_collector.circuit import Circuit
from strava_collector.job import Job, Outcome, Priority, Reason, Status
from strava_collector.listing import Miss
from strava_collector.notification_rules import Hold
from strava_collector.privacy import Privacy
from strava_collector.quota import Quota
from strava_collector.store import (
    applications,
    around,
    backlog,
    counters,
    crashed_jobs,
    farewell,
    inbox,
    input_end,
    input_save,
    inputs,
    job_list,
    job_trail,
    leaving_out,
    ledger,
    ledger_lists,
    misses,
    origin,
    queue,
    reindex,
    streams,
    subscriptions,
    sweeps,
    turns,
)
from strava_collector.store.applications import Reservation
from strava_collector.store.counters import Counted
from strava_collector.store.database import Transaction
from strava_collector.store.inbox import State
from strava_collector.store.job_list import Only
from tests.bench.rows import ATHLETES, INPUT, NOW, fill
from tests.support.finished_work import collected, deleted
from tests.support.store import database, join, notification, query_plans

CLIENT = "12345"

#: Rows of these come with every notification; what is not named here has a row per athlete, input or call under way.
_GROWING = ("notification", "job", "activity", "place")

#: Indexes that may be walked through: of jobs under way there are never more than a few, and whoever asks for what
#: waits says how much of it.
_FEW = re.compile(r"INDEX (job_leased|notification_waiting)\b")

_SCAN = re.compile(rf"\bSCAN (?:TABLE )?({'|'.join(_GROWING)})\b")

#: All rows of an input: a walk under another name.
_WHOLE_INPUT = re.compile(rf"\bSEARCH (?:TABLE )?({'|'.join(_GROWING)}) USING .*\(input=\?\)")


def faults_of(plan: str) -> list[str]:
    """The steps of a plan that take longer in a larger table."""
    steps = plan.split("; ")
    walks = [step for step in steps if _SCAN.search(step) or _WHOLE_INPUT.search(step)]
    return [step for step in walks if not _FEW.search(step)] + [step for step in steps if "USE TEMP B-TREE" in step]


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Transaction]:
    with closing(database(tmp_path)) as store:
        fill(store, 1_000)
        with store.write() as tx:
            for number in range(2):
                claimed(tx, NOW + number)
                applications.reserve(tx, f"lease-{number}", Reservation(CLIENT, False, NOW))
            counters.count(tx, input=INPUT, name=Counted.MERGED)
            subscriptions.adopt(tx, client_id=CLIENT, subscription_id=1, now=NOW)
        with store.write() as tx:
            yield tx


def claimed(tx: Transaction, now: float = NOW) -> Job:
    job = queue.claim(
        tx, input=INPUT, now=now, athletes=frozenset(range(1, ATHLETES + 1)), per_athlete=2, cooldown=15.0
    )
    assert job is not None
    return job


def finish(tx: Transaction) -> None:
    queue.finish(tx, claimed(tx), status=Status.DONE, outcome=Outcome.COLLECTED, error=None, now=NOW)


def finish_joined(tx: Transaction) -> None:
    job = claimed(tx)
    join(tx, job.activity_id, athlete_id=job.athlete_id, input=INPUT)
    finish_again = queue.finish(tx, job, status=Status.DONE, outcome=Outcome.COLLECTED, error=None, now=NOW)
    assert finish_again


def add_again(tx: Transaction) -> None:
    for _ in range(2):
        arrival = inbox.add(tx, input=INPUT, notification=notification(1), received_at=NOW)
        inbox.mark(tx, [arrival.notification_id], State.DISPATCHING, now=NOW)
        inbox.mark(tx, [arrival.notification_id], State.DISPATCHED, recorded=True, now=NOW)


def forget_activities(tx: Transaction) -> None:
    collected(tx, 1, athlete_id=1, now=NOW)
    deleted(tx, 1, now=NOW)
    assert farewell.forget_activities(tx, athlete_id=1, now=NOW) > 0


def next_due(tx: Transaction, *, lowest: Priority) -> None:
    queue.next_due(tx, input=INPUT, now=NOW, athletes=frozenset({1}), lowest=lowest, cooldown=15.0)


#: By a name for the reader: everything that happens with each notification, each job, or every few seconds.
USES: dict[str, Callable[[Transaction], object]] = {
    "inbox.add and mark, twice the same": add_again,
    "inbox.add while a job is live": lambda tx: (
        join(tx, 1, athlete_id=134815, input=INPUT),
        inbox.add(tx, input=INPUT, notification=notification(1), received_at=NOW),
    ),
    "inbox.waiting": lambda tx: inbox.waiting(tx, INPUT),
    "inbox.shares_its_second": lambda tx: inbox.shares_its_second(tx, inbox.waiting(tx, INPUT)[0]),
    "inbox.release_held": lambda tx: inbox.release_held(tx, INPUT, [1, 2], now=NOW),
    "inbox.release_foreign": lambda tx: inbox.release_foreign(tx, INPUT, 120475, now=NOW),
    "inbox.newest_foreign": lambda tx: inbox.newest_foreign(tx, INPUT),
    "inbox.refuse_foreign": lambda tx: inbox.refuse_foreign(tx, INPUT, up_to=1, keep=1, reason="Forged.", now=NOW),
    "inbox.held_count": lambda tx: inbox.held_count(tx, input=INPUT, why=Hold.UNKNOWN_ATHLETE, limit=5, athlete_id=1),
    "inbox.waiting_one": lambda tx: inbox.waiting_one(tx, 1),
    "inbox.drop": lambda tx: inbox.drop(tx, 1),
    "inbox.prune": lambda tx: inbox.prune(tx, before=NOW),
    "leaving_out": lambda tx: leaving_out.leave_out(
        tx, leaving_out.look(tx, input=INPUT, privacy=Privacy(text=True), position=leaving_out.Position(5, 5))
    ),
    "ledger_lists.seen": lambda tx: ledger_lists.seen(tx, 1, 1),
    "ledger_lists.within": lambda tx: ledger_lists.within(tx, 1, 0, 2_000_000_000, without=()),
    "ledger_lists.note_listed": lambda tx: ledger_lists.note_listed(tx, [(1, "a-b")], asked_at=NOW),
    "ledger_lists.suspect": lambda tx: ledger_lists.suspect(tx, 1, "missing"),
    "ledger_lists.counts": lambda tx: ledger_lists.counts(tx, 1),
    "ledger_lists.count_since": lambda tx: ledger_lists.count_since(tx, 1, 0),
    "ledger_lists.waiting": lambda tx: ledger_lists.waiting(tx, 1),
    "misses.settle": lambda tx: (
        misses.add(tx, activity_id=1, athlete_id=1, input=INPUT, kind=Miss.DELETED, now=NOW),
        misses.settle(tx, NOW),
    ),
    "misses.announced": lambda tx: misses.announced(tx, 1, NOW),
    "queue.join": lambda tx: join(tx, 1, input=INPUT),
    "queue.join, a second wish": lambda tx: (join(tx, 1, input=INPUT), join(tx, 1, input=INPUT)),
    "queue.live_trail": lambda tx: queue.live_trail(tx, 1, 1),
    "queue.live_expected": lambda tx: queue.live_expected(tx, 1, 1),
    "reindex.athletes": lambda tx: reindex.athletes(tx),
    "reindex.page": lambda tx: reindex.page(
        tx,
        1,
        reindex.Days("2026-01-01", "2026-12-31"),
        after=reindex.Position(1, "2026-06-01T05:00:00Z", 7),
    ),
    "ledger.unchanged": lambda tx: ledger.unchanged(tx, 1, fingerprint="a-b", now=NOW),
    "ledger.give_up": lambda tx: ledger.give_up(tx, 1, NOW),
    "queue.claim": claimed,
    "queue.claim, live jobs only": lambda tx: queue.claim(
        tx, input=INPUT, now=NOW, athletes={1, 2}, lowest=Priority.LIVE
    ),
    "queue.claim, nothing due": lambda tx: queue.claim(tx, input=INPUT, now=0.0),
    "queue.finish": finish,
    "queue.finish, joined meanwhile": finish_joined,
    "queue.reschedule": lambda tx: queue.reschedule(
        tx, claimed(tx), run_at=NOW, counts=True, error="The network.", now=NOW
    ),
    "queue.renew": lambda tx: queue.renew(tx, claimed(tx), now=NOW),
    "queue.is_mine": lambda tx: queue.is_mine(tx, claimed(tx)),
    "queue.next_due": lambda tx: next_due(tx, lowest=Priority.HISTORY),
    "queue.next_due, live jobs only": lambda tx: next_due(tx, lowest=Priority.LIVE),
    "crashed_jobs.take_over": lambda tx: crashed_jobs.take_over(tx, input=INPUT, now=NOW),
    "crashed_jobs.expire": lambda tx: crashed_jobs.expire(tx, now=NOW + 1_000.0),
    "queue.hurry": lambda tx: sweeps.hurry(tx, input=INPUT, now=NOW),
    "queue.pull_back": lambda tx: sweeps.pull_back(tx, input=INPUT, now=NOW, longest=1.0),
    "queue.cancel": lambda tx: sweeps.cancel(tx, athlete_id=1, now=NOW),
    "queue.give_up_waiting": lambda tx: sweeps.give_up_waiting(
        tx, input=INPUT, athlete_id=1, before=NOW, error="Too late.", now=NOW
    ),
    "queue.adopt": lambda tx: sweeps.adopt(tx, old_input=INPUT, new_input="runs", athletes=[1, 2], now=NOW),
    "queue.fetch_begun_since": lambda tx: queue.fetch_begun_since(tx, 1, 134815, NOW),
    "queue.prune": lambda tx: sweeps.prune(tx, before=NOW),
    "ledger.newest_of": lambda tx: ledger.newest_of(tx, 1),
    "ledger.collected_of": lambda tx: ledger.collected_of(tx, 1),
    "farewell.forget_waiting": lambda tx: farewell.forget_waiting(tx, athlete_id=1, now=NOW),
    "farewell.forget_activities": forget_activities,
    "farewell.forget_notifications": lambda tx: farewell.forget_notifications(tx, athlete_id=1, now=NOW),
    "farewell.has_work": lambda tx: farewell.has_work(tx, 1),
    "streams.place": lambda tx: streams.place(tx, claimed(tx)),
    "streams.collected_key": lambda tx: streams.collected_key(tx, 1),
    "streams.awaited_key": lambda tx: streams.awaited_key(tx, 1, 1),
    "streams.begin": lambda tx: streams.begin(tx, 1, now=NOW),
    "streams.collected": lambda tx: streams.collected(tx, 1, "key"),
    "around.note_use": lambda tx: around.note_use(tx, athlete_id=1, gear_id="b1", now=NOW),
    "around.show_gear": lambda tx: around.show_gear(tx, 1, {"b1": "digest"}),
    "turns.is_backlog": lambda tx: turns.is_backlog(tx, 1, NOW),
    "job_list.newest": lambda tx: job_list.newest(tx, Only(), limit=5),
    "job_list.newest, of a status": lambda tx: job_list.newest(tx, Only(status=Status.DONE), limit=5),
    "job_list.newest, of an athlete": lambda tx: job_list.newest(tx, Only(athlete_id=1), limit=5),
    "job_list.newest, of all filters": lambda tx: job_list.newest(tx, Only(Status.PENDING, 1, Reason.POLLING), limit=5),
    "job_list.of_activity": lambda tx: job_list.of_activity(tx, 1),
    "job_list.working": job_list.working,
    "job_trail.find": lambda tx: job_trail.find(tx, claimed(tx).id),
    "origin.athlete_of": lambda tx: origin.athlete_of(tx, 1),
    "origin.input_of": lambda tx: origin.input_of(tx, 1, 1),
    "origin.input_of, of nobody": lambda tx: origin.input_of(tx, 1, 999_999),
    "inputs.with_heartbeats": inputs.with_heartbeats,
    "inputs.with_notifications": inputs.with_notifications,
    "inputs.with_waiting_jobs": inputs.with_waiting_jobs,
    "inputs.with_waiting_notifications": inputs.with_waiting_notifications,
    "counters.count": lambda tx: counters.count(tx, input=INPUT, name=Counted.MERGED),
    "counters.read": lambda tx: counters.read(tx, INPUT),
    "subscriptions.known": lambda tx: subscriptions.known(tx, CLIENT),
    "subscriptions.adopt": lambda tx: subscriptions.adopt(tx, client_id=CLIENT, subscription_id=2, now=NOW),
    "subscriptions.former": subscriptions.former,
    "subscriptions.watch": lambda tx: subscriptions.watch(tx, CLIENT),
    "subscriptions.called": lambda tx: subscriptions.called(tx, INPUT, now=NOW),
    "subscriptions.room_for_check": lambda tx: subscriptions.room_for_check(tx, CLIENT, now=NOW),
    "subscriptions.room_at": lambda tx: subscriptions.room_at(tx, CLIENT, calls=1, now=NOW),
    "subscriptions.count_call": lambda tx: subscriptions.count_call(tx, CLIENT, now=NOW),
    "input_save.is_noted": lambda tx: input_save.is_noted(tx, INPUT, now=NOW),
    "input_end.is_announced": lambda tx: input_end.is_announced(tx, INPUT, now=NOW),
    "applications.under_way": lambda tx: applications.under_way(tx, CLIENT),
    "applications.take_back": lambda tx: applications.take_back(tx, "lease-0"),
    "applications.abandon": lambda tx: applications.abandon(tx, "lease-1", NOW),
    "applications.abandon_old": lambda tx: applications.abandon_old(tx, before=NOW + 1.0, now=NOW),
    "applications.quota": lambda tx: applications.quota(tx, CLIENT),
    "applications.save_quota": lambda tx: applications.save_quota(tx, CLIENT, Quota(), NOW),
    "applications.circuit": lambda tx: applications.circuit(tx, CLIENT),
    "applications.save_circuit": lambda tx: applications.save_circuit(tx, CLIENT, Circuit(), NOW),
}


@pytest.mark.parametrize("name", USES)
def test_no_query_walks_through_a_growing_table_or_sorts_it(tx: Transaction, name: str) -> None:
    plans = query_plans(tx, lambda: USES[name](tx))

    assert plans, "nothing was looked for"
    assert {query: faults for query, plan in plans.items() if (faults := faults_of(plan))} == {}


def test_a_claim_searches_each_athletes_jobs_by_due_time(tx: Transaction) -> None:
    plans = query_plans(tx, lambda: claimed(tx))

    (earliest,) = (plan for query, plan in plans.items() if "ORDER BY next_run_at" in query)
    assert "INDEX job_due (input=? AND priority=? AND athlete_id=?)" in earliest
    (heads,) = {plan for query, plan in plans.items() if "RECURSIVE" in query}
    assert "INDEX job_due (input=? AND priority=? AND athlete_id>?)" in heads


def test_jobs_are_counted_in_an_index_that_has_all_that_is_asked(tx: Transaction) -> None:
    ((_, plan),) = query_plans(tx, lambda: job_list.counts(tx)).items()

    assert "USING COVERING INDEX job_group" in plan
    assert "B-TREE" not in plan


def test_what_waits_is_counted_without_looking_at_what_is_finished(tx: Transaction) -> None:
    plans = query_plans(tx, lambda: backlog.count(tx, input=INPUT, limit=1_000_000))

    assert len(plans) == 3
    for plan in plans.values():
        assert re.search(
            r"INDEX (job_later|job_due|job_leased|notification_waiting|notification_state) \((input=\?|lease_)", plan
        )


def test_this_test_would_notice() -> None:
    assert faults_of("SCAN job")
    assert faults_of("SCAN TABLE notification USING INDEX notification_state")
    assert faults_of("SEARCH job USING INDEX job_due (input=?); USE TEMP B-TREE FOR ORDER BY")
    assert not faults_of("SCAN job USING INDEX job_leased")
    assert faults_of("SEARCH notification USING COVERING INDEX notification_state (input=?)")
    assert not faults_of("SEARCH notification USING INDEX notification_waiting (input=? AND rowid>?)")
    assert not faults_of("SCAN reservation")
