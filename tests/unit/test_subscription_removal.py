"""What the end of an input does with its subscription, whatever splunkd and Strava do meanwhile."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Optional, cast

import pytest

from strava_collector import subscription_removal
from strava_collector.fetcher import Connection
from strava_collector.oauth import OAuth
from strava_collector.ports import SplunkUnavailable
from strava_collector.secret import Secret
from strava_collector.settings import Application, WebhookInput
from strava_collector.strava_api import StravaApi
from strava_collector.subscription import SubscriptionKeeper
from strava_collector.subscription_removal import Removal
from tests.support.message_board import MessageBoard

LEFT = "ta_strava_webhook_subscription_left_Club"
INPUT = WebhookInput(
    name="club",
    index="strava",
    application="Club",
    port=8443,
    verify_token=Secret("verify-4711"),
    callback_url="https://rides.example.com/strava/0123456789abcdef",
    cert_file="cert.pem",
    key_file="key.pem",
    remove_subscription=True,
)
CONNECTION = Connection(Application("Club", "4711", Secret("shh")), cast("StravaApi", None), cast("OAuth", None))


class Keeper:
    """Removes, or says why it cannot."""

    kept = 1234

    def __init__(self, said: Callable[[], Optional[str]]) -> None:
        self.said = said
        self.removed = 0

    def remove(self, _api: object, _application: object, *, patience: float) -> Optional[str]:
        assert patience > 0
        self.removed += 1
        return self.said()


class End:
    """An input that ends."""

    def __init__(self) -> None:
        self.board = MessageBoard()
        self.switched_off: Callable[[], bool] = lambda: True
        self.announced: Callable[[], bool] = lambda: False
        self.connection: Callable[[], Optional[Connection]] = lambda: CONNECTION
        self.said: Callable[[], Optional[str]] = lambda: None
        self.keeper = Keeper(lambda: self.said())

    def removal(self, webhook_input: WebhookInput = INPUT) -> Removal:
        return Removal(
            webhook_input,
            keeper=cast("SubscriptionKeeper", self.keeper),
            connection=lambda: self.connection(),
            switched_off=lambda: self.switched_off(),
            announced=lambda: self.announced(),
            messages=self.board,
        )

    def run(self, webhook_input: WebhookInput = INPUT) -> None:
        """Go through the end, which waits for whatever is to be done."""
        removal = self.removal(webhook_input)
        removal.begin()
        removal.finish(60.0)

    @property
    def told(self) -> str:
        return self.board.shown.get(LEFT, "")


@pytest.fixture
def end(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[End]:
    monkeypatch.setattr(subscription_removal, "_ASK_AGAIN", 0.0)
    monkeypatch.setattr(subscription_removal, "_MESSAGE_PATIENCE", 60.0)
    caplog.set_level(logging.INFO)
    yield End()
    assert not [thread for thread in threading.enumerate() if thread.name == "removal"]


def raises(error: Exception) -> Callable[[], Any]:
    def fails() -> Any:
        raise error

    return fails


def blocks(held: threading.Event) -> Callable[[], Any]:
    def waits() -> Any:
        held.wait(60)
        return True

    return waits


def test_what_is_disabled_or_gone_loses_its_subscription(end: End) -> None:
    end.run()
    assert (end.keeper.removed, end.board.shown) == (1, {})


def test_what_its_page_has_announced_is_not_asked_about(end: End) -> None:
    end.announced, end.switched_off = lambda: True, raises(AssertionError("asked"))
    end.run()
    assert end.keeper.removed == 1


def test_splunkd_may_store_the_change_after_it_has_stopped_the_process(end: End) -> None:
    answers = iter([False, True])
    end.switched_off = lambda: next(answers)
    end.run()
    assert end.keeper.removed == 1


def test_at_a_mere_restart_it_stays(end: End) -> None:
    end.switched_off = lambda: False
    end.run()
    assert (end.keeper.removed, end.board.shown) == (0, {})


@pytest.mark.parametrize("unwanted", [{"manage_subscription": False}, {"remove_subscription": False}])
def test_who_does_not_want_it_removed_keeps_it(end: End, unwanted: dict[str, Any]) -> None:
    end.run(replace(INPUT, **unwanted))
    assert end.keeper.removed == 0


def test_if_splunkd_does_not_say_whether_the_input_ends_for_good_it_stays(
    end: End, caplog: pytest.LogCaptureFixture
) -> None:
    end.switched_off = raises(SplunkUnavailable("splunkd answered 503."))
    end.run()
    assert (end.keeper.removed, end.board.shown) == (0, {})
    assert 'action=subscription_left input=club why="splunkd answered 503."' in caplog.text


def test_a_fault_of_our_own_does_not_keep_the_input_from_ending(end: End, caplog: pytest.LogCaptureFixture) -> None:
    end.switched_off = raises(RuntimeError("a defect"))
    end.run()
    assert "action=step_failed thread=removal error=RuntimeError" in caplog.text


def test_without_a_connection_the_user_is_told_what_is_left(end: End) -> None:
    end.connection = lambda: None
    end.run()
    assert "There is no connection to Strava with the present settings." in end.told
    assert "subscriptions delete 1234" in end.told


@pytest.mark.parametrize("how", ["says so", "raises"])
def test_what_strava_does_not_remove_the_user_is_told(end: End, how: str) -> None:
    end.said = (lambda: "Strava answered 503.") if how == "says so" else raises(SplunkUnavailable("The store is shut."))
    end.run()
    assert ("Strava answered 503." if how == "says so" else "The store is shut.") in end.told


def test_a_splunkd_that_does_not_answer_in_time_holds_nobody(end: End, caplog: pytest.LogCaptureFixture) -> None:
    held = threading.Event()
    end.switched_off = blocks(held)
    removal = end.removal()
    removal.begin()
    removal.finish(0.0)
    assert 'action=subscription_left input=club why="splunkd did not answer in time"' in caplog.text
    assert end.board.shown == {}
    held.set()
    removal.finish(60.0)


def test_a_strava_that_does_not_answer_in_time_is_told(end: End) -> None:
    held, asked = threading.Event(), threading.Event()

    def asks() -> Optional[str]:
        asked.set()
        held.wait(60)
        return None

    end.said = asks
    removal = end.removal()
    removal.begin()
    assert asked.wait(60)
    removal.finish(0.0)
    held.set()
    removal.finish(60.0)
    assert "Strava had not answered when the input had to end." in end.told


def test_an_input_that_runs_again_takes_the_message_back_once(end: End) -> None:
    removal = end.removal()
    end.board.post(LEFT, "left", "error")
    removal.take_back_message()
    assert end.board.shown == {}
    end.board.post(LEFT, "by another process", "error")
    removal.take_back_message()
    assert end.told == "by another process"
