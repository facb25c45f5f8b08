"""The private public-key infrastructure of the sandbox, checked as clients check it."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from datetime import datetime, timezone
from pathlib import Path

import pytest

from sandbox.certificates import Certificates


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> str:
    """Make one connection and return the name of its cipher; raises what the client raises."""
    near, far = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(far, server_side=True) as connection:
                connection.recv(1)
        except OSError:
            pass  # the client has told why

    serving = threading.Thread(target=serve)
    serving.start()
    try:
        with client.wrap_socket(near, server_hostname=name) as connection:
            cipher = connection.cipher()
            assert cipher is not None
            return cipher[0]
    finally:
        near.close()
        serving.join()
        far.close()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_a_server_on_loopback_is_trusted_by_who_trusts_the_root(certificates: Certificates, name: str) -> None:
    assert shake_hands(certificates.server_context("server"), certificates.client_context(), name)


def test_the_server_sends_the_intermediate_and_not_the_root(certificates: Certificates) -> None:
    files = certificates.issue("server")
    assert files.cert_file.read_text().count("BEGIN CERTIFICATE") == 2
    assert certificates.ca_file.read_text() not in files.cert_file.read_text()
    assert certificates.intermediate_file.read_text() in files.cert_file.read_text()


def test_without_the_intermediate_the_server_is_not_trusted(certificates: Certificates) -> None:
    files = certificates.issue("server")
    incomplete = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    incomplete.load_cert_chain(files.leaf_file, files.key_file)
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        shake_hands(incomplete, certificates.client_context(), "localhost")


def test_an_expired_certificate_can_be_issued(certificates: Certificates) -> None:
    files = certificates.issue("old", not_after=datetime(2020, 1, 1, tzinfo=timezone.utc))
    expired = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    expired.load_cert_chain(files.cert_file, files.key_file)
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        shake_hands(expired, certificates.client_context(), "localhost")


def test_a_certificate_covers_the_hosts_that_were_asked_for(certificates: Certificates) -> None:
    server = certificates.server_context("server", "strava.example.org")
    assert shake_hands(server, certificates.client_context(), "strava.example.org")
    with pytest.raises(ssl.SSLCertVerificationError, match="localhost"):
        shake_hands(server, certificates.client_context(), "localhost")


def test_the_key_is_an_unencrypted_p256_key_for_its_owner_alone(certificates: Certificates) -> None:
    files = certificates.issue("server")
    assert "BEGIN EC PRIVATE KEY" in files.key_file.read_text()
    assert stat.S_IMODE(files.key_file.stat().st_mode) & 0o077 == 0
