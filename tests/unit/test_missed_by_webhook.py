"""What lists show that no notification announced: counted by the day, taken back, and told when the webhook is dead."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.certificates import Certificates
from strava_collector.admin_desk import Desk
from strava_collector.admin_history import history
from strava_collector.store import misses
from strava_collector.store.misses import Day
from tests.support.walking import DAY, Walking

HOURS = 3600.0


@pytest.fixture
def one(tmp_path: Path, certificates: Certificates) -> Iterator[Walking]:
    made = Walking(tmp_path / "store", certificates)
    made.record(5 * DAY)
    made.run(0)
    yield made
    made.close()


def today(one: Walking) -> Day:
    with one.database.write() as tx:
        misses.settle(tx, one.clock.now())
        return misses.on_day(tx, one.clock.now(), input="club")


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.message.startswith("action=missed_by_webhook")]


def test_what_history_finds_at_first_was_not_missed(one: Walking) -> None:
    assert today(one) == Day()


def test_a_ride_an_edit_and_a_deletion_that_nobody_announced_are_counted(
    one: Walking, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    kept, gone = one.record(HOURS), one.record(HOURS)
    for ride in (kept, gone):
        one.announce(ride)
    one.run(5 * HOURS)
    assert today(one) == Day()
    new = one.record(HOURS)
    one.strava.edit(kept, title="Round the lake", notify=False)
    one.strava.delete(gone, notify=False)
    one.run(4.5 * HOURS)
    assert today(one) == Day(new=1, changed=1, deleted=1)
    assert any("n=3 new=1 changed=1 deleted=1" in told for told in lines(caplog))
    one.is_whole()
    assert new.id in one.events.latest()
    one.run(DAY)
    assert today(one) == Day()
    (row,) = history(Desk(one.folder, one.clock))
    assert (row["missed_today"], row["missed_yesterday"]) == (0, 3)


def test_a_notification_that_comes_a_little_later_takes_it_back(one: Walking) -> None:
    ride = one.record(HOURS)
    one.clock.advance(4 * HOURS)
    one.list_all()
    assert today(one) == Day(new=1)
    one.clock.advance(20 * 60)
    one.announce(ride)
    one.fetch_all()
    assert today(one) == Day()


def test_one_that_comes_much_later_does_not(one: Walking) -> None:
    ride = one.record(HOURS)
    one.clock.advance(4 * HOURS)
    one.list_all()
    one.clock.advance(40 * 60)
    one.announce(ride)
    one.fetch_all()
    assert today(one) == Day(new=1)


def test_a_deletion_that_a_fetch_does_not_confirm_is_none(one: Walking) -> None:
    ride = one.record(HOURS)
    one.announce(ride)
    one.run(HOURS)
    one.strava.unlist(ride)
    one.run(5 * HOURS)
    assert today(one) == Day()


def test_without_a_webhook_nothing_is_missed(tmp_path: Path, certificates: Certificates) -> None:
    one = Walking(tmp_path / "store", certificates, webhook=False)
    one.run(0)
    one.record(HOURS)
    one.clock.advance(4 * HOURS)
    one.list_all()
    with one.database.read() as tx:
        assert misses.on_day(tx, one.clock.now()) == Day()
    one.close()


def test_a_webhook_that_is_silent_while_lists_find_things_seems_dead(one: Walking) -> None:
    for _ in range(2):
        one.record(HOURS)
    one.run(5 * HOURS)
    assert "missed" not in one.problems.told
    one.record(HOURS)
    one.run(5 * HOURS)
    assert "“callback” and “subscription”" in one.problems.told["missed"]
    assert "“club”" in one.problems.told["missed"]
    heard = one.record(HOURS)
    one.announce(heard)
    one.fetch_all()
    one.run(120, step=60)
    assert "missed" not in one.problems.told


def test_a_dead_webhook_is_told_to_an_athlete_who_rides_once_a_day_or_less(one: Walking) -> None:
    for ride in range(3):
        assert "missed" not in one.problems.told, ride
        one.clock.advance(4 * DAY)
        one.record(HOURS)
        one.run(5 * HOURS)
    assert "seems dead" in one.problems.told["missed"]
    one.run(31 * DAY, step=DAY / 2)
    assert "missed" not in one.problems.told, "nobody has ridden for a month, so nothing was missed"


def test_each_day_has_a_line_also_one_without_a_miss(one: Walking, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    one.run(3 * DAY, step=HOURS)
    assert [told.partition(" n=")[2] for told in lines(caplog)] == ["0 new=0 changed=0 deleted=0"] * 3


def test_progress_is_told_in_the_log_and_over_rest(one: Walking, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for number in range(30):
        one.record((20 + number) * DAY)
    with one.database.write() as tx:
        tx.execute("DELETE FROM covered")
    one.list_all()
    one.clock.advance(2 * HOURS)
    one.list_all()
    (row,) = history(Desk(one.folder, one.clock))
    assert [row[name] for name in ("athlete", "found", "collected", "waiting", "lists")] == [
        "anna0",
        31,
        1,
        30,
        "complete",
    ]
    assert str(row["estimate"]).startswith("done in about ")
    assert str(row["estimate"]).endswith(" calls per day")
    told = [record.message for record in caplog.records if record.message.startswith("action=history ")]
    assert "found=31 in_full=1 waiting=30 given_up=0 lists=complete" in told[-1]
    one.fetch_all()
    (row,) = history(Desk(one.folder, one.clock))
    assert (row["collected"], row["waiting"], row["estimate"]) == (31, 0, "")
