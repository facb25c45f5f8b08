"""Writes events to splunkd, through splunklib."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Protocol

from splunklib import modularinput

from strava_collector.events import Event


class EventWriter(Protocol):
    """The part of splunklib's ``EventWriter`` that is used here."""

    header_written: bool

    def write_event(self, event: modularinput.Event) -> None: ...

    def close(self) -> None: ...


class SplunkOutput:
    """The service's ``EventSink``. Not locked: its only user is the writer, which has the lock.

    splunklib keeps one ``<stream>`` open on stdout, writes an event as one string and flushes it. It escapes what
    XML needs to have escaped, but would pass on characters that XML 1.0 does not know at all; the events' encoder
    has removed those (``events.encode``).
    """

    def __init__(self, writer: EventWriter) -> None:
        self._writer = writer

    def write(self, event: Event) -> None:
        """Write one event and flush it. Blocks while splunkd does not read. Raises OSError when it never will."""
        self._writer.write_event(
            modularinput.Event(
                data=event.data,
                stanza=event.source,
                # Milliseconds: what <time> and the field _time can hold.
                time=f"{event.time:.3f}",
                index=event.index,
                source=event.source,
                sourcetype=event.sourcetype,
                # The whole event is here, so splunkd must neither wait for more of it nor break it up. The host is
                # left out: splunkd fills in its own.
                unbroken=True,
                done=True,
            )
        )

    def close(self, patience: float) -> bool:
        """End the stream within ``patience`` seconds.

        False: the pipe is full or closed, and whoever touches it hangs or fails.
        """
        ended = threading.Event()

        def end() -> None:
            with suppress(OSError, ValueError):
                self._writer.close()
                # So that splunklib, which ends the stream again, writes nothing more.
                self._writer.header_written = False
                ended.set()

        threading.Thread(target=end, name="end-of-stream", daemon=True).start()
        return ended.wait(patience)
