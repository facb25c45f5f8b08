"""The sandbox's index judges events as splunkd's pipeline would, by the add-on's own props.conf."""

from __future__ import annotations

import threading

import pytest

from sandbox.patience import patience
from sandbox.splunkd.event_stream import RawEvent
from sandbox.splunkd.faults import Faults
from sandbox.splunkd.index import Event, Index
from tests.support.clock import START, VirtualClock

STANZA = "toy://one"
PROPS = {
    "SHOULD_LINEMERGE": "false",
    "TRUNCATE": "0",
    "TIME_PREFIX": r'^\{"at":"',
    "TIME_FORMAT": "%Y-%m-%dT%H:%M:%SZ",
    "TZ": "UTC",
    "MAX_TIMESTAMP_LOOKAHEAD": "20",
    "KV_MODE": "json",
}
TEXT = '{"at":"2026-06-01T06:00:00Z","id":1}'


class Bench:
    """An index with one sourcetype, `toy`, and one index, `rides`."""

    def __init__(self, **props: str) -> None:
        self.faults = Faults()
        self.clock = VirtualClock()
        settings = {**PROPS, **props}
        self.index = Index(
            props=lambda: {"toy": settings},
            indexes=lambda: {"rides", "main"},
            faults=self.faults,
            clock=self.clock,
        )

    def add(self, text: str = TEXT, time: str | None = f"{START:.3f}", **fields: str) -> None:
        given = {"data": text, "sourcetype": "toy", "index": "rides", **fields}
        if time is not None:
            given["time"] = time
        self.index.add(RawEvent({"unbroken": "1"}, given, done=True), STANZA, {"host": "here"})

    def kinds(self) -> list[str]:
        return [fault.kind for fault in self.faults.all()]


def test_a_correct_event_is_kept_with_its_own_time() -> None:
    bench = Bench()
    bench.add()
    assert bench.kinds() == []
    (event,) = bench.index.events()
    assert (event.index, event.sourcetype, event.host, event.stanza) == ("rides", "toy", "here", STANZA)
    assert event.time == START
    assert event.json["id"] == 1


def test_an_event_without_a_source_has_its_stanza_as_source() -> None:
    bench = Bench()
    bench.add()
    assert bench.index.events(source=STANZA)


def test_an_event_for_an_index_that_does_not_exist_is_lost() -> None:
    bench = Bench()
    bench.add(index="nowhere")
    assert bench.kinds() == ["unknown-index"]
    assert bench.index.events() == []


def test_an_event_may_not_speak_for_another_stanza() -> None:
    bench = Bench()
    bench.index.add(RawEvent({"stanza": "toy://two"}, {"data": TEXT, "sourcetype": "toy"}, done=True), STANZA, {})
    assert bench.kinds() == ["foreign-stanza"]


def test_a_time_in_the_text_that_differs_is_found() -> None:
    bench = Bench()
    bench.add(time=f"{START + 0.001:.3f}")
    assert bench.kinds() == ["time-differs"]


def test_without_a_time_of_its_own_the_text_tells_it() -> None:
    bench = Bench()
    bench.add(time=None)
    assert bench.kinds() == []
    assert bench.index.events()[0].time == START


def test_a_time_that_is_no_number_is_found() -> None:
    bench = Bench()
    bench.add(time="yesterday")
    assert bench.kinds() == ["bad-time"]


@pytest.mark.parametrize(
    "props",
    [
        {"TIME_PREFIX": "^never"},
        {"MAX_TIMESTAMP_LOOKAHEAD": "19"},
        {"TIME_FORMAT": ""},
        {"TIME_FORMAT": "%d.%m.%Y"},
        {"TZ": ""},
        {"TZ": "Mars/Olympus"},
        {"DATETIME_CONFIG": "NONE"},
        {"TIME_PREFIX": "("},
    ],
)
def test_settings_that_do_not_find_the_time_are_found(props: dict[str, str]) -> None:
    bench = Bench(**props)
    bench.add()
    assert bench.kinds() == ["no-time-in-text"]


@pytest.mark.parametrize(
    ("wanted", "written", "time"),
    [
        ("%s", "1780293600", 1780293600.0),
        ("%s.%3N", "1780293600.250", 1780293600.25),
        ("%s.%6N", "1780293600.250001", 1780293600.250001),
        ("%Y-%m-%dT%H:%M:%S%z", "2026-06-01T08:00:00+02:00", START),
        ("%d %b %Y %T %Z", "1 Jun 2026 06:00:00 GMT", START),
        ("%F %H:%M", "2026-06-01 06:00", START),
    ],
)
def test_formats_are_read_as_splunk_reads_them(wanted: str, written: str, time: float) -> None:
    bench = Bench(TIME_FORMAT=wanted, MAX_TIMESTAMP_LOOKAHEAD="40")
    bench.add(f'{{"at":"{written}"}}', time=None)
    assert bench.kinds() == []
    assert bench.index.events()[0].time == pytest.approx(time, abs=1e-6)


def test_a_date_that_does_not_exist_is_no_time() -> None:
    bench = Bench()
    bench.add('{"at":"2026-02-30T06:00:00Z"}')
    assert bench.kinds() == ["no-time-in-text"]


def test_a_time_before_max_days_ago_is_refused() -> None:
    bench = Bench()
    bench.clock.advance(2001 * 86_400)
    bench.add()
    assert bench.kinds() == ["time-refused"]


def test_a_time_after_max_days_hence_is_refused() -> None:
    bench = Bench()
    bench.clock.set_wall(START - 3 * 86_400)
    bench.add()
    assert bench.kinds() == ["time-refused"]


def test_a_longer_text_than_truncate_allows_is_found() -> None:
    bench = Bench(TRUNCATE=str(len(TEXT) - 1))
    bench.add()
    assert bench.kinds() == ["truncated"]


def test_truncate_counts_bytes_up_to_the_limit() -> None:
    bench = Bench(TRUNCATE=str(len(TEXT)))
    bench.add()
    assert bench.kinds() == []


def test_a_line_break_within_an_event_would_make_two_of_it() -> None:
    bench = Bench()
    bench.add(TEXT.replace(",", ",\n"))
    assert bench.kinds() == ["broken-event"]


def test_line_merging_must_be_off() -> None:
    bench = Bench(SHOULD_LINEMERGE="true")
    bench.add()
    assert bench.kinds() == ["merged-event"]


@pytest.mark.parametrize("text", [TEXT[:-1], TEXT.replace("1}", "NaN}"), TEXT.replace("id", "at")])
def test_json_that_is_none_is_found(text: str) -> None:
    bench = Bench()
    bench.add(text)
    assert bench.kinds() == ["bad-json"]


def test_json_may_be_extracted_only_once() -> None:
    bench = Bench(INDEXED_EXTRACTIONS="json")
    bench.add()
    assert bench.kinds() == ["json-twice"]


def test_waiting_ends_with_the_event_that_was_waited_for() -> None:
    bench = Bench()

    def third(events: list[Event]) -> bool:
        return len(events) == 3

    def add_three() -> None:
        for _ in range(3):
            bench.add()

    adding = threading.Thread(target=add_three)
    adding.start()
    assert bench.index.wait_for(third, seconds=patience(60))
    adding.join()


def test_waiting_for_what_never_comes_ends_too() -> None:
    assert not Bench().index.wait_for(bool, seconds=0.01)
