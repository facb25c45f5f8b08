"""What a running input says about its own configuration."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from sandbox.certificates import Certificates, ServerCertificate
from strava_collector.bulletin import Bulletin
from strava_collector.clock import SystemClock
from strava_collector.input_check import InputCheck
from strava_collector.secret import Secret
from strava_collector.settings import Advanced, EnabledInput, Settings, WebhookInput

HOST = "strava.example.org"
MINE = EnabledInput("main", "club", "8443")


class Board:
    """Messages of Splunk Web, by name."""

    def __init__(self) -> None:
        self.shown: dict[str, str] = {}

    def post(self, name: str, text: str, severity: str) -> None:
        self.shown[name] = text

    def clear(self, name: str) -> None:
        self.shown.pop(name, None)


class Looking:
    """An input with its check, and what its user gets to see."""

    def __init__(self, certificates: Certificates, files: ServerCertificate, in_front: str = "nothing") -> None:
        self.board = Board()
        self._certificates = certificates
        self._bulletin = Bulletin(self.board, "main")
        webhook_input = WebhookInput(
            name="main",
            index="strava",
            application="club",
            port=8443,
            verify_token=Secret("v"),
            callback_url=f"https://{HOST}:8443/p",
            cert_file=str(files.cert_file),
            key_file=str(files.key_file),
            in_front=in_front,
        )
        self.check = InputCheck(webhook_input, self._bulletin, SystemClock())

    def look(self, *inputs: EnabledInput, trusted: bool = True) -> dict[str, str]:
        ca_file = str(self._certificates.ca_file) if trusted else None
        self.check.look(Settings(enabled_inputs=(MINE, *inputs), advanced=replace(Advanced(), ca_file=ca_file)))
        self._bulletin._tell()
        return {name.rpartition("_")[2]: text for name, text in self.board.shown.items()}


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


def test_an_input_alone_with_a_good_certificate_says_nothing(certificates: Certificates) -> None:
    looking = Looking(certificates, certificates.issue("good", HOST))
    assert looking.look(EnabledInput("other", "own", "9443")) == {}


def test_a_second_enabled_input_for_the_application_is_told_until_it_is_disabled(certificates: Certificates) -> None:
    looking = Looking(certificates, certificates.issue("good", HOST))
    shown = looking.look(EnabledInput("other", "club", "9443"))
    assert list(shown) == ["rival"]
    assert "main: The input “other” is enabled for the application “club” already" in shown["rival"]
    assert looking.look() == {}


def test_a_certificate_that_strava_refuses_is_told(certificates: Certificates) -> None:
    looking = Looking(certificates, certificates.issue("bad", "other.example.org"))
    assert "does not cover the host" in looking.look()["certificate"]


def test_the_certificate_is_judged_again_when_other_authorities_are_trusted(certificates: Certificates) -> None:
    looking = Looking(certificates, certificates.issue("good", HOST))
    assert "no authority that this host trusts" in looking.look(trusted=False)["certificate"]
    assert looking.look() == {}


def test_behind_a_proxy_the_certificate_may_be_of_any_kind(certificates: Certificates) -> None:
    assert Looking(certificates, certificates.self_signed("own"), in_front="proxy").look() == {}


def test_files_that_cannot_be_used_are_left_to_the_listener(certificates: Certificates) -> None:
    files = certificates.issue("gone", HOST)
    files.key_file.unlink()
    assert Looking(certificates, files).look() == {}


def test_a_certificate_that_ends_soon_is_logged(certificates: Certificates, caplog: pytest.LogCaptureFixture) -> None:
    end = datetime.now(timezone.utc) + timedelta(days=13, hours=1)
    looking = Looking(certificates, certificates.issue("late", HOST, not_after=end))
    with caplog.at_level(logging.WARNING):
        assert looking.look() == {}
    assert "action=certificate_ends_soon days=13" in caplog.text
