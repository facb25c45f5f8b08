"""The content that the stand-in invents for activities."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.strava.accounts import Accounts
from sandbox.strava.activities import KINDS, Activity, ActivityBook, epoch
from sandbox.strava.activity_json import detail, route_of, summary
from sandbox.strava.route import decode_polyline, encode_polyline
from sandbox.strava.streams import STREAM_KEYS, streams
from tests.support.clock import VirtualClock

SEED = 3


def recorded(kind: str, **more: Any) -> Activity:
    athlete = Accounts(SEED).add_athlete("Zoë", "Müller-O'Neill")
    settings: dict[str, Any] = {
        "title": None,
        "start_date": "2026-06-01T05:00:00Z",
        "private": False,
        "activity_id": None,
        "device_name": None,
        "description": None,
        "not_found_requests": 0,
        "not_found_seconds": 0.0,
        **more,
    }
    return ActivityBook(VirtualClock(), SEED).record(athlete, kind, **settings)


def fetched(activity: Activity, *, all_efforts: bool = True) -> dict[str, Any]:
    return detail(activity, SEED, route_of(activity, SEED), all_efforts=all_efforts)


def size_in_kilobytes(content: object) -> float:
    return len(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()) / 1_000


@pytest.mark.parametrize(
    ("kind", "kilobytes"), [("walk", 20), ("run", 60), ("ride", 180), ("long_ride", 500), ("manual", 2)]
)
def test_a_kind_of_activity_has_its_size(kind: str, kilobytes: int) -> None:
    assert size_in_kilobytes(fetched(recorded(kind))) == pytest.approx(kilobytes, rel=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_activity_looks_the_same_on_every_fetch(kind: str) -> None:
    assert fetched(recorded(kind)) == fetched(recorded(kind))


def test_an_edit_changes_what_was_edited_and_nothing_else() -> None:
    activity = recorded("run")
    before = fetched(activity)
    activity.title = "Another title"
    after = fetched(activity)
    assert {key for key in before if before[key] != after[key]} == {"name"}


def test_a_detailed_activity_has_the_keys_that_strava_documents() -> None:
    content = fetched(recorded("run"))
    assert content["resource_state"] == 3
    assert content["athlete"] == {"id": recorded("run").athlete.id, "resource_state": 1}
    for key in ("segment_efforts", "splits_metric", "splits_standard", "laps", "best_efforts"):
        assert content[key], key
    assert content["map"]["polyline"]
    assert content["map"]["summary_polyline"]
    assert content["photos"]["primary"]["urls"]
    assert content["gear"]["id"] == content["gear_id"]
    assert content["device_name"] == "Garmin Edge 840"
    assert "updated_at" not in content


def test_a_summary_lacks_the_long_parts() -> None:
    content = summary(recorded("long_ride"), SEED)
    assert content["resource_state"] == 2
    assert not {"segment_efforts", "splits_metric", "laps", "description"} & set(content)
    assert size_in_kilobytes(content) < 5


def test_a_summary_tells_the_same_as_the_detail() -> None:
    activity = recorded("ride")
    short, long = summary(activity, SEED), fetched(activity)
    assert {key for key in short if short[key] != long[key]} == {"resource_state", "map"}
    assert short["map"]["summary_polyline"] == long["map"]["summary_polyline"]  # type: ignore[index]  # an object


def test_segment_efforts_are_complete_only_on_demand() -> None:
    activity = recorded("ride")
    assert len(fetched(activity, all_efforts=False)["segment_efforts"]) < len(fetched(activity)["segment_efforts"])


def test_names_hold_everything_that_names_can_hold() -> None:
    text = json.dumps(fetched(recorded("ride")), ensure_ascii=False)
    for part in ("🚵", "坂道", "الطريق", '\\"Wall\\"', "<nord>", "& tillbaka", "\\\\slash"):
        assert part in text


def test_local_time_wears_a_false_z() -> None:
    content = fetched(recorded("walk"))
    assert content["start_date"] == "2026-06-01T05:00:00Z"
    assert content["start_date_local"] == "2026-06-01T07:00:00Z"
    assert content["utc_offset"] == 7200.0


def test_an_id_above_2_to_the_53_stays_exact() -> None:
    assert fetched(recorded("walk", activity_id=2**53 + 1))["id"] == 9_007_199_254_740_993


def test_the_polyline_leads_round_and_back_to_the_start() -> None:
    activity = recorded("ride")
    points = decode_polyline(fetched(activity)["map"]["polyline"])
    assert len(points) == activity.shape.points
    assert points[0] == pytest.approx(points[-1], abs=1e-4)
    assert points[0] == pytest.approx((activity.athlete.latitude, activity.athlete.longitude), abs=1e-4)


def test_polylines_are_encoded_as_google_documents_it() -> None:
    points = [(38.5, -120.2), (40.7, -120.95), (43.252, -126.453)]
    assert encode_polyline(points) == "_p~iF~ps|U_ulLnnqC_mqNvxq`@"
    assert decode_polyline("_p~iF~ps|U_ulLnnqC_mqNvxq`@") == points


def test_streams_have_one_sample_per_second_of_movement() -> None:
    activity = recorded("walk")
    found = streams(activity, SEED, route_of(activity, SEED), STREAM_KEYS)
    assert {len(stream["data"]) for stream in found.values()} == {3_000}  # type: ignore[arg-type]  # lists
    assert "latlng" in found
    assert "watts" not in found


def test_another_title_changes_nothing_in_the_streams() -> None:
    activity = recorded("run")
    before = streams(activity, SEED, route_of(activity, SEED), STREAM_KEYS)
    activity.title, activity.type, activity.start_date = "Another title", "Ride", activity.start_date + 60
    assert streams(activity, SEED, route_of(activity, SEED), STREAM_KEYS) == before


def test_a_cropped_activity_is_shorter_in_everything() -> None:
    activity = recorded("long_ride", seconds=28_800)
    found = streams(activity, SEED, route_of(activity, SEED), STREAM_KEYS)
    assert {len(stream["data"]) for stream in found.values()} == {28_800}  # type: ignore[arg-type]  # lists
    assert set(found) == set(STREAM_KEYS)
    assert summary(activity, SEED)["moving_time"] == 28_800
    assert summary(activity, SEED)["distance"] == 198_720.0
    assert len(fetched(activity)["splits_metric"]) == 199


def test_a_swim_indoors_has_no_place() -> None:
    activity = recorded("swim")
    content = fetched(activity)
    assert content["start_latlng"] == []
    assert content["map"]["polyline"] == ""
    assert "latlng" not in streams(activity, SEED, route_of(activity, SEED), STREAM_KEYS)


def test_a_start_date_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        epoch("2026-06-01T05:00:00")
