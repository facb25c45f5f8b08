"""Log lines that strangers can cause, kept few."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Optional

from strava_collector import logfmt


@dataclass
class _Window:
    """What has happened of one kind since ``began``."""

    began: float
    logged: int = 0
    suppressed: int = 0


class RareLog:
    """Writes at most a few lines a minute of each kind and counts the rest.

    Anybody on the internet can send bad requests; they must not be able to fill the disk with our log, or to push
    everything else out of it. A kind is a constant of ours, never something a client sent, so that there are few.
    Used by one thread.
    """

    def __init__(self, logger: logging.Logger, *, lines: int = 3, period: float = 60.0) -> None:
        self._logger = logger
        self._lines = lines
        self._period = period
        self._windows: dict[tuple[int, str, str], _Window] = {}

    def write(self, now: float, level: int, action: str, kind: str, **fields: logfmt.Value) -> None:
        """Log ``action`` with ``kind`` and ``fields``, or count it; ``now`` is monotonic seconds."""
        key = (level, action, kind)
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = _Window(now)
        if window.logged < self._lines:
            window.logged += 1
            self._logger.log(level, logfmt.line(action, kind=kind, **fields))
        else:
            window.suppressed += 1

    def next_summary(self) -> Optional[float]:
        """When :meth:`summarize` has something to do, or None."""
        if not self._windows:
            return None
        return min(window.began for window in self._windows.values()) + self._period

    def summarize(self, now: float) -> None:
        """Report how many lines were left out in each period that is over, and begin anew."""
        for key, window in list(self._windows.items()):
            if now >= window.began + self._period:
                del self._windows[key]
                self._report(key, window)

    def close(self) -> None:
        """Report what is still to be reported."""
        for key, window in self._windows.items():
            self._report(key, window)
        self._windows.clear()

    def _report(self, key: tuple[int, str, str], window: _Window) -> None:
        if window.suppressed:
            level, action, kind = key
            fields: dict[str, logfmt.Value] = {"kind": kind, "not_logged": window.suppressed}
            self._logger.log(level, logfmt.line(action, **fields))
