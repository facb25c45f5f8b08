"""What the long run calls too steep, and what it makes look old."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from sandbox.soak.run import duration
from sandbox.soak.samples import Growth, Sample, make_look_old, slopes
from sandbox.soak.slopes import per_hour, slope
from strava_collector.store import inbox, queue
from tests.support.clock import START
from tests.support.store import RIDES, database, database_file, join, notification

HOUR = 3600.0


def samples(memory: float = 0.0, descriptors: float = 0.0, threads: float = 0.0, database: float = 0.0) -> list[Sample]:
    """One a second, each measure growing by so much in an hour, with the noise of a computer that does other things."""
    noise = random.Random(1)
    return [
        Sample(
            at=float(second),
            memory=50 + memory * second / HOUR + noise.uniform(-0.3, 0.3),
            descriptors=34 + round(descriptors * second / HOUR) + noise.choice((0, 0, 0, 2)),
            threads=14 + round(threads * second / HOUR),
            database=5 + database * second / HOUR,
        )
        for second in range(600)
    ]


def steep(found: list[Sample]) -> list[str]:
    return [one.name for one in slopes(found, Growth(0.0, 0.0)) if one.is_too_steep]


def test_what_stays_as_it_is_is_flat() -> None:
    assert steep(samples()) == []


@pytest.mark.parametrize("name", ["memory", "descriptors", "threads", "database"])
def test_what_leaks_is_too_steep(name: str) -> None:
    assert steep(samples(**{name: 60.0})) == [name]


def test_a_peak_is_no_slope() -> None:
    points = [(float(second), 14.0 + (20.0 if 300 <= second < 360 else 0.0)) for second in range(600)]
    assert per_hour(points) == 0.0


def test_a_slope_says_its_limit() -> None:
    found = slope("threads", "running", [(0.0, 14.0), (1800.0, 15.0), (3600.0, 16.0)], 1.0)
    assert found.words == "from 14.0 to 16.0 running, +2.00 per hour, at most 1: TOO STEEP"


def test_the_database_may_grow_by_what_is_kept() -> None:
    kept = Growth(activities=5_000.0, notifications=10_000.0)
    found = {one.name: one for one in slopes(samples(database=30.0), kept)}["database"]
    assert not found.is_too_steep
    assert found.limit == 5 + 30 + 2


def test_two_points_are_needed() -> None:
    with pytest.raises(ValueError, match="two points"):
        per_hour([(0.0, 1.0)])


def test_only_what_is_finished_looks_old(tmp_path: Path) -> None:
    store = database(tmp_path)
    with store.write() as tx:
        for number in (1, 2):
            inbox.add(tx, input=RIDES, notification=notification(number), received_at=START)
        inbox.mark(tx, [1], inbox.State.DISPATCHING, now=START)
        inbox.mark(tx, [1], inbox.State.DISPATCHED, now=START)
        join(tx, 7, now=START)
    for _ in range(2):  # what looks old does not look older the next time
        make_look_old(database_file(tmp_path), finished_before=START + 1, by=8 * 86_400.0)
    with store.write() as tx:
        times = [row[0] for row in tx.execute("SELECT updated_at FROM notification ORDER BY id").fetchall()]
        assert times == [START - 8 * 86_400.0, START]
        assert queue.find(tx, 1) is not None
        assert inbox.prune(tx, before=START - 7 * 86_400.0) == 1
    store.close()


def test_rows_age_only_where_there_is_time_for_it() -> None:
    assert duration(60).ages
    assert not duration(10).ages
