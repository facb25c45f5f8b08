"""The Training dashboard where an address or a control gives what it should not, and in a leap year."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from sandbox.spl import Index, Row
from strava_collector.events import Event
from tests.search.catalogue import LENA
from tests.search.dashboards import VIEWS, chosen, definition, filled
from tests.search.test_executed import NOW, index

_VIEW = definition(VIEWS / "strava_training.xml")


def shown(name: str, where: Index, **tokens: str) -> list[Row]:
    """The rows of a data source of the view."""
    text, source = "", next(one for one in _VIEW["dataSources"].values() if one["name"] == name)
    while source["type"] == "ds.chain":
        text = f"{source['options']['query']}\n{text}"
        source = _VIEW["dataSources"][source["options"]["extend"]]
    given = {**chosen(_VIEW), "athlete": str(LENA), **tokens}
    return where.search(filled(f"{source['options']['query']}\n{text}", given), "-1y@d", "now")


@pytest.mark.parametrize("name", ["Activities with their run-up", "Bikes and shoes"])
@pytest.mark.parametrize(
    "athlete",
    [
        "*",
        f"{LENA} OR sourcetype=*",
        '1 | append [| makeresults | eval injected="INJECTED"]',
        '" | append [| makeresults | eval injected="INJECTED"] | eval a="',
        f'{LENA}" OR "1"="1',
    ],
)
def test_what_is_no_athlete_finds_nobody(name: str, athlete: str) -> None:
    assert shown(name, index(), athlete=athlete) == []


@pytest.mark.parametrize("value", ["", "700 km", "1,000", "0", "-5", "1e9", "1 | x", '" | x'])
def test_what_is_no_limit_counts_as_the_one_that_the_page_begins_with(value: str) -> None:
    name = "Wear of bikes and shoes"
    rows = shown(name, index())
    assert rows
    assert shown(name, index(), shoes=value, chain=value) == rows
    assert shown(name, index(), shoes="500", chain="2000") != rows


@pytest.mark.parametrize("value", ["", "190 bpm", "1,90", "0", "999", '" | x'])
def test_what_is_no_heart_rate_counts_as_the_one_that_the_page_begins_with(value: str) -> None:
    name = "Share of each band"
    rows = shown(name, index())
    assert rows
    assert shown(name, index(), maximum=value) == rows
    assert shown(name, index(), maximum="170") != rows


def _event(sourcetype: str, when: datetime, **content: Any) -> Event:
    at = when.timestamp()
    return Event(at, sourcetype, "strava", "test", json.dumps({**content, "collected_at": at}))


def _run(day: str) -> Event:
    when = datetime.fromisoformat(f"{day}T10:00:00+00:00")
    return _event(
        "strava:activities",
        when,
        start_date=f"{day}T10:00:00Z",
        id=int(when.timestamp()),
        athlete={"id": LENA},
        sport_type="Run",
        utc_offset=0.0,
        distance=1_000.0,
        moving_time=300,
    )


def test_each_day_of_a_leap_year_stands_beside_its_own_date() -> None:
    now = datetime(2026, 1, 20, tzinfo=timezone.utc).timestamp()
    days = ("2024-02-28", "2024-02-29", "2024-03-01", "2024-12-31", "2025-02-28", "2025-03-01", "2026-01-02")
    rows = shown("Year on year", Index.of([_run(day) for day in days], now=now))
    found = {
        f"{datetime.fromtimestamp(row['_time'], timezone.utc):%Y-%m-%d}": (
            row.get("Last year (km)"),
            row.get("The year before (km)"),
        )
        for row in rows
    }
    assert len(rows) == 365
    assert found["2026-02-27"][1] is None
    # The 29th of February stands with the 28th.
    assert found["2026-02-28"] == (1, 2)
    assert found["2026-03-01"] == (2, 3)
    assert found["2026-12-31"] == (2, 4)


def _gear(when: datetime, name: str) -> Event:
    return _event(
        "strava:gear", when, id=name, athlete_id=LENA, gear_kind="bike", name=name, distance=5_000.0, retired=False
    )


def test_gear_that_the_profile_lists_no_more_has_gone() -> None:
    when = datetime.fromtimestamp(NOW - 86_400 * 10, timezone.utc)
    later = datetime.fromtimestamp(NOW - 86_400, timezone.utc)
    profile = _event("strava:athlete", later, id=LENA, bikes=[{"id": "b1"}], shoes=[])
    left = _event("strava:athlete", later, id=LENA, deleted=True)
    gear = [_gear(when, "b1"), _gear(when, "b2")]
    name = "Wear of bikes and shoes"
    assert [row["Gear"] for row in shown(name, Index.of([*gear, profile], now=NOW))] == ["b1"]
    assert shown(name, Index.of([*gear, left], now=NOW)) == []
