"""What a running input says about its own configuration."""

from __future__ import annotations

from strava_collector.bulletin import Bulletin
from strava_collector.input_check import InputCheck
from strava_collector.secret import Secret
from strava_collector.settings import EnabledInput, Settings, WebhookInput
from tests.support.message_board import MessageBoard

MINE = EnabledInput("main", "club", "8443")


class Looking:
    """An input with its check, and what its user gets to see."""

    def __init__(self) -> None:
        self.board = MessageBoard()
        self._bulletin = Bulletin(self.board, "main")
        webhook_input = WebhookInput(
            name="main",
            index="strava",
            application="club",
            port=8443,
            verify_token=Secret("v"),
            callback_url="https://strava.example.org:8443/p",
            cert_file="/c.pem",
            key_file="/k.pem",
        )
        self.check = InputCheck(webhook_input, self._bulletin)

    def look(self, *inputs: EnabledInput) -> dict[str, str]:
        self.check.look(Settings(enabled_inputs=(MINE, *inputs)))
        self._bulletin._tell()
        return self.board.by_topic()


def test_an_input_alone_says_nothing() -> None:
    assert Looking().look(EnabledInput("other", "own", "9443")) == {}


def test_a_second_enabled_input_for_the_application_is_told_until_it_is_disabled() -> None:
    looking = Looking()
    shown = looking.look(EnabledInput("other", "club", "9443"))
    assert list(shown) == ["rival"]
    assert "main: The input “other” is enabled for the application “club” already" in shown["rival"]
    assert looking.look() == {}
