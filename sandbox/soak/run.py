"""One run: how much this computer gets through, a fifth of it for so long, then slopes and account."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from sandbox.chaos.account import Account
from sandbox.chaos.extent import RAISED, SHORTER
from sandbox.chaos.plan import steps_of
from sandbox.chaos.stage import Stage
from sandbox.sandbox import Sandbox
from sandbox.soak.happenings import Happening, Happenings
from sandbox.soak.samples import Growth, Sampler, make_look_old, slopes
from sandbox.soak.slopes import Slope
from sandbox.soak.table import table

#: What the sandbox is made with; Strava tries again after so many seconds instead of minutes.
SETTINGS = dict(SHORTER)
LIMITS = RAISED
RETRY_PAUSE = 7.0

#: The part of what this computer gets through.
LOAD = 0.2
#: The part of it that warms up.
WARMING = 0.8
#: More than any run sends, and so nobody disconnects.
_ENDLESS = 100_000_000
#: So many notifications at once tell how much it gets through.
_BURST = 400
#: So many jobs may be left of them: some wait for a second look, whatever the computer can do.
_STRAGGLERS = 20
#: Until they have all ended, and until everything has ended at last, in seconds.
_BURST_ENDS = 120.0
_ENDS = 180.0
_DAY = 86_400.0


@dataclass(frozen=True)
class Duration:
    """How long a run lasts; times in seconds."""

    #: From the first notification at a fifth of the load to the last.
    play: float
    #: Between two happenings.
    pause: float
    outage: float

    @property
    def warm_up(self) -> float:
        """Before it: at nearly all that this computer gets through, so that every cache is full before anything is
        judged. In seconds, on top of ``play``."""
        return min(600.0, max(self.play / 2, 60.0))

    @property
    def ages(self) -> bool:
        """Whether rows grow old: the input looks for old ones every ten minutes, and it takes some such looks."""
        return self.play >= 2400.0


def duration(minutes: float) -> Duration:
    """Each happening twenty times in an hour, and four times at least."""
    play = 60.0 * minutes
    return Duration(play, pause=min(25.0, play / 48), outage=min(10.0, play / 60))


class Soak:
    """Use it once, with a sandbox that is running."""

    def __init__(self, sandbox: Sandbox, lasts: Duration, seed: int, say: Callable[[str], None]) -> None:
        self.sandbox = sandbox
        self.lasts = lasts
        self._say = say
        self._pause = threading.Event()
        self._steps = steps_of(random.Random(f"soak {seed}"), _ENDLESS)
        self.stage = Stage(sandbox, "soak", say)
        (self._database,) = sandbox.splunkd.home.rglob("ta_strava_webhook/strava.db")
        pid = sandbox.splunkd.inputs.pid(self.stage.input.name)
        assert pid is not None
        self._sampler = Sampler(pid, Path(self._database))
        self.happenings = Happenings(sandbox, self.stage, pause=lasts.pause, outage=lasts.outage)
        #: Notifications per second that this computer gets through, from Strava's stand-in to the index.
        self.capacity = 0.0
        self.slopes: list[Slope] = []
        self.seconds = 0.0
        self._next_minute = 0.0

    def run(self) -> int:
        """Play, wait for the end, print the table; the exit status."""
        begin = time.monotonic()
        self.stage.begin_quietly()
        self.capacity = self._measure_capacity()
        pace = LOAD * self.capacity
        self._say(
            f"{self.capacity:.0f} notifications a second get through; {pace:.1f} a second for"
            f" {self.lasts.play / 60:g} minutes, after {self.lasts.warm_up / 60:g} minutes of"
            f" {WARMING * self.capacity:.0f}; and in the meantime "
            + ", ".join(happening.value for happening in Happening)
        )
        self._sampler.start()
        self.happenings.start()
        try:
            self._play(WARMING * self.capacity, self.lasts.warm_up)
            self._wait(self._nearly_done, _BURST_ENDS)
            judged_from, before = len(self._sampler.samples), self._counts()
            growth = self._growth(before, self._play(pace, self.lasts.play))
            judged = self._sampler.samples[judged_from:]
        finally:
            self.happenings.stop()
        if self.happenings.failure is not None:
            raise self.happenings.failure
        ended = self._wait(self.stage.all_ended, _ENDS)
        self._sampler.stop()
        reconnect = self.stage.store.must_reconnect()
        starts = self.sandbox.splunkd.inputs.count(self.stage.input.name).starts
        self.sandbox.splunkd.inputs.stop(self.stage.input.name)
        self.stage.look()
        self.seconds = time.monotonic() - begin
        self.slopes = slopes(judged, growth)
        wrong = [*self._wrong(), *self.stage.faults()]
        if not ended:
            wrong.append(f"it had not ended {_ENDS:g} s after the last notification")
        if reconnect:
            wrong.append(f"{len(reconnect)} athletes would have to connect again, though nobody disconnected them")
        if starts != 1:
            wrong.append(f"the input was started {starts} times")
        return self._conclude(wrong)

    def _measure_capacity(self) -> float:
        """Notifications a second, from a burst that waits at Strava to events; the same mix as later on."""
        delivery = self.sandbox.strava.delivery
        delivery.hold()
        for _ in range(_BURST):
            self.stage.cast.play(next(self._steps))
        begin = time.monotonic()
        delivery.release()
        if not self._wait(self._nearly_done, _BURST_ENDS):
            raise TimeoutError(f"{_BURST} notifications had not ended after {_BURST_ENDS:g} s.")
        return _BURST / (time.monotonic() - begin)

    def _nearly_done(self) -> bool:
        waiting = self.stage.store.waiting()
        return (
            self.sandbox.strava.wait_until_delivered(0.0)
            and waiting is not None
            and not waiting.notifications
            and len(waiting.jobs) <= _STRAGGLERS
        )

    def _play(self, pace: float, seconds: float) -> float:
        """Keep the pace; how long it took."""
        begin = due = time.monotonic()
        self._next_minute = begin + 60.0
        while time.monotonic() < begin + seconds and self.happenings.failure is None:
            step = next(self._steps)
            if not step.burst:
                self._pause.wait(max(0.0, due - time.monotonic()))
            due += 1.0 / pace
            self.stage.cast.play(step)
            if time.monotonic() >= self._next_minute:
                self._next_minute += 60.0
                self._each_minute(time.monotonic() - begin)
        return time.monotonic() - begin

    def _each_minute(self, elapsed: float) -> None:
        if self.lasts.ages:
            make_look_old(self._database, finished_before=time.time() - 300.0, by=8 * _DAY)
        self.stage.look()
        sample = self._sampler.samples[-1]
        now = f"; {self.happenings.now.value}" if self.happenings.now else ""
        self._say(
            f"{elapsed:5.0f} s  {len(self.sandbox.strava.delivery.deliveries):,} sent, {sample.memory:.1f} MB,"
            f" {sample.descriptors} descriptors, {sample.threads} threads, database {sample.database:.1f} MB{now}"
        )

    def _counts(self) -> tuple[int, int]:
        return len(self.stage.cast.activities), len(self.sandbox.strava.delivery.deliveries)

    def _growth(self, before: tuple[int, int], seconds: float) -> Growth:
        activities, notifications = (now - then for now, then in zip(self._counts(), before))
        hours = seconds / 3600.0
        return Growth(activities / hours, 0.0 if self.lasts.ages else notifications / hours)

    def _wrong(self) -> Iterator[str]:
        for one in self.slopes:
            if one.is_too_steep:
                yield f"{one.name} grows by {one.per_hour:.2f} {one.unit} per hour; {one.limit:g} at most"
        for happening in Happening:
            if not self.happenings.proof[happening]:
                yield f"no {happening.value}"
        if self._sampler.lost_sight:
            yield "the input's process ended"

    def _wait(self, happens: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if happens():
                return True
            self._pause.wait(0.05)
        return False

    def _conclude(self, wrong: list[str]) -> int:
        account: Account = self.stage.account()
        self._say("")
        for name, value in table(self, account):
            self._say(f"  {name:22} {value}")
        self._say("")
        self.stage.say_what_is_wrong(account, wrong)
        steep = sum(one.is_too_steep for one in self.slopes)
        self._say(
            f"soak: {len(account.told.acknowledged)} acknowledged, {len(account.losses)} lost, {steep} slopes too steep"
        )
        return 1 if account.losses or wrong else 0
