"""Tells what happens while it happens, and keeps account of what was expected."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.latest import Latest
from sandbox.splunkd.index import Index

#: Who does something, and what, in columns of these widths.
_WHO = 7


@dataclass
class Expectation:
    """Something that has to become true in the index."""

    text: str
    holds: Callable[[Latest], bool]
    #: Whose newest event fulfils it; None if it is not about an activity.
    activity_id: int | None
    #: Epoch seconds of what gave rise to it.
    since: float
    #: Seconds until it was fulfilled; None while it is not.
    took: float | None = None


class Story:
    """Prints lines with the seconds since the beginning."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._begin = time.monotonic()
        self.latest = Latest()
        self.expectations: list[Expectation] = []

    def tell(self, who: str, what: str) -> None:
        """Somebody did something."""
        print(f"{time.monotonic() - self._begin:6.1f} s  {who:{_WHO}} {what}", flush=True)

    def expect(self, text: str, holds: Callable[[Latest], bool], activity_id: int | None = None) -> None:
        """Note what has to follow from what was just told; :meth:`watch` prints it when it has."""
        self.expectations.append(Expectation(text, holds, activity_id, time.time()))

    def watch(self, seconds: float, *, for_all: bool = False) -> bool:
        """Look at the index for so long, or until everything expected has happened if ``for_all``."""
        self._index.wait_for(lambda _events: self._look() and for_all, seconds)
        return not self.open

    @property
    def open(self) -> list[Expectation]:
        """What has not happened yet."""
        return [expectation for expectation in self.expectations if expectation.took is None]

    def _look(self) -> bool:
        """Check what is open; True when nothing is open any more. Called with the index's lock held."""
        self.latest.take(self._index.events())
        for expectation in self.open:
            if not expectation.holds(self.latest):
                continue
            arrived = self.latest.arrived.get(expectation.activity_id or 0, time.time())
            expectation.took = max(0.0, arrived - expectation.since)
            size = self.latest.size.get(expectation.activity_id or 0, 0)
            detail = f", {size / 1000:.0f} KB" if size else ""
            self.tell("", f"→ {expectation.text} after {expectation.took:.1f} s{detail}")
        return not self.open
