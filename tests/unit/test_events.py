"""Events begin with their time, keep what Strava sent, and survive XML and Splunk's limits."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strava_collector.events import (
    ACTIVITY_SOURCETYPE,
    WEBHOOK_SOURCETYPE,
    NoStartDate,
    Tombstone,
    activity_event,
    encode,
    epoch,
    notification_event,
    start_date,
    tombstone_event,
)

ARRIVAL = 1_714_545_000.0

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


def event_of(activity: dict[str, object]) -> str:
    return activity_event(
        activity,
        start=start_date(activity),
        collected_at=ARRIVAL,
        reason="webhook",
        input_name="club",
        index="strava",
        source="strava_webhook://club",
    ).data


def test_an_activity_begins_with_its_start_and_carries_its_time() -> None:
    activity = {"id": 7, "name": "Morning Ride", "start_date": "2024-05-01T06:30:00Z"}
    event = activity_event(
        activity,
        start=start_date(activity),
        collected_at=ARRIVAL,
        reason="webhook",
        input_name="club",
        index="strava",
        source="strava_webhook://club",
    )
    assert event.data.startswith('{"start_date":"2024-05-01T06:30:00Z",')
    assert event.time == 1_714_545_000.0
    assert (event.sourcetype, event.index, event.source) == (
        ACTIVITY_SOURCETYPE,
        "strava",
        "strava_webhook://club",
    )


def test_all_of_stravas_keys_are_kept_and_ours_are_added() -> None:
    activity = {
        "id": 2**60,
        "start_date": "2024-05-01T06:30:00Z",
        "gear": None,
        "map": {"polyline": "x" * 900},
    }
    fields = json.loads(event_of(activity))
    assert fields == {**activity, "collected_at": ARRIVAL, "collected_by": "webhook", "input": "club"}


def test_short_scalars_come_before_arrays_and_polylines_whatever_their_order_at_strava() -> None:
    activity = {
        "map": {"polyline": "x" * 50_000},
        "laps": [{"id": 1}] * 40,
        "description": "long " * 100,
        "start_date": "2024-05-01T06:30:00Z",
        "distance": 40_123.4,
        "athlete": {"id": 3},
        "name": "Ride",
    }
    keys = list(json.loads(event_of(activity)))
    assert keys == [
        "start_date", "distance", "name", "collected_at", "collected_by", "input",
        "athlete", "laps", "description", "map",
    ]  # fmt: skip


def test_a_text_is_short_if_its_bytes_are_few() -> None:
    activity = {"start_date": "2024-05-01T06:30:00Z", "name": "🚵" * 200, "id": 7, "athlete": {"id": 3}}
    assert list(json.loads(event_of(activity)))[-2:] == ["athlete", "name"]


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("2024-05-01T06:30:00Z", "2024-05-01T06:30:00Z"),
        ("2024-05-01T08:30:00+02:00", "2024-05-01T06:30:00Z"),
        ("2024-05-01T06:30:00.250Z", "2024-05-01T06:30:00Z"),
        ("0999-01-01T00:00:00Z", "0999-01-01T00:00:00Z"),
    ],
)
def test_the_start_is_brought_to_one_form(written: str, canonical: str) -> None:
    assert start_date({"start_date": written}) == canonical


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        "",
        12,
        "2024-05-01",
        "2024-13-01T00:00:00Z",
        "2024-05-01T06:30:00Z\n",
        "0001-01-01T00:00:00+01:00",
    ],
)
def test_an_activity_without_a_readable_start_has_no_place(nonsense: object) -> None:
    with pytest.raises(NoStartDate):
        start_date({"start_date": nonsense})


def test_a_tombstone_stands_where_the_activity_stood() -> None:
    event = tombstone_event(Tombstone(7, 3, "2024-05-01T06:30:00Z", ARRIVAL, "i"), source="s")
    assert event.data == (
        '{"start_date":"2024-05-01T06:30:00Z","id":7,"athlete":{"id":3},"deleted":true,"collected_at":1714545000.0}'
    )
    assert event.time == epoch("2024-05-01T06:30:00Z")


def test_a_notification_is_recorded_as_received_plus_when() -> None:
    body = {
        "aspect_type": "update",
        "event_time": 1_714_544_990,
        "updates": {"title": "Messy"},
        "new_field": [1],
    }
    event = notification_event(body, event_time=1_714_544_990, received_at=ARRIVAL, index="i", source="s")
    assert event.data.startswith('{"event_time":1714544990,')
    assert json.loads(event.data) == {**body, "received_at": ARRIVAL}
    assert (event.time, event.sourcetype) == (1_714_544_990.0, WEBHOOK_SOURCETYPE)


@pytest.mark.parametrize("forged", [0, 2**62, int(ARRIVAL) + 200_000])
def test_a_notification_time_that_splunk_would_refuse_is_kept_beside_the_time_of_arrival(forged: int) -> None:
    event = notification_event({"event_time": forged}, event_time=forged, received_at=ARRIVAL, index="i", source="s")
    fields = json.loads(event.data)
    assert fields["event_time"] == int(ARRIVAL) == event.time
    assert fields["claimed_event_time"] == forged


@given(json_values)
def test_any_json_survives_xml_on_one_line(value: object) -> None:
    text = encode(value)
    element = ET.Element("data")
    element.text = text
    assert ET.fromstring(ET.tostring(element)).text == text
    assert json.loads(text) == value
    assert len(text.splitlines()) == 1


def test_a_number_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError):
        encode({"distance": float("inf")})
