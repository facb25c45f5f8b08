"""Keeping the subscription, against Strava's stand-in in virtual time: every way it can go, and few calls."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from strava_collector.errors import StoreUnavailable
from strava_collector.former_paths import FormerPaths
from strava_collector.secret import Secret
from strava_collector.settings import EnabledInput
from strava_collector.store import input_save, leases, subscriptions
from strava_collector.store.subscriptions import MOST_CALLS
from strava_collector.subscription_left import left_message
from strava_collector.subscription_rules import State
from tests.support.keeping import OTHER_URL, TOKEN, URL, Keeping

HOUR = 3600.0


@pytest.fixture
def k(tmp_path: Path) -> Iterator[Keeping]:
    keeping = Keeping(tmp_path)
    yield keeping
    keeping.close()
    assert keeping.calls_in_hour() <= MOST_CALLS


def kept(k: Keeping) -> int:
    """Let the input make its subscription; the id."""
    k.keep()
    assert k.there() is not None
    assert k.state() is State.KEPT
    return k.found().id


# All is well.


def test_where_there_is_none_it_is_made_and_its_notifications_are_genuine(k: Keeping) -> None:
    assert k.keep() == HOUR
    assert k.there() is not None
    assert (k.found().callback_url, k.known(), k.state()) == (URL, k.found().id, State.KEPT)
    assert k.transport.methods == ["GET", "POST"]
    assert (k.adopted, k.problem()) == (1, "")


def test_ours_is_kept_and_looked_at_every_hour(k: Keeping) -> None:
    made = kept(k)
    k.run(24 * HOUR)
    assert k.there() is not None
    assert k.found().id == made
    assert k.transport.methods[2:] == ["GET"] * 23


def test_one_that_somebody_has_made_by_hand_with_our_address_is_ours(k: Keeping) -> None:
    by_hand = k.strava.subscriptions.add(k.registered, URL).id
    k.keep()
    assert (k.state(), k.known(), k.transport.methods) == (State.KEPT, by_hand, ["GET"])


def test_nothing_happens_before_the_listener_listens(k: Keeping) -> None:
    k.is_listening = False
    k.run(2 * HOUR)
    assert k.transport.requests == []
    k.is_listening = True
    kept(k)


def test_nothing_happens_while_the_user_makes_it_by_hand(k: Keeping) -> None:
    k.begin(manage_subscription=False)
    k.strava.subscriptions.add(k.registered, OTHER_URL)
    k.run(3 * HOUR)
    assert k.transport.requests == []
    assert k.state() is State.BY_HAND
    assert k.problem() == ""


def test_ticked_again_it_is_looked_at_at_once(k: Keeping) -> None:
    kept(k)
    k.begin(manage_subscription=False)
    k.keep()
    k.begin(manage_subscription=True)
    k.keep()
    assert k.state() is State.KEPT
    assert k.transport.methods == ["GET", "POST", "GET"]


# A process that is started again.


def test_a_process_that_is_started_again_does_not_ask(k: Keeping) -> None:
    kept(k)
    k.run(HOUR / 2, restart=k.begin)
    assert k.transport.methods == ["GET", "POST"]


def test_the_pause_after_failures_survives_restarts(k: Keeping) -> None:
    k.door.status = None
    k.run(4 * HOUR, restart=k.begin)
    begin = k.transport.times[0]
    assert [round((at - begin) / 60) for at in k.transport.times] == [0, 0, 2, 6, 14, 30, 62, 122, 182]


def test_trouble_is_told_again_by_the_next_process(k: Keeping) -> None:
    k.door.status = None
    k.keep()
    said = k.problem()
    k.begin()
    k.keep()
    assert k.problem() == said


def test_a_crash_between_deleting_and_creating_leaves_the_creating_to_the_next_process(k: Keeping) -> None:
    before = kept(k)
    k.begin(verify_token=Secret("another-4711"))
    k.door.verify_token = "another-4711"
    outage = k.strava.faults.outage("reset", method="POST", path="/api/v3/push_subscriptions")
    k.keep()
    assert k.there() is None
    outage.end()
    k.begin()
    k.run(180.0)
    assert k.there() is not None
    assert k.found().id != before
    assert k.state() is State.KEPT


class Killed(BaseException):
    """The process ends here."""


def dies_before(k: Keeping, method: str) -> None:
    """Let the input's process die when it is about to make this call, and another one begin."""

    def die() -> None:
        if k.transport.methods[-1] == method:
            raise Killed
        k.transport.before = die

    k.transport.before = die
    with pytest.raises(Killed):
        k.keep()
    k.transport.before = None
    k.begin()


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
def test_a_process_that_dies_during_a_look_leaves_no_gap_and_no_lie(k: Keeping, method: str) -> None:
    before = kept(k)
    k.begin(verify_token=Secret("another-4711"))
    k.door.verify_token = "another-4711"
    dies_before(k, method)
    watch = k.watch()
    assert watch.state is State.WAITING
    assert "leads to this input" not in watch.said
    assert watch.next_at <= k.clock.now()
    k.keep()
    assert k.found().id != before
    assert (k.state(), k.watch().failures) == (State.KEPT, 0)


def test_processes_that_die_during_each_look_ask_less_and_less_often(k: Keeping) -> None:
    kept(k)
    k.begin(verify_token=Secret("another-4711"))
    k.door.verify_token = "another-4711"
    begin = k.clock.now()
    times: list[int] = []
    for _ in range(120):
        if k.watch().next_at <= k.clock.now() or not times:
            dies_before(k, "GET")
            times.append(round((k.clock.now() - begin) / 60))
        k.clock.advance(60.0)
    assert times == [0, 1, 3, 7, 15, 31, 63]


def test_a_store_that_is_locked_when_the_new_one_is_there_is_made_up_for(k: Keeping) -> None:
    kept(k)
    k.begin(verify_token=Secret("another-4711"))
    k.door.verify_token = "another-4711"

    def die() -> None:
        if k.transport.methods[-1] == "POST":
            k.strava.subscriptions.add(k.registered, URL)
            raise StoreUnavailable("The store stayed locked.")
        k.transport.before = die

    k.transport.before = die
    with pytest.raises(StoreUnavailable):
        k.keep()
    assert (k.state(), k.watch().subscription_id) == (State.WAITING, None)
    k.keep()
    assert (k.state(), k.watch().subscription_id) == (State.KEPT, k.found().id)


def test_what_a_dead_process_was_just_looking_at_is_not_waited_for(k: Keeping) -> None:
    name = f"keeping the subscription of {k.application.client_id}"
    with k.database.write() as tx:
        leases.acquire(tx, name=name, holder="subscription keeper of club 1234", now=k.clock.now(), seconds=300.0)
    with k.database.write() as tx:
        k.keeper.take_over(tx)
    kept(k)


# What the user changes.


def test_another_verify_token_makes_it_anew(k: Keeping) -> None:
    before = kept(k)
    k.begin(verify_token=Secret("another-4711"))
    k.door.verify_token = "another-4711"
    k.keep()
    assert k.there() is not None
    assert k.found().id != before
    assert k.transport.methods[2:] == ["GET", "DELETE", "POST"]
    k.run(3 * HOUR)
    assert k.transport.methods[5:] == ["GET"] * 2


def test_a_verify_token_that_changed_and_changed_back_costs_one_look_each(k: Keeping) -> None:
    kept(k)
    k.begin(verify_token=Secret("another-4711"))
    k.is_listening = False
    k.keep()
    k.begin(verify_token=Secret(TOKEN))
    k.is_listening = True
    k.keep()
    assert k.transport.methods == ["GET", "POST", "GET"]
    assert k.state() is State.KEPT


def test_what_was_found_with_other_settings_is_not_said_of_these(k: Keeping) -> None:
    kept(k)
    k.is_listening = False
    k.begin(callback_url=URL + "-moved")
    k.keep()
    assert k.state() is State.WAITING
    assert "has not been looked at yet with the present settings" in k.watch().said


def test_another_callback_url_of_ours_replaces_the_one_that_we_had_made(k: Keeping) -> None:
    before = kept(k)
    k.door.callback_url = URL + "-moved"
    k.begin(callback_url=URL + "-moved")
    k.keep()
    assert k.there() is not None
    assert (k.found().callback_url, k.state()) == (URL + "-moved", State.KEPT)
    assert k.found().id != before


def test_notifications_are_taken_where_the_subscription_leads_until_it_is_made_anew_and_a_day_on(k: Keeping) -> None:
    told: list[frozenset[str]] = []
    kept(k)
    k.door.callback_url = URL + "-moved"
    k.begin(callback_url=URL + "-moved")
    paths = FormerPaths(k.input, k.database, k.clock, take_also=told.append)
    with k.strava.faults.outage("timeout"):
        k.run(3 * 86_400.0)
        paths.look()
    k.run(HOUR + 60)
    assert k.state() is State.KEPT
    for _ in range(24):
        paths.look()
        k.clock.advance(HOUR)
    paths.look()
    assert told == [frozenset({urlsplit(URL).path}), frozenset()]
    others: list[frozenset[str]] = []
    FormerPaths(replace(k.input, name="second"), k.database, k.clock, take_also=others.append).look()
    assert others == [frozenset()]


def test_a_store_that_is_locked_leaves_the_former_paths_as_they_were(
    k: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[frozenset[str]] = []
    kept(k)
    k.begin(callback_url=URL + "-moved")
    paths = FormerPaths(k.input, k.database, k.clock, take_also=told.append)

    def locked() -> None:
        raise StoreUnavailable("The store stayed locked.")

    with monkeypatch.context() as patch:
        patch.setattr(k.database, "read", locked)
        paths.look()
    assert told == []
    paths.look()
    assert told == [frozenset({urlsplit(URL).path})]


def test_what_the_replaced_one_had_announced_stays_genuine_for_a_day(k: Keeping) -> None:
    before = kept(k)
    k.door.callback_url = URL + "-moved"
    k.begin(callback_url=URL + "-moved")
    replaced_at = k.clock.now()
    k.keep()
    with k.database.read() as tx:
        assert subscriptions.former(tx) == {before: replaced_at + subscriptions.FORMER_COUNTS}
        assert before not in subscriptions.all_known(tx)


def test_a_changed_setting_ends_the_pause_after_failures(k: Keeping) -> None:
    k.door.status = None
    k.run(HOUR)
    k.door.status = 200
    k.begin(in_front="proxy")
    k.keep()
    assert k.state() is State.KEPT


def test_three_edits_within_an_hour_are_carried_out_at_once(k: Keeping) -> None:
    kept(k)
    for number in range(2):
        k.clock.advance(60.0)
        k.door.verify_token = f"another-{number}"
        k.begin(verify_token=Secret(f"another-{number}"))
        k.keep()
        assert k.state() is State.KEPT
    k.clock.advance(60.0)
    k.door.verify_token = "fourth-4711"
    k.begin(verify_token=Secret("fourth-4711"))
    k.keep()
    # Not even deleted: without room for both calls the application would be left with none.
    assert k.there() is not None
    assert k.state() is State.WAITING
    k.run(HOUR)
    assert k.state() is State.KEPT
    assert k.watch().token_digest is not None


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


# What Strava refuses.


def test_what_cannot_be_verified_is_told_with_what_a_probe_saw(k: Keeping) -> None:
    k.door.status = None
    k.seen_there = "From this host, nobody answers at rides.example.com (connection refused)."
    k.keep()
    assert k.state() is State.NOT_VERIFIABLE
    assert URL in k.problem()
    assert k.seen_there in k.problem()
    assert "DNS, router, firewall" in k.problem()


def test_another_body_than_the_challenge_is_not_verifiable_either(k: Keeping) -> None:
    k.door.body = b"<html>"
    k.keep()
    assert k.state() is State.NOT_VERIFIABLE


def test_another_status_than_200_is_told(k: Keeping) -> None:
    k.door.status = 404
    k.keep()
    assert k.state() is State.NOT_200
    assert "another status than 200" in k.problem()


def test_as_soon_as_the_address_is_reached_it_is_made_and_the_message_taken_back(k: Keeping) -> None:
    k.door.status = None
    k.run(20 * 60)
    k.door.status = 200
    k.run(20 * 60)
    assert (k.state(), k.problem()) == (State.KEPT, "")


def test_a_callback_url_that_is_too_long_is_told_and_hardly_asked_for(k: Keeping) -> None:
    k.begin(callback_url=URL + "a" * 255)
    k.run(5 * HOUR)
    assert k.state() is State.URL_REFUSED
    assert "255 characters at most" in k.problem()
    assert k.transport.methods.count("POST") == 5


def test_an_unknown_client_id_is_told(k: Keeping) -> None:
    k.application = replace(k.application, client_id="999")
    k.settings = replace(k.settings, applications={"Club": k.application})
    k.keep()
    assert k.state() is State.CLIENT_ID
    assert "no application with the client ID 999" in k.problem()


def test_a_wrong_client_secret_is_told_and_the_right_one_tried_at_once(k: Keeping) -> None:
    right = k.settings
    wrong = replace(k.application, client_secret=Secret("wrong"))
    k.settings = replace(k.settings, applications={"Club": wrong})
    k.run(10 * 60)
    assert k.state() is State.CLIENT_SECRET
    assert "does not accept the client secret of the application “Club”" in k.problem()
    assert k.transport.methods == ["GET"]
    k.settings = right
    k.keep()
    assert (k.state(), k.problem()) == (State.KEPT, "")


def test_an_inactive_application_is_told_and_asked_about_four_times_an_hour_at_most(k: Keeping) -> None:
    k.strava.set_inactive(k.registered)
    k.run(4 * HOUR)
    assert k.state() is State.INACTIVE
    assert "switched the application “Club” off" in k.problem()
    assert len(k.transport.requests) <= 6
    k.strava.set_inactive(k.registered, False)
    k.run(HOUR + 60)
    assert (k.state(), k.problem()) == (State.KEPT, "")


# What passes by itself.


def test_a_rate_limit_is_waited_for(k: Keeping) -> None:
    with k.strava.faults.rate_limited(retry_after=1200):
        k.keep()
    assert (k.state(), k.problem()) == (State.LIMITED, "")
    k.run(1100.0)
    assert k.transport.methods == ["GET"]
    k.run(200.0)
    assert k.state() is State.KEPT


def test_without_calls_to_spare_nothing_is_asked(k: Keeping) -> None:
    k.settings = replace(k.settings, advanced=replace(k.settings.advanced, own_quarter_limit=1))
    k.keep()
    assert k.transport.methods == ["GET"]
    assert k.state() is State.WAITING
    k.settings = replace(k.settings, advanced=replace(k.settings.advanced, own_quarter_limit=None))
    k.run(1000.0)
    assert k.state() is State.KEPT


@pytest.mark.parametrize("what", [500, 503, "html", "reset", "timeout", "truncated", "not_json", "html_200", "empty"])
def test_an_outage_is_told_when_it_lasts(k: Keeping, what: object) -> None:
    with k.strava.faults.outage(what):  # type: ignore[arg-type]
        k.keep()
        assert k.state() in (State.OUTAGE, State.UNREACHABLE)
        assert k.problem() == ""
        k.run(20 * 60)
        assert k.problem() != ""
        assert len(k.transport.requests) <= 5
    k.run(HOUR + 60)
    assert (k.state(), k.problem()) == (State.KEPT, "")


def test_an_outage_does_not_forget_what_is_kept(k: Keeping) -> None:
    made = kept(k)
    with k.strava.faults.outage(503):
        k.run(3 * HOUR)
    k.run(HOUR + 60)
    assert k.there() is not None
    assert k.found().id == made
    assert "POST" not in k.transport.methods[2:]


def test_a_clock_that_was_ahead_delays_nothing_for_long(k: Keeping) -> None:
    right = k.clock.now()
    k.clock.set_wall(right + 30 * 86_400)
    kept(k)
    k.clock.set_wall(right)
    k.strava.subscriptions.remove(k.registered)
    k.run(60.0)
    assert k.there() is not None


@pytest.mark.parametrize("fault", ["nobody answers", "exists and does not", "refused"])
def test_whatever_goes_wrong_for_days_the_calls_stay_few(k: Keeping, fault: str) -> None:
    if fault == "nobody answers":
        k.door.status = None
    elif fault == "refused":
        k.strava.faults.outage(418, method="POST")
    else:
        k.strava.faults.outage(409, method="DELETE")
        k.strava.subscriptions.add(k.registered, OTHER_URL)
    k.run(48 * HOUR, restart=lambda: k.begin(replace_subscription=True))
    assert k.calls_in_hour() <= MOST_CALLS
    assert len(k.transport.requests) <= 48 * 3 + 6


# Its end.


def test_it_is_removed_when_the_input_is_switched_off(k: Keeping) -> None:
    kept(k)
    assert k.remove() is None
    assert k.there() is None
    k.run(2 * HOUR)
    assert k.there() is None
    k.begin()
    kept(k)


def test_one_that_is_gone_already_counts_as_removed(k: Keeping) -> None:
    kept(k)
    k.strava.subscriptions.remove(k.registered)
    assert k.remove() is None


def test_a_foreign_one_is_not_removed(k: Keeping) -> None:
    foreign = k.strava.subscriptions.add(k.registered, OTHER_URL)
    k.keep()
    assert k.remove() is None
    assert k.there() == foreign


def test_a_removal_that_strava_does_not_carry_out_says_why(k: Keeping) -> None:
    kept(k)
    with k.strava.faults.outage(503):
        why = k.remove()
    assert why is not None
    assert "503" in why
    assert k.watch().subscription_id is not None
    # The command in the message is one to be copied.
    told = left_message(why, "Club", k.keeper.kept)
    assert f"“strava_admin.py subscriptions delete {k.watch().subscription_id}”." in told
    assert why in told


def test_a_process_that_has_just_begun_knows_the_number_of_what_it_could_not_remove(k: Keeping) -> None:
    kept(k)
    k.begin()
    with k.strava.faults.outage(503):
        assert k.remove() is not None
    assert k.keeper.kept == k.watch().subscription_id


def test_of_one_whose_number_nobody_knows_it_is_said_where_it_stands() -> None:
    told = left_message("There was no connection.", "Club", None)
    assert "“strava_admin.py subscriptions list” shows its number" in told


def test_an_input_that_is_about_to_end_begins_nothing(k: Keeping) -> None:
    k.is_stopping = True
    k.run(HOUR)
    assert k.transport.requests == []


def test_an_input_that_ends_during_a_look_deletes_and_creates_nothing(k: Keeping) -> None:
    k.transport.before = lambda: setattr(k, "is_stopping", True)
    k.keep()
    assert k.transport.methods == ["GET"]
    k.is_stopping = False
    k.begin()
    kept(k)


# Nothing gets out.


def test_no_secret_is_in_the_log_the_messages_or_the_store(k: Keeping, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    kept(k)
    k.door.status = None
    k.begin(verify_token=Secret("another-4711"))
    k.run(HOUR)
    secrets = (TOKEN, "another-4711", k.registered.client_secret)
    with k.database.read() as tx:
        stored = [list(row) for table in ("subscription_watch", "subscription_call") for row in rows(tx, table)]
    for text in (caplog.text, json.dumps(k.problems.told), json.dumps(stored)):
        assert not any(secret in text for secret in secrets)
    for request in k.transport.requests:
        assert not any(secret in request.url for secret in secrets)
        assert request.method == "GET" or "client_secret" not in request.query


def rows(tx: sqlite3.Connection, table: str) -> list[sqlite3.Row]:
    return tx.execute(f"SELECT * FROM {table}").fetchall()


def test_each_change_leaves_a_line_in_the_log(k: Keeping, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    kept(k)
    k.begin(verify_token=Secret("another-4711"))
    k.door.verify_token = "another-4711"
    k.run(3 * HOUR)
    k.door.status = None
    k.strava.subscriptions.remove(k.registered)
    k.run(HOUR)
    k.remove()
    actions = [record.getMessage().split()[0].partition("=")[2] for record in caplog.records]
    assert actions[:3] == ["subscription_created", "subscription_deleted", "subscription_created"]
    assert "subscription_missing" in actions
    assert "subscription_trouble" in actions
    # An hourly look that finds all in order is no line.
    assert actions.count("subscription_kept") == 0
