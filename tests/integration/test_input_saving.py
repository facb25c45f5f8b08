"""Saving, editing and enabling an input through the add-on's own pages, with the built add-on."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from sandbox.sandbox import INDEX, Input, Sandbox, SandboxRefused, free_port
from sandbox.strava import Application
from tests.integration.conftest import MakeSandbox
from tests.support.waiting import until

PAGE = "TA_strava_webhook_strava_webhook"
#: Where splunkd itself keeps the inputs; a save there passes its own validation only.
SPLUNKD = "data/inputs/strava_webhook"


class Club:
    """An application with an input that runs."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.application: Application = sandbox.add_application("Club")
        self.input: Input = sandbox.add_input("club", self.application)
        sandbox.wait_until_healthy(self.input)

    def new(self, **changes: str | int) -> dict[str, str | int]:
        """What somebody enters for another input; without changes it has no fault."""
        files = self.sandbox.certificates.issue("another")
        port = free_port()
        return {
            "application": self.sandbox.add_application("Own").name if "application" not in changes else "",
            "index": INDEX,
            "interval": 60,
            "port": port,
            "callback_url": f"https://localhost:{port}/strava/another",
            "verify_token": "another-verify-token",
            "cert_file": str(files.cert_file),
            "key_file": str(files.key_file),
            **changes,
        }

    def refusal(self, path: str, **arguments: str | int) -> str:
        with pytest.raises(SandboxRefused) as refused:
            self.sandbox.post(path, **arguments)
        return str(refused.value)

    def state(self) -> dict[str, Any]:
        """Everything that a save could change."""
        splunkd = self.sandbox.splunkd
        passwords = splunkd.request("GET", splunkd.path("storage/passwords"), {"count": -1})[1]["entry"]
        inputs = splunkd.request("GET", splunkd.path(SPLUNKD), {"count": -1})[1]["entry"]
        return {
            "passwords": sorted((one["name"], one["content"]["clear_password"]) for one in passwords),
            "inputs": {one["name"]: one["content"] for one in inputs},
            "starts": splunkd.inputs.count("club").starts,
        }

    def messages(self) -> str:
        return "\n".join(message.value for message in self.sandbox.splunkd.messages)


@pytest.fixture
def club(make_sandbox: MakeSandbox) -> Club:
    return Club(make_sandbox())


def test_a_save_with_many_faults_names_them_all_and_changes_nothing(club: Club) -> None:
    certificates = club.sandbox.certificates
    old = certificates.issue("old", "a.example.org", not_after=datetime(2020, 1, 1, tzinfo=timezone.utc))
    many: dict[str, str | int] = {
        "application": "Club",
        "index": "nowhere",
        "interval": 5,
        "port": club.input.port,
        "callback_url": "https://strava.example.org/" + "p" * 300,
        "verify_token": "short",
        "cert_file": str(old.leaf_file),
        "key_file": str(certificates.encrypt_key(old)),
        "in_front": "wall",
    }
    before = club.state()
    text = club.refusal(PAGE, name="1st", **many)
    expected = (
        "name must begin",
        "restart pause",
        "characters; Strava takes at most 255",
        "one of nothing, router, proxy",
        "8 to 200 characters",
        "no index “nowhere”",
        "“club” is enabled for the application “Club” already",
        "belongs to the input “club”",
        "is encrypted",
        "expired on 2020-01-01",
        "does not cover the host “strava.example.org”",
        "is incomplete",
    )
    for word in expected:
        assert word in text, word
    assert "names no port, which means 443" not in text  # nobody knows what is in front of the port
    assert club.state() == before

    text = club.refusal(SPLUNKD, name="1st", **{**many, "verify_token": "******"})
    for word in expected:
        assert word in text or word == "8 to 200 characters", word
    assert club.state() == before


def test_a_refused_edit_keeps_the_old_verify_token(club: Club) -> None:
    before = club.state()
    text = club.refusal(f"{PAGE}/club", verify_token="new-verify-token", interval=5)
    assert "restart pause" in text
    assert club.state() == before


def test_an_edit_of_a_running_input_has_nothing_against_its_own_port(club: Club) -> None:
    club.sandbox.post(f"{PAGE}/club", interval=30)
    club.sandbox.wait_until_healthy(club.input)
    club.sandbox.post(
        f"{PAGE}/club",
        application="Club",
        index=INDEX,
        interval=20,
        port=club.input.port,
        callback_url=club.input.callback_url + "-2",
        cert_file=str(club.input.certificate.cert_file),
        key_file=str(club.input.certificate.key_file),
        in_front="nothing",
    )
    assert club.state()["inputs"]["club"]["interval"] == "20"


def test_what_stands_in_front_decides_what_is_a_fault(club: Club) -> None:
    signed = club.sandbox.certificates.self_signed("signed")
    url = "https://strava.example.org/strava/another"
    fields = club.new(callback_url=url, cert_file=str(signed.cert_file), key_file=str(signed.key_file))
    text = club.refusal(PAGE, name="another", **fields)
    for word in ("names no port, which means 443", "self-signed", "does not cover"):
        assert word in text
    text = club.refusal(PAGE, name="another", **fields, in_front="router")
    assert "names no port" not in text
    assert "self-signed" in text
    saved = club.sandbox.post(PAGE, name="another", **fields, in_front="proxy")
    assert saved["in_front"] == "proxy"


def test_certificate_and_key_are_needed_unless_the_port_speaks_plain_http(club: Club) -> None:
    url = "https://strava.example.org/strava/another"
    fields = club.new(callback_url=url)
    files = {name: str(fields.pop(name)) for name in ("cert_file", "key_file")}
    for in_front in ({}, {"in_front": "nothing"}, {"in_front": "router"}, {"in_front": "proxy"}):
        text = club.refusal(PAGE, name="another", **fields, **in_front)
        assert "The certificate file is missing." in text
        assert "The private key file is missing." in text
    # splunkd itself does not demand them, so the input's own program does.
    assert "The certificate file is missing." in club.refusal(SPLUNKD, name="another", **fields, in_front="router")
    assert "uses no certificate" in club.refusal(PAGE, name="another", **fields, **files, in_front="local_proxy")

    saved = club.sandbox.post(PAGE, name="another", **fields, in_front="local_proxy")
    assert not saved.get("cert_file")
    text = club.refusal(f"{PAGE}/another", in_front="router")
    assert "The private key file is missing." in text
    club.sandbox.post(f"{PAGE}/another", in_front="proxy", **files)
    text = club.refusal(f"{PAGE}/another", in_front="local_proxy")
    assert "uses no certificate: empty the fields" in text
    emptied = club.sandbox.post(f"{PAGE}/another", in_front="local_proxy", cert_file="", key_file="")
    assert not emptied.get("cert_file")


def test_an_application_has_one_enabled_input(club: Club) -> None:
    fields = club.new(application="Club")
    assert "“club” is enabled" in club.refusal(PAGE, name="second", **fields)
    club.sandbox.post(f"{PAGE}/club", disabled="true")
    club.sandbox.post(PAGE, name="second", **fields)
    assert "“second” is enabled" in club.refusal(f"{PAGE}/club", disabled="false")
    # A disabled one can be edited beside it, and splunkd enables it without asking anybody.
    club.sandbox.post(f"{PAGE}/club", interval=30)
    assert club.messages() == ""
    club.sandbox.splunkd.request("POST", club.sandbox.splunkd.path(SPLUNKD, "club", "enable"))
    until(lambda: "club: The input “second” is enabled for the application “Club” already" in club.messages())
    # They collide: what does not make it worse can be saved, and so can what ends it.
    club.sandbox.post(f"{PAGE}/second", interval=45)
    assert str(club.state()["inputs"]["second"]["interval"]) == "45"
    club.sandbox.post(f"{PAGE}/second", disabled="true")
    assert club.state()["inputs"]["second"]["disabled"] is True


def test_a_pipe_in_the_place_of_the_ca_file_holds_nobody(club: Club, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    advanced = "TA_strava_webhook_settings/advanced"
    os.mkfifo(ca_file)
    assert "is not a regular file" in club.refusal(advanced, ca_file=str(ca_file))
    # And if it takes the file's place afterwards: this would not return.
    ca_file.unlink()
    ca_file.write_bytes(club.sandbox.certificates.ca_file.read_bytes())
    club.sandbox.post(advanced, ca_file=str(ca_file))
    ca_file.unlink()
    os.mkfifo(ca_file)
    assert "no authority that this host trusts" in club.refusal(PAGE, name="second", **club.new())


def test_an_input_that_was_disabled_is_enabled_again(club: Club) -> None:
    club.sandbox.post(f"{PAGE}/club", disabled="true")
    until(lambda: club.sandbox.health(club.input) == 0)
    club.sandbox.post(f"{PAGE}/club", disabled="false")
    club.sandbox.wait_until_healthy(club.input)


def test_a_forwarder_need_not_have_the_index(club: Club) -> None:
    splunkd = club.sandbox.splunkd
    assert "no index “elsewhere”" in club.refusal(f"{PAGE}/club", index="elsewhere")
    status, _ = splunkd.request(
        "POST", splunkd.path("configs/conf-outputs"), {"name": "tcpout:all", "server": "192.0.2.1:9997"}
    )
    assert status == 201
    assert club.sandbox.post(f"{PAGE}/club", index="elsewhere")["index"] == "elsewhere"


def test_stars_are_no_verify_token(club: Club) -> None:
    before = club.state()
    text = club.refusal(PAGE, name="another", **club.new(verify_token="******"))
    assert "verify token is missing" in text
    assert [row for row in club.state()["passwords"] if "another" in row[0]] == []
    assert club.state()["inputs"] == before["inputs"]
