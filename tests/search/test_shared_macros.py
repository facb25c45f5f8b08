"""What the dashboards share: who can be chosen, why nothing is shown, and names of columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Optional

import pytest

from sandbox.spl import Index, Row, times
from strava_collector.events import Event
from tests.search.rest_answers import ATHLETES, LISTS, MACRO, SET_UP, WEBHOOK, WHO_AM_I, answering

NOW = 1_790_000_000.0  # 21 September 2026
DAY = 86_400.0
ADA, BEN = 134_815, 227_615


def activity(
    number: int, athlete: int, days_ago: float, name: Optional[str] = "Ride", *, kind: str = "", **more: Any
) -> Event:
    begins = NOW - days_ago * DAY
    clock = _clock(begins)
    content = {"start_date": clock, "id": number, "athlete": {"id": athlete}, "start_date_local": clock, **more}
    if name is not None:
        content["name"] = name
    content["collected_at"] = begins + 60
    return Event(begins, f"strava:{kind}activities", "strava", "test", json.dumps(content, separators=(",", ":")))


def _clock(at: float) -> str:
    return times.strftime(at, "%Y-%m-%dT%H:%M:%SZ")


def profile(athlete: int, days_ago: float, **content: Any) -> Event:
    at = NOW - days_ago * DAY
    text = json.dumps({"collected_at": at, "id": athlete, **content}, separators=(",", ":"))
    return Event(at, "strava:athlete", "strava", "test", text)


def choices(*events: Event) -> list[tuple[object, object]]:
    rows = Index.of(events, now=NOW).search("`strava_athlete_choices`", earliest="-1d", latest="now")
    assert all(set(row) == {"athlete_id", "athlete"} for row in rows)
    return [(row["athlete_id"], row["athlete"]) for row in rows]


def state(
    events: list[Event], rest: Mapping[str, list[Row]] = SET_UP, *, athlete: int = ADA, index: str = "index=strava"
) -> str:
    found = Index.of(events, now=NOW)
    found.rest = answering(rest)
    found.macros["strava_index"]["definition"] = index
    rows = found.search(f"`strava_state({athlete})`", earliest="-90d", latest="now")
    assert [set(row) for row in rows] == [{"message"}]
    return str(rows[0]["message"])


# Who can be chosen.


def test_who_has_the_newest_activity_comes_first() -> None:
    assert choices(
        activity(1, ADA, 20),
        activity(2, BEN, 3),
        activity(3, ADA, 10),
        profile(ADA, 700, firstname="Ada", lastname="L."),
        profile(BEN, 30, firstname="Ben", lastname="N."),
    ) == [(str(BEN), "Ben N."), (str(ADA), "Ada L.")]


def test_the_latest_profile_has_the_name() -> None:
    named = profile(ADA, 9, firstname="Ada", lastname="L."), profile(ADA, 5, firstname="Ada", lastname="K.")
    assert choices(activity(1, ADA, 2), *named) == [(str(ADA), "Ada K.")]


def test_without_a_profile_the_id_is_the_name() -> None:
    assert choices(activity(1, ADA, 2)) == [(str(ADA), f"Athlete {ADA}")]


def test_who_has_a_profile_and_no_activity_yet_can_be_chosen_too() -> None:
    assert choices(activity(1, ADA, 2), profile(BEN, 1, firstname="Ben")) == [
        (str(ADA), f"Athlete {ADA}"),
        (str(BEN), "Ben"),
    ]


def test_who_has_left_cannot_be_chosen_until_they_come_back() -> None:
    before = [activity(1, ADA, 9), profile(ADA, 9, firstname="Ada"), profile(ADA, 3, deleted=True)]
    assert choices(*before) == [("0", "No athlete yet")]
    assert choices(*before, profile(ADA, 1, firstname="Ada")) == [(str(ADA), "Ada")]


def test_without_anybody_there_is_a_choice_all_the_same() -> None:
    assert choices() == [("0", "No athlete yet")]


# Why nothing is shown.


def test_it_says_who_how_many_and_when() -> None:
    events = [activity(1, ADA, 20, "Hills"), activity(2, ADA, 3, "Coffee ride"), activity(3, BEN, 1)]
    assert state([*events, profile(ADA, 700, firstname="Ada", lastname="L.")]) == (
        "Ada L.: 2 activities in this range, from 2026-09-01 to 2026-09-18; the newest is “Coffee ride”."
    )
    assert state(events, {}) == (  # nobody but the index is needed for that
        "Athlete 134815: 2 activities in this range, from 2026-09-01 to 2026-09-18; the newest is “Coffee ride”."
    )


def test_one_activity_is_no_plural_and_a_name_may_have_been_left_out() -> None:
    assert state([activity(1, ADA, 3)]) == f"Athlete {ADA}: one activity in this range, on 2026-09-18 “Ride”."
    assert state([activity(1, ADA, 3, None)]) == f"Athlete {ADA}: one activity in this range, on 2026-09-18."
    assert state([activity(1, ADA, 3, None), activity(2, ADA, 2, None)]).endswith("the newest is of 2026-09-19.")


@pytest.mark.parametrize("kind", ["", "sample:"])
def test_nothing_in_this_range(kind: str) -> None:
    assert state([activity(1, ADA, 200, kind=kind), activity(2, ADA, 100, kind=kind)]) == (
        "Nothing of athlete 134815 in this range. The index has activities from 2026-03-05 to 2026-06-13: "
        "choose another range above."
    )


def test_nobody_to_choose_though_there_are_old_activities() -> None:
    assert state([activity(1, ADA, 800)], athlete=0).startswith(
        "No athlete to choose: the index has activities from 2024-07-13 to 2024-07-13, but none within a year."
    )


def test_nobody_was_chosen_when_the_page_was_opened_but_now_there_is_somebody() -> None:
    """The page keeps its choices in its address, also the one of nobody."""
    assert state([activity(1, ADA, 3)], athlete=0) == (
        "Choose an athlete above: the index has activities from 2026-09-18 to 2026-09-18."
    )


@pytest.mark.parametrize(
    ("definition", "written", "elsewhere"),
    [
        ("index=strava", "rides", "rides"),
        ("(index=strava OR index=rides_old)", "rides", "rides"),
        ("index=rides-old", "rides", "rides"),
        ("(index=strava OR index=rides)", "rides", ""),
        ('index="rides"', "rides", ""),
        ("index IN (strava, rides)", "rides", ""),
        ("index=ri*", "rides", ""),
    ],
)
def test_the_macro_points_elsewhere(definition: str, written: str, elsewhere: str) -> None:
    rest: dict[str, list[Row]] = {
        **SET_UP,
        WEBHOOK: [{"title": "home", "index": written, "disabled": "0"}],
        LISTS: [{"title": "old", "index": "unused", "disabled": "1"}],
        MACRO: [{"title": "strava_index", "definition": definition}],
    }
    said = state([], rest, athlete=0, index=definition)
    if elsewhere:
        assert said.startswith(f"The macro strava_index looks in {definition}, but inputs write to {elsewhere}.")
        assert "Settings → Advanced search → Search macros" in said
    else:
        assert said.startswith("Nothing has arrived yet")


def test_that_the_macro_points_elsewhere_is_said_though_old_events_are_where_it_looks() -> None:
    rest: dict[str, list[Row]] = {**SET_UP, WEBHOOK: [{"title": "home", "index": "rides", "disabled": "0"}]}
    for athlete in (ADA, 0):
        said = state([activity(1, ADA, 200)], rest, athlete=athlete)
        assert said.startswith("The macro strava_index looks in index=strava, but inputs write to rides.")
    assert state([activity(1, ADA, 3)], rest).startswith(f"Athlete {ADA}: one activity in this range")


def test_an_index_of_an_athlete_counts_as_well() -> None:
    athletes: list[Row] = [{"title": "ada", "index": "club"}, {"title": "ben", "index": ""}]
    assert "but inputs write to club." in state([], {**SET_UP, ATHLETES: athletes}, athlete=0)


def test_who_may_not_see_the_inputs_is_told_so() -> None:
    rest: dict[str, list[Row]] = {MACRO: SET_UP[MACRO], WHO_AM_I: [{"username": "eve", "capabilities": ["search"]}]}
    said = state([], rest, athlete=0)
    assert said.startswith("No activities in index=strava. You may not see this add-on's inputs: ask an")
    assert state([], {}, athlete=0).startswith("No activities in the macro strava_index. You may not see")


def test_a_host_without_inputs_may_be_the_search_head_of_another() -> None:
    said = state([], {**SET_UP, WEBHOOK: [], LISTS: []}, athlete=0)
    assert said.startswith("No activities in index=strava, and no input on this host. If another host collects, see")
    assert said.endswith("Otherwise create an input: page Inputs.")


def test_no_athlete_is_connected() -> None:
    said = state([], {**SET_UP, ATHLETES: []}, athlete=0)
    assert said == "No athlete is connected. Connect one: Configuration → Athletes."


def test_all_inputs_are_disabled() -> None:
    off: dict[str, list[Row]] = {one: [{**row, "disabled": "1"} for row in SET_UP[one]] for one in (WEBHOOK, LISTS)}
    assert state([], {**SET_UP, **off}, athlete=0) == ("All inputs on this host are disabled. Enable one: page Inputs.")


def test_with_nothing_in_the_range_it_also_says_why_nothing_new_comes() -> None:
    off: dict[str, list[Row]] = {one: [{**row, "disabled": "1"} for row in SET_UP[one]] for one in (WEBHOOK, LISTS)}
    none: dict[str, list[Row]] = {WEBHOOK: [], LISTS: []}
    for athlete, days_ago, beginning in (
        (ADA, 200, "Nothing of athlete 134815 in this range. The index has activities from 2026-03-05"),
        (0, 800, "No athlete to choose: the index has activities from 2024-07-13"),
    ):
        disabled = state([activity(1, ADA, days_ago)], {**SET_UP, **off}, athlete=athlete)
        assert disabled.startswith(beginning)
        assert disabled.endswith(". All inputs on this host are disabled: enable one, page Inputs.")
        absent = state([activity(1, ADA, days_ago)], {**SET_UP, **none}, athlete=athlete)
        assert absent.startswith(beginning)
        assert absent.endswith(". There is no input on this host: if no other host collects, create one, page Inputs.")
        # Who may not see inputs cannot be told that there are none.
        hidden: dict[str, list[Row]] = {**SET_UP, **none, WHO_AM_I: []}
        assert "input" not in state([activity(1, ADA, days_ago)], hidden, athlete=athlete)


def test_what_is_older_than_ten_years_does_not_count() -> None:
    assert state([activity(1, ADA, 4_500)], athlete=0).startswith("Nothing has arrived yet")


def test_nothing_has_ever_arrived() -> None:
    said = state([], athlete=0)
    assert said.startswith("Nothing has arrived yet, or your role may not search the index. Record an activity")
    assert said.endswith("If nothing comes: Configuration → Set-up check.")


# Names of columns.


@pytest.mark.parametrize(
    ("units", "names"),
    [
        ("metric", ["Day", "Distance (km)", "Elevation (m)", "Speed (km/h)", "Pace (/km)"]),
        ("imperial", ["Day", "Distance (mi)", "Elevation (ft)", "Speed (mph)", "Pace (/mi)"]),
    ],
)
def test_columns_say_their_unit(units: str, names: list[str]) -> None:
    made = "| makeresults | eval day=1, distance=2, elevation=3, speed=4, pace=5 | fields - _time"
    (row,) = Index(NOW).search(f"{made} | `strava_titles({units})`")
    assert [name for name in row if name != "_time"] == names


# This week, month and year.


def activities_and_change(period: str, today: str, *days: str) -> tuple[object, ...]:
    now = times.strptime(f"{today} 10:00", "%Y-%m-%d %H:%M")
    assert now is not None
    made = f'| makeresults | eval local_day=split("{",".join(days)}", ",") | mvexpand local_day'
    measured = "| eval distance=1000, seconds=3600, climb=10, activities=1"
    rows = Index(now).search(f"{made} {measured} | `strava_compared({period},metric)`")
    assert [row["what"] for row in rows] == ["Distance (km)", "Time (h:mm)", "Elevation (m)", "Activities"]
    return int(float(rows[3]["now"])), int(float(rows[3]["before"])), rows[3]["change"]


@pytest.mark.parametrize(
    ("period", "today", "days", "shown"),
    [
        # A Monday: the day before is the last week's, and of that only the Monday counts.
        ("week", "2026-06-08", ["2026-06-08", "2026-06-07", "2026-06-02", "2026-06-01"], (1, 1, "no change")),
        ("week", "2026-01-01", ["2025-12-29", "2025-12-31", "2025-12-25", "2025-12-26"], (2, 1, "1 more")),
        ("month", "2026-03-31", ["2026-03-31", "2026-02-28", "2026-02-01", "2026-01-31"], (1, 2, "1 fewer")),
        ("month", "2026-01-02", ["2026-01-01", "2025-12-02", "2025-12-03"], (1, 1, "no change")),
        ("year", "2028-02-29", ["2028-01-01", "2027-02-28", "2027-03-01"], (1, 1, "no change")),
        ("year", "2027-02-28", ["2026-02-28", "2025-12-31"], (0, 1, "1 fewer")),
        ("year", "2026-06-01", ["2026-05-01"], (1, 0, "none before")),
        ("year", "2026-06-01", ["2025-07-01"], (0, 0, "none")),
    ],
)
def test_the_same_days_are_compared(period: str, today: str, days: list[str], shown: tuple[object, ...]) -> None:
    assert activities_and_change(period, today, *days) == shown


def test_what_is_compared_is_shown_with_few_digits_and_the_change_in_words() -> None:
    days = '| makeresults | eval local_day=split("2026-06-02,2025-06-01", ",") | mvexpand local_day'
    more = 'local_day="2026-06-02"'
    measured = (
        f"| eval distance=if({more}, 123456, 42195), seconds=if({more}, 45296, 45290), climb=if({more}, 10, 20), "
        "activities=1"
    )
    rows = Index(times.strptime("2026-06-02", "%Y-%m-%d") or 0.0).search(
        f"{days} {measured} | `strava_compared(year,metric)`"
    )
    assert [(row["now"], row["before"], row["change"]) for row in rows] == [
        (123, 42.2, "193 % more"),
        ("12:34", "12:34", "no change"),
        (10, 20, "50 % less"),
        (1, 1, "no change"),
    ]
