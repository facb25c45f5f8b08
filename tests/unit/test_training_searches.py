"""Searches about training, reports and the cookbook's, where the sample's three athletes do not show the difference."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

from sandbox.spl import Index, Row, stanzas
from strava_collector.events import Event, Tombstone, activity_event, encode, epoch, tombstone_event

COOKBOOK = (Path(__file__).resolve().parents[2] / "docs" / "cookbook.md").read_text("utf-8")
SAVED = stanzas("savedsearches.conf")
#: A Monday, when the weekly summary is sent, by a host in UTC.
MONDAY = datetime(2026, 6, 8, 6, tzinfo=timezone.utc)
ANNA = 7


def activity(number: int, local: str, *, zone: int = 0, at: float = 0.0, **more: object) -> Event:
    """An activity that began at this time of the athlete's clock, so many hours ahead of UTC."""
    clock = datetime.fromisoformat(local).replace(tzinfo=timezone.utc)
    start = (clock - timedelta(hours=zone)).strftime("%Y-%m-%dT%H:%M:%SZ")
    content = {
        "id": number,
        "athlete": {"id": ANNA},
        "start_date": start,
        "start_date_local": f"{clock:%Y-%m-%dT%H:%M:%SZ}",
        "utc_offset": zone * 3_600.0,
        "resource_state": 3,
        "sport_type": "Ride",
        "distance": 1_000.0 * number,
        "moving_time": 3_600,
        **more,
    }
    return activity_event(
        content,
        start=start,
        collected_at=epoch(start) + 7_200 + at,
        reason="webhook",
        input_name="club",
        index="strava",
        source="s",
    )


def reported(name: str, events: Sequence[Event], now: datetime = MONDAY) -> list[Row]:
    """What a saved search shows, over its own range."""
    stanza = SAVED[name]
    index = Index.of(events, now=now.timestamp())
    return index.search(stanza["search"], stanza["dispatch.earliest_time"], stanza["dispatch.latest_time"])


def cooked(title: str, events: Sequence[Event]) -> list[Row]:
    """What a search of the cookbook shows about Anna, over all time."""
    text = COOKBOOK.partition(f"\n## {title}\n")[2].partition("```spl\n")[2].partition("```")[0]
    return Index.of(events, now=MONDAY.timestamp()).search(text.replace("134815", str(ANNA)), 0, 1e12)


def test_the_week_of_the_summary_is_that_of_the_athletes_clock() -> None:
    """In Melbourne a week begins and ends hours before this host's, on Hawaii hours after."""
    for zone in (11, 0, -10):
        events = [
            activity(1, "2026-05-31T23:59:00", zone=zone),
            activity(2, "2026-06-01T00:01:00", zone=zone),
            activity(4, "2026-06-07T23:59:00", zone=zone),
            activity(8, "2026-06-08T00:01:00", zone=zone),
        ]
        (row,) = reported("Strava weekly summary", events)
        assert (row["activities"], row["km"]) == (2, 6)


def test_the_first_row_of_a_table_is_short_where_clocks_differ_and_the_page_says_what_to_do() -> None:
    days = ("2026-05-31T12:00:00", "2026-06-01T06:00:00", "2026-06-02T06:00:00")
    events = [activity(number, day, zone=10, total_elevation_gain=100.0) for number, day in enumerate(days)]
    text = COOKBOOK.partition("\n## Elevation by month\n")[2].partition("```spl\n")[2].partition("```")[0]
    index = Index.of(events, now=MONDAY.timestamp())
    june = index.search(text.replace("134815", str(ANNA)), "@mon", "now")
    assert [(row["local_month"], row["climb_m"]) for row in june] == [("2026-06", 100)], "one of two"
    earlier = index.search(text.replace("134815", str(ANNA)), "@mon-1d", "now")
    assert [(row["local_month"], row["climb_m"]) for row in earlier] == [("2026-05", 100), ("2026-06", 200)]
    assert "Begin a day\nearlier, and pass over the first row." in COOKBOOK


# Gear.


def gear(number: str, at: float, *, athlete: int = ANNA, metres: float = 800_000.0) -> Event:
    content = {"collected_at": at, "id": number, "athlete_id": athlete, "name": f"Gear {number}", "distance": metres}
    return Event(at, "strava:gear", "strava", "s", encode({**content, "retired": False}))


def profile(at: float, *names: str, athlete: int = ANNA, padding: int = 0) -> Event:
    lists = {
        "bikes": [{"id": one} for one in names if one.startswith("b")],
        "shoes": [{"id": one} for one in names if one.startswith("g")],
    }
    content = {"collected_at": at, "id": athlete, "firstname": "Anna" + "a" * padding, **(lists if names else {})}
    return Event(at, "strava:athlete", "strava", "s", encode(content))


def farewell(at: float, athlete: int = ANNA) -> Event:
    return Event(at, "strava:athlete", "strava", "s", encode({"collected_at": at, "id": athlete, "deleted": True}))


def in_lookup(events: Sequence[Event]) -> list[str]:
    return sorted(str(row["id"]) for row in reported("Strava lookup gear", events))


def test_gear_that_is_gone_at_strava_is_gone_and_what_the_profile_names_is_there() -> None:
    events = [profile(1, "b1", "g1", "g2"), gear("b1", 2), gear("g1", 2), gear("g2", 2)]
    assert in_lookup(events) == ["b1", "g1", "g2"]
    assert in_lookup([*events, profile(3, "b1", "g2")]) == ["b1", "g2"]
    assert in_lookup([*events, profile(3, "b1", "g2"), profile(4, "b1", "g1", "g2")]) == ["b1", "g1", "g2"]
    assert in_lookup([*events, profile(3, "b1", "g2", padding=6_000)]) == ["b1", "g2"], "however long the profile is"


def test_a_profile_without_lists_says_nothing_of_gear() -> None:
    assert in_lookup([profile(1), gear("b1", 2)]) == ["b1"]
    assert in_lookup([gear("b1", 2), gear("b2", 2, athlete=8), profile(3, "b9", athlete=8)]) == ["b1"]


def test_gear_of_who_has_left_is_gone_until_it_is_seen_again() -> None:
    left = [profile(1, "g1"), gear("g1", 2), farewell(3)]
    assert in_lookup(left) == []
    assert in_lookup([*left, profile(4, "g1"), gear("g1", 5)]) == ["g1"]


def test_worn_shoes_are_those_of_somebody_who_is_there_and_has_them() -> None:
    worn = [profile(1, "g1", "g2"), gear("g1", 2), gear("g2", 2, metres=900_000.0)]
    assert {row["name"] for row in cooked("Shoes over 700 km", worn)} == {"Gear g1", "Gear g2"}
    assert [row["name"] for row in cooked("Shoes over 700 km", [*worn, profile(3, "g2")])] == ["Gear g2"]
    assert cooked("Shoes over 700 km", [*worn, farewell(3)]) == []


def test_a_bike_is_one_also_where_a_list_had_no_name_for_it() -> None:
    in_full = {"gear_id": "b1", "gear": {"id": "b1", "name": "Road"}}
    in_short = {"gear_id": "b1", "resource_state": 2}
    other = {"gear_id": "b2", "gear": {"id": "b2", "name": "City"}}
    days = ("2026-05-01T09:00:00", "2026-05-02T09:00:00", "2026-05-03T09:00:00", "2026-04-03T09:00:00")
    events = [
        activity(number, day, **more)  # type: ignore[arg-type] # fields of Strava's
        for number, day, more in zip((30, 40, 50, 10), days, (in_full, in_short, other, in_short))
    ]
    shown = [(row["local_month"], row["gear"], row["km"]) for row in cooked("Gear of the month", events)]
    assert shown == [("2026-04", "Road", 10), ("2026-05", "Road", 70)]


# Edits.


def test_an_edit_is_a_second_version_in_full_of_an_activity_that_is_there() -> None:
    day = "2026-05-01T09:00:00"
    listed = [activity(1, day, resource_state=2), activity(1, day, at=10)]
    edited = [activity(2, day), activity(2, day, at=10), activity(2, day, at=20)]
    deleted = [activity(3, day), activity(3, day, at=10)]
    grave = tombstone_event(Tombstone(3, ANNA, "2026-05-01T09:00:00Z", epoch("2026-06-01T09:00:00Z"), "strava"), "s")
    rows = cooked("Most edited activities", [*listed, *edited, *deleted, grave])
    assert [(row["id"], row["versions"]) for row in rows] == [("2", 3)]


# Lookups.


def test_a_lookup_has_nothing_where_strava_has_null() -> None:
    person = {"collected_at": 1, "id": ANNA, "firstname": "Anna", "lastname": None, "sex": None, "weight": None}
    bike = {"collected_at": 2, "id": "b1", "athlete_id": ANNA, "name": "Road", "brand_name": None, "distance": 1.0}
    segment = {"id": 5, "name": "Hill", "city": None, "country": None, "distance": 900.0}
    events = [
        Event(1, "strava:athlete", "strava", "s", encode(person)),
        Event(2, "strava:gear", "strava", "s", encode(bike)),
        activity(1, "2026-05-01T09:00:00", sport_type=None, type=None, segment_efforts=[{"id": 1, "segment": segment}]),
    ]
    for name in ("athletes", "gear", "segments", "activity types"):
        rows = reported(f"Strava lookup {name}", events)
        assert rows
        assert not any(value == "null" for row in rows for value in row.values()), name
