"""The life of one process: what it does happens through here, so that it can die in the middle of anything."""

from __future__ import annotations

from typing import Callable, Optional

from sandbox.simulation.timeline import Timeline
from strava_collector.errors import StoreUnavailable


class Killed(BaseException):
    """The process has ended in the middle of what it was doing. No ``except Exception`` may notice."""


class Life:
    """From the process's start to its end. Several processes can be alive; each dies alone."""

    def __init__(self, timeline: Timeline, buried: Callable[[], None]) -> None:
        """``buried`` is called once, when the process is gone."""
        self._timeline = timeline
        self._buried: Optional[Callable[[], None]] = buried
        self._closers: list[Callable[[], None]] = []
        self._dies_in: Optional[int] = None
        self._alive = True

    def lives(self) -> bool:
        """Whether it has not ended yet."""
        return self._alive

    # What it does.

    def enter(self, action: Callable[[], None]) -> None:
        """Let the process do something, unless it is dead. If it dies of it, the others live on."""
        if not self.lives():
            return
        try:
            action()
        except Killed:
            self.bury()
        except StoreUnavailable:
            # On its way out after being killed, some code found the store closed before it saw the end coming.
            if self.lives():
                raise
            self.bury()

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Let the process do something at this time."""
        self._timeline.at(when, lambda: self.enter(action))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Let the process do something so much later."""
        self.at(self._timeline.now() + seconds, action)

    def wait(self, seconds: float) -> None:
        """Let time pass during a call. Raises Killed if the process does not see the end of it."""
        self._timeline.wait(seconds)
        if not self.lives():
            raise Killed

    # Its end.

    def closes(self, closer: Callable[[], None]) -> None:
        """Have this called when the process is killed."""
        self._closers.append(closer)

    @property
    def is_doomed(self) -> bool:
        """Whether it is about to die."""
        return self._dies_in is not None

    def doom(self, touches: int) -> None:
        """Let it die at its so-manyth touch of the world around it."""
        self._dies_in = touches

    def touch(self) -> None:
        """The process touches the world around it. Raises Killed when its time has come."""
        if self._dies_in is not None and self.lives():
            self._dies_in -= 1
            if self._dies_in <= 0:
                self.die()

    def die(self) -> None:
        """Raises Killed."""
        self.kill()
        raise Killed

    def kill(self) -> None:
        """Nothing more is written from now on, whatever the code still tries on the way out."""
        if self.lives():
            self._alive = False
            for closer in self._closers:
                closer()

    def bury(self) -> None:
        """It is gone, and whoever has to know is told."""
        buried, self._buried = self._buried, None
        if buried is not None:
            buried()
