"""Subscriptions of somebody else: another installation, another input, a hand that makes and deletes them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from strava_collector.secret import Secret
from strava_collector.settings import EnabledInput
from strava_collector.store import input_save
from strava_collector.subscription_rules import State
from tests.support.keeping import HOUR, OTHER_URL, URL, Keeping, kept

# Somebody else's.


def test_a_foreign_address_is_left_alone_and_told(k: Keeping) -> None:
    foreign = k.strava.subscriptions.add(k.registered, OTHER_URL)
    k.run(5 * HOUR)
    assert k.there() == foreign
    assert k.state() is State.FOREIGN
    assert OTHER_URL in k.problem()
    assert str(foreign.id) in k.problem()
    assert k.transport.methods == ["GET"] * 5


def test_when_the_foreign_one_is_gone_ours_is_made_and_the_message_taken_back(k: Keeping) -> None:
    k.strava.subscriptions.add(k.registered, OTHER_URL)
    k.keep()
    k.strava.subscriptions.remove(k.registered)
    k.run(HOUR + 60)
    assert (k.state(), k.problem()) == (State.KEPT, "")


def test_a_foreign_address_is_replaced_when_the_user_allows_it(k: Keeping) -> None:
    k.strava.subscriptions.add(k.registered, OTHER_URL)
    k.keep()
    k.begin(replace_subscription=True)
    k.keep()
    assert k.there() is not None
    assert (k.found().callback_url, k.state(), k.problem()) == (URL, State.KEPT, "")


def test_two_installations_that_may_both_replace_come_to_rest(k: Keeping) -> None:
    k.begin(replace_subscription=True)
    k.strava.subscriptions.add(k.registered, OTHER_URL)
    k.keep()
    for _ in range(3):
        # The other one does the same.
        k.strava.subscriptions.add(k.registered, OTHER_URL)
        k.run(HOUR + 60)
    assert k.there() is not None
    assert k.found().callback_url == OTHER_URL
    assert k.state() is State.CONTESTED
    assert k.transport.methods.count("DELETE") == 1
    assert "Stop the other one" in k.problem()


def test_saved_again_it_takes_what_another_installation_took_once_more(k: Keeping) -> None:
    k.begin(replace_subscription=True)
    for _ in range(2):
        k.strava.subscriptions.add(k.registered, OTHER_URL)
        k.run(HOUR + 60)
    assert k.state() is State.CONTESTED
    k.begin()
    k.keep()
    assert k.state() is State.CONTESTED
    with k.database.write() as tx:
        input_save.note(tx, "club", now=k.clock.now())
    k.keep()
    assert (k.state(), k.found().callback_url) == (State.KEPT, URL)
    # It counts once.
    calls = len(k.transport.requests)
    k.begin()
    k.keep()
    assert len(k.transport.requests) == calls


def test_two_processes_of_an_application_do_not_fight(k: Keeping) -> None:
    kept(k)
    both = (EnabledInput("club", "Club", "8443"), EnabledInput("second", "Club", "8444"))
    k.settings = replace(k.settings, enabled_inputs=both)
    k.begin(name="second", callback_url=OTHER_URL, replace_subscription=True)
    k.run(3 * HOUR)
    assert k.transport.methods == ["GET", "POST"]
    assert "The input “club” keeps the subscription of the application “Club”" in k.problem()
    assert k.watch().input == "club"


def test_an_input_that_was_replaced_by_another_leaves_its_subscription_to_it(k: Keeping) -> None:
    kept(k)
    k.settings = replace(k.settings, enabled_inputs=(EnabledInput("second", "Club", "8444"),))
    k.door.callback_url = OTHER_URL
    k.begin(name="second", callback_url=OTHER_URL)
    k.keep()
    assert k.there() is not None
    assert (k.found().callback_url, k.watch().input) == (OTHER_URL, "second")


def test_as_long_as_splunkd_does_not_tell_who_runs_nothing_of_another_input_is_touched(k: Keeping) -> None:
    kept(k)
    k.settings = replace(k.settings, enabled_inputs=())
    k.begin(name="second", callback_url=OTHER_URL)
    k.run(HOUR)
    assert k.transport.methods == ["GET", "POST"]


def test_only_one_process_looks_at_a_time(k: Keeping) -> None:
    first = k.keeper
    k.begin()
    k.transport.before = lambda: None
    waits = []
    k.transport.before = lambda: waits.append(k.keep())
    first.keep(k.api, k.application, k.settings)
    assert waits == [60.0]
    assert k.transport.methods == ["GET", "POST"]


# What happens behind our back.


def test_one_that_was_deleted_at_strava_is_made_again(k: Keeping, caplog: pytest.LogCaptureFixture) -> None:
    before = kept(k)
    k.strava.subscriptions.remove(k.registered)
    k.run(HOUR + 60)
    assert k.there() is not None
    assert k.found().id not in (None, before)
    assert k.known() == k.found().id
    assert "action=subscription_missing" in caplog.text


def test_a_doubt_is_looked_into_within_a_minute(k: Keeping) -> None:
    kept(k)
    k.strava.subscriptions.remove(k.registered)
    k.clock.advance(10.0)
    k.keeper.heard(())
    assert k.keep() == 50.0
    k.clock.advance(50.0)
    k.keep()
    assert k.there() is not None
    assert k.state() is State.KEPT


def test_what_is_heard_and_known_is_no_doubt(k: Keeping) -> None:
    made = kept(k)
    k.keeper.heard((made,))
    k.run(HOUR / 2)
    assert k.transport.methods == ["GET", "POST"]


def test_doubts_without_end_do_not_lead_to_calls_without_end(k: Keeping) -> None:
    kept(k)
    for _ in range(360):
        k.keeper.heard((1,))
        k.run(30.0)
    assert k.state() in (State.KEPT, State.WAITING)


def test_one_that_somebody_makes_in_the_same_moment_is_found(k: Keeping) -> None:
    k.transport.before = lambda: setattr(
        k.transport, "before", lambda: k.strava.subscriptions.add(k.registered, URL) and None
    )
    k.keep()
    assert k.state() is State.KEPT
    assert k.transport.methods == ["GET", "POST", "GET"]


def test_a_foreign_one_that_somebody_makes_in_the_same_moment_is_told(k: Keeping) -> None:
    k.transport.before = lambda: setattr(
        k.transport, "before", lambda: k.strava.subscriptions.add(k.registered, OTHER_URL) and None
    )
    k.keep()
    assert k.state() is State.FOREIGN


def test_one_that_is_gone_when_it_is_to_be_deleted_counts_as_deleted(k: Keeping) -> None:
    kept(k)
    k.begin(verify_token=Secret("another-4711"))
    k.door.verify_token = "another-4711"
    k.transport.before = lambda: setattr(k.transport, "before", lambda: k.strava.subscriptions.remove(k.registered))
    k.keep()
    assert k.state() is State.KEPT
    assert k.transport.methods[2:] == ["GET", "DELETE", "POST"]


def test_an_answer_that_got_lost_leaves_no_second_subscription(k: Keeping) -> None:
    with k.strava.faults.outage("lost_answer", method="POST", path="/api/v3/push_subscriptions"):
        k.keep()
    assert k.state() is State.UNREACHABLE
    made = k.there()
    assert made is not None
    k.run(180.0)
    assert (k.there(), k.state(), k.known()) == (made, State.KEPT, made.id)
