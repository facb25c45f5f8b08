"""Writes events to splunkd, through splunklib."""

from __future__ import annotations

import io
import threading
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Optional, Protocol, TextIO

from splunklib import modularinput

from strava_collector.events import Event


class Writable(Protocol):
    """The part of splunklib's ``Event`` that its ``EventWriter`` uses."""

    def write_to(self, stream: TextIO) -> None: ...


class EventWriter(Protocol):
    """The part of splunklib's ``EventWriter`` that is used here."""

    header_written: bool

    def write_event(self, event: Writable) -> None: ...

    def close(self) -> None: ...


class _Together:
    """Several events that look to splunklib's ``EventWriter`` like one: one write, one flush."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events

    def write_to(self, stream: TextIO) -> None:
        forms: dict[tuple[str, str, str], _Form] = {}
        texts = []
        for event in self._events:
            kind = (event.source, event.sourcetype, event.index)
            form = forms.get(kind)
            if form is None:
                form = forms[kind] = _Form(event)
            texts.append(form.of(event))
        stream.write("".join(texts))
        stream.flush()


class _Form:
    """splunklib's XML of events that differ in nothing but time and text.

    Its own way, a tree of elements for each event, takes twice as long as everything else about a sample. So it makes
    one whose time and text are marks, and what stands around the marks is used for all.
    """

    def __init__(self, event: Event) -> None:
        time, data = uuid.uuid4().hex, uuid.uuid4().hex
        buffer = io.StringIO()
        _splunks(replace(event, data=data), time=time).write_to(buffer)
        self._before, _, rest = buffer.getvalue().partition(time)
        self._between, _, self._after = rest.partition(data)

    def of(self, event: Event) -> str:
        return f"{self._before}{_time(event)}{self._between}{_escaped(event.data)}{self._after}"


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
        self._writer.write_event(_splunks(event))

    def write_all(self, events: Sequence[Event]) -> None:
        """Write events as one string and flush once; see :meth:`write`."""
        self._writer.write_event(_Together(events))

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


def _splunks(event: Event, *, time: Optional[str] = None) -> modularinput.Event:
    """The event as splunklib knows it."""
    return modularinput.Event(
        data=event.data,
        stanza=event.source,
        time=time or _time(event),
        index=event.index,
        source=event.source,
        sourcetype=event.sourcetype,
        # The whole event is here, so splunkd must neither wait for more of it nor break it up. The host is left out:
        # splunkd fills in its own.
        unbroken=True,
        done=True,
    )


def _time(event: Event) -> str:
    """Milliseconds: what <time> and the field _time can hold."""
    return f"{event.time:.3f}"


def _escaped(text: str) -> str:
    """Text as splunklib writes it: ASCII only."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text if text.isascii() else text.encode("ascii", "xmlcharrefreplace").decode("ascii")
