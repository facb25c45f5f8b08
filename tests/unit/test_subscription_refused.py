"""What Strava refuses and what passes by itself: people are told the one and the other is waited for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from strava_collector.secret import Secret
from strava_collector.store.subscriptions import MOST_CALLS
from strava_collector.subscription_rules import State
from tests.support.keeping import HOUR, OTHER_URL, URL, Keeping, kept

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
