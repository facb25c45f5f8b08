"""Events as splunklib writes them for splunkd."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from splunklib import modularinput

from strava_collector.events import Event, encode
from strava_collector.splunk_output import SplunkOutput


def event_of(data: str) -> Event:
    return Event(1_780_293_600.5, "strava:activities", "strava", "strava_webhook://main", data)


def written(*events: Event) -> ElementTree.Element:
    out = io.StringIO()
    output = SplunkOutput(modularinput.EventWriter(out, io.StringIO()))
    for event in events:
        output.write(event)
    assert output.close(5)
    return ElementTree.fromstring(out.getvalue())


def test_an_event_says_where_it_belongs_and_is_complete() -> None:
    (event,) = written(event_of('{"id":1}'))

    assert event.attrib == {"stanza": "strava_webhook://main", "unbroken": "1"}
    assert {child.tag: child.text for child in event} == {
        "time": "1780293600.500",
        "source": "strava_webhook://main",
        "sourcetype": "strava:activities",
        "index": "strava",
        "data": '{"id":1}',
        "done": None,
    }


def test_events_share_one_stream() -> None:
    assert [event.findtext("data") for event in written(event_of("1"), event_of("2"))] == ["1", "2"]


#: All of Unicode, lone surrogates too.
json_values: st.SearchStrategy[Any] = st.dictionaries(
    st.text(st.characters()), st.text(st.characters(exclude_categories=())) | st.integers()
)


@given(json_values)
def test_whatever_strava_sends_arrives_as_it_was_encoded(value: dict[str, object]) -> None:
    text = encode(value)

    (event,) = written(event_of(text))

    assert event.findtext("data") == text


@given(st.lists(json_values, max_size=5), st.sampled_from(["club", "Vélo & <Co>"]))
def test_events_that_are_written_together_are_written_as_each_would_be_alone(
    values: list[dict[str, object]], name: str
) -> None:
    events = [
        Event(1_780_293_600.0 + number / 8, f"strava:{number % 2}", "strava", f"strava_webhook://{name}", encode(value))
        for number, value in enumerate(values)
    ]
    together, alone = io.StringIO(), io.StringIO()
    SplunkOutput(modularinput.EventWriter(together, io.StringIO())).write_all(events)
    one_by_one = SplunkOutput(modularinput.EventWriter(alone, io.StringIO()))
    for event in events:
        one_by_one.write(event)

    assert together.getvalue().removeprefix("<stream>") == alone.getvalue().removeprefix("<stream>")


class Pipe(io.StringIO):
    """Counts what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def write(self, text: str) -> int:
        self.calls.append("write")
        return super().write(text)

    def flush(self) -> None:
        self.calls.append("flush")


def test_a_piece_costs_one_write_and_one_flush() -> None:
    pipe = Pipe()
    output = SplunkOutput(modularinput.EventWriter(pipe, io.StringIO()))
    output.write_all([event_of("0")])
    pipe.calls.clear()
    output.write_all([event_of(str(number)) for number in range(500)])

    assert pipe.calls == ["write", "flush"]


@pytest.fixture
def full_pipe() -> Iterator[io.TextIOWrapper]:
    """The writing end of a pipe that nobody reads and that takes nothing more."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(writing, b"x" * 65_536)
    os.set_blocking(writing, True)
    stream = os.fdopen(writing, "w")
    yield stream
    os.close(reading)  # whoever hangs in the pipe is released with an error
    with suppress(OSError):
        stream.close()


def test_the_end_does_not_wait_for_a_pipe_that_nobody_reads(full_pipe: io.TextIOWrapper) -> None:
    writer = modularinput.EventWriter(full_pipe, io.StringIO())
    writer.header_written = True

    assert not SplunkOutput(writer).close(0.05)


def test_splunklib_does_not_end_the_stream_twice() -> None:
    out = io.StringIO()
    writer = modularinput.EventWriter(out, io.StringIO())
    output = SplunkOutput(writer)
    output.write(event_of("1"))

    assert output.close(5)
    writer.close()

    assert out.getvalue().count("</stream>") == 1
