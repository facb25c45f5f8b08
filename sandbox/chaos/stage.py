"""What every long run begins and ends with: the cast, an input that listens, and the verdict on what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Callable

from sandbox.chaos.account import Account, announced, excused
from sandbox.chaos.cast import Cast
from sandbox.chaos.store_view import StoreView
from sandbox.latest import Latest
from sandbox.sandbox import Input, Sandbox

#: Until the first activity of all has to be in the index, in seconds.
_BEGINNING = 60.0
#: Of so many losses the log is shown, too.
_EXPLAINED = 10


class Stage:
    """Use it once, with a sandbox that is running."""

    def __init__(self, sandbox: Sandbox, name: str, say: Callable[[str], None]) -> None:
        self._sandbox = sandbox
        self._say = say
        self.latest = Latest()
        self.store = StoreView(sandbox.splunkd.home)
        application = sandbox.add_application(name.capitalize())
        self.cast = Cast(sandbox, application)
        self.cast.connect()
        self.input: Input = sandbox.add_input(name, application)
        sandbox.wait_until_healthy(self.input)
        sandbox.subscribe(application, self.input)

    def begin_quietly(self) -> None:
        """One activity in peace: from then on the add-on knows its subscription, its athletes, their tokens."""
        first = self._sandbox.strava.record(self.cast.athletes[0], kind="manual", title="Before the storm")
        there = self._sandbox.splunkd.index.wait_for(lambda _events: self.look().of(first.id) is not None, _BEGINNING)
        if not there:
            raise TimeoutError("Not even the first activity, before anything was done to it, reached the index.")

    def look(self) -> Latest:
        """Read what is new in the index."""
        self.latest.take(self._sandbox.splunkd.index.events())
        return self.latest

    def all_ended(self) -> bool:
        """Whether everything sent so far has ended in one way or another."""
        if not self._sandbox.strava.wait_until_delivered(0.0):
            return False
        waiting = self.store.waiting()
        if waiting is None or waiting.notifications:
            return False
        told = announced(self._sandbox.strava.delivery.deliveries, self.cast.forged, self.cast.repeats)
        return all(job.status == "pending" and excused(job, told) for job in waiting.jobs)

    def account(self) -> Account:
        """Of a run whose input has stopped, after a last look."""
        return Account(self.cast, self._sandbox.strava.delivery.deliveries, self.latest, self.store)

    def faults(self) -> Iterator[str]:
        """What the stand-ins hold against the add-on."""
        strava = self._sandbox.strava
        for fault in self._sandbox.splunkd.errors:
            yield f"splunkd: {fault}"
        for misuse in strava.misuse:
            yield f"the stand-in for Strava: {misuse}"
        if strava.rate_limits.refused:
            yield f"{strava.rate_limits.refused} calls went beyond Strava's limits"

    def say_what_is_wrong(self, account: Account, wrong: list[str]) -> None:
        """A line for each loss, with what the log says of the first ones, and for everything else."""
        lines = self._sandbox.splunkd.log_lines() if account.losses else []
        for number, loss in enumerate(account.losses):
            self._say(f"LOST: {loss.what}")
            for line in loss.trail(lines) if number < _EXPLAINED else ():
                self._say(f"    {line[:400]}")
        for what in wrong:
            self._say(f"WRONG: {what}")
