"""A loop that has been woken while it was at work rests before it goes on; otherwise it does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from sandbox.patience import patience
from strava_collector import loop
from strava_collector.loop import Loop
from tests.support.waiting import until

#: Times as long as a step, so that any rest is the longest.
LONG = 1e9


class Steps:
    """A loop's step that tells when it begins, and lasts until it is told to end."""

    def __init__(self, rest: float) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)
        self.loop = Loop("steps", self._step, fatal=lambda _error: None, rest=rest)

    def _step(self) -> None:
        self.begun.release()
        self.go_on.acquire()

    def begins(self) -> bool:
        return self.begun.acquire(timeout=patience(60))


@pytest.fixture
def make() -> Iterator[list[Steps]]:
    made: list[Steps] = []
    yield made
    for steps in made:
        steps.loop.stop()
        steps.go_on.release(10)
        assert steps.loop.join(patience(60)), "the end has to wait for no rest"


def started(make: list[Steps], rest: float) -> Steps:
    make.append(Steps(rest))
    make[-1].loop.start()
    assert make[-1].begins()
    return make[-1]


def test_a_loop_that_is_woken_during_a_step_rests_and_its_end_does_not_wait_for_that(make: list[Steps]) -> None:
    steps = started(make, rest=LONG)
    steps.loop.wake()
    steps.go_on.release()
    until(lambda: is_waited_for(steps.loop._stopped))


def test_however_long_a_step_took_the_rest_is_short(make: list[Steps], monkeypatch: pytest.MonkeyPatch) -> None:
    assert loop.LONGEST_REST <= 1.0
    monkeypatch.setattr(loop, "LONGEST_REST", 1e-6)
    steps = started(make, rest=LONG)
    steps.loop.wake()
    steps.go_on.release()
    assert steps.begins()


def test_a_loop_without_rest_goes_on_at_once(make: list[Steps]) -> None:
    steps = started(make, rest=0.0)
    steps.loop.wake()
    steps.go_on.release()
    assert steps.begins()


def test_after_its_rest_a_loop_goes_on_and_rests_no_more_unless_it_is_woken_again(make: list[Steps]) -> None:
    steps = started(make, rest=1e-6)
    steps.loop.wake()
    steps.go_on.release()
    assert steps.begins()
    steps.go_on.release()
    until(lambda: is_waited_for(steps.loop._wake))


def test_a_loop_that_is_woken_after_its_step_does_not_rest(make: list[Steps]) -> None:
    steps = started(make, rest=LONG)
    steps.go_on.release()
    until(lambda: is_waited_for(steps.loop._wake))
    steps.loop.wake()
    assert steps.begins()


def is_waited_for(event: threading.Event) -> bool:
    return bool(event._cond._waiters)  # type: ignore[attr-defined]  # there is no other way to see it
