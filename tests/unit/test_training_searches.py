"""Searches about training, reports and the cookbook's, where the sample's three athletes do not show the difference."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from sandbox.spl import Index, Row, stanzas
from strava_collector.events import Event, activity_event, epoch

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
