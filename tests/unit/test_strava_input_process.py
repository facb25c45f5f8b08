"""The glue between splunkd and the service: what happens before and around it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from splunklib import modularinput

import strava_activities_helper
import strava_input_process as helper
import strava_webhook_helper
from sandbox.certificates import Certificates
from sandbox.sandbox import free_port
from strava_collector.ports import ERROR, SessionExpired, SplunkUnavailable
from strava_collector.secret import Secret
from strava_collector.settings import Settings, WebhookInput
from tests.support.clock import VirtualClock

WEBHOOK_INPUT = WebhookInput("main", "strava", "club", 8443, Secret("v"), "https://h/p", "/c", "/k")


def definition(name: str, **params: str) -> modularinput.ValidationDefinition:
    """What splunkd passes when an input is saved; nobody listens at its address."""
    made = modularinput.ValidationDefinition()
    made.metadata = {"server_uri": "https://127.0.0.1:1", "session_key": "key", "name": name}
    made.parameters = params
    return made


def test_saving_names_all_faults_in_one_message_even_when_splunkd_does_not_answer(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name must begin") as caught:
        strava_webhook_helper.validate_input(
            definition("1st", port="0", callback_url="http://h", cert_file=str(tmp_path / "none"), application="?")
        )

    for word in ("port", "https", "does not exist"):
        assert word in str(caught.value)


def test_a_good_input_can_be_saved(tmp_path: Path) -> None:
    files = Certificates(tmp_path).issue("listener")
    port = free_port()

    strava_webhook_helper.validate_input(
        definition(
            "main",
            application="club",
            port=str(port),
            callback_url=f"https://localhost:{port}/p",
            cert_file=str(files.cert_file),
            key_file=str(files.key_file),
            verify_token="******",
            in_front="proxy",
        )
    )


def test_the_other_kind_of_input_names_all_its_faults_too() -> None:
    with pytest.raises(ValueError, match="name must begin") as caught:
        strava_activities_helper.validate_input(definition("1st", interval="1", start_date="9999-01-01"))

    for word in ("interval", "in the future"):
        assert word in str(caught.value)
    strava_activities_helper.validate_input(definition("history", application="club", index="strava", interval="60"))


class Messages:
    """Keeps what is posted."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, str, str]] = []
        self.cleared: list[str] = []

    def post(self, name: str, text: str, severity: str) -> None:
        self.posted.append((name, text, severity))

    def clear(self, name: str) -> None:
        self.cleared.append(name)


class FailingReader:
    """Fails as often as there are errors, then reads the input."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.settings_read = 0

    def webhook_input(self, name: str, params: object) -> WebhookInput:
        if self._errors:
            raise self._errors.pop(0)
        return WEBHOOK_INPUT

    def settings(self) -> Settings:
        self.settings_read += 1
        return Settings(log_level="INFO")


def configured(reader: FailingReader, messages: Messages, stop: threading.Event) -> WebhookInput | None:
    return helper.configured("main", lambda: reader.webhook_input("main", {}), messages, stop)


def test_an_unusable_configuration_is_reported_once_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helper, "CONFIGURATION_RETRY", 0.0)
    fault, messages = SplunkUnavailable("splunkd answered 503."), Messages()

    webhook_input = configured(FailingReader(fault, fault, fault), messages, threading.Event())

    assert webhook_input == WEBHOOK_INPUT
    ((name, text, severity),) = messages.posted
    assert name == "ta_strava_webhook_main_input"
    assert text.startswith("main: splunkd answered 503.")
    assert severity == ERROR
    assert messages.cleared == ["ta_strava_webhook_main_input"]


def test_an_input_that_waits_for_its_configuration_can_be_stopped() -> None:
    stop = threading.Event()
    stop.set()

    assert configured(FailingReader(), Messages(), stop) is None


def test_an_expired_session_ends_the_wait() -> None:
    with pytest.raises(SessionExpired):
        configured(FailingReader(SessionExpired("expired")), Messages(), threading.Event())


def test_tokens_without_a_row_are_looked_for_every_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helper, "set_level", lambda level: None)  # which would last for all tests
    clock = VirtualClock()
    looked: list[float] = []

    def look() -> None:
        looked.append(clock.now())
        raise SplunkUnavailable("splunkd answered 503.")  # which must not keep the settings from being read

    reader: Any = FailingReader()
    configuration = helper._Configuration(reader, look, lambda settings: None, clock)

    for _ in range(30):
        configuration.settings()
        clock.advance(60)

    assert len(looked) == 3


STOPPED_BY_SIGNAL = """
import os, strava_input_process
stop = strava_input_process._stop_on_signals()
print("ready", flush=True)
while not stop.wait(0.001):
    pass
print("stopped", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that can be sent to a process")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_input(number: signal.Signals) -> None:
    bin_folder = Path(helper.__file__).parent
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED_BY_SIGNAL], cwd=bin_folder, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == "stopped\n"
    assert process.returncode == 0


@pytest.mark.parametrize("name", ["strava_webhook_helper", "strava_activities_helper"])
def test_importing_a_helper_prints_nothing(name: str) -> None:
    """stdout belongs to the events."""
    result = subprocess.run(
        [sys.executable, "-c", f"import {name}"],
        cwd=Path(helper.__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stdout == ""
