"""The made-up training is believable, agrees with itself, and reaches the index as real training would."""

from __future__ import annotations

import configparser
import json
import math
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sandbox import training
from sandbox.splunkd.event_stream import RawEvent
from sandbox.splunkd.faults import Faults
from sandbox.splunkd.index import Index
from sandbox.strava import activity_json
from sandbox.strava.accounts import Accounts
from sandbox.strava.activities import ActivityBook
from sandbox.strava.exchange import JsonObject
from sandbox.strava.route import decode_polyline
from sandbox.training import __main__ as write_files
from sandbox.training import files
from sandbox.training.activity_json import DETAIL_ONLY
from sandbox.training.diary import DAYS as TWO_YEARS
from sandbox.training.diary import diary, people
from sandbox.training.person import Day
from strava_collector.events import Event
from tests.support.clock import VirtualClock

ROOT = Path(__file__).resolve().parents[2]
TODAY = datetime(2026, 6, 10, 18, tzinfo=timezone.utc)
#: From January on: a marathon, a triathlon, holidays in other zones, the changes of three towns' clocks.
DAYS = 160
ADDED = {"collected_at", "collected_by", "input"}

Activity = dict[str, Any]


@pytest.fixture(scope="module")
def history() -> training.History:
    return training.history(TODAY, days=DAYS, samples=1)


@pytest.fixture(scope="module")
def truths(history: training.History) -> dict[int, Activity]:
    return dict(history.activities)


@pytest.fixture(scope="module")
def activities(truths: dict[int, Activity]) -> list[Activity]:
    return list(truths.values())


@pytest.fixture(scope="module")
def written(history: training.History) -> dict[str, list[Activity]]:
    """What was written, by sourcetype, each with its time."""
    found: dict[str, list[Activity]] = defaultdict(list)
    for event in history.events:
        found[event.sourcetype].append({**json.loads(event.data), "_time": event.time})
    return found


@pytest.fixture(scope="module")
def versions(written: dict[str, list[Activity]]) -> dict[int, list[Activity]]:
    """What was written of each activity, in the order of writing."""
    found: dict[int, list[Activity]] = defaultdict(list)
    for version in written["strava:activities"]:
        found[version["id"]].append(version)
    return found


def pairwise(values: Sequence[Any]) -> Iterable[tuple[Any, Any]]:
    return zip(values, values[1:])


def epoch(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


# The history.


def test_the_same_day_and_seed_give_the_same_history_and_others_another() -> None:
    def week(seed: int) -> list[tuple[int, int, JsonObject]]:
        entries = diary(people()[0], TODAY, seed, days=7)
        return [(one.activity_id, round(one.uploaded_at * 1000), one.detail) for one in entries]

    assert week(1) == week(1)
    assert week(1) != week(2)


def test_a_shorter_history_is_collected_the_same_way_each_time() -> None:
    def day() -> list[Event]:
        return training.events(TODAY, days=1, samples=1)

    assert day() == day()


def test_nothing_happens_after_today_and_something_just_before(
    history: training.History, activities: list[Activity]
) -> None:
    now = TODAY.timestamp()
    assert all(event.time <= now for event in history.events)
    newest = {activity["athlete"]["id"]: activity["start_date"] for activity in activities}
    assert len(newest) == 3
    assert all(now - epoch(start) < 4 * 86_400 for start in newest.values())


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        training.history(TODAY.replace(tzinfo=None))


@pytest.mark.parametrize("renamed", [False, True])
def test_splunk_would_accept_each_event_under_its_own_sourcetype_and_as_an_upload(
    history: training.History, *, renamed: bool
) -> None:
    props = configparser.RawConfigParser(delimiters="=", comment_prefixes="#")
    props.optionxform = str  # type: ignore[assignment,method-assign]  # keys of conf files are case-sensitive
    props.read(ROOT / "package" / "default" / "props.conf")
    stanzas = {name: dict(props[name]) for name in props.sections()}
    faults = Faults()
    index = Index(
        props=lambda: stanzas, indexes=lambda: {"strava"}, faults=faults, clock=VirtualClock(TODAY.timestamp())
    )
    for event in history.events[::3]:
        sourcetype = files.SOURCETYPES[event.sourcetype] if renamed else event.sourcetype
        given = {"data": event.data, "sourcetype": sourcetype, "index": event.index, "time": f"{event.time:.3f}"}
        if renamed:  # an upload has no other time than that in the text
            del given["time"]
        index.add(RawEvent({"unbroken": "1"}, given, done=True), event.source, {"host": "here"})
    assert faults.all() == []
    assert [event.time for event in index.events()] == [event.time for event in history.events[::3]]


# The add-on's rules.


def test_the_latest_version_is_what_strava_has(history: training.History, versions: dict[int, list[Activity]]) -> None:
    latest = {key: max(found, key=lambda one: one["collected_at"]) for key, found in versions.items()}
    assert {key for key, found in latest.items() if "deleted" in found} == set(history.deleted)
    for key, truth in history.activities.items():
        assert {name: value for name, value in latest[key].items() if name not in ADDED | {"_time"}} == truth
    assert set(latest) == set(history.activities) | set(history.deleted)


def test_a_search_over_any_range_of_time_sees_no_version_of_a_place_that_was_left(
    versions: dict[int, list[Activity]],
) -> None:
    moved = 0
    for found in versions.values():
        newest = max(found, key=lambda one: one["collected_at"])
        places = {version["_time"] for version in found}
        moved += len(places) > 1 and "deleted" not in newest
        for place in places - {newest["_time"]}:
            last = max((one for one in found if one["_time"] == place), key=lambda one: one["collected_at"])
            assert last["deleted"] is True
    assert moved >= 1


def test_collected_at_grows_and_is_later_than_the_ride(versions: dict[int, list[Activity]]) -> None:
    for found in versions.values():
        times = [version["collected_at"] for version in found]
        assert all(one < other for one, other in pairwise(times))
        assert times[0] > found[0]["_time"]
        assert times[-1] <= TODAY.timestamp() + 5


def test_events_are_in_the_order_of_writing(written: dict[str, list[Activity]]) -> None:
    for sourcetype in ("strava:activities", "strava:athlete", "strava:gear"):
        times = [one["collected_at"] for one in written[sourcetype]]
        assert all(one < other + 5 for one, other in pairwise(times))


def test_there_are_edits_deletions_and_all_reasons(versions: dict[int, list[Activity]]) -> None:
    everything = [one for found in versions.values() for one in found]
    assert sum(len({one.get("name") for one in found if "name" in one}) > 1 for found in versions.values()) > 5
    assert sum(len({one.get("private") for one in found if "name" in one}) > 1 for found in versions.values()) > 1
    assert sum("deleted" in one for one in everything) > 2
    assert {one.get("collected_by") for one in everything} == {"webhook", "polling", None}


def test_what_was_there_before_the_add_on_came_first_as_a_list_shows_it(versions: dict[int, list[Activity]]) -> None:
    short = [found for found in versions.values() if found[0].get("resource_state") == 2]
    assert len(short) > 8
    for found in short:
        assert not DETAIL_ONLY & set(found[0])
        assert found[0]["collected_by"] == "polling"
        assert "deleted" in found[1] or found[1]["resource_state"] == 3


def test_each_live_activity_was_announced(
    written: dict[str, list[Activity]], versions: dict[int, list[Activity]]
) -> None:
    created = {one["object_id"] for one in written["strava:webhook"] if one["aspect_type"] == "create"}
    assert created == {key for key, found in versions.items() if found[0].get("collected_by") == "webhook"}
    assert {one["aspect_type"] for one in written["strava:webhook"]} == {"create", "update", "delete"}
    assert all(0 <= one["received_at"] - one["event_time"] < 5 for one in written["strava:webhook"])


# What athletes do.


@pytest.mark.parametrize(("kind", "sport_type"), [("ride", "Ride"), ("run", "Run")])
def test_an_activity_has_the_fields_that_the_stand_in_for_strava_gives_it(
    kind: str, sport_type: str, activities: list[Activity]
) -> None:
    at_strava = stand_in_detail(kind)
    outdoors = (one for one in activities if one["start_latlng"] and one["has_heartrate"])
    mine = next(one for one in outdoors if one["sport_type"] == sport_type)
    # What others have done on the same way is not made up.
    assert set(at_strava) - {"similar_activities"} == set(mine)
    for name in ("segment_efforts", "best_efforts", "splits_metric"):
        for theirs, ours in zip(at_strava[name][:1], mine[name][:1]):
            assert set(ours) <= set(theirs)


def stand_in_detail(kind: str) -> Activity:
    book = ActivityBook(VirtualClock(), seed=1)
    activity = book.record(
        Accounts(seed=1).add_athlete("Anna", "Muster"),
        kind,
        title=None,
        start_date=None,
        private=False,
        activity_id=None,
        device_name=None,
        description=None,
        not_found_requests=0,
        not_found_seconds=0,
    )
    return activity_json.detail(activity, 1, activity_json.route_of(activity, 1))


def test_what_is_measured_is_what_people_can_do(activities: list[Activity]) -> None:
    fastest = {"Ride": 75, "VirtualRide": 75, "Run": 25, "Swim": 7, "Hike": 9, "WeightTraining": 0, "Yoga": 0}
    for one in activities:
        assert 300 <= one["moving_time"] <= one["elapsed_time"] < 12 * 3_600
        assert 0 <= one["average_speed"] <= one["max_speed"] <= fastest[one["type"]] / 3.6 + 1e-9, one["name"]
        assert one["average_speed"] == pytest.approx(one["distance"] / one["moving_time"], abs=0.001)
        if one["has_heartrate"]:
            assert 40 <= one["average_heartrate"] <= one["max_heartrate"] <= 205
            assert 0 < one["suffer_score"] < 700
        assert 100 <= one["average_watts"] <= 300 if "average_watts" in one else one["type"] != "Ride"
        assert one.get("weighted_average_watts", 9_999) >= one.get("average_watts", 0) - 1
        assert -25 <= one.get("average_temp", 0) <= 42
        assert one["calories"] >= 0


def test_laps_add_up_to_the_activity(activities: list[Activity]) -> None:
    for one in activities:
        laps = one["laps"]
        assert bool(laps) != one["manual"]
        if laps:
            assert sum(lap["distance"] for lap in laps) == pytest.approx(one["distance"], abs=0.2)
            assert sum(lap["moving_time"] for lap in laps) == one["moving_time"]
            assert sum(lap["elapsed_time"] for lap in laps) == one["elapsed_time"]
            assert [lap["lap_index"] for lap in laps] == list(range(1, len(laps) + 1))


@pytest.mark.parametrize(("name", "length"), [("splits_metric", 1_000.0), ("splits_standard", 1_609.344)])
def test_splits_add_up_to_the_run(name: str, length: float, activities: list[Activity]) -> None:
    runs = [one for one in activities if one["type"] == "Run" and not one["manual"]]
    assert len(runs) > 100
    for one in runs:
        assert sum(split["distance"] for split in one[name]) == pytest.approx(one["distance"], abs=0.2)
        assert sum(split["moving_time"] for split in one[name]) == one["moving_time"]
        assert all(split["distance"] == pytest.approx(length, abs=0.1) for split in one[name][:-1])


def test_best_efforts_take_longer_the_longer_they_are(activities: list[Activity]) -> None:
    for one in activities:
        efforts = one["best_efforts"]
        assert all(shorter["elapsed_time"] < longer["elapsed_time"] for shorter, longer in pairwise(efforts))
        assert all(effort["distance"] <= one["distance"] + 1 for effort in efforts)
    marathons = [one for one in activities if any(effort["name"] == "Marathon" for effort in one["best_efforts"])]
    assert [one["workout_type"] for one in marathons] == [1]


def test_the_same_segments_are_passed_again_and_again_and_a_record_is_one(activities: list[Activity]) -> None:
    times: dict[int, list[int]] = defaultdict(list)
    records = 0
    for one in sorted(activities, key=lambda one: one["id"]):
        ranks = [effort["pr_rank"] for effort in (*one["segment_efforts"], *one["best_efforts"])]
        assert one["achievement_count"] == sum(rank is not None for rank in ranks)
        assert one["pr_count"] == ranks.count(1)
        for effort in one["segment_efforts"]:
            before = times[effort["segment"]["id"]]
            if effort["pr_rank"] == 1:
                records += 1
                assert all(effort["elapsed_time"] < seconds for seconds in before)
            before.append(effort["elapsed_time"])
            assert effort["distance"] == pytest.approx(effort["segment"]["distance"], abs=0.2)
    assert sum(len(found) > 20 for found in times.values()) > 5
    assert records > 10


def test_the_map_is_as_long_as_the_way(activities: list[Activity]) -> None:
    outdoors = [one for one in activities if one["start_latlng"]]
    assert {one["sport_type"] for one in activities} - {one["sport_type"] for one in outdoors} == {
        "Swim",
        "WeightTraining",
        "Yoga",
    }
    for one in outdoors[::9]:
        points = decode_polyline(one["map"]["polyline"])
        wider = math.cos(math.radians(points[0][0]))
        metres = sum(math.hypot(a[0] - b[0], (a[1] - b[1]) * wider) * 111_320 for a, b in pairwise(points))
        assert metres == pytest.approx(one["distance"], rel=0.03)
        assert points[0] == pytest.approx(one["start_latlng"], abs=1e-5)
        assert points[-1] == pytest.approx(one["end_latlng"], abs=1e-5)
        assert decode_polyline(one["map"]["summary_polyline"])[0] == points[0]


def test_local_times_are_those_of_the_clocks_there_in_summer_and_in_winter(activities: list[Activity]) -> None:
    offsets: dict[str, set[float]] = defaultdict(set)
    for one in activities:
        zone = one["timezone"].split()[1]
        start = datetime.fromtimestamp(epoch(one["start_date"]), ZoneInfo(zone))
        assert start.strftime("%Y-%m-%dT%H:%M:%SZ") == one["start_date_local"]
        offset = start.utcoffset()
        assert offset is not None
        assert one["utc_offset"] == offset.total_seconds()
        offsets[one["timezone"]].add(one["utc_offset"] / 3_600)
    assert offsets["(GMT+01:00) Europe/Zurich"] == {1.0, 2.0}
    assert offsets["(GMT-05:00) America/New_York"] == {-5.0, -4.0}
    assert offsets["(GMT+10:00) Australia/Melbourne"] == {11.0, 10.0}
    assert set(offsets) >= {
        "(GMT+00:00) Atlantic/Canary",
        "(GMT-10:00) Pacific/Honolulu",
        "(GMT+12:00) Pacific/Auckland",
    }


def test_there_is_something_of_everything_that_dashboards_ask_for(activities: list[Activity]) -> None:
    def some(least: int, wanted: Iterable[bool]) -> None:
        assert sum(wanted) >= least

    some(50, (one["commute"] for one in activities))
    some(5, (one["trainer"] for one in activities))
    some(3, (one["manual"] for one in activities))
    some(1, (one["private"] for one in activities))
    some(50, (not one["has_heartrate"] for one in activities))
    some(50, (one.get("device_watts") is False for one in activities))
    some(20, ("max_watts" in one for one in activities))
    some(3, (one["workout_type"] in (1, 11) for one in activities))
    assert {one["sport_type"] for one in activities} >= {"Ride", "GravelRide", "VirtualRide", "Run", "Swim", "Hike"}


def test_a_pair_of_shoes_is_worn_and_bikes_go_as_far_as_their_rides(
    history: training.History, written: dict[str, list[Activity]], activities: list[Activity]
) -> None:
    assert 700_000 < history.gear["g990000020"] < 1_200_000
    assert history.gear["g990000029"] < 700_000
    last = {one["id"]: one["distance"] for one in written["strava:gear"]}
    assert last["g990000020"] > 700_000
    for gear_id in ("b990000011", "b990000031"):
        ridden = sum(one["distance"] for one in activities if one["gear_id"] == gear_id)
        first = next(one for one in written["strava:gear"] if one["id"] == gear_id)
        assert last[gear_id] - first["distance"] <= ridden + 1
        assert last[gear_id] == pytest.approx(history.gear[gear_id], abs=150_000)


def test_an_illness_is_a_gap() -> None:
    for who in people():
        first, last = who.off
        days = [
            Day(date(2026, 6, 1) - timedelta(days=ago), ago, random.Random(1)) for ago in range(first, last - 1, -1)
        ]
        assert all(who.sessions(day) == [] for day in days)
        assert len(days) >= 13


def test_before_a_marathon_there_is_less_and_after_it_nothing(activities: list[Activity]) -> None:
    runs = [one for one in activities if one["type"] == "Run" and one["athlete"]["id"] == 990_000_002]
    (race,) = [epoch(one["start_date"]) for one in runs if one["distance"] > 42_195]

    def kilometres(first: float, last: float) -> float:
        days = ((race - epoch(one["start_date"])) / 86_400 for one in runs)
        return sum(float(one["distance"]) / 1_000 for one, day in zip(runs, days) if first >= day > last)

    assert kilometres(14, 0.5) < 0.75 * kilometres(40, 26)
    assert kilometres(-0.5, -5) == 0


# Samples.


def test_samples_are_those_of_their_activity(
    history: training.History, truths: dict[int, Activity], written: dict[str, list[Activity]]
) -> None:
    by_activity: dict[int, list[Activity]] = defaultdict(list)
    for sample in written["strava:activities:stream"]:
        by_activity[sample["activity_id"]].append(sample)
    gone = set(by_activity) & set(history.deleted)
    assert gone, "the samples of a deleted activity stay in the index"
    assert set(by_activity) - gone == history.sampled
    for key in history.sampled:
        truth, samples = truths[key], by_activity[key]
        assert all(one["_time"] == epoch(truth["start_date"]) + one["offset"] for one in samples)
        assert all(one["offset"] < other["offset"] for one, other in pairwise(samples))
        assert samples[-1]["offset"] <= truth["elapsed_time"]
        assert samples[-1]["distance"] == pytest.approx(truth["distance"], abs=60)
        if truth["has_heartrate"]:
            mean = sum(one["heartrate"] for one in samples) / len(samples)
            assert mean == pytest.approx(truth["average_heartrate"], abs=4)
        if truth.get("device_watts"):
            mean = sum(one["watts"] for one in samples) / len(samples)
            assert mean == pytest.approx(truth["average_watts"], rel=0.05)


def test_each_month_has_a_test_of_twenty_minutes_with_samples(
    history: training.History, truths: dict[int, Activity]
) -> None:
    tests = [truths[key] for key in history.sampled if "FTP" in truths[key]["name"]]
    months = {one["start_date"][:7] for one in tests}
    assert len(months) >= 4
    for one in tests:
        twenty = next(lap for lap in one["laps"] if 1_170 <= lap["moving_time"] <= 1_230)
        assert 180 < twenty["average_watts"] < 320


# The files.


def test_there_is_a_file_for_each_sourcetype_named_after_what_to_choose(
    history: training.History, tmp_path: Path
) -> None:
    written = files.write(history.events, tmp_path)
    assert [one.path.name for one in written] == [
        "strava_sample_activities.json",
        "strava_sample_activities_stream.json",
        "strava_sample_webhook.json",
        "strava_sample_athlete.json",
        "strava_sample_gear.json",
    ]
    assert sum(one.events for one in written) == len(history.events)
    for one in written:
        lines = one.path.read_text("utf-8").splitlines()
        assert len(lines) == one.events
        assert one.path.stat().st_size == one.size
    activities = written[0]
    # Two years of that and the samples have less than 60 MB.
    assert activities.size / DAYS * TWO_YEARS < 30e6


@pytest.mark.parametrize("day", ["1970-01-01", "2011-12-31", "2060-01-01", "yesterday", "2026-13-01"])
def test_a_day_on_which_nobody_trains_is_refused_with_a_sentence(
    day: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        write_files.main(["--today", day, "--folder", str(tmp_path)])
    assert re.search(rf"argument --today: [^_]*{day}.*\.\n$", capsys.readouterr().err)
    assert list(tmp_path.iterdir()) == []


def test_tomorrow_is_the_last_day() -> None:
    today = datetime.now(timezone.utc)
    assert write_files._moment(f"{today:%Y-%m-%d}").date() == today.date()
    assert write_files._moment("2012-01-01").year == 2012


def test_the_page_names_each_file_and_its_sourcetype() -> None:
    page = (ROOT / "docs" / "sample-data.md").read_text("utf-8")
    for real, sample in files.SOURCETYPES.items():
        assert f"| `{files.file_name(sample)}` | `{sample}` | `{real}` |" in page
