"""One notification's way through the log: each step has its line, all have one id, and it costs little."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator

import pytest
from solnlib.log import Logs

from sandbox.patience import patience
from strava_collector.store.group_commit import GroupCommit
from tests.support.collecting import BROKEN, INPUT, Collect, Collecting, ride
from tests.support.store import notification
from tests.support.waiting import until


@pytest.fixture
def caught(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    caplog.set_level(logging.INFO, logger="strava_collector")
    yield caplog


def deliver(c: Collecting, activity: int, **fields: object) -> None:
    """What the listener does with a notification that has arrived."""
    committer = GroupCommit(c.database, input=INPUT.name, clock=c.clock, committed=lambda: None)
    committer.start()
    stored = threading.Event()
    committer.submit(notification(activity, event_time=int(c.clock.now()), **fields), lambda _receipt: stored.set())
    until(stored.is_set)
    committer.stop(patience(60))


def trails(caplog: pytest.LogCaptureFixture) -> dict[str, list[str]]:
    """The lines of each trail."""
    found: dict[str, list[str]] = {}
    for record in caplog.records:
        match = re.search(r"\btrail=(\S+)", record.getMessage())
        if match:
            found.setdefault(match[1], []).append(record.getMessage())
    return found


def actions(lines: list[str]) -> list[str]:
    return [line.split()[0].partition("=")[2] for line in lines]


def test_each_step_has_a_line_with_the_same_trail(collect: Collect, caught: pytest.LogCaptureFixture) -> None:
    c = collect(ride(1))
    happened_at = int(c.clock.now())
    deliver(c, 1)
    c.run()
    ((trail, lines),) = trails(caught).items()
    assert len(trail) == 12
    assert actions(lines) == ["received", "dispatched", "claimed", "attempted", "written", "finished"]
    assert f"event_time={happened_at} receipt=accepted" in lines[0]
    assert "quota_before=0/0 quota_after=1/1" in lines[3]
    assert "outcome=collected" in lines[5]


def test_each_attempt_has_its_own_line(collect: Collect, caught: pytest.LogCaptureFixture) -> None:
    c = collect(BROKEN, ride(1))
    deliver(c, 1)
    c.run()
    c.run(seconds=60)
    ((_, lines),) = trails(caught).items()
    assert actions(lines).count("attempted") == 2
    assert "result=503" in lines[3]
    assert "action=postponed" in lines[4]


def test_a_burst_shares_one_trail(collect: Collect, caught: pytest.LogCaptureFixture) -> None:
    c = collect(ride(1))
    deliver(c, 1)
    c.dispatcher.dispatch()
    deliver(c, 1, aspect_type="update", updates={"title": "Ride"})
    c.run()
    ((_, lines),) = trails(caught).items()
    assert actions(lines).count("received") == 2
    assert any("merged=true" in line for line in lines)
    assert actions(lines).count("finished") == 1


def test_the_trail_of_a_notification_is_less_than_two_kilobytes_of_log(
    collect: Collect, caught: pytest.LogCaptureFixture
) -> None:
    c = collect(ride(17_999_999_999))
    deliver(c, 17_999_999_999)
    c.run()
    ((trail, lines),) = trails(caught).items()
    as_written = logging.Formatter(Logs._default_log_format)
    size = sum(len(as_written.format(record)) + 1 for record in caught.records if trail in record.getMessage())
    print(f"the trail of one notification: {size} bytes in {len(lines)} lines")
    assert 500 < size < 2_000
