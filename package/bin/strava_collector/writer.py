"""The one place that writes events to splunkd."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Callable, Protocol

from strava_collector.errors import CollectorError
from strava_collector.events import Event


class OutputClosed(CollectorError):
    """splunkd no longer reads what the input writes; the input has to end and be started again."""


class EventSink(Protocol):
    """Where events go; the helper makes one from splunklib's EventWriter."""

    def write(self, event: Event) -> None:
        """Write one event and flush it. Blocks while splunkd does not read. Raises OSError when nobody ever will."""
        ...

    def write_all(self, events: Sequence[Event]) -> None:
        """Write events at once and flush once; see :meth:`write`."""
        ...


class Writer:
    """Gives one thread at a time the right to write.

    Who has the turn also looks into the store before it writes, so that what is decided there and what reaches the
    index come in the same order.
    """

    def __init__(self, sink: EventSink) -> None:
        self._sink = sink
        self._lock = threading.RLock()
        self._closed = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the writer. Events written inside are next to each other and in order."""
        with self._lock:
            yield

    def write(self, event: Event) -> None:
        """Write one event and flush it. Raises OutputClosed when splunkd has gone."""
        self._give(lambda: self._sink.write(event))

    def write_all(self, events: Sequence[Event]) -> None:
        """Write events at once and flush once. Raises OutputClosed when splunkd has gone."""
        self._give(lambda: self._sink.write_all(events))

    def _give(self, write: Callable[[], None]) -> None:
        with self._lock:
            try:
                if self._closed:
                    raise ValueError
                write()
            except (OSError, ValueError):
                # ValueError is what Python says of a file that has been closed.
                raise OutputClosed(
                    "splunkd closed the input's output, so no event can be written. The input ends; what is not "
                    "written stays in its store and is written after the next start."
                ) from None

    def close(self, patience: float = 1.0) -> bool:
        """Let nothing be written any more. False if somebody still writes after ``patience`` seconds: the pipe to
        splunkd is full, and whoever touches it blocks."""
        self._closed = True
        if not self._lock.acquire(timeout=patience):
            return False
        self._lock.release()
        return True
