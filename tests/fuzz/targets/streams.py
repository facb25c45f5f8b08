"""Strava's answer to the question for an activity's streams.

It is samples, or :class:`NoStreams`, or no JSON. The samples are those that a plain reading of the answer finds, value
by value, although they are packed on the way; each becomes an event at its own second, and splunkd gets it as it is.
"""

from __future__ import annotations

import json
import math
from typing import Any, Optional

from strava_collector.privacy import KEEP_ALL, STREAMS, Privacy
from strava_collector.sample_event import Collection, sample_events
from strava_collector.streams import LONGEST, NoStreams, Streams, read_streams
from tests.fuzz.answers import answer_of
from tests.fuzz.reading import written
from tests.fuzz.target import Target

_START = 1_714_545_000
_COLLECTION = Collection(7, 8, "2024-05-01T06:30:00Z", _START + 0.25, "strava", "strava_webhook://club")
#: Says that there is no value where samples are packed, and is none that an athlete could have.
_NOTHING = -(2**63)
#: More events are written by no input of a handy size, and would only be slow.
_MOST_WRITTEN = 50


def _check(data: bytes) -> str:
    body = answer_of(data).body
    try:
        streams = read_streams(body, KEEP_ALL)
    except NoStreams:
        return "no streams"
    except (ValueError, RecursionError):
        return "not JSON"
    found = [sample for piece in streams.pieces() for sample in piece]
    assert len(found) == len(streams)
    _check_values(body, found)
    _check_left_out(read_streams(body, Privacy(location=True, health=True)))
    events = sample_events(_COLLECTION, found)
    for event, sample in zip(events, found):
        assert event.time == _START + sample["offset"]
        content = json.loads(event.data)
        assert event.data.startswith(f'{{"time":{_START + int(sample["offset"])},"activity_id":7,"athlete_id":8,')
        assert {key: content[key] for key in sample} == dict(sample)
    assert written(*events[:_MOST_WRITTEN]) == events[:_MOST_WRITTEN]
    return "samples" if found else "no samples"


def _check_left_out(streams: Streams) -> None:
    assert not {"lat", "lon", "latlng", "heartrate"} & set(streams.columns)


def _check_values(body: bytes, found: list[Any]) -> None:
    """Compare with a reading that packs nothing."""
    told = json.loads(body)
    if isinstance(told, list):
        told = {str(one.get("type")): one for one in told if _is_stream(one)}
    lists = {name: told[name]["data"] for name in STREAMS if name in told and _is_stream(told[name])}
    if any(_is_stream(one) for values in lists.values() for one in values):
        return  # streams within streams: the parser takes them apart before anybody sees them
    times = lists.pop("time", [])
    if any(isinstance(time, (bool, list)) for time in times):
        assert found == []
        return
    numbers = [_number(time) for time in times]
    at = [place for place, time in enumerate(numbers) if time is not None and 0 <= time <= LONGEST]
    assert [sample["offset"] for sample in found] == [int(numbers[place] or 0) for place in at]
    for name, values in lists.items():
        if name == "latlng" or any(isinstance(value, (bool, list)) for value in values):
            continue
        # Beside other numbers a whole one is one of them, with their 53 bits.
        kind = float if any(type(value) is float for value in values) else int
        for sample, place in zip(found, at):
            number = _number(values[place]) if place < len(values) else None
            expected = None if number in (None, _NOTHING) else kind(number or 0)
            assert sample.get(name) == expected, (name, place)


def _is_stream(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("data"), list)


def _number(value: Any) -> Optional[float]:
    if type(value) is int:
        return value if abs(value) < 2**63 else None
    return value if type(value) is float and math.isfinite(value) else None


TARGET = Target(
    name="streams",
    check=_check,
    ends=frozenset({"no streams", "not JSON", "no samples", "samples"}),
    words=(
        *(b'"time"', b'"latlng"', b'"heartrate"', b'"watts"', b'"moving"', b'"altitude"', b'"data"', b'"type"'),
        *(b'{"data": [0, 1, 2]}', b'{"data": [[47.0, 8.0], [47.1, 8.1]]}', b"34560000", b"34560001", b"1e300"),
        *(b'"original_size"', b'"series_type": "distance"', b"true", b"false", b"null"),
    ),
)
