"""What follows from a notification."""

from __future__ import annotations

import json
from typing import Optional

import pytest

from strava_collector.job import Priority
from strava_collector.notification_rules import (
    Circumstances,
    Consequence,
    Hold,
    Meaning,
    claims_deauthorization,
    consequence,
    happened_at,
)
from strava_collector.webhook import Notification, notification_from_json

OWNER = 3


def notification(
    aspect: str,
    *,
    object_type: str = "activity",
    object_id: int = 7,
    event_time: int = 100,
    updates: Optional[dict[str, object]] = None,
) -> Notification:
    fields = {"object_type": object_type, "object_id": object_id, "aspect_type": aspect, "owner_id": OWNER}
    return notification_from_json(
        json.dumps({**fields, "subscription_id": 1, "event_time": event_time, "updates": updates or {}})
    )


def decided(
    aspect: str,
    newest: Optional[int] = None,
    *,
    kind: str = "activity",
    object_id: int = 7,
    updates: Optional[dict[str, object]] = None,
    known: bool = True,
    genuine: bool = True,
    fetch_updates: bool = True,
    collected_for: Optional[int] = None,
    present: bool = False,
) -> Consequence:
    return consequence(
        notification(aspect, object_type=kind, object_id=object_id, updates=updates),
        Circumstances(
            event_time=100,
            genuine=genuine,
            athlete_known=known,
            fetch_updates=fetch_updates,
            newest_event_time=newest,
            collected_for=collected_for,
            present=present,
        ),
    )


@pytest.mark.parametrize("aspect", ["create", "update"])
@pytest.mark.parametrize("newest", [None, 99, 100, 101])
def test_a_create_or_update_is_fetched_live_in_whatever_order(aspect: str, newest: Optional[int]) -> None:
    assert decided(aspect, newest) == Consequence(Meaning.CHANGED, fetch=Priority.LIVE, note=True)


@pytest.mark.parametrize("newest", [None, 99])
def test_the_newest_delete_takes_effect_at_once_and_is_confirmed_behind_live_ones(
    newest: Optional[int],
) -> None:
    what = decided("delete", newest)
    assert (what.meaning, what.fetch, what.tombstone) == (Meaning.DELETED, Priority.RECONCILIATION, True)


def test_an_older_delete_has_no_effect_until_a_fetch_confirms_it() -> None:
    what = decided("delete", 101)
    assert (what.meaning, what.fetch, what.tombstone) == (Meaning.OUTDATED_DELETE, Priority.RECONCILIATION, False)


def test_a_delete_in_the_same_second_as_another_change_is_decided_by_a_fetch() -> None:
    what = decided("delete", 100)
    assert (what.meaning, what.fetch, what.tombstone) == (Meaning.SAME_SECOND_DELETE, Priority.LIVE, False)


@pytest.mark.parametrize("aspect", ["create", "update", "delete"])
def test_an_unknown_athletes_activity_is_held_and_never_fetched(aspect: str) -> None:
    assert decided(aspect, known=False) == Consequence(Meaning.HELD, hold=Hold.UNKNOWN_ATHLETE)


@pytest.mark.parametrize(("kind", "aspect"), [("activity", "delete"), ("athlete", "delete"), ("route", "create")])
@pytest.mark.parametrize("known", [True, False])
def test_whatever_names_a_foreign_subscription_is_held_before_anything_else_is_asked(
    kind: str, aspect: str, known: bool
) -> None:
    what = decided(aspect, kind=kind, known=known, genuine=False)
    assert what == Consequence(Meaning.HELD, hold=Hold.FOREIGN_SUBSCRIPTION)


@pytest.mark.parametrize(
    ("kind", "aspect"), [("athlete", "update"), ("athlete", "create"), ("route", "create"), ("activity", "archive")]
)
@pytest.mark.parametrize("known", [True, False])
def test_anything_else_is_recorded_only(kind: str, aspect: str, known: bool) -> None:
    assert decided(aspect, kind=kind, object_id=OWNER, known=known) == Consequence(Meaning.RECORDED)


@pytest.mark.parametrize("aspect", ["create", "update", "delete"])
def test_an_owner_whom_strava_contradicted_has_no_say(aspect: str) -> None:
    assert decided(aspect, collected_for=OWNER + 1) == Consequence(Meaning.CONTRADICTED)
    assert decided(aspect, collected_for=OWNER).fetch is not None


@pytest.mark.parametrize("authorized", ["false", "False", " FALSE ", "0", False, 0, 0.0])
def test_a_withdrawn_permission_is_recognised_in_every_spelling_and_confirmed(authorized: object) -> None:
    what = decided("update", kind="athlete", object_id=OWNER, updates={"authorized": authorized})
    assert what == Consequence(Meaning.DEAUTHORIZATION, confirm_access=True)


@pytest.mark.parametrize("authorized", ["true", "True", "1", True, 1, None, "", [], {}, "falsehood"])
def test_what_does_not_say_false_withdraws_nothing(authorized: object) -> None:
    what = decided("update", kind="athlete", object_id=OWNER, updates={"authorized": authorized})
    assert what == Consequence(Meaning.RECORDED)


def test_a_deleted_athlete_has_withdrawn_the_permission() -> None:
    assert decided("delete", kind="athlete", object_id=OWNER).confirm_access


def test_nobody_withdraws_another_ones_permission() -> None:
    what = decided("update", kind="athlete", object_id=OWNER + 1, updates={"authorized": "false"})
    assert what == Consequence(Meaning.CONTRADICTED)
    assert decided("delete", kind="athlete", object_id=OWNER + 1) == Consequence(Meaning.CONTRADICTED)


def test_an_unknown_athlete_has_no_permission_to_withdraw() -> None:
    what = decided("update", kind="athlete", object_id=OWNER, updates={"authorized": "false"}, known=False)
    assert what == Consequence(Meaning.RECORDED)


def test_an_activity_withdraws_no_permission() -> None:
    assert not claims_deauthorization(notification("update", updates={"authorized": "false"}))
    assert not claims_deauthorization(notification("delete"))


def test_updates_are_not_fetched_if_the_user_does_not_want_it() -> None:
    what = decided("update", present=True, fetch_updates=False, updates={"title": "Messy"})
    assert what == Consequence(Meaning.NOT_FETCHED, note=True)


@pytest.mark.parametrize(
    ("aspect", "present", "updates"),
    [
        ("update", False, {"title": "Messy"}),
        ("update", True, {"title": "Messy", "private": "true"}),
        ("update", True, {"private": None}),
        ("create", True, {}),
    ],
)
def test_what_is_missing_in_the_index_or_must_perhaps_leave_it_is_fetched_all_the_same(
    aspect: str, present: bool, updates: dict[str, object]
) -> None:
    assert decided(aspect, present=present, fetch_updates=False, updates=updates).fetch is Priority.LIVE


@pytest.mark.parametrize(("claimed", "taken"), [(90, 90), (700, 700), (701, 100), (2**62, 100)])
def test_a_time_in_the_future_is_not_believed(claimed: int, taken: int) -> None:
    assert happened_at(notification("delete", event_time=claimed), received_at=100.9) == taken
