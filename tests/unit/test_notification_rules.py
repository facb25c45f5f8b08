"""What follows from a notification."""

from __future__ import annotations

import json
from typing import Optional

import pytest

from strava_collector.job import Priority
from strava_collector.notification_rules import Consequence, consequence, happened_at
from strava_collector.webhook import Notification, notification_from_json


def notification(aspect: str, *, object_type: str = "activity", event_time: int = 100) -> Notification:
    fields = {"object_type": object_type, "object_id": 7, "aspect_type": aspect, "owner_id": 3}
    return notification_from_json(json.dumps({**fields, "subscription_id": 1, "event_time": event_time, "updates": {}}))


def decided(aspect: str, newest: Optional[int] = None, *, known: bool = True, kind: str = "activity") -> Consequence:
    return consequence(
        notification(aspect, object_type=kind), event_time=100, athlete_known=known, newest_event_time=newest
    )


@pytest.mark.parametrize("aspect", ["create", "update"])
@pytest.mark.parametrize("newest", [None, 99, 100, 101])
def test_a_create_or_update_is_fetched_live_in_whatever_order(aspect: str, newest: Optional[int]) -> None:
    what = decided(aspect, newest)
    assert (what.fetch, what.tombstone, what.hold) == (Priority.LIVE, False, False)


@pytest.mark.parametrize("newest", [None, 99])
def test_the_newest_delete_takes_effect_at_once_and_is_confirmed_behind_live_ones(
    newest: Optional[int],
) -> None:
    what = decided("delete", newest)
    assert (what.fetch, what.tombstone) == (Priority.RECONCILIATION, True)


def test_an_older_delete_has_no_effect_until_a_fetch_confirms_it() -> None:
    what = decided("delete", 101)
    assert (what.fetch, what.tombstone) == (Priority.RECONCILIATION, False)


def test_a_delete_in_the_same_second_as_another_change_is_decided_by_a_fetch() -> None:
    what = decided("delete", 100)
    assert (what.fetch, what.tombstone) == (Priority.LIVE, False)


@pytest.mark.parametrize("aspect", ["create", "update", "delete"])
def test_an_unknown_athletes_activity_is_held_and_never_fetched(aspect: str) -> None:
    what = decided(aspect, known=False)
    assert (what.fetch, what.tombstone, what.hold) == (None, False, True)


@pytest.mark.parametrize(
    ("kind", "aspect"),
    [("athlete", "update"), ("athlete", "delete"), ("route", "create"), ("activity", "archive")],
)
@pytest.mark.parametrize("known", [True, False])
def test_anything_else_is_recorded_only(kind: str, aspect: str, known: bool) -> None:
    assert decided(aspect, kind=kind, known=known) == Consequence("recorded")


@pytest.mark.parametrize(("claimed", "taken"), [(90, 90), (700, 700), (701, 100), (2**62, 100)])
def test_a_time_in_the_future_is_not_believed(claimed: int, taken: int) -> None:
    assert happened_at(notification("delete", event_time=claimed), received_at=100.9) == taken
