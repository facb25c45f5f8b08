"""What asking whose held notifications are needs, and what its answer means for calls and for the user."""

from __future__ import annotations

import pytest

from strava_collector.errors import TransportError, TransportFault
from strava_collector.store import applications
from tests.support.collecting import APPLICATION, BROKEN, Collect, Collecting
from tests.support.scripted_transport import answer

FOREIGN = 666
GONE = TransportError(TransportFault.TIMEOUT, "Strava did not answer.")
TOPIC = "held_notifications"


def hold(c: Collecting) -> None:
    """A notification of a subscription that nobody here knows has arrived."""
    c.receive(subscription_id=FOREIGN)
    c.dispatcher.dispatch()


def reads(c: Collecting) -> int:
    with c.database.read() as tx:
        return applications.quota(tx, APPLICATION.client_id).at(c.clock.now()).reads_quarter.used


def test_a_list_is_counted_and_takes_the_message_back(collect: Collect) -> None:
    c = collect(BROKEN, answer([{"id": 4242}]))
    hold(c)
    c.pipeline.check_subscription()
    assert "Check the application's client ID and secret" in c.problems.told[TOPIC]
    c.clock.advance(3600)
    c.pipeline.check_subscription()
    assert TOPIC not in c.problems.told
    assert len(c.transport.requests) == 2


@pytest.mark.parametrize("end", [BROKEN, GONE], ids=["503", "no answer"])
def test_a_call_that_fails_is_counted_too(collect: Collect, end: object) -> None:
    c = collect(end)
    hold(c)
    c.pipeline.check_subscription()
    assert reads(c) == 1


def test_without_settings_or_a_connection_nobody_is_asked(collect: Collect, monkeypatch: pytest.MonkeyPatch) -> None:
    c = collect()
    hold(c)
    settings, c.settings = c.settings, None
    c.pipeline.check_subscription()
    assert c.pipeline.keep_subscription() is None
    c.settings = settings
    monkeypatch.setattr(c.pipeline, "_connection", lambda: None)
    assert c.pipeline.check_subscription() is None
    assert c.pipeline.keep_subscription() is None
    assert (c.transport.requests, reads(c)) == ([], 0)
