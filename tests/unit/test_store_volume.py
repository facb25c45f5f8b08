"""What history has written on a day."""

from __future__ import annotations

from strava_collector.store import volume
from strava_collector.store.database import Transaction

DAY = 86_400.0
MONDAY = 20_000 * DAY


def days(tx: Transaction) -> list[int]:
    return [row["day"] for row in tx.execute("SELECT day FROM volume ORDER BY day").fetchall()]


def test_bytes_are_counted_by_the_utc_day(tx: Transaction) -> None:
    assert volume.used(tx, MONDAY) == 0
    volume.add(tx, MONDAY, 100)
    volume.add(tx, MONDAY + DAY - 1, 20)
    assert (volume.used(tx, MONDAY), volume.used(tx, MONDAY + DAY)) == (120, 0)
    volume.add(tx, MONDAY + DAY, 3)
    assert (volume.used(tx, MONDAY + 1), volume.used(tx, MONDAY + DAY)) == (120, 3)


def test_at_the_limit_it_is_over_until_midnight(tx: Transaction) -> None:
    volume.add(tx, MONDAY + 60, 999_999)
    assert volume.frees_at(tx, MONDAY + 60, 1.0) is None
    volume.add(tx, MONDAY + 60, 1)
    assert volume.frees_at(tx, MONDAY + 60, 1.0) == MONDAY + DAY
    assert volume.frees_at(tx, MONDAY + 60, 1.1) is None
    assert volume.frees_at(tx, MONDAY + 60, 0.0) is None
    assert volume.frees_at(tx, MONDAY + DAY, 1.0) is None


def test_the_last_days_tell_how_many_calls_a_day_fit(tx: Transaction) -> None:
    assert volume.calls_per_day(tx, 1.0) is None
    volume.add(tx, MONDAY, 300_000)
    volume.add(tx, MONDAY + DAY, 100_000)
    assert volume.calls_per_day(tx, 1.0) == 5
    assert volume.calls_per_day(tx, 0.1) == 1
    assert volume.calls_per_day(tx, 0.0) is None


def test_days_that_tell_nothing_any_more_are_forgotten(tx: Transaction) -> None:
    for number in range(20):
        volume.add(tx, MONDAY + number * DAY, 1)
    assert days(tx) == list(range(20_012, 20_020))
    # The clock was ahead, and is set back.
    volume.add(tx, MONDAY + 14.5 * DAY, 1)
    assert days(tx)[-1] == 20_019
    volume.add(tx, MONDAY + 11 * DAY, 1)
    assert days(tx) == [20_011]
