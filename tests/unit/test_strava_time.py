"""Strava's clock, as its answers tell it, and never too early."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import formatdate
from typing import Optional

import pytest

from strava_collector.strava_time import StravaTime
from tests.support.clock import START, VirtualClock

HOUR = 3600.0


class Strava:
    """A clock that is off by some seconds, and how its answers look from here."""

    def __init__(self, ahead: float) -> None:
        self.ahead = ahead
        self.clock = VirtualClock()
        self.time = StravaTime(self.clock)
        self._begin = self.clock.monotonic()

    def now(self) -> float:
        """What Strava's clock shows, whatever ours does."""
        return START + self.ahead + self.clock.monotonic() - self._begin

    def answers(self, *, there: float = 0.0, back: float = 0.0) -> None:
        """A call that takes so many seconds each way."""
        sent = self.clock.monotonic()
        self.clock.advance(there)
        date = formatdate(int(self.now()), usegmt=True)
        self.clock.advance(back)
        self.time.observe(date, sent=sent, received=self.clock.monotonic())


def test_before_the_first_answer_it_is_our_own_time_and_what_was_known_before() -> None:
    clock = VirtualClock()
    assert StravaTime(clock).now(0.0) == START
    assert StravaTime(clock).now(-300.0) == START - 300
    assert StravaTime(clock).ahead(-300.0) == -300


@pytest.mark.parametrize("ahead", [0.0, 300.0, -300.0, 7_200.5, -90.25])
def test_an_answer_tells_the_time_to_the_second_and_the_calls_length(ahead: float) -> None:
    strava = Strava(ahead)
    strava.answers(there=0.2, back=0.1)
    assert strava.now() - 1.3 <= strava.time.now(0.0) <= strava.now()
    assert ahead - 1.3 <= strava.time.ahead(0.0) <= ahead


@pytest.mark.parametrize("there", [0.0, 0.9, 30.0])
@pytest.mark.parametrize("back", [0.0, 0.9, 30.0])
def test_it_is_never_too_early_for_the_end_of_a_window(there: float, back: float) -> None:
    strava = Strava(300.0)
    for _ in range(20):
        strava.answers(there=there, back=back)
        assert strava.time.now(0.0) <= strava.now()
        strava.clock.advance(7.3)
        assert strava.time.now(0.0) <= strava.now()


def test_many_answers_tell_it_better_than_one() -> None:
    strava = Strava(300.0)
    strava.clock.advance(0.9)
    strava.answers()
    assert strava.now() - strava.time.now(0.0) == pytest.approx(0.9)
    for _ in range(20):
        strava.clock.advance(1.15)
        strava.answers()
    assert strava.now() - strava.time.now(0.0) < 0.1


def test_a_slow_answer_does_not_make_a_good_knowledge_worse() -> None:
    strava = Strava(300.0)
    strava.answers()
    before = strava.time.now(0.0) - strava.now()
    strava.answers(there=20.0, back=40.0)
    assert strava.time.now(0.0) - strava.now() == pytest.approx(before, abs=0.1)


@pytest.mark.parametrize("step", [HOUR, -HOUR, 30 * 24 * HOUR])
def test_who_sets_our_clock_does_not_change_stravas(step: float) -> None:
    strava = Strava(300.0)
    strava.answers()
    strava.clock.set_wall(strava.clock.now() + step)
    assert strava.time.now(0.0) == pytest.approx(strava.now(), abs=1.0)
    assert strava.time.ahead(0.0) == pytest.approx(300.0 - step, abs=1.0)


@pytest.mark.parametrize("correction", [60.0, -60.0, HOUR])
def test_when_strava_sets_its_own_clock_the_next_answer_tells(correction: float) -> None:
    strava = Strava(0.0)
    strava.answers()
    strava.ahead += correction
    strava.answers()
    assert strava.time.now(0.0) == pytest.approx(strava.now(), abs=1.0)
    assert strava.time.now(0.0) <= strava.now()


def test_a_clock_that_runs_fast_for_hours_is_not_ahead_at_the_end_of_the_window() -> None:
    strava = Strava(0.0)
    strava.answers()
    begin = strava.clock.monotonic()
    strava.clock.advance(6 * HOUR)
    # A host whose clock gains 100 millionths: 2.16 s in six hours.
    gained = (strava.clock.monotonic() - begin) * 1e-4
    assert strava.time.now(0.0) <= strava.now() - gained + 0.001
    assert strava.time.now(0.0) >= strava.now() - gained - 1.0


@pytest.mark.parametrize(
    "date", [None, "", "yesterday", "2026-06-01T06:00:00Z", "Mon, 99 Jun 2026 06:00:00 GMT", "1", "9" * 400]
)
def test_a_date_that_makes_no_sense_changes_nothing(date: Optional[str]) -> None:
    clock = VirtualClock()
    strava = StravaTime(clock)
    strava.observe(date, sent=clock.monotonic(), received=clock.monotonic())
    assert strava.now(17.0) == START + 17


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A host that is not in Greenwich."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("zone", ["GMT", "+0000", "-0000", "", "UTC"])
def test_a_date_without_a_zone_is_utc(zone: str, new_york: None) -> None:
    clock = VirtualClock()
    strava = StravaTime(clock)
    strava.observe(f"Mon, 01 Jun 2026 06:10:00 {zone}", sent=clock.monotonic(), received=clock.monotonic())
    assert strava.now(0.0) == START + 600
