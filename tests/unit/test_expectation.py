"""What notifications say of an activity, and whether Strava's answer agrees."""

from __future__ import annotations

import json
from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strava_collector.expectation import LONGEST, contradicts, merge
from tests.support.store import notification


def after(*updates: tuple[int, dict[str, object]], aspect: str = "update", kind: str = "activity") -> Optional[str]:
    expected = None
    for at, fields in updates:
        arrived = notification(1, aspect_type=aspect, object_type=kind, updates=fields)
        expected = merge(expected, arrived, at)
    return expected


def test_nothing_is_expected_of_who_says_nothing() -> None:
    assert after((1, {})) is None
    assert after((1, {"distance": 5})) is None
    assert after((1, {"title": "Messy"}), aspect="create") is None
    assert after((1, {"title": "Messy"}), kind="athlete") is None


def test_a_notification_that_says_nothing_changes_nothing() -> None:
    expected = after((1, {"title": "Messy"}))
    assert merge(expected, notification(1, aspect_type="delete"), 2) == expected


def test_the_newest_event_counts_whatever_the_order_of_arrival() -> None:
    old: tuple[int, dict[str, object]] = (1, {"title": "old", "type": "Ride"})
    new: tuple[int, dict[str, object]] = (2, {"title": "new"})
    for order in ((old, new), (new, old)):
        assert contradicts(after(*order), {"name": "new", "type": "Ride"}) is None
        assert contradicts(after(*order), {"name": "old", "type": "Ride"}) == "title"


def test_of_two_in_the_same_second_the_later_arrival_counts() -> None:
    expected = after((1, {"private": "true"}), (1, {"private": "false"}))
    assert contradicts(expected, {"private": False}) is None
    assert contradicts(expected, {"private": True}) == "private"


@pytest.mark.parametrize(
    ("updates", "activity", "field"),
    [
        ({"title": "Messy"}, {"name": "Messy"}, None),
        ({"title": " Messy "}, {"name": "Messy"}, None),
        ({"title": "messy"}, {"name": "Messy"}, "title"),
        ({"title": ""}, {"name": "Messy"}, "title"),
        ({"type": "GravelRide"}, {"sport_type": "GravelRide", "type": "Ride"}, None),
        ({"type": "Ride"}, {"sport_type": "GravelRide", "type": "Ride"}, None),
        ({"type": "Run"}, {"sport_type": "GravelRide", "type": "Ride"}, "type"),
        ({"type": "Run"}, {"type": "Ride"}, "type"),
        ({"private": "true"}, {"private": True}, None),
        ({"private": "False"}, {"private": True}, "private"),
        ({"private": True}, {"private": False}, "private"),
        ({"title": "a", "type": "Run", "private": "true"}, {"name": "b", "type": "Ride", "private": False}, "title"),
    ],
)
def test_an_answer_agrees_or_the_first_field_that_does_not_is_named(
    updates: dict[str, object], activity: dict[str, object], field: Optional[str]
) -> None:
    assert contradicts(after((1, updates)), activity) == field


@pytest.mark.parametrize(
    "activity", [{}, {"name": None, "type": None, "private": None}, {"name": 5, "sport_type": [], "private": "true"}]
)
def test_what_is_missing_or_of_an_unknown_kind_contradicts_nothing(activity: dict[str, object]) -> None:
    assert contradicts(after((1, {"title": "a", "type": "Run", "private": "false"})), activity) is None


@pytest.mark.parametrize(
    "updates", [{"title": None}, {"title": 5}, {"title": "x" * (LONGEST + 1)}, {"private": "maybe"}, {"private": 1}]
)
def test_what_cannot_be_compared_ends_what_was_expected_before(updates: dict[str, object]) -> None:
    (key,) = updates
    expected = after((1, {"title": "Messy", "private": "true", "type": "Ride"}), (2, updates))
    assert expected is not None
    assert set(json.loads(expected)) == {"title", "type", "private"} - {key}


def test_the_longest_title_is_still_compared() -> None:
    assert contradicts(after((1, {"title": "x" * LONGEST})), {"name": "x"}) == "title"


@pytest.mark.parametrize(
    "damaged", ["", "{", "[]", "5", '{"title": 5}', '{"title": ["a"]}', '{"title": ["a", "b"]}', '{"x": ["a", 1]}']
)
def test_what_this_module_did_not_write_is_left_out(damaged: str) -> None:
    assert contradicts(damaged, {"name": "b"}) is None
    assert merge(damaged, notification(1, aspect_type="update", updates={"type": "Ride"}), 1) == '{"type":["Ride",1]}'


_UPDATES = st.dictionaries(
    st.sampled_from(["title", "type", "private"]), st.none() | st.booleans() | st.text(max_size=5) | st.integers()
)


@given(st.lists(st.tuples(st.integers(0, 3), _UPDATES), max_size=5), _UPDATES)
def test_whatever_arrives_can_be_merged_and_compared(
    updates: list[tuple[int, dict[str, object]]], activity: dict[str, object]
) -> None:
    assert contradicts(after(*updates), activity) in (None, "title", "type", "private")
