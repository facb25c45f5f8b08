"""What the training dashboard is made of: days without a gap, a range with its run-up, and a load that is chosen."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.spl import Index, Row, times
from strava_collector.events import Event

NOW = 1_790_000_000.0  # 21 September 2026, 14:13 UTC
DAY = 86_400
TODAY = int(NOW // DAY)


def activity(day: float, *, offset: float = 0.0, **more: Any) -> Event:
    """An activity that begins so many days before now."""
    begins = NOW - day * DAY
    content = {
        "start_date": times.strftime(begins, "%Y-%m-%dT%H:%M:%SZ"),
        "id": int(begins),
        "athlete": {"id": 7},
        "start_date_local": times.strftime(begins + offset, "%Y-%m-%dT%H:%M:%SZ"),
        "utc_offset": offset,
        "moving_time": 3_600,
        **more,
        "collected_at": begins + 60,
    }
    return Event(begins, "strava:activities", "strava", "test", json.dumps(content, separators=(",", ":")))


def searched(search: str, *events: Event, earliest: str = "0", latest: str = "now") -> list[Row]:
    return Index.of(events, now=NOW).search(search, earliest=earliest, latest=latest)


def days(*events: Event) -> list[tuple[int, int]]:
    found = searched(
        "`strava_activities(7)` | eval day=local_day_number | stats latest(utc_offset) AS utc_offset BY day"
        " | `strava_every_day` | table _time, day, trained",
        *events,
    )
    assert all(row["_time"] == row["day"] * DAY for row in found)
    return [(int(row["day"]) - TODAY, int(row["trained"])) for row in found]


def test_each_day_is_there_until_today() -> None:
    assert days(activity(5), activity(2)) == [(-5, 1), (-4, 0), (-3, 0), (-2, 1), (-1, 0), (0, 0)]


def test_a_day_of_training_is_there_once() -> None:
    assert days(activity(1), activity(1.1), activity(0.1)) == [(-1, 1), (0, 1)]


def test_today_is_the_athletes_own() -> None:
    """At 14:13 in Greenwich it is tomorrow in New Zealand, and before dawn in Hawaii."""
    assert days(activity(1, offset=13 * 3_600)) == [(0, 1), (1, 0)]
    assert days(activity(1, offset=-10 * 3_600)) == [(-1, 1), (0, 0)]


def test_without_activities_there_are_no_days() -> None:
    assert days() == []


LOADS = "`strava_lead_in` `strava_activity_versions` athlete.id=7 | `strava_latest`"
SHOWN = "eval shown_from=`strava_shown_from`, shown_until=`strava_shown_until`"


def test_what_was_before_the_range_is_found_and_known_to_be_before() -> None:
    events = [activity(day) for day in (10, 100, 300, 1_200)]
    rows = searched(f"{LOADS} | {SHOWN} | table id, shown_from, shown_until", *events, earliest="-7d@d", latest="-1d@d")
    assert len(rows) == 3, "this year and the two before, not the one of 2023"
    assert {(row["shown_from"], row["shown_until"]) for row in rows} == {((TODAY - 7) * DAY, (TODAY - 1) * DAY)}


def test_of_all_time_ten_years_are_looked_at_and_nothing_is_before() -> None:
    events = [activity(day) for day in (10, 3_000, 5_000)]
    rows = searched(f"{LOADS} | {SHOWN} | table shown_from, shown_until", *events, earliest="0", latest="now")
    assert rows == [{"shown_from": 0, "shown_until": NOW}] * 2


def test_a_range_that_goes_far_back_has_three_months_before_it() -> None:
    events = [activity(day) for day in (1_500, 1_580, 1_700)]
    assert len(searched(f"{LOADS} | table id", *events, earliest="-1500d@d", latest="now")) == 2


def load(source: str, **more: Any) -> Row:
    search = f"{LOADS} | {SHOWN} | `strava_daily_load({source},50,190,m)` | table day, load, hours"
    return searched(search, activity(0.1, **more), earliest="-7d@d")[0]


def test_a_load_is_what_was_chosen_and_nought_where_there_is_none() -> None:
    both = {"suffer_score": 40.0, "average_heartrate": 120.0}
    assert load("effort", **both)["load"] == 40
    assert load("heartrate", **both)["load"] == pytest.approx(60 * 0.5 * 0.64 * 2.718281828 ** (1.92 * 0.5))
    assert load("effort", suffer_score=None)["load"] == load("heartrate")["load"] == 0
    assert load("effort")["hours"] == 1


@pytest.mark.parametrize("arguments", ["power,50,190,m", "effort,190,50,m", "effort,50,x,m", "effort,50,190,x"])
def test_what_cannot_be_right_is_refused(arguments: str) -> None:
    for name in ("strava_load", "strava_daily_load"):
        with pytest.raises(AssertionError, match=f"{name} takes "):
            searched(f"`strava_activities` | eval x=1 | `{name}({arguments})`")
