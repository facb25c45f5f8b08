"""What becomes of the subscription when the user changes what it is made from."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from strava_collector.errors import StoreUnavailable
from strava_collector.former_paths import FormerPaths
from strava_collector.secret import Secret
from strava_collector.store import subscriptions
from strava_collector.subscription_rules import State
from tests.support.keeping import HOUR, TOKEN, URL, Keeping, kept


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
