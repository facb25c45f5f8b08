"""Which authorities and TLS versions are accepted."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from strava_collector import trust


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def no_default_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "missing"))


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
