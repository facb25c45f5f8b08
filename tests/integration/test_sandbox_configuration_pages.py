"""The built add-on's configuration goes through its own generated REST handlers, in the sandbox's splunkd."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.splunkd import Splunkd

APPLICATION = "TA_strava_webhook_application"
SECRET = "marked-client-secret"


@pytest.fixture(scope="module")
def running(built_app: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Splunkd]:
    """One for all tests of this file: each handler compiles the bundled libraries when it is first called."""
    with Splunkd(app=built_app, home=tmp_path_factory.mktemp("splunk"), python=Path(sys.executable)) as splunkd:
        # Nobody answers there: nothing here is about Strava, and a row is saved without its answer.
        advanced = splunkd.path("TA_strava_webhook_settings", "advanced")
        assert splunkd.request("POST", advanced, {"api_url": "https://127.0.0.1:1"})[0] == 200
        yield splunkd


@pytest.fixture
def splunkd(running: Splunkd) -> Iterator[Splunkd]:
    """With the application `mine`, which is gone afterwards."""
    status, _ = save(running, {"name": "mine", "client_id": "1234", "client_secret": SECRET})
    assert status == 201
    yield running
    running.request("DELETE", running.path(APPLICATION, "mine"))


def save(splunkd: Splunkd, arguments: dict[str, str], *name: str) -> tuple[int, dict[str, Any]]:
    return splunkd.request("POST", splunkd.path(APPLICATION, *name), arguments)


def content(splunkd: Splunkd, **arguments: str) -> dict[str, Any]:
    status, answer = splunkd.request("GET", splunkd.path(APPLICATION, "mine"), arguments)
    assert status == 200
    found = answer["entry"][0]["content"]
    assert isinstance(found, dict)
    return found


def stored_secret(splunkd: Splunkd) -> str:
    entries = splunkd.request("GET", splunkd.path("storage/passwords"))[1]["entry"]
    clear = "".join(entry["content"]["clear_password"] for entry in entries)
    return str(json.loads(clear.partition("``")[0])["client_secret"])


def conf_files(splunkd: Splunkd) -> str:
    local = splunkd.home / "etc" / "apps" / splunkd.app / "local"
    return "".join(path.read_text(encoding="utf-8") for path in sorted(local.glob("*.conf")))


def test_the_add_on_starts_without_a_complaint(running: Splunkd) -> None:
    assert running.errors == []
    kinds = running.request("GET", "/services/data/modular-inputs")[1]["entry"]
    assert [kind["name"] for kind in kinds] == ["strava_webhook", "strava_activities"]


def test_a_saved_secret_is_encrypted_and_not_given_back(splunkd: Splunkd) -> None:
    found = content(splunkd)
    assert (found["client_id"], found["client_secret"]) == ("1234", "******")
    assert SECRET not in conf_files(splunkd)
    _, listed = splunkd.request("GET", splunkd.path(APPLICATION))
    assert SECRET not in str(listed)
    assert SECRET not in "\n".join(splunkd.log_lines())


def test_an_edit_that_leaves_the_secret_alone_keeps_it(splunkd: Splunkd) -> None:
    assert save(splunkd, {"client_id": "77", "client_secret": "******"}, "mine")[0] == 200
    assert (content(splunkd)["client_id"], stored_secret(splunkd)) == ("77", SECRET)


def test_an_edit_replaces_the_secret(splunkd: Splunkd) -> None:
    assert save(splunkd, {"client_id": "77", "client_secret": "another-one"}, "mine")[0] == 200
    assert stored_secret(splunkd) == "another-one"


def test_a_removed_application_leaves_no_secret_behind(splunkd: Splunkd) -> None:
    assert splunkd.request("DELETE", splunkd.path(APPLICATION, "mine"))[0] == 200
    assert splunkd.request("GET", splunkd.path("storage/passwords"))[1]["entry"] == []
    assert splunkd.request("GET", splunkd.path(APPLICATION))[1]["entry"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "mine", "client_id": "4321", "client_secret": "x" * 40}, "already"),
        ({"name": "two words", "client_id": "1234", "client_secret": "x" * 40}, "name must"),
        ({"name": "other", "client_id": "no number", "client_secret": "x" * 40}, "REST Error [400]"),
        ({"name": "other", "client_id": "1234"}, "client_secret"),
    ],
)
def test_what_is_wrong_is_refused_in_the_words_that_the_page_shows(
    splunkd: Splunkd, arguments: dict[str, str], said: str
) -> None:
    status, answer = save(splunkd, arguments)
    assert status >= 400
    assert said in answer["messages"][0]["text"]


def test_a_setting_is_saved_where_the_input_reads_it(running: Splunkd) -> None:
    address = running.path("TA_strava_webhook_settings", "logging")
    assert running.request("POST", address, {"loglevel": "DEBUG"})[0] == 200
    status, answer = running.request("GET", running.path("configs/conf-ta_strava_webhook_settings", "logging"))
    assert (status, answer["entry"][0]["content"]["loglevel"]) == (200, "DEBUG")


def test_an_input_with_faults_is_refused_and_not_started(splunkd: Splunkd) -> None:
    arguments = {
        "name": "home",
        "interval": "60",
        "index": "main",
        "application": "mine",
        "port": "99999",
        "verify_token": "marked-verify-token",
        "callback_url": "https://strava.example.com/hook",
        "cert_file": "/nowhere/cert.pem",
        "key_file": "/nowhere/key.pem",
    }
    status, answer = splunkd.request("POST", splunkd.path("TA_strava_webhook_strava_webhook"), arguments)
    assert status >= 400
    assert "port" in answer["messages"][0]["text"]
    assert splunkd.inputs.stanzas() == []
