"""What the set-up check reads out of the store, and that it leaves no trace in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from strava_collector import check_store
from strava_collector.allowance import Allowance
from strava_collector.job import Priority
from strava_collector.listing import Miss
from strava_collector.notification_rules import Hold
from strava_collector.secret import Secret
from strava_collector.settings import Application, EnabledInput, Settings
from strava_collector.store import athletes, heartbeats, inbox, misses, queue, subscriptions, walks
from strava_collector.store.database import Database
from strava_collector.store.heartbeats import Heartbeat
from strava_collector.store.inbox import State
from strava_collector.store.process_lock import input_lock
from strava_collector.store.walks import About
from strava_collector.walk import Covered, Spans
from tests.support.clock import START, VirtualClock
from tests.support.store import RIDES, database, join, notification, query_plans

SETTINGS = Settings(
    applications={"club": Application("club", "4711", Secret("s"))},
    enabled_inputs=(EnabledInput(RIDES, "club", "8443"),),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    with closing(database(tmp_path)) as store:
        yield store


def look(folder: Path | None, now: float = START, settings: Settings = SETTINGS) -> check_store.Stored:
    return check_store.look(folder, settings, {RIDES: "club"}, Allowance(VirtualClock()), now)


def test_without_a_store_nothing_is_made(tmp_path: Path) -> None:
    found = look(tmp_path / "store")
    assert (found.exists, found.why_not, found.runs) == (False, "", {RIDES: False})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_nobody_names_is_not_known() -> None:
    found = look(None)
    assert (found.exists, "SPLUNK_DB" in found.why_not) == (None, True)


def test_what_is_in_the_store_is_told(tmp_path: Path, store: Database) -> None:
    with store.write() as tx:
        heartbeats.beat(tx, input=RIDES, parts={"listener": "", "worker": "It is stuck."}, now=START)
        subscriptions.adopt(tx, client_id="4711", subscription_id=7, now=START)
        join(tx, 1, athlete_id=1)
        arrival = inbox.add(tx, input=RIDES, notification=notification(2), received_at=START)
        inbox.mark(tx, [arrival.notification_id], State.DISPATCHING, now=START)
        inbox.mark(tx, [arrival.notification_id], State.HELD, reason=Hold.UNKNOWN_ATHLETE.value, now=START)
    with input_lock(tmp_path / "store", RIDES):
        found = look(tmp_path / "store", START + 7200)
    assert (found.exists, found.why_not, found.runs) == (True, "", {RIDES: True})
    assert found.heartbeats[RIDES]["worker"] == Heartbeat(START, "It is stuck.")
    assert found.subscriptions == {"4711": 7}
    assert (found.queues[RIDES].waiting, found.queues[RIDES].held_unknown) == (1, 1)
    assert found.queues[RIDES].overdue >= 7000
    assert (found.dead_letters, found.quotas["4711"].quarter_used) == (0, 0)
    assert look(tmp_path / "store").runs == {RIDES: False}


def test_what_lists_have_done_is_told_of_inputs_that_run(tmp_path: Path, store: Database) -> None:
    about = About("ada", "club", "lists", RIDES, 14_400.0, 0)
    with store.write() as tx:
        covered = Covered(Spans().plus(100, int(START)), START, START)
        walks.save(tx, 1, covered, connected_at="1", about=about, now=START)
        misses.add(tx, activity_id=1, athlete_id=1, input=RIDES, kind=Miss.NEW, now=START)
    with input_lock(tmp_path / "store", RIDES), input_lock(tmp_path / "store", "lists"):
        found = look(tmp_path / "store", START + 60)
    (lists,) = found.lists
    assert (lists.name, lists.athletes, lists.oldest_look) == ("lists", 1, START)
    assert lists.unfinished == ("ada: back to 1970-01-01",)
    assert [(one.name, one.today, one.silent_since) for one in found.misses] == [(RIDES, 1, None)]
    assert look(tmp_path / "store", START + 60).lists == ()


@pytest.mark.parametrize("webhooks", [(), (EnabledInput(RIDES, "another", "8443"),)], ids=["none", "not of these"])
def test_without_a_webhook_of_the_application_nothing_is_said_of_what_it_missed(
    tmp_path: Path, store: Database, webhooks: tuple[EnabledInput, ...]
) -> None:
    about = About("ada", "club", "", RIDES, 14_400.0, 0)  # released: no input lists the athlete any more
    listed = About("ben", "club", "lists", "other-lists", 14_400.0, 0)
    with store.write() as tx:
        for number, one in enumerate((about, listed)):
            walks.save(tx, number, Covered(), connected_at="1", about=one, now=START)
    settings = replace(SETTINGS, enabled_inputs=webhooks)
    with input_lock(tmp_path / "store", RIDES), input_lock(tmp_path / "store", "other-lists"):
        assert look(tmp_path / "store", START + 60, settings).misses == ()


def test_a_process_is_seen_although_somebody_has_deleted_its_store(tmp_path: Path, store: Database) -> None:
    with store.write():
        pass
    store.close()
    for path in (tmp_path / "store").glob("strava.db*"):
        path.unlink()
    lock = input_lock(tmp_path / "store", RIDES)
    lock.acquire()
    found = look(tmp_path / "store")
    assert (found.exists, found.runs) == (False, {RIDES: True})
    lock.release()
    assert look(tmp_path / "store").runs == {RIDES: False}


def test_who_waits_for_people_is_not_overdue(store: Database) -> None:
    with store.write() as tx:
        join(tx, 1, athlete_id=1)
        join(tx, 2, athlete_id=2, priority=Priority.HISTORY)
        assert queue.oldest_due(tx, input=RIDES) is not None
        athletes.mark_reconnect(tx, athlete_id=1, reason="Refused.", connected_at="", now=START, probe_after=60)
        assert queue.oldest_due(tx, input=RIDES) is None


def test_the_oldest_job_is_found_by_an_index(store: Database) -> None:
    with store.write() as tx:
        plans = query_plans(tx, lambda: queue.oldest_due(tx, input=RIDES))
    (plan,) = plans.values()
    assert "job_due (input=? AND priority=?)" in plan


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners are a matter of Unix")
def test_another_user_is_told_who_should_look(tmp_path: Path, store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.write():
        pass
    before = sorted(path.name for path in (tmp_path / "store").iterdir())
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    found = look(tmp_path / "store")
    assert (found.exists, found.runs) == (None, {})
    assert "the user that Splunk runs as" in found.why_not
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == before


def test_a_store_that_is_none_is_told(tmp_path: Path, store: Database) -> None:
    with store.write():
        pass
    store.close()
    for path in (tmp_path / "store").glob("strava.db*"):
        path.write_bytes(b"no database" * 1000)
    found = look(tmp_path / "store")
    assert (found.exists, bool(found.why_not)) == (True, True)


def test_why_an_athlete_was_never_listed_is_told(tmp_path: Path, store: Database) -> None:
    about = About("ada", "club", "lists", RIDES, 14_400.0, 0)
    with store.write() as tx:
        walks.trouble(tx, 1, "Strava answered 400.", connected_at="1", about=about, now=START)
    with input_lock(tmp_path / "store", "lists"):
        (lists,) = look(tmp_path / "store", START + 60).lists
    assert lists.troubles == ("ada: Strava answered 400.",)
    assert (lists.unfinished, lists.oldest_look) == (("ada: not begun",), None)
