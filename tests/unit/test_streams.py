"""What an answer with streams holds, and which edits move an activity's samples."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strava_collector.privacy import KEEP_ALL, STREAMS, Privacy, stream_keys
from strava_collector.sample_event import Collection, sample_events
from strava_collector.streams import PIECE, NoStreams, is_recorded, read_streams, stream_key
from tests.support.long_ride import SAMPLES, long_ride

COLLECTION = Collection(7, 134815, "2026-06-01T05:00:00Z", 1_780_293_700.25, "strava", "strava_webhook://club")
RIDE: dict[str, object] = {
    "id": 7,
    "name": "Ride",
    "start_date": "2026-06-01T05:00:00Z",
    "elapsed_time": 3600,
    "moving_time": 3500,
    "distance": 30_000.0,
    "upload_id": 99,
    "map": {"polyline": "abc", "summary_polyline": "a"},
    "has_heartrate": True,
    "device_watts": True,
}


def streams(**data: object) -> bytes:
    return json.dumps({name: {"data": values, "series_type": "time"} for name, values in data.items()}).encode()


def samples(body: bytes, privacy: Privacy = KEEP_ALL) -> list[dict[str, Any]]:
    return [sample for piece in read_streams(body, privacy).pieces() for sample in piece]


def test_each_point_in_time_is_a_sample_with_the_values_that_exist() -> None:
    body = streams(
        time=[0, 1, 5],
        latlng=[[47.1, 8.1], None, [47.2, 8.2]],
        heartrate=[120, None, 122],
        altitude=[400, 400.5, None],
        moving=[False, None, True],
    )

    assert samples(body) == [
        {"offset": 0, "lat": 47.1, "lon": 8.1, "altitude": 400, "heartrate": 120, "moving": False},
        {"offset": 1, "altitude": 400.5},
        {"offset": 5, "lat": 47.2, "lon": 8.2, "heartrate": 122, "moving": True},
    ]


def test_a_sample_becomes_an_event_that_begins_with_its_own_time() -> None:
    (first, second) = sample_events(COLLECTION, samples(streams(time=[0, 2], watts=[200, 201], moving=[True, True])))

    assert (first.time, second.time) == (1_780_290_000.0, 1_780_290_002.0)
    assert (first.sourcetype, first.index, first.source) == (
        "strava:activities:stream",
        "strava",
        "strava_webhook://club",
    )
    assert second.data == (
        '{"time":1780290002,"activity_id":7,"athlete_id":134815,"offset":2,"watts":201,"moving":true,'
        '"collected_at":1780293700.25}'
    )


def test_the_older_form_of_the_answer_is_read_too() -> None:
    body = json.dumps([{"type": "time", "data": [0, 1]}, {"type": "temp", "data": [14, 15]}]).encode()

    assert samples(body) == [{"offset": 0, "temp": 14}, {"offset": 1, "temp": 15}]


def test_what_has_no_time_is_no_sample_and_lists_of_another_length_are_named() -> None:
    found = read_streams(streams(time=[0, None, 2, -1], watts=[1, 2, 3, 4, 5], temp=[9]), KEEP_ALL)

    assert [sample for piece in found.pieces() for sample in piece] == [
        {"offset": 0, "watts": 1, "temp": 9},
        {"offset": 2, "watts": 3},
    ]
    assert len(found) == 2
    assert set(found.uneven) == {"watts", "temp"}


@pytest.mark.parametrize(
    "body",
    [b"{}", b"[]", streams(watts=[1, 2]), streams(time=[]), streams(time=["a", {}]), streams(time=[[0, 1], [1, 2]])],
)
def test_without_times_there_are_no_samples(body: bytes) -> None:
    assert len(read_streams(body, KEEP_ALL)) == 0


@pytest.mark.parametrize("body", [b'{"message":"x"}', b"1", b"null", b'"time"', b"[1]", b'{"time":[0,1]}'])
def test_what_is_no_set_of_streams_is_told_from_one_that_is_empty(body: bytes) -> None:
    with pytest.raises(NoStreams):
        read_streams(body, KEEP_ALL)


@pytest.mark.parametrize("value", ["x", {}, [], 10**30, -(10**30), [1, 2, 3], "1e999"])
def test_what_is_no_number_is_no_value(value: object) -> None:
    body = streams(time=[0], watts=[value], latlng=[[value, 8.0]]).replace(b'"1e999"', b"1e999")

    assert samples(body) == [{"offset": 0, "lon": 8.0}]


def test_what_is_to_be_left_out_is_neither_asked_for_nor_kept() -> None:
    body = streams(time=[0], latlng=[[47.0, 8.0]], heartrate=[120], watts=[200])

    assert samples(body, Privacy(location=True)) == [{"offset": 0, "heartrate": 120, "watts": 200}]
    assert samples(body, Privacy(health=True)) == [{"offset": 0, "lat": 47.0, "lon": 8.0, "watts": 200}]
    assert stream_keys(KEEP_ALL) == STREAMS
    assert set(STREAMS) - set(stream_keys(Privacy(location=True, health=True))) == {"latlng", "heartrate"}


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*STREAMS, "data", "type"]) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)
streams_of_anything = st.dictionaries(
    st.sampled_from(STREAMS),
    st.fixed_dictionaries({"data": json_values | st.lists(json_values, max_size=5)}),
    max_size=6,
)


@given(json_values | streams_of_anything)
def test_whatever_strava_answers_becomes_events_or_is_no_set_of_streams(value: object) -> None:
    try:
        found = samples(json.dumps(value).encode())
    except NoStreams:
        return
    for event in sample_events(COLLECTION, found):
        assert json.loads(event.data)["time"] == event.time


@given(st.binary(max_size=60))
def test_what_is_not_json_is_a_value_error(body: bytes) -> None:
    try:
        read_streams(body, KEEP_ALL)
    except ValueError:
        return


def test_eight_hours_never_hold_more_than_a_few_megabytes() -> None:
    body = long_ride()
    tracemalloc.start()
    try:
        found = read_streams(body, KEEP_ALL)
        parsed, while_parsing = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        largest = max(len(sample_events(COLLECTION, piece)) for piece in found.pieces())
        _, while_writing = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(found) == SAMPLES
    assert largest == PIECE
    # The text of the answer, the list of one stream, and what is packed; a list of dicts would take 25 MB.
    assert while_parsing < 9_000_000
    assert parsed < 3_500_000
    assert while_writing - parsed < 1_500_000


# Which edits move them.


@pytest.mark.parametrize(
    "edit",
    [
        {"start_date": "2026-06-01T05:00:01Z"},
        {"elapsed_time": 3601},
        {"moving_time": 3400},
        {"distance": 29_000.0},
        {"upload_id": 100},
        {"map": {"polyline": "abd", "summary_polyline": "a"}},
        {"has_heartrate": False},
        {"device_watts": False},
        {"total_elevation_gain": 12.0},
    ],
)
def test_an_edit_that_moves_the_samples_changes_the_key(edit: dict[str, object]) -> None:
    assert stream_key({**RIDE, **edit}, KEEP_ALL, "strava") != stream_key(RIDE, KEEP_ALL, "strava")


def test_so_do_settings_that_leave_something_out_and_another_index() -> None:
    keys = [
        stream_key(RIDE, privacy, index)
        for privacy, index in [
            (KEEP_ALL, "strava"),
            (Privacy(location=True), "strava"),
            (Privacy(health=True), "strava"),
            (KEEP_ALL, "other"),
        ]
    ]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    "edit", [{"name": "Évening"}, {"gear_id": "b1"}, {"private": True}, {"kudos_count": 3}, {"sport_type": "Walk"}]
)
def test_any_other_edit_leaves_it(edit: dict[str, object]) -> None:
    assert stream_key({**RIDE, **edit}, KEEP_ALL, "strava") == stream_key(RIDE, KEEP_ALL, "strava")


@pytest.mark.parametrize("route", [None, [], "x", {"polyline": None}, {"polyline": {}}, {}])
def test_a_key_can_be_made_of_anything(route: object) -> None:
    assert len(stream_key({**RIDE, "map": route, "distance": "far"}, KEEP_ALL, "strava")) == 32


def test_a_text_only_setting_does_not_touch_samples() -> None:
    assert stream_key(RIDE, Privacy(text=True), "strava") == stream_key(RIDE, KEEP_ALL, "strava")


def test_what_somebody_typed_in_has_no_samples() -> None:
    assert not is_recorded({**RIDE, "manual": True})
    assert is_recorded({**RIDE, "manual": False})
    assert is_recorded(RIDE)
