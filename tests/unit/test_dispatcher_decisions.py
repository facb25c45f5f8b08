"""What the dispatcher makes of notifications: fetches, tombstones, counters and the trail."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Optional

import pytest

from strava_collector.expectation import contradicts
from strava_collector.job import Kind, Priority
from strava_collector.settings import Advanced
from strava_collector.store import queue
from tests.support.collecting import ANNA, BEN, INPUT, STRANGER
from tests.support.dispatching import Dispatching
from tests.support.store import job_counts


@pytest.fixture
def d(tmp_path: Path) -> Iterator[Dispatching]:
    dispatching = Dispatching(tmp_path / "store")
    yield dispatching
    dispatching.close()


def lines(caplog: pytest.LogCaptureFixture, action: str) -> list[str]:
    return [text for record in caplog.records if (text := record.getMessage()).startswith(f"action={action} ")]


def expected(d: Dispatching, activity: int = 1) -> Optional[str]:
    with d.database.read() as tx:
        return queue.live_expected(tx, activity, ANNA)


def priority(d: Dispatching) -> Priority:
    with d.database.read() as tx:
        return Priority(tx.execute("SELECT priority FROM job").fetchone()[0])


# The trail.


def test_a_notification_is_logged_with_its_trail_and_its_job(d: Dispatching, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    arrival = d.receive()
    d.dispatch()
    assert lines(caplog, "dispatched") == [
        f"action=dispatched trail={arrival.trail} notification_id=1 meaning=changed job=1"
    ]


def test_notifications_of_a_burst_share_one_trail_and_say_which_fetch_they_share(
    d: Dispatching, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    first = d.receive("create")
    d.dispatch()
    second = d.receive("update")
    d.dispatch()
    assert second.trail == first.trail
    assert lines(caplog, "dispatched")[1] == (
        f"action=dispatched trail={first.trail} notification_id=2 meaning=changed job=1 merged=true"
    )
    assert d.counted() == {"merged": 1}


def test_one_that_joins_a_fetch_with_another_trail_names_that_trail(
    d: Dispatching, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    d.receive("create", event_time=1)
    d.dispatch()
    d.fetch()
    update = d.receive("update")
    d.dispatch()
    create = d.receive("create", event_time=1)
    d.claim()
    d.dispatch()
    assert create.trail != update.trail
    assert lines(caplog, "dispatched")[-1].endswith('meaning="seen already"')
    later = d.receive("create", event_time=1)
    with d.database.write() as tx:
        tx.execute("UPDATE job SET claimed_at = 0 WHERE claimed_at IS NOT NULL")
    d.dispatch()
    assert lines(caplog, "dispatched")[-1] == (
        f"action=dispatched trail={later.trail} notification_id=1 meaning=changed job=2 joined={update.trail}"
    )


def test_what_is_logged_of_a_notification_is_short(d: Dispatching, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    d.collect(2**53)
    d.receive("update", 2**53, event_time=int(d.clock.now()))
    d.receive("delete", 2**53, event_time=int(d.clock.now()), updates={"title": "x" * 60_000})
    d.dispatch()
    assert max(len(record.getMessage()) for record in caplog.records) < 200


# Counters.


@pytest.mark.parametrize(
    ("aspect", "fields", "counted"),
    [
        ("create", {}, {}),
        ("delete", {}, {"deleted_at_once": 1}),
        ("archive", {}, {"recorded_only": 1}),
        ("create", {"object_type": "route"}, {"recorded_only": 1}),
        ("update", {"object_type": "athlete", "activity": ANNA}, {"recorded_only": 1}),
        ("update", {"object_type": "athlete", "activity": ANNA, "updates": None}, {"recorded_only": 1}),
        ("delete", {"object_type": "athlete", "activity": ANNA}, {"deauthorization_claimed": 1}),
        ("delete", {"object_type": "athlete", "activity": BEN}, {"owner_contradicted": 1}),
        ("delete", {"object_type": "athlete", "activity": STRANGER, "owner": STRANGER}, {"recorded_only": 1}),
    ],
)
def test_what_follows_is_counted_once_however_often_it_is_sent(
    d: Dispatching, aspect: str, fields: dict[str, object], counted: dict[str, int]
) -> None:
    for _ in range(3):
        d.receive(aspect, event_time=5, **fields)  # type: ignore[arg-type]
        d.dispatch()
    assert d.counted() == counted
    assert len(d.index.notifications) == 1


def test_deletes_are_counted_by_what_they_mean(d: Dispatching) -> None:
    now = int(d.clock.now())
    d.receive("update", event_time=now)
    for when in (now - 1, now, now + 1):
        d.receive("delete", event_time=when)
    d.dispatch()
    assert d.counted() == {"outdated_delete": 1, "same_second_delete": 1, "deleted_at_once": 1, "merged": 3}


# Forged owners.


@pytest.mark.parametrize("aspect", ["create", "update", "delete"])
def test_a_forged_owner_of_a_collected_activity_is_recorded_and_told_once_a_batch(
    d: Dispatching, caplog: pytest.LogCaptureFixture, aspect: str
) -> None:
    d.collect(1, owner=ANNA)
    for number in range(5):
        d.receive(aspect, 1, owner=BEN, event_time=number)
    d.dispatch()
    assert d.live_jobs() == []
    assert d.index.activities == []
    assert len(d.index.notifications) == 5
    (warning,) = lines(caplog, "owner_contradicted")
    assert "notifications=5" in warning
    assert d.counted() == {"owner_contradicted": 5}


# Deauthorization.


@pytest.mark.parametrize("authorized", ["false", "False", False, "0", 0])
def test_a_withdrawn_permission_is_confirmed_by_a_call(d: Dispatching, authorized: object) -> None:
    d.receive("update", ANNA, object_type="athlete", updates={"authorized": authorized})
    d.dispatch()
    assert d.live_jobs(Kind.ATHLETE) == [(ANNA, ANNA)]
    assert d.live_jobs() == []
    assert priority(d) is Priority.LIVE
    assert len(d.index.notifications) == 1


def test_claims_of_one_athlete_become_one_call(d: Dispatching) -> None:
    d.receive("update", ANNA, object_type="athlete", updates={"authorized": "false"})
    d.receive("delete", ANNA, object_type="athlete")
    d.dispatch()
    assert d.live_jobs(Kind.ATHLETE) == [(ANNA, ANNA)]
    assert d.counted() == {"deauthorization_claimed": 2, "merged": 1}


def test_a_forged_withdrawal_in_anothers_name_is_recorded_only(
    d: Dispatching, caplog: pytest.LogCaptureFixture
) -> None:
    d.receive("update", ANNA, owner=BEN, object_type="athlete", updates={"authorized": "false"})
    d.receive("update", BEN, owner=STRANGER, object_type="athlete", updates={"authorized": "false"})
    d.dispatch()
    assert d.live_jobs(Kind.ATHLETE) == []
    assert len(lines(caplog, "owner_contradicted")) == 1
    assert d.states() == {"dispatched": 2}


# The setting for those who want less.


def test_updates_are_recorded_without_a_fetch_if_the_user_wants_it_so(d: Dispatching) -> None:
    d.advanced(Advanced(fetch_updates=False))
    d.collect(1)
    d.receive("update", 1, updates={"title": "Messy"})
    d.dispatch()
    assert d.live_jobs() == []
    assert len(d.index.notifications) == 1
    assert d.counted() == {"recorded_only": 1}


def test_an_update_without_a_fetch_still_outdates_an_older_delete(d: Dispatching) -> None:
    d.advanced(Advanced(fetch_updates=False))
    d.collect(1)
    now = int(d.clock.now())
    d.receive("update", 1, event_time=now)
    d.receive("delete", 1, event_time=now - 1)
    d.dispatch()
    assert d.index.activities == []
    assert d.counted() == {"recorded_only": 1, "outdated_delete": 1}


@pytest.mark.parametrize("private", ["true", "false"])
def test_privacy_is_fetched_whatever_the_user_wants(d: Dispatching, private: str) -> None:
    d.advanced(Advanced(fetch_updates=False))
    d.collect(1)
    d.receive("update", 1, updates={"private": private})
    d.dispatch()
    assert d.live_jobs() == [(1, ANNA)]


def test_an_update_of_what_was_never_collected_or_is_deleted_is_fetched(d: Dispatching) -> None:
    d.advanced(Advanced(fetch_updates=False))
    d.receive("update", 1, updates={"title": "Messy"})
    d.collect(2)
    d.receive("delete", 2)
    d.dispatch()
    d.clock.advance(1)
    d.receive("update", 2, updates={"title": "Messy"})
    d.dispatch()
    assert d.live_jobs() == [(1, ANNA), (2, ANNA)]
    assert d.counted() == {"deleted_at_once": 1, "merged": 1}


# Redeliveries, and three changes in one second.


def test_a_redelivery_causes_no_fetch_if_one_has_begun(d: Dispatching) -> None:
    d.receive("create", event_time=5)
    d.dispatch()
    d.fetch()
    d.receive("create", event_time=5)
    d.dispatch()
    assert d.live_jobs() == []
    assert d.states() == {"dispatched": 1}


def test_a_redelivery_causes_the_fetch_that_never_began(d: Dispatching) -> None:
    d.receive("create", event_time=5)
    d.dispatch()
    with d.database.write() as tx:
        tx.execute("DELETE FROM job")
    d.receive("create", event_time=5)
    d.dispatch()
    assert d.live_jobs() == [(1, ANNA)]


def test_hide_show_hide_within_a_second_is_fetched_after_the_third(d: Dispatching) -> None:
    d.collect(1)
    second = int(d.clock.now())
    for aspect in ("delete", "create"):
        d.receive(aspect, event_time=second)
        d.dispatch()
    d.fetch()
    d.receive("delete", event_time=second)
    d.dispatch()
    assert d.live_jobs() == [(1, ANNA)]
    assert priority(d) is Priority.LIVE
    d.fetch()
    assert d.live_jobs() == []


def test_two_in_the_same_second_of_different_activities_make_no_redelivery_news(d: Dispatching) -> None:
    second = int(d.clock.now())
    for activity in (1, 2):
        d.receive("create", activity, event_time=second)
    d.receive("update", 1, owner=BEN, event_time=second)
    d.dispatch()
    for _ in range(3):
        d.fetch()
    d.receive("create", 1, event_time=second)
    d.dispatch()
    assert d.live_jobs() == []


def test_news_that_looks_like_a_redelivery_causes_no_fetch_if_one_has_begun_after_it(d: Dispatching) -> None:
    second = int(d.clock.now())
    for aspect in ("delete", "create"):
        d.receive(aspect, event_time=second)
    d.dispatch()
    d.fetch()
    d.receive("delete", event_time=second)
    with d.database.write() as tx:
        tx.execute("UPDATE job SET claimed_at = ?", (d.clock.now() + 1,))
    d.clock.advance(2)
    d.dispatch()
    assert d.live_jobs() == []


# What an activity is expected to look like.


def test_the_job_knows_the_newest_of_what_its_notifications_say(d: Dispatching) -> None:
    now = int(d.clock.now())
    d.receive("create", event_time=now - 9)
    d.dispatch()
    assert expected(d) is None
    d.receive("update", event_time=now, updates={"title": "new"})
    d.receive("update", event_time=now - 5, updates={"title": "old", "type": "Run"})
    d.receive("update", event_time=now - 4, updates={"private": "true"})
    d.receive("delete", event_time=now - 8)
    d.dispatch()
    assert contradicts(expected(d), {"name": "new", "sport_type": "Run", "private": True}) is None
    assert contradicts(expected(d), {"name": "old", "sport_type": "Run", "private": True}) == "title"
    assert contradicts(expected(d), {"name": "new", "sport_type": "Run", "private": False}) == "private"


def test_a_new_job_expects_nothing_of_what_an_earlier_one_did(d: Dispatching) -> None:
    d.receive("update", updates={"title": "old"})
    d.dispatch()
    d.fetch()
    d.receive("update", updates={"type": "Run"})
    d.dispatch()
    assert contradicts(expected(d), {"name": "any", "type": "Run"}) is None
    assert contradicts(expected(d), {"name": "any", "type": "Ride"}) == "type"


def test_a_time_in_the_future_does_not_let_a_forged_title_outlive_the_true_one(d: Dispatching) -> None:
    d.receive("update", event_time=2**62, updates={"title": "forged"})
    d.clock.advance(1)
    d.receive("update", updates={"title": "true"})
    d.dispatch()
    assert contradicts(expected(d), {"name": "true"}) is None


# Settings.


def test_nothing_is_decided_as_long_as_the_application_is_missing(d: Dispatching) -> None:
    d.receive()
    known = d.settings
    assert known is not None
    d.settings = replace(known, applications={})
    assert d.dispatch() == 0
    assert d.states() == {"pending": 1}
    d.settings = known
    assert d.dispatch() == 1
    assert d.live_jobs() == [(1, ANNA)]


def test_another_input_s_notifications_are_not_touched(d: Dispatching) -> None:
    d.receive()
    with d.database.write() as tx:
        tx.execute("UPDATE notification SET input = 'other'")
    assert d.dispatch() == 0
    with d.database.read() as tx:
        assert job_counts(tx, INPUT.name) == dict.fromkeys(("pending", "working", "done", "failed"), 0)


def test_many_notifications_are_dispatched_in_transactions_that_keep_nobody_waiting_for_long(d: Dispatching) -> None:
    for number in range(1, 46):
        d.receive("create", number)

    assert [d.dispatcher.dispatch() for _ in range(4)] == [20, 20, 5, 0]
    assert [event["object_id"] for event in d.index.notifications] == list(range(1, 46))
