"""Which authorities and TLS versions are accepted."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from sandbox.certificates import Certificates
from sandbox.patience import patience
from strava_collector import trust
from strava_collector.errors import ConfigurationError


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def no_default_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "missing"))


@pytest.fixture
def forbidden(ca_file: Path) -> Iterator[None]:
    """The CA file may not be read. Root may read everything, so be nobody for a moment."""
    if os.geteuid() != 0:
        ca_file.chmod(0)
        yield
        return
    for folder in (ca_file.parent, ca_file.parent.parent, ca_file.parent.parent.parent):
        folder.chmod(0o755)
    ca_file.chmod(0)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def authorities(context: ssl.SSLContext) -> int:
    return context.cert_store_stats()["x509_ca"]


def test_certificates_and_names_are_always_checked(ca_file: Path) -> None:
    for context in (trust.client_context(), trust.client_context(str(ca_file))):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname is True
        assert context.hostname_checks_common_name is False
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_ca_file_replaces_the_systems_authorities(ca_file: Path) -> None:
    assert authorities(trust.client_context(str(ca_file))) == 1


def test_the_systems_own_place_comes_first(
    ca_file: Path, no_default_place: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    assert authorities(trust.client_context()) == 1


def test_a_folder_of_certificates_counts_as_authorities(
    no_default_place: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """OpenSSL reads such a folder during the handshake only: nothing is loaded here, nothing else added."""
    (tmp_path / "0a1b2c3d.0").write_text("a certificate")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert authorities(trust.client_context()) == 0


def test_then_the_places_of_common_systems(
    ca_file: Path, no_default_place: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    monkeypatch.setattr(trust, "SYSTEM_BUNDLES", (str(tmp_path / "none.pem"), str(broken), str(ca_file)))
    assert authorities(trust.client_context()) == 1


def test_and_certifi_if_the_system_has_none(no_default_place: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "SYSTEM_BUNDLES", ())
    assert authorities(trust.client_context()) > 50


def test_an_openssl_that_ignores_the_minimum_version_is_told_otherwise() -> None:
    class OldContext:
        """As Python's on OpenSSL 1.0.2: whatever is set as minimum_version is taken and forgotten."""

        options = 0

    context = OldContext()
    trust.refuse_old_versions(context, (1, 0, 2, 21, 15))  # type: ignore[arg-type]  # all that is used of a context
    for old in (ssl.OP_NO_SSLv3, ssl.OP_NO_TLSv1, ssl.OP_NO_TLSv1_1):
        assert context.options & old
    assert not context.options & ssl.OP_NO_TLSv1_2


#: Everything that touches TLS settings, on a Python whose ``_ssl`` was built with OpenSSL 1.0.2, where these names
#: are missing. What ``ssl.py`` makes of their absence cannot be had by patching afterwards.
ON_OPENSSL_1_0_2 = """
import _ssl, sys
for name in ("HOSTFLAG_NEVER_CHECK_SUBJECT", "OP_NO_RENEGOTIATION", "OP_NO_TLSv1_3", "OP_ENABLE_MIDDLEBOX_COMPAT",
             "OP_IGNORE_UNEXPECTED_EOF"):
    if hasattr(_ssl, name):
        delattr(_ssl, name)
_ssl.HAS_TLSv1_3 = False
_ssl.OPENSSL_VERSION_INFO = (1, 0, 2, 21, 15)
import ssl
assert not ssl.HAS_NEVER_CHECK_COMMON_NAME
from strava_collector.certificate_faults import certificate_faults
from strava_collector.clock import SystemClock
from strava_collector.transport import RequestsTransport
from strava_collector.trust import client_context
ca_file, cert_file, key_file = sys.argv[1:]
assert client_context(ca_file).check_hostname
RequestsTransport(clock=SystemClock(), ca_file=ca_file)
print(certificate_faults(
    cert_file, key_file, host="a.example.org", behind_proxy=False, ca_file=ca_file, now=SystemClock().now()
))
"""


def test_all_of_it_works_with_openssl_1_0_2(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    files = certificates.issue("server", "a.example.org")
    done = subprocess.run(
        [sys.executable, "-c", ON_OPENSSL_1_0_2, certificates.ca_file, files.cert_file, files.key_file],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=patience(60),
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "endless", "large", "empty", "text", "trusted", "cut"])
def test_a_ca_file_that_cannot_be_used_is_refused_at_once_and_in_a_sentence(
    ca_file: Path, tmp_path: Path, kind: str
) -> None:
    """A pipe would hold OpenSSL for ever: if this does, too, the test never ends."""
    bad, word = tmp_path / "bad.pem", ""
    if kind == "missing":
        word = "does not exist"
    elif kind == "folder":
        bad, word = tmp_path, "is a folder"
    elif kind == "pipe":
        os.mkfifo(bad)
        word = "not a regular file"
    elif kind == "endless":
        bad, word = Path("/dev/zero"), "not a regular file"
    elif kind == "large":
        bad.write_bytes(ca_file.read_bytes() + b"\n" * 5 * 1024 * 1024)
        word = "larger than 5 MB"
    elif kind == "trusted":
        bad.write_text(ca_file.read_text().replace(" CERTIFICATE", " TRUSTED CERTIFICATE"))
        word = "BEGIN TRUSTED CERTIFICATE"
    else:
        content = {"empty": "", "text": "no certificate", "cut": ca_file.read_text()[:-50]}
        bad.write_text(content[kind])
        word = "no certificate"
    (fault,) = trust.ca_file_faults(str(bad))
    assert word in fault
    assert fault.startswith(f'The CA file "{bad}" (Configuration → Advanced) ')
    assert fault.endswith(".")
    with pytest.raises(ConfigurationError, match=word):
        trust.client_context(str(bad))
    assert trust.judging_context(str(bad)).verify_mode is ssl.CERT_REQUIRED


def test_a_ca_file_that_may_not_be_read_is_said_to_be(ca_file: Path, forbidden: None) -> None:
    (fault,) = trust.ca_file_faults(str(ca_file))
    assert "give the user that runs Splunk the permission" in fault


def test_a_good_ca_file_has_no_fault_whatever_its_comments(ca_file: Path) -> None:
    ca_file.write_bytes("# Tanúsítvány\n".encode() + ca_file.read_bytes().replace(b"\n", b"\r\n"))
    assert trust.ca_file_faults(str(ca_file)) == []
    assert authorities(trust.client_context(str(ca_file))) == 1
