"""The XML that a modular input writes on standard output, read as strictly as it can be.

`<stream><event stanza= unbroken="1"><time/><source/><sourcetype/><index/><host/><data/><done/></event>…</stream>`,
one document after the other. Nothing else is tolerated: no other element or attribute, no text between
events, no event without its end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable
from xml.parsers import expat

_FIELDS = ("time", "source", "sourcetype", "index", "host", "data")
_ATTRIBUTES = ("stanza", "unbroken")
# A root of our own around the whole output, so that documents may follow each other.
_ROOT = b"<output>"


@dataclass
class RawEvent:
    """One `<event>` as it was written, nothing filled in."""

    attributes: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    done: bool = False


class BrokenStream(Exception):
    """Not well-formed, or not what the protocol allows. What follows in the output is lost."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class EventStream:
    """Takes the output in pieces as they come; calls back with every complete event."""

    def __init__(self, event: Callable[[RawEvent], None]) -> None:
        self._deliver = event
        self._path: list[str] = []
        self._event: RawEvent | None = None
        self._text: list[str] = []
        self._bytes = 0
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        # Newer versions of expat hold back what they have; an event must be seen as soon as it is complete.
        defer = getattr(self._parser, "SetReparseDeferralEnabled", None)
        if defer is not None:
            defer(False)
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.ProcessingInstructionHandler = self._foreign
        self._parser.CommentHandler = self._foreign
        self._parser.Parse(_ROOT, False)

    def feed(self, piece: bytes) -> None:
        """Read on.

        Raises:
            BrokenStream: the rest of this output cannot be read any more.
        """
        self._bytes += len(piece)
        try:
            self._parser.Parse(piece, False)
        except expat.ExpatError as fault:
            raise BrokenStream("broken-xml", f"{fault} ({self._place()})") from None

    def close(self) -> None:
        """The output has ended.

        Raises:
            BrokenStream: "cut-off" inside of an event or a tag, "not-closed" between events without `</stream>`.
        """
        if self._event is not None:
            raise BrokenStream("cut-off", f"the output ends inside of an event ({self._place()})")
        ending = b"</output>" if len(self._path) == 1 else b"</stream></output>"
        try:
            self._parser.Parse(ending, True)
        except expat.ExpatError:
            raise BrokenStream("cut-off", f"the output ends inside of a tag ({self._place()})") from None
        if len(ending) > len("</output>"):
            raise BrokenStream("not-closed", f"the output ends without </stream> ({self._place()})")

    def _place(self) -> str:
        return f"byte {max(0, self._parser.CurrentByteIndex - len(_ROOT))} of {self._bytes}"

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        depth = len(self._path)
        self._path.append(name)
        if depth == 0:
            return
        if depth == 1 and name == "stream" and not attributes:
            return
        if depth == 2 and name == "event":
            unknown = sorted(set(attributes) - set(_ATTRIBUTES))
            if unknown:
                raise BrokenStream("unknown-attribute", f"<event> has an attribute {unknown[0]!r} ({self._place()})")
            self._event = RawEvent(dict(attributes))
            return
        if depth == 3 and self._event is not None and not attributes:
            self._start_field(self._event, name)
            return
        raise BrokenStream("unknown-element", f"<{name}> is not allowed here ({self._place()})")

    def _start_field(self, event: RawEvent, name: str) -> None:
        if name == "done" and not event.done:
            event.done = True
        elif name not in _FIELDS:
            raise BrokenStream("unknown-element", f"<{name}> is no part of an event ({self._place()})")
        elif name in event.fields:
            raise BrokenStream("repeated-element", f"<{name}> occurs twice in an event ({self._place()})")
        self._text = []

    def _end(self, name: str) -> None:
        self._path.pop()
        depth = len(self._path)
        event = self._event
        if event is not None and depth == 3 and name != "done":
            event.fields[name] = "".join(self._text)
        elif event is not None and depth == 2:
            self._event = None
            if not event.done:
                raise BrokenStream("not-done", f"an event has no <done/> ({self._place()})")
            if "data" not in event.fields:
                raise BrokenStream("no-data", f"an event has no <data> ({self._place()})")
            self._deliver(event)

    def _characters(self, text: str) -> None:
        if len(self._path) == 4 and self._path[-1] != "done":
            self._text.append(text)
        elif text.strip():
            raise BrokenStream("stray-text", f"there is text outside of the events' fields ({self._place()})")

    def _foreign(self, *_: str) -> None:
        raise BrokenStream("unknown-element", f"a comment or an instruction is not allowed ({self._place()})")
