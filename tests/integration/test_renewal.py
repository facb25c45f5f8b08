"""A renewed certificate is used without a restart, over real TLS; the time between two looks is virtual."""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import MakeSandbox
from tests.support.certbot import CertbotFolder
from tests.support.https import Client
from tests.support.listening import notification, post
from tests.support.renewing import HOST, Club
from tests.support.waiting import until


@pytest.fixture
def club(tmp_path: Path) -> Iterator[Club]:
    club = Club(tmp_path)
    assert club.look() == {}
    yield club
    club.kept.stop(5.0)


def renewals(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if "action=certificate_renewed" in record.message]


def test_certbots_renewal_is_used_for_new_connections_and_old_ones_go_on(
    club: Club, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with club.connect() as old:
        assert old.ask(post(notification(1))).status == 200
        club.files.renew(club.issue("second"))
        assert club.look() == {}
        assert club.served() == "first"  # it might still be changing
        assert club.look() == {}
        assert club.served() == "second"
        assert old.ask(post(notification(2))).status == 200
    assert renewals(caplog) == [f"action=certificate_renewed days=89 cert_file={club.files.cert_file}"]
    assert club.look(20) == {}
    assert len(renewals(caplog)) == 1


@pytest.mark.parametrize(("first", "last"), [("privkey", "fullchain"), ("fullchain", "privkey")])
def test_key_and_certificate_may_come_minutes_apart(
    club: Club, caplog: pytest.LogCaptureFixture, first: str, last: str
) -> None:
    caplog.set_level(logging.INFO)
    club.files.store(club.issue("second"))
    club.files.link(first)
    (said,) = club.look(2).values()
    assert said.startswith(f"main: The key file {club.files.key_file} does not belong to the certificate in ")
    assert "new connections get the certificate that was there before" in said
    assert club.served() == "first"
    club.look(100)
    assert sum("topic=renewal" in record.message for record in caplog.records) == 1
    club.files.link(last)
    assert club.look(2) == {}
    assert club.served() == "second"
    assert sum("action=problem_solved topic=renewal" in record.message for record in caplog.records) == 1


def test_a_file_that_is_being_written_is_waited_for(club: Club) -> None:
    whole = club.issue("second").cert_file.read_bytes()
    club.files.store(club.issue("other"))
    for end in range(0, len(whole), 200):  # each piece is another state
        club.files.cert_file.write_bytes(whole[:end])
        assert club.look() == {}
    assert club.served() == "first"


def test_half_a_file_that_stays_is_not_used_and_said(club: Club) -> None:
    other = club.issue("second")
    club.files.renew(other)
    club.files.cert_file.write_bytes(other.cert_file.read_bytes()[:-300])
    assert "is damaged or incomplete" in club.look(2)["renewal"]
    assert club.served() == "first"
    club.files.cert_file.write_bytes(other.cert_file.read_bytes())
    assert club.look(2) == {}
    assert club.served() == "second"


def test_files_that_are_missing_for_a_moment_are_nothing_to_talk_about(
    club: Club, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    club.files.cert_file.rename(club.files.cert_file.with_name("aside"))
    assert club.look() == {}
    club.files.cert_file.with_name("aside").rename(club.files.cert_file)
    assert club.look(5) == {}
    assert not [record for record in caplog.records if "certificate" in record.message]
    club.files.cert_file.unlink()
    assert "does not exist: correct the path" in club.look(2)["renewal"]
    club.files.link("fullchain")
    assert club.look(2) == {}


def test_a_key_that_cannot_be_read_is_said_until_it_can(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    club.files.renew(club.issue("second"))
    opened = os.open

    def refusing(name: Any, *rest: Any, **named: Any) -> int:
        # Root, as who tests may run, can read everything.
        if name == str(club.files.key_file):
            raise PermissionError(13, "Permission denied")
        return opened(name, *rest, **named)

    monkeypatch.setattr(os, "open", refusing)
    assert "give the user that runs Splunk the permission to read it" in club.look(2)["renewal"]
    assert club.served() == "first"
    monkeypatch.undo()  # as after a change of the folder's permissions, which the file itself does not show
    assert club.look() == {}
    assert club.served() == "second"


def test_the_same_content_touched_or_copied_is_no_renewal(club: Club, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for file in (club.files.cert_file, club.files.key_file):
        content = file.read_bytes()
        file.unlink()
        file.write_bytes(content)
    assert club.look(3) == {}
    club.files.key_file.touch()
    assert club.look(3) == {}
    assert not [record for record in caplog.records if "strava_collector" in record.name]


@pytest.mark.parametrize(
    ("valid", "said"), [((-90, -1), "expired on"), ((2, 90), "is not valid before")], ids=["expired", "too early"]
)
def test_a_good_certificate_is_not_given_up_for_one_whose_dates_are_wrong(
    club: Club, valid: tuple[int, int], said: str
) -> None:
    club.files.renew(club.issue("second", valid=valid))
    shown = club.look(2)["renewal"]
    assert shown.startswith(f"main: The new certificate in {club.files.cert_file} {said}")
    assert club.served() == "first"
    club.files.renew(club.issue("third"))
    assert club.look(2) == {}
    assert club.served() == "third"


def test_a_certificate_whose_time_has_not_come_is_used_when_it_has(club: Club) -> None:
    club.files.renew(club.issue("second", valid=(2, 90)))
    assert list(club.look(2)) == ["renewal"]
    club.clock.advance(3 * 86_400)
    club.look()
    assert club.kept.port is not None
    client = ssl.create_default_context(cafile=str(club.authority.ca_file))
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    with Client(club.kept.port, client) as connection:
        assert connection.socket.getpeercert(binary_form=True) == ssl.PEM_cert_to_DER_cert(
            (club.authority.ca_file.parent / "second-leaf.pem").read_text()
        )


def test_a_certificate_for_another_host_is_used_and_said(club: Club) -> None:
    club.files.renew(club.issue("second", "other.example.org", HOST))
    assert club.look(2) == {}
    club.files.renew(club.issue("third", "other.example.org"))
    shown = club.look(2)
    assert list(shown) == ["certificate"]
    assert "does not cover the host “localhost”" in shown["certificate"]


def test_a_listener_that_is_replaced_in_the_middle_of_a_renewal_keeps_its_certificate(club: Club) -> None:
    club.files.store(club.issue("second"))
    club.files.link("privkey")
    club.look(2)
    listener = club.kept._listener
    assert listener is not None
    listener._failure = RuntimeError("as if its thread had died")
    shown = club.look(2)
    assert "listener" not in shown
    assert club.served() == "first"


def test_the_built_input_uses_what_certbot_has_renewed(make_sandbox: MakeSandbox, tmp_path: Path) -> None:
    sandbox = make_sandbox()
    issue = sandbox.certificates.issue
    files = CertbotFolder(tmp_path / "letsencrypt", HOST, issue("first"))
    application = sandbox.add_application("Club")
    anna = sandbox.strava.add_athlete("Anna", "Berg")
    sandbox.connect(anna, "anna", application)
    made = sandbox.add_input("club", application, cert_file=str(files.cert_file), key_file=str(files.key_file))
    sandbox.wait_until_healthy(made)
    sandbox.subscribe(application, made)
    context = ssl.create_default_context(cafile=str(sandbox.certificates.ca_file))
    with Client(made.port, context) as old:
        seen = old.socket.getpeercert()

    def is_renewed() -> bool:
        with Client(made.port, context) as client:
            return client.socket.getpeercert() != seen

    pid = sandbox.splunkd.inputs.pid("club")
    files.renew(issue("second"))
    until(is_renewed)
    # It is served before it is said.
    until(lambda: any("action=certificate_renewed" in line for line in sandbox.splunkd.log_lines()))
    ride = sandbox.strava.record(anna, kind="manual", title="With the new certificate")

    def is_collected() -> bool:
        events = [event for event in sandbox.splunkd.index.events() if event.sourcetype == "strava:activities"]
        return any(event.json["id"] == ride.id for event in events)

    until(is_collected)
    assert sandbox.splunkd.inputs.pid("club") == pid
