"""One run: everybody plays, everything fails, then the account."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Callable

from sandbox.chaos.extent import FAULTS, RAISED, SHORTER, Extent
from sandbox.chaos.plan import LONG_SILENCE, RATE_LIMITED, Deed, Plan, Step, Woe, plan
from sandbox.chaos.stage import Stage
from sandbox.chaos.table import table
from sandbox.chaos.trouble import Troubles
from sandbox.sandbox import Sandbox
from sandbox.strava import DeliveryState, Fault

#: So many notifications may wait for delivery before the athletes make a pause.
_BACKLOG = 400
#: So many calls are left alone between two planned faults: three that fail in a row would be an outage.
_QUIET = 3

#: What the sandbox is made with, besides the pause between Strava's attempts.
SETTINGS = dict(SHORTER)
LIMITS = RAISED


class Chaos:
    """Use it once, with a sandbox that is running."""

    def __init__(self, sandbox: Sandbox, extent: Extent, seed: int, say: Callable[[str], None]) -> None:
        self.sandbox = sandbox
        self.extent = extent
        self.plan: Plan = plan(seed, extent)
        self._say = say
        self._pause = threading.Event()
        self._begin = time.monotonic()
        self._next_progress = self._begin + extent.progress
        self._made = 0
        self.stage = Stage(sandbox, "chaos", say)
        self.latest = self.stage.latest
        self.store = self.stage.store
        self.cast = self.stage.cast
        self.input = self.stage.input
        self.faults: list[Fault] = []
        self._strikes = deque(self.plan.strikes)
        self._armed: Fault | None = None
        self._quiet_from = 0
        self.troubles = Troubles(
            self.plan.troubles,
            extent,
            sandbox,
            self.input,
            self.store,
            athletes=[athlete for athlete in self.cast.athletes if athlete != self.cast.leaver],
            reconnect=self.cast.reconnect,
            steps_made=lambda: self._made,
        )
        self.seconds_played = 0.0
        self.seconds = 0.0

    def run(self) -> int:
        """Play, wait for the end, print the table; the exit status."""
        self._introduce()
        self.stage.begin_quietly()
        self._strike_at_random()
        self.troubles.start()
        try:
            self._play()
            self.seconds_played = self._elapsed()
            ended = self._wait_for_the_end()
        finally:
            self.troubles.stop()
            self.troubles.join()
        if self.troubles.failure is not None:
            raise self.troubles.failure
        self.sandbox.splunkd.inputs.stop(self.input.name)
        self.stage.look()
        self.seconds = self._elapsed()
        return self._conclude(ended)

    def _introduce(self) -> None:
        steps, extent = self.plan.steps, self.extent
        repeated = sum(step.deed is Deed.REPEAT for step in steps)
        errors = f"{extent.errors:.0%}" if extent.errors else f"{len(self.plan.strikes)}"
        settings = ", ".join(f"{name} {value:g}" for name, value in SHORTER.items() if not isinstance(value, str))
        self._say(
            f"seed {self.plan.seed}, plan {self.plan.fingerprint}: {len(steps) - repeated:,} notifications,"
            f" {repeated:,} of them again, {extent.kills} kills, {errors} of Strava's answers are errors"
        )
        self._say(f"settings changed: {settings}; Strava's attempts {extent.retry_pause:g} s apart instead of minutes")
        self._say(f"Strava's limits raised to {LIMITS.read[0]:,} reads per quarter hour and {LIMITS.read[1]:,} per day")

    def _strike_at_random(self) -> None:
        faults = self.sandbox.strava.faults
        for left, kind in enumerate(FAULTS):
            # The first that matches strikes: the later ones see what it has left over.
            part = self.extent.errors / len(FAULTS)
            if not part:
                return
            share = part / (1.0 - left * part)
            self.faults.append(faults.outage(kind, share=share, seconds=self._silence(kind)))

    def _silence(self, kind: int | str) -> float:
        return self.extent.silence if kind == "timeout" else 0.0

    def _strike(self) -> None:
        """Arm the next planned fault, unless the one before has not struck yet, or only just has."""
        calls = len(self.sandbox.strava.statistics.calls)
        if self._armed is not None and not self._armed.hits:
            self._quiet_from = calls + _QUIET
            return
        if not self._strikes or self._strikes[0].after > self._made or calls < self._quiet_from:
            return
        kind = self._strikes.popleft().kind
        begin, path = self.sandbox.strava.faults.outage, "/api/v3/activities/*"
        if kind == RATE_LIMITED:
            self._armed = begin(429, path=path, times=1, retry_after=1)
        elif kind == LONG_SILENCE:
            self._armed = begin("timeout", path=path, times=1)
        else:
            self._armed = begin(kind, path=path, times=1, seconds=self._silence(kind))
        self.faults.append(self._armed)

    def _play(self) -> None:
        delivery = self.sandbox.strava.delivery
        due = time.monotonic()
        for number, step in enumerate(self.plan.steps):
            due = self._wait_for_turn(step, due)
            while self.troubles.failure is None and (
                delivery.waiting > _BACKLOG or self.troubles.lag(self._made) > self.extent.most_lag
            ):
                self._rest(0.05)
                due = time.monotonic()
            if self.troubles.failure is not None:
                return
            self.cast.play(step)
            self._made = number + 1

    def _wait_for_turn(self, step: Step, due: float) -> float:
        """Keep the pace, bursts excepted; when the next step is due."""
        if not step.burst:
            self._rest(max(0.0, due - time.monotonic()))
        return due + 1.0 / self.extent.pace

    def _wait_for_the_end(self) -> bool:
        """Until everything sent has ended in one way or another; False if it has not within the time allowed."""
        deadline = time.monotonic() + self.extent.deadline
        while time.monotonic() < deadline and self.troubles.failure is None:
            if not self.troubles.is_alive():
                self.troubles.look_after_athletes()
                if self.stage.all_ended():
                    return True
            self._rest(0.5)
        return False

    def _rest(self, seconds: float) -> None:
        self._strike()
        now = time.monotonic()
        if now >= self._next_progress:
            self._next_progress = now + self.extent.progress
            self._progress()
        if seconds > 0:
            self._pause.wait(seconds)

    def _progress(self) -> None:
        deliveries = list(self.sandbox.strava.delivery.deliveries)
        acknowledged = sum(one.state is DeliveryState.ACKNOWLEDGED for one in deliveries)
        waiting = self.store.waiting()
        store = (
            "the store cannot be read"
            if waiting is None
            else (f"{waiting.notifications:,} notifications and {len(waiting.jobs):,} jobs wait")
        )
        now = f"; {self.troubles.now.value}" if self.troubles.now else ""
        self.stage.look()
        events = len(self.latest.notifications) + sum(map(len, self.latest.versions.values()))
        self._say(
            f"{self._elapsed():5.0f} s  {len(deliveries):,} sent, {acknowledged:,} acknowledged, {store},"
            f" {events:,} events, {self.troubles.kills} kills{now}"
        )

    def _elapsed(self) -> float:
        return time.monotonic() - self._begin

    def _conclude(self, ended: bool) -> int:
        account = self.stage.account()
        self._say("")
        for name, value in table(self, account):
            self._say(f"  {name:22} {value}")
        self._say("")
        wrong = [*self._without_effect(), *self.stage.faults()]
        if not ended:
            wrong.append(f"it had not ended {self.extent.deadline:g} s after the last notification")
        self.stage.say_what_is_wrong(account, wrong)
        repeated = account.repeated_notifications + account.repeated_versions
        self._say(
            f"chaos: {len(account.told.acknowledged)} acknowledged, {len(account.losses)} lost, {repeated} repeated"
        )
        return 1 if account.losses or wrong else 0

    def _without_effect(self) -> list[str]:
        """Trouble that was planned but not felt proves nothing."""
        proven = {Woe.KILL, *self.troubles.not_tried, *(woe for woe, count in self.troubles.proof.items() if count)}
        idle = [f"{woe.value} had no effect" for woe in Woe if woe not in proven]
        struck = {fault.what for fault in self.faults if fault.hits}
        idle += [f"no call was struck by {kind}" for kind in FAULTS if kind not in struck]
        if self.troubles.kills < self.extent.kills:
            idle.append(f"only {self.troubles.kills} of {self.extent.kills} kills found a process")
        return idle
