"""Keeping the subscription, against Strava's stand-in in virtual time: every way it can go, and few calls."""

from __future__ import annotations

import json
import logging
import sqlite3

import pytest

from strava_collector.secret import Secret
from strava_collector.subscription_rules import State
from tests.support.keeping import HOUR, OTHER_URL, TOKEN, URL, Keeping, kept

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
