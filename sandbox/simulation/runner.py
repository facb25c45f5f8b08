"""splunkd, as far as it runs one input: starts its process, lets it die, starts the next one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Callable, Generic, Optional, Protocol, TypeVar

from sandbox.simulation.case import HOUR
from sandbox.simulation.life import Life
from sandbox.simulation.misfortunes import Restart
from sandbox.simulation.timeline import Timeline

#: A crash that has not found its moment after so long happens while the process is at rest.
_CRASH_PATIENCE = 2 * HOUR


class Process(Protocol):
    """What is started."""

    def stop(self, *, impatient: bool, stopped: Callable[[], None]) -> None: ...


P = TypeVar("P", bound=Process)


class Runner(Generic[P]):
    """Runs an input from the begin to the end, however often its process dies."""

    def __init__(
        self,
        timeline: Timeline,
        make: Callable[[Life], P],
        *,
        happened: Counter[str],
        buried: Callable[[P], None],
    ) -> None:
        """``make`` starts a process, ``buried`` is told when it is gone."""
        self._timeline = timeline
        self._make = make
        self._happened = happened
        self._told = buried
        self.process: Optional[P] = None
        self.life: Optional[Life] = None
        #: From when to when no process ran.
        self.down: list[tuple[float, float]] = []
        self._down_since = timeline.now()
        self._comes_back_after = 60.0

    def begin(self, restarts: Sequence[Restart]) -> None:
        """Start the process, and put its ends on the agenda."""
        for restart in restarts:
            self._timeline.at(restart.at, partial(self._restart, restart))
        self._start()

    def close(self) -> None:
        """The end of the simulation."""
        if self.life is not None:
            self.life.kill()

    def enter(self, action: Callable[[P], None]) -> None:
        """Let the process do something if there is one."""
        process, life = self.process, self.life
        if process is not None and life is not None:
            life.enter(lambda: action(process))

    def wait(self, seconds: float) -> None:
        """Let time pass while the process waits for an answer."""
        assert self.life is not None
        self.life.wait(seconds)

    def touch(self) -> None:
        """The process touches the world around it. Raises Killed when its time has come."""
        if self.life is not None:
            self.life.touch()

    def _start(self) -> None:
        self.down.append((self._down_since, self._timeline.now()))
        life = Life(self._timeline, self._bury)
        self.life = life
        self.process = self._make(life)

    def _restart(self, restart: Restart) -> None:
        life = self.life
        if life is None or not life.lives() or life.is_doomed:
            return
        self._comes_back_after = restart.down
        if restart.dies_after is None:
            self._happened["clean restarts"] += 1
            self.enter(lambda process: process.stop(impatient=restart.impatient, stopped=life.bury))
        else:
            life.doom(restart.dies_after)
            self._timeline.after(_CRASH_PATIENCE, lambda: life.enter(partial(self._die_at_rest, life)))

    def _die_at_rest(self, life: Life) -> None:
        self._happened["crashes at rest"] += 1
        life.die()

    def _bury(self) -> None:
        """The process is gone; splunkd starts another one after a while."""
        assert self.process is not None
        assert self.life is not None
        if self.life.is_doomed:
            self._happened["crashes"] += 1
        process, self.process, self.life = self.process, None, None
        self._down_since = self._timeline.now()
        self._told(process)
        self._timeline.after(self._comes_back_after, self._start)
