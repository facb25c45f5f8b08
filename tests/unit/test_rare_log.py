"""Strangers can cause log lines, but only a few a minute."""

from __future__ import annotations

import logging

import pytest

from strava_collector.rare_log import RareLog


@pytest.fixture
def rare() -> RareLog:
    return RareLog(logging.getLogger("rare"), lines=2, period=60.0)


def test_a_few_lines_of_each_kind_are_written_and_the_rest_counted(
    rare: RareLog, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(5):
        rare.write(100.0 + number, logging.WARNING, "bad_request", "path", client="10.0.0.1")
        rare.write(100.0 + number, logging.WARNING, "bad_request", "method")
    assert caplog.messages.count("action=bad_request kind=path client=10.0.0.1") == 2
    assert caplog.messages.count("action=bad_request kind=method") == 2
    assert rare.next_summary() == 160.0
    rare.summarize(159.9)
    assert len(caplog.messages) == 4
    rare.summarize(160.0)
    assert caplog.messages[4:] == [
        "action=bad_request kind=path not_logged=3",
        "action=bad_request kind=method not_logged=3",
    ]


def test_after_its_summary_a_kind_may_speak_again(rare: RareLog, caplog: pytest.LogCaptureFixture) -> None:
    rare.write(0.0, logging.WARNING, "bad_request", "path")
    rare.summarize(60.0)
    assert rare.next_summary() is None
    rare.write(61.0, logging.WARNING, "bad_request", "path")
    assert caplog.messages == ["action=bad_request kind=path"] * 2


def test_the_end_loses_no_count(rare: RareLog, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        rare.write(0.0, logging.ERROR, "failed", "ValueError")
    rare.close()
    rare.close()
    assert caplog.messages[2:] == ["action=failed kind=ValueError not_logged=1"]
