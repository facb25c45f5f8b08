"""The index: takes events as splunkd's pipeline would, and complains where a strict one would.

An event with a fault is reported and not kept if splunkd would lose it (unknown index); else it is kept,
so that one wrong setting does not hide everything that comes after it.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Callable, Protocol

from sandbox.patience import patience

from .event_stream import RawEvent
from .faults import Faults
from .timestamps import NoTime, time_rule

#: `<time>` has milliseconds; anything further apart than half of one is another time.
_TOLERANCE = 0.0005
_TRUNCATE = 10_000
_LINE_BREAKER = r"([\r\n]+)"
_MAX_DAYS_AGO = 2_000
_MAX_DAYS_HENCE = 2
_DAY = 86_400


class Now(Protocol):
    """The part of a clock that is needed here."""

    def now(self) -> float: ...


@dataclass(frozen=True)
class Event:
    """One event in an index."""

    #: 1, 2, 3 … in the order of arrival, over all indexes.
    number: int
    index: str
    sourcetype: str
    source: str
    host: str
    #: `_time`, seconds since the epoch.
    time: float
    raw: str
    #: Input stanza that wrote it.
    stanza: str
    #: When the sandbox received it, seconds since the epoch.
    indexed_at: float

    @property
    def json(self) -> dict[str, object]:
        """The text as the JSON object that it is.

        Raises:
            ValueError: it is none.
        """
        value = json.loads(self.raw)
        if not isinstance(value, dict):
            raise ValueError("The event is JSON, but no object.")
        return value


class Index:
    """All events of all indexes."""

    def __init__(
        self,
        *,
        props: Callable[[], Mapping[str, Mapping[str, str]]],
        indexes: Callable[[], set[str]],
        faults: Faults,
        clock: Now,
    ) -> None:
        self._props = props
        self._indexes = indexes
        self._faults = faults
        self._clock = clock
        self._changed = threading.Condition()
        self._events: list[Event] = []

    def add(self, raw: RawEvent, stanza: str, defaults: Mapping[str, str]) -> None:
        """Take one event of an input. `defaults` are the stanza's own index, host, source and sourcetype."""
        if raw.attributes.get("stanza") not in (None, stanza):
            self._fault("foreign-stanza", stanza, f"an event names stanza {raw.attributes['stanza']!r}")
        given = {**defaults, **{name: value for name, value in raw.fields.items() if value}}
        index, sourcetype = given.get("index", "main"), given.get("sourcetype", "")
        index = "main" if index == "default" else index
        if index not in self._indexes():
            self._fault(
                "unknown-index", stanza, f"an event of {sourcetype!r} goes to index {index!r}, which does not exist"
            )
            return
        if not sourcetype:
            self._fault("no-sourcetype", stanza, "an event has no sourcetype: Splunk would guess one")
        time = self._time(raw.fields.get("time"), raw.fields["data"], sourcetype, stanza)
        self._check_text(raw, sourcetype, stanza)
        with self._changed:
            event = Event(
                number=len(self._events) + 1,
                index=index,
                sourcetype=sourcetype,
                source=given.get("source", stanza),
                host=given.get("host", ""),
                time=time,
                raw=raw.fields["data"],
                stanza=stanza,
                indexed_at=self._clock.now(),
            )
            self._events.append(event)
            self._changed.notify_all()

    def events(
        self, *, sourcetype: str | None = None, index: str | None = None, source: str | None = None
    ) -> list[Event]:
        """The events so far that fit, in the order of arrival."""
        with self._changed:
            events = list(self._events)
        wanted = {"sourcetype": sourcetype, "index": index, "source": source}
        return [
            event
            for event in events
            if all(value is None or getattr(event, name) == value for name, value in wanted.items())
        ]

    def wait_for(self, predicate: Callable[[list[Event]], bool], seconds: float) -> bool:
        """Wait until the predicate holds for all events so far; False if it does not within the time.

        The predicate is asked again with each new event.
        """
        with self._changed:
            return self._changed.wait_for(lambda: predicate(list(self._events)), timeout=patience(seconds))

    def wake(self) -> None:
        """Let those who wait look again, because something else has changed."""
        with self._changed:
            self._changed.notify_all()

    def _settings(self, sourcetype: str) -> Mapping[str, str]:
        props = self._props()
        return {**props.get("default", {}), **props.get(sourcetype, {})}

    def _time(self, given: str | None, text: str, sourcetype: str, stanza: str) -> float:
        """`_time` of the event: `<time>`, after comparing it with the time in the text."""
        stated: float | None = None
        if given is not None:
            try:
                stated = float(given)
            except ValueError:
                self._fault("bad-time", stanza, f"<time> of an event of {sourcetype!r} is no number: {given[:40]!r}")
        props = self._settings(sourcetype)
        try:
            read = time_rule(props).read(text)
        except NoTime as why:
            self._fault("no-time-in-text", stanza, f"event of {sourcetype!r}: {why}")
            return self._clock.now() if stated is None else stated
        if stated is not None and abs(stated - read) > _TOLERANCE:
            where = f"event of {sourcetype!r}: <time> is {stated:.3f}, the text says {read:.3f}"
            self._fault("time-differs", stanza, where)
        time = read if stated is None else stated
        days = (self._clock.now() - time) / _DAY
        if (
            not -int(props.get("MAX_DAYS_HENCE", _MAX_DAYS_HENCE))
            <= days
            <= int(props.get("MAX_DAYS_AGO", _MAX_DAYS_AGO))
        ):
            self._fault(
                "time-refused", stanza, f"event of {sourcetype!r}: {days:.0f} days ago is outside of MAX_DAYS_…"
            )
        return time

    def _check_text(self, raw: RawEvent, sourcetype: str, stanza: str) -> None:
        """Would the pipeline break, merge or truncate it, or fail to read its JSON?"""
        props, text = self._settings(sourcetype), raw.fields["data"]
        limit = int(props.get("TRUNCATE", _TRUNCATE))
        size = len(text.encode())
        if limit and size > limit:
            self._fault("truncated", stanza, f"an event of {sourcetype!r} has {size} bytes, TRUNCATE is {limit}")
        pieces = [piece for piece in _broken(text, props.get("LINE_BREAKER", _LINE_BREAKER)) if piece]
        if len(pieces) != 1:
            self._fault("broken-event", stanza, f"LINE_BREAKER makes {len(pieces)} events of one of {sourcetype!r}")
        if props.get("SHOULD_LINEMERGE", "true").strip().lower() not in ("false", "0"):
            self._fault("merged-event", stanza, f"SHOULD_LINEMERGE is on for {sourcetype!r}: events could be merged")
        at_index = props.get("INDEXED_EXTRACTIONS", "").lower() == "json"
        at_search = props.get("KV_MODE", "auto").lower() in ("json", "auto")
        if at_index and at_search:
            self._fault("json-twice", stanza, f"JSON of {sourcetype!r} is extracted at index time and at search time")
        if at_index or props.get("KV_MODE", "").lower() == "json":
            try:
                _strict_json(text)
            except ValueError as why:
                self._fault("bad-json", stanza, f"an event of {sourcetype!r} is no JSON object: {why}")

    def _fault(self, kind: str, stanza: str, text: str) -> None:
        self._faults.add(kind, f"{stanza}: {text}")


def _broken(text: str, breaker: str) -> list[str]:
    """The pieces that LINE_BREAKER makes: its first group is thrown away, what is around it belongs to a piece."""
    pieces: list[str] = []
    start = 0
    for found in re.finditer(breaker, text):
        end, begin = found.span(1)
        pieces.append(text[start:end])
        start = begin
    return [*pieces, text[start:]]


def _strict_json(text: str) -> None:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("a key occurs twice in one object")
        return dict(pairs)

    def never(word: str) -> float:
        raise ValueError(f"{word} is not JSON")

    if not isinstance(json.loads(text, object_pairs_hook=once, parse_constant=never), dict):
        raise ValueError("it is another kind of value")
