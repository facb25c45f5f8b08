"""Saving an input *Strava Activities* says everything that is wrong with it, at once and in sentences."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strava_collector.activities_faults import activities_faults
from strava_collector.input_faults import Surroundings, input_faults

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc).timestamp()
ROWS = {
    "anna": {"application": "Club", "athlete_id": "7001"},
    "ben": {"application": "Work", "athlete_id": "7002"},
    "carl": {"application": "Club"},
}
AROUND = Surroundings(
    applications={"Club", "Work", "Empty"}, inputs={}, activities_inputs={}, athletes=ROWS, indexes={"strava"}
)
SAVED = {
    "application": "Club",
    "athletes": "",
    "index": "strava",
    "start_date": "",
    "order": "newest",
    "summaries_only": "0",
    "interval": "14400",
    "look_back": "7",
    "streams": "1",
    "drop_location": "0",
    "drop_text": "0",
    "drop_health": "0",
}


def faults(params: Mapping[str, str | None], around: Surroundings = AROUND, *, name: str = "history") -> list[str]:
    found = activities_faults(name, params, around, now=NOW)
    for fault in found:
        assert re.match(r"[A-Z].*[.?]\Z", fault), fault
    return found


def test_an_input_without_fault_can_be_saved() -> None:
    assert faults(SAVED) == []
    assert faults({**SAVED, "athletes": "anna", "start_date": "2026-11-21", "order": "oldest"}) == []
    assert faults({**SAVED, "athletes": " anna , ,anna", "start_date": None, "order": ""}) == []


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("application", "", "The application is missing."),
        ("application", "Gone", "There is no application “Gone”."),
        ("application", "Empty", "No athlete is connected to the application “Empty” yet. First connect one"),
        ("index", "", "The index is missing."),
        ("index", "gone", "There is no index “gone”"),
        ("athletes", "zoe", "There is no athlete “zoe”."),
        ("athletes", "carl", "The athlete “carl” is not connected yet."),
        ("athletes", "anna,ben", "The athlete “ben” is connected to the application “Work”, not to “Club”"),
        ("athletes", ",".join(f"a{n}" for n in range(9)), "“a0”, “a1”, “a2”, “a3”, “a4” and 4 more"),
        ("start_date", "yesterday", "must be a date as in 2015-01-31"),
        ("start_date", "2015-02-30", "must be a date as in 2015-01-31"),
        ("start_date", "31.01.2015", "must be a date as in 2015-01-31"),
        ("start_date", "2015-1-31", "must be a date as in 2015-01-31"),
        ("start_date", "٢٠١٥-٠١-٣١", "must be a date as in 2015-01-31"),
        ("start_date", "2026-11-22", "in the future"),
        ("start_date", "9999-12-31", "in the future"),
        ("order", "random", "newest, oldest"),
        ("interval", "59", "The interval (s) must be a whole number from 60 to 604800."),
        ("interval", "604801", "from 60 to 604800"),
        ("interval", "-1", "from 60 to 604800"),
        ("interval", "*/5 * * * *", "from 60 to 604800"),
        ("interval", "9" * 5000, "from 60 to 604800"),
        ("look_back", "0", "The look back (days) must be a whole number from 1 to 365."),
        ("look_back", "366", "from 1 to 365"),
        ("interval", "604800", "The look back (7 days) must be longer than the interval (604800 s, 7 days)"),
        ("index", "a\nb", "line breaks or other control characters"),
    ],
)
def test_one_fault_is_one_sentence(field: str, value: str, words: str) -> None:
    (fault,) = faults({**SAVED, field: value})

    assert words in fault


def test_all_faults_come_together() -> None:
    found = faults(
        {
            **SAVED,
            "application": "Gone",
            "index": "gone",
            "start_date": "soon",
            "interval": "5",
            "look_back": "x",
            "order": "x",
        },
        name="1st",
    )

    assert len(found) == 7


def test_a_look_back_that_is_a_day_longer_than_the_interval_is_enough() -> None:
    assert faults({**SAVED, "interval": "86400", "look_back": "2"}) == []
    (fault,) = faults({**SAVED, "interval": "86400", "look_back": "1"})
    assert "longer than the interval" in fault


def test_before_there_is_an_application_the_user_is_told_what_to_do_first() -> None:
    (fault,) = faults(SAVED, replace(AROUND, applications=frozenset(), athletes={}))

    assert fault.startswith("There is no application yet. First enter your API application")


def test_an_input_stays_editable_when_its_last_athlete_has_gone() -> None:
    around = replace(AROUND, athletes={}, activities_inputs={"history": {"application": "Club"}})

    assert faults({**SAVED, "interval": "3600"}, around) == []
    (fault,) = faults(SAVED, around, name="another")
    assert "No athlete is connected" in fault


def test_two_inputs_may_have_the_same_athlete() -> None:
    other = {"other": {"application": "Club", "athletes": "anna", "disabled": "0"}}

    assert faults({**SAVED, "athletes": "anna"}, replace(AROUND, activities_inputs=other)) == []


def test_a_name_is_unique_over_both_kinds_of_inputs() -> None:
    (fault,) = faults(SAVED, replace(AROUND, inputs={"history": {}}))
    assert fault == "There is an input Strava Webhook with the name “history” already: choose another name."

    around = replace(AROUND, activities_inputs={"history": {}})
    found = input_faults("history", {"index": "strava"}, around, now=NOW)
    assert found == ["There is an input Strava Activities with the name “history” already: choose another name."]

    both = replace(around, inputs={"history": {}})  # made by hand: either must be editable
    assert faults(SAVED, both) == []
    assert input_faults("history", {"index": "strava"}, both, now=NOW) == []


def test_what_splunkd_does_not_tell_is_not_judged() -> None:
    assert faults({**SAVED, "application": "Gone", "athletes": "zoe", "index": "gone"}, Surroundings()) == []


def test_what_is_not_passed_is_not_judged() -> None:
    assert faults({"interval": "60"}) == []


def test_what_is_refused_cannot_become_markup() -> None:
    found = faults({**SAVED, "athletes": "<img src=x>", "index": "<b>"})

    assert len(found) == 2
    assert not any("<" in fault or ">" in fault for fault in found)


@given(
    st.text(), st.dictionaries(st.sampled_from(sorted(SAVED)), st.one_of(st.none(), st.text(), st.integers().map(str)))
)
def test_no_text_makes_the_checks_fail(name: str, params: dict[str, str | None]) -> None:
    for fault in faults({**SAVED, **params}, name=name):
        assert fault.isprintable()
