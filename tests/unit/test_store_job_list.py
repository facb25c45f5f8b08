"""Lists and counts of jobs say the same as a look at every job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Optional

import pytest

from strava_collector.job import Job, Outcome, Reason, Status
from strava_collector.store import job_list, queue
from strava_collector.store.database import Transaction
from strava_collector.store.job_list import Only
from tests.bench.rows import ATHLETES, INPUT, NOW, fill
from tests.support.store import database


@pytest.fixture(scope="module")
def tx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Transaction]:
    """A store with 3,000 jobs of all sorts."""
    with closing(database(tmp_path_factory.mktemp("list"))) as store:
        fill(store, 3_000)
        with store.write() as tx:
            for number in range(20):
                job = queue.claim(tx, input=INPUT, now=NOW + number)
                if job is not None and number % 4:
                    outcome = list(Outcome)[number % 6]
                    status = Status.FAILED if outcome is Outcome.DEAD_LETTER else Status.DONE
                    queue.finish(tx, job, status=status, outcome=outcome, error=None, now=NOW)
        with store.read() as tx:
            yield tx


@pytest.fixture(scope="module")
def everything(tx: Transaction) -> list[Job]:
    """All jobs, the newest first."""
    ids = [row["id"] for row in tx.execute("SELECT id FROM job ORDER BY id DESC").fetchall()]
    found = [queue.find(tx, one) for one in ids]
    return [job for job in found if job is not None]


@pytest.mark.parametrize("status", [None, *Status])
@pytest.mark.parametrize("athlete_id", [None, 1, ATHLETES, 999_999])
@pytest.mark.parametrize("reason", [None, *Reason])
def test_a_list_has_the_newest_that_fit(
    tx: Transaction,
    everything: list[Job],
    status: Optional[Status],
    athlete_id: Optional[int],
    reason: Optional[Reason],
) -> None:
    fit = [
        job
        for job in everything
        if status in (None, job.status) and athlete_id in (None, job.athlete_id) and reason in (None, job.reason)
    ]
    only = Only(status, athlete_id, reason)

    assert job_list.newest(tx, only, limit=10) == fit[:10]
    assert job_list.newest(tx, only, limit=300, offset=7) == fit[7:307]
    assert job_list.newest(tx, only, limit=5, offset=len(fit)) == []


def test_counts_are_right(tx: Transaction, everything: list[Job]) -> None:
    expected = Counter((job.status, job.reason, job.outcome) for job in everything)

    found = job_list.counts(tx)

    assert {(one.status, one.reason, one.outcome): one.jobs for one in found} == dict(expected)
    assert len(found) == len(expected) > 5


def test_what_is_worked_on_is_counted_by_input(tx: Transaction, everything: list[Job]) -> None:
    assert job_list.working(tx) == dict(Counter(job.input for job in everything if job.status is Status.WORKING))
