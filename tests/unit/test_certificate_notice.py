"""What a running input says about the certificate that it serves."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from sandbox.certificates import Certificates, ServerCertificate
from strava_collector.bulletin import Bulletin
from strava_collector.certificate_notice import CertificateNotice
from strava_collector.secret import Secret
from strava_collector.served_pair import ServedPair
from strava_collector.settings import Advanced, Settings, WebhookInput
from tests.support.clock import VirtualClock
from tests.support.message_board import MessageBoard

HOST = "strava.example.org"
#: The virtual clocks start in the present, because OpenSSL looks at the host's own.
START = float(int(time.time()))
DAY = 86_400.0
ACTION = "action=certificate_ends_soon"


class Noticing:
    """A certificate in its files, what is said about it, and the time."""

    def __init__(self, certificates: Certificates, files: ServerCertificate, in_front: str = "nothing") -> None:
        self.board = MessageBoard()
        self.clock = VirtualClock(START)
        self._certificates = certificates
        self._bulletin = Bulletin(self.board, "main")
        self.pair = ServedPair(str(files.cert_file), str(files.key_file))
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
        self.notice = CertificateNotice(webhook_input, self._bulletin, self.clock)

    def look(self, *, trusted: bool = True) -> dict[str, str]:
        ca_file = str(self._certificates.ca_file) if trusted else None
        self.notice.look(self.pair, Settings(advanced=replace(Advanced(), ca_file=ca_file)))
        self._bulletin._tell()
        return self.board.by_topic()


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


def valid_until(certificates: Certificates, name: str, end: float, *hosts: str) -> ServerCertificate:
    begin = datetime.fromtimestamp(START, timezone.utc) - timedelta(days=80)
    until = datetime.fromtimestamp(end, timezone.utc)
    return certificates.issue(name, *(hosts or (HOST,)), not_before=begin, not_after=until)


def test_a_good_certificate_says_nothing(certificates: Certificates) -> None:
    assert Noticing(certificates, certificates.issue("good", HOST)).look() == {}


def test_a_certificate_that_strava_refuses_is_told(certificates: Certificates) -> None:
    noticing = Noticing(certificates, certificates.issue("bad", "other.example.org"))
    assert "does not cover the host" in noticing.look()["certificate"]
    assert list(noticing.board.severities.values()) == ["error"]


def test_the_certificate_is_judged_again_when_other_authorities_are_trusted(certificates: Certificates) -> None:
    noticing = Noticing(certificates, certificates.issue("good", HOST))
    assert "no authority that this host trusts" in noticing.look(trusted=False)["certificate"]
    assert noticing.look() == {}


def test_behind_a_proxy_the_certificate_may_be_of_any_kind(certificates: Certificates) -> None:
    assert Noticing(certificates, certificates.self_signed("own"), in_front="proxy").look() == {}


def test_days_before_its_end_a_certificate_is_warned_of_and_a_renewal_takes_it_back(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    files = valid_until(certificates, "main", START + 30 * DAY)
    noticing = Noticing(certificates, files)
    said: list[str] = []
    with caplog.at_level(logging.WARNING):
        for _hour in range(31 * 24):
            shown = noticing.look().get("certificate")
            if shown and shown not in said:
                said.append(shown)
                assert list(noticing.board.severities.values()) == ["error" if "expired" in shown else "warn"]
            noticing.clock.advance(3600)
    assert len(said) == 4
    for text, words in zip(said, ("within 21 days", "within 7 days", "within one day", "expired on ")):
        assert text.startswith(f"main: The certificate in {files.cert_file} ")
        assert words in text
    logged = [record.message for record in caplog.records if ACTION in record.message]
    assert logged == [f"{ACTION} days={days} cert_file={files.cert_file}" for days in (21, 7, 1)]

    renewed = valid_until(certificates, "renewed", START + 120 * DAY)
    files.key_file.write_bytes(renewed.key_file.read_bytes())
    files.cert_file.write_bytes(renewed.cert_file.read_bytes())
    for _ in range(2):
        noticing.pair.look(noticing.clock.now())
    assert noticing.look() == {}


def test_each_day_a_line_says_how_long_the_certificate_lasts(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    noticing = Noticing(certificates, valid_until(certificates, "main", START + 2.5 * DAY))
    with caplog.at_level(logging.INFO):
        for _hour in range(4 * 24):
            noticing.look()
            noticing.clock.advance(3600)
    logged = [record.message for record in caplog.records if "action=certificate " in record.message]
    days = [int(text.partition("days=")[2].split()[0]) for text in logged]
    assert len(days) in (4, 5)  # a day begins at midnight, wherever the test began
    assert days[0] == 2
    assert days[-1] < 0
    assert days == sorted(days, reverse=True)


def test_a_renewed_certificate_for_another_host_is_told(certificates: Certificates) -> None:
    files = certificates.issue("main", HOST)
    noticing = Noticing(certificates, files)
    assert noticing.look() == {}
    other = certificates.issue("other", "other.example.org")
    files.key_file.write_bytes(other.key_file.read_bytes())
    files.cert_file.write_bytes(other.cert_file.read_bytes())
    noticing.pair.look(noticing.clock.now())
    assert noticing.pair.look(noticing.clock.now()) is not None
    assert "it covers other.example.org" in noticing.look()["certificate"]


def test_what_has_just_been_installed_is_not_judged_in_place_of_what_is_served(certificates: Certificates) -> None:
    files = certificates.issue("main", HOST)
    good = files.key_file.read_bytes(), files.cert_file.read_bytes()
    noticing = Noticing(certificates, files)
    expired = valid_until(certificates, "expired", START - DAY)
    files.key_file.write_bytes(expired.key_file.read_bytes())
    files.cert_file.write_bytes(expired.cert_file.read_bytes())
    # The watch has not looked at the files since.
    assert noticing.look() == {}
    files.key_file.write_bytes(good[0])
    files.cert_file.write_bytes(good[1])
    for _ in range(2):
        noticing.pair.look(noticing.clock.now())
    assert noticing.look() == {}


def test_while_the_files_hold_something_else_only_the_end_of_what_is_served_is_told(
    certificates: Certificates,
) -> None:
    files = valid_until(certificates, "main", START + 10 * DAY)
    noticing = Noticing(certificates, files)
    assert "within 21 days" in noticing.look()["certificate"]
    certificate = files.cert_file.read_bytes()
    files.cert_file.write_bytes(b"half of a certif")
    noticing.pair.look(noticing.clock.now())
    assert "within 21 days" in noticing.look()["certificate"]
    noticing.clock.advance(11 * DAY)
    assert "expired on" in noticing.look()["certificate"]
    files.cert_file.write_bytes(certificate)
