"""The sandbox reads the events of an input strictly: each way to get the XML wrong is found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.splunkd.event_stream import BrokenStream, EventStream, RawEvent

EVENT = (
    '<event stanza="toy://one" unbroken="1"><time>1780293600.000</time><source>toy://one</source>'
    "<sourcetype>toy</sourcetype><index>rides</index><host>here</host>"
    "<data>{&quot;name&quot;:&quot;Zürich &amp; back&quot;}</data><done/></event>"
)


def read(*pieces: str | bytes) -> list[RawEvent]:
    """Everything that a stream of these pieces delivers; closed at the end."""
    events: list[RawEvent] = []
    stream = EventStream(events.append)
    for piece in pieces:
        stream.feed(piece if isinstance(piece, bytes) else piece.encode())
    stream.close()
    return events


def broken(*pieces: str | bytes) -> str:
    with pytest.raises(BrokenStream) as caught:
        read(*pieces)
    return caught.value.kind


def test_an_event_is_delivered_with_everything_it_says() -> None:
    (event,) = read(f"<stream>{EVENT}</stream>")
    assert event.attributes == {"stanza": "toy://one", "unbroken": "1"}
    assert event.fields["time"] == "1780293600.000"
    assert event.fields["data"] == '{"name":"Zürich & back"}'


def test_an_event_is_delivered_as_soon_as_it_is_complete() -> None:
    events: list[RawEvent] = []
    stream = EventStream(events.append)
    stream.feed(f"<stream>{EVENT[:-1]}".encode())
    assert events == []
    stream.feed(EVENT[-1:].encode())
    assert len(events) == 1


@given(st.lists(st.integers(1, 40), max_size=30))
def test_pieces_of_any_size_give_the_same_events(sizes: list[int]) -> None:
    text = f"<stream>{EVENT}{EVENT}</stream><stream>{EVENT}</stream>".encode()
    pieces: list[bytes] = []
    for size in sizes:
        pieces.append(text[:size])
        text = text[size:]
    assert len(read(*pieces, text)) == 3


def test_documents_may_follow_each_other_with_white_space_between() -> None:
    assert len(read(f"<stream>{EVENT}</stream>\n<stream>\n{EVENT}\n</stream>\n")) == 2


def test_no_output_at_all_is_fine() -> None:
    assert read() == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("<stream>a print that went astray<event>", "stray-text"),
        (f"DEBUG a line before it<stream>{EVENT}</stream>", "stray-text"),
        (EVENT.replace("<time>", "text<time>"), "unknown-element"),
        (f"<stream>{EVENT.replace('<time>', 'text<time>')}</stream>", "stray-text"),
        (f"<stream>{EVENT.replace('<done/>', '<done>yes</done>')}</stream>", "stray-text"),
        (f"<stream>{EVENT.replace('&amp;', '&')}</stream>", "broken-xml"),
        (f"<stream>{EVENT}</event></stream>", "broken-xml"),
        (f"<stream>{EVENT.replace('host>', 'hots>')}</stream>", "unknown-element"),
        (f"<stream>{EVENT.replace('<host>here</host>', '<index>main</index>')}</stream>", "repeated-element"),
        (f"<stream>{EVENT.replace('unbroken', 'whole')}</stream>", "unknown-attribute"),
        ("<stream>" + EVENT.replace("<host>", '<host kind="x">') + "</stream>", "unknown-element"),
        (f"<stream>{EVENT.replace('here', '<b>here</b>')}</stream>", "unknown-element"),
        (f"<stream>{EVENT.replace('<done/>', '')}</stream>", "not-done"),
        ("<stream><event><time>1</time><done/></event></stream>", "no-data"),
        ("<events></events>", "unknown-element"),
        (f"<stream><!-- note -->{EVENT}</stream>", "unknown-element"),
        (f"<stream>{EVENT}</stream><?xml version='1.0'?>", "broken-xml"),
        (f"<stream>{EVENT}", "not-closed"),
        (f"<stream>{EVENT}{EVENT[:100]}", "cut-off"),
        (f"<stream>{EVENT}<even", "cut-off"),
        ("<str", "cut-off"),
    ],
)
def test_what_is_not_as_it_must_be_has_a_name(text: str, kind: str) -> None:
    assert broken(text) == kind


def test_bytes_that_are_not_utf_8_break_the_stream() -> None:
    assert broken(b"<stream><event><data>\xff\xfe</data>") == "broken-xml"


def test_a_control_character_breaks_the_stream() -> None:
    assert broken(b"<stream><event><data>\x01</data>") == "broken-xml"


def test_a_broken_stream_says_where() -> None:
    with pytest.raises(BrokenStream, match=r"byte \d+ of \d+"):
        read("<stream>&nonsense;</stream>")
