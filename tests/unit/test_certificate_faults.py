"""Certificates that Strava would refuse are recognised before it does, and all that is wrong with them at once."""

from __future__ import annotations

import ssl
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Optional

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sandbox.certificates import Certificates
from strava_collector import certificate_faults as subject
from strava_collector.certificate_facts import expires_at
from strava_collector.trust import judging_context

NOW = time.time()
HOST = "strava.example.org"
OLD = datetime(2020, 1, 1, tzinfo=timezone.utc)


def faults(
    certificates: Certificates,
    cert_file: Path,
    key_file: Optional[Path],
    *,
    host: Optional[str] = HOST,
    behind_proxy: bool = False,
    trusted: bool = True,
) -> list[str]:
    found = subject.certificate_faults(
        str(cert_file),
        str(key_file) if key_file else None,
        host=host,
        behind_proxy=behind_proxy,
        ca_file=str(certificates.ca_file) if trusted else None,
        now=NOW,
    )
    assert all(fault.endswith((".", "”.", "?")) and fault[0].isupper() for fault in found)
    return found


def words(found: list[str], *expected: str) -> None:
    """Each fault is the expected one, in this order."""
    assert len(found) == len(expected), found
    for fault, word in zip(found, expected):
        assert word in fault


def test_a_certificate_of_an_authority_that_is_trusted_has_no_fault(certificates: Certificates) -> None:
    files = certificates.issue("good", HOST)
    assert faults(certificates, files.cert_file, files.key_file) == []
    assert faults(certificates, files.cert_file, None) == []


def test_without_the_intermediate_its_issuer_is_named(certificates: Certificates) -> None:
    files = certificates.issue("bare", HOST)
    words(faults(certificates, files.leaf_file, files.key_file), "incomplete")
    assert "Sandbox intermediate CA" in faults(certificates, files.leaf_file, files.key_file)[0]
    words(faults(certificates, files.leaf_file, None), "incomplete")


def test_an_authority_that_nobody_trusts_is_named(certificates: Certificates) -> None:
    files = certificates.issue("private", HOST)
    words(faults(certificates, files.cert_file, files.key_file, trusted=False), "Strava accepts only public ones")
    whole = files.cert_file.with_name("with-root.pem")
    whole.write_bytes(files.cert_file.read_bytes() + certificates.ca_file.read_bytes())
    for key in (files.key_file, None):
        words(faults(certificates, whole, key, trusted=False), "no authority that this host trusts")
    assert faults(certificates, whole, files.key_file) == []


def test_without_a_key_a_folder_of_authorities_gives_no_verdict(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """OpenSSL reads such a folder during a handshake only, and there is none without a key."""
    (tmp_path / "0a1b2c3d.0").write_text("a certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert faults(certificates, certificates.issue("unseen", HOST).cert_file, None, trusted=False) == []


def test_a_self_signed_certificate_is_called_so(certificates: Certificates) -> None:
    files = certificates.self_signed("self", HOST)
    for key in (files.key_file, None):
        words(faults(certificates, files.cert_file, key), "self-signed")


def test_a_self_signed_certificate_that_is_an_authority_of_the_tab_advanced_is_trusted(
    certificates: Certificates,
) -> None:
    files = certificates.self_signed("own", HOST)
    assert (
        subject.certificate_faults(
            str(files.cert_file),
            str(files.key_file),
            host=HOST,
            behind_proxy=False,
            ca_file=str(files.cert_file),
            now=NOW,
        )
        == []
    )


def test_an_expired_certificate_is_said_to_be_with_its_day(certificates: Certificates) -> None:
    files = certificates.issue("expired", HOST, not_after=OLD)
    for key in (files.key_file, None):
        words(faults(certificates, files.cert_file, key), "expired on 2020-01-01")


def test_a_certificate_of_tomorrow_is_too_early(certificates: Certificates) -> None:
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    files = certificates.issue("early", HOST, not_before=tomorrow)
    words(faults(certificates, files.cert_file, files.key_file), "not valid before")


def test_a_certificate_is_good_until_the_second_of_its_end() -> None:
    leaf = {"notBefore": "Nov  1 00:00:00 2026 GMT", "notAfter": "Nov 21 00:00:00 2026 GMT"}
    begin, end = (ssl.cert_time_to_seconds(leaf[date]) for date in ("notBefore", "notAfter"))
    assert subject._date_faults("c", leaf, end - 1) == subject._date_faults("c", leaf, begin) == []
    assert "expired on 2026-11-21" in subject._date_faults("c", leaf, end)[0]
    assert "not valid before 2026-11-01" in subject._date_faults("c", leaf, begin - 1)[0]


def signed(
    name: str,
    issuer: str,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    days: int,
    ca: bool,
    begins: int = -100,
) -> bytes:
    """A certificate as PEM that begins and ends in so many days."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(timezone.utc) + timedelta(days=begins))
        .not_valid_after(datetime.now(timezone.utc) + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), True)
    )
    if not ca:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), False)
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    ("begins", "days", "word"), [(-100, -1, "“In between” in its chain has expired"), (1, 100, "not yet valid")]
)
def test_an_intermediate_whose_time_it_is_not_is_a_fault(tmp_path: Path, begins: int, days: int, word: str) -> None:
    root, between, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    ca_file, cert_file, key_file = (tmp_path / name for name in ("ca.pem", "cert.pem", "key.pem"))
    ca_file.write_bytes(signed("Root", "Root", root, root, days=100, ca=True))
    cert_file.write_bytes(
        signed(HOST, "In between", own, between, days=100, ca=False)
        + signed("In between", "Root", between, root, days=days, ca=True, begins=begins)
    )
    key_file.write_bytes(
        own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (fault,) = subject.certificate_faults(
        str(cert_file), str(key_file), host=HOST, behind_proxy=False, ca_file=str(ca_file), now=NOW
    )
    assert word in fault


def test_a_certificate_for_another_host_names_those_that_it_covers(certificates: Certificates) -> None:
    files = certificates.issue("elsewhere", "a.example.org", "b.example.org")
    (fault,) = faults(certificates, files.cert_file, files.key_file)
    assert f"does not cover the host “{HOST}”" in fault
    assert "a.example.org, b.example.org" in fault


def test_a_long_list_of_hosts_is_cut(certificates: Certificates) -> None:
    files = certificates.issue("many", *(f"h{number}.example.org" for number in range(12)))
    (fault,) = faults(certificates, files.cert_file, files.key_file)
    assert "h7.example.org, 4 more" in fault


@pytest.mark.parametrize(
    ("name", "host", "covered"),
    [
        ("*.example.org", "a.example.org", True),
        ("*.example.org", "A.Example.ORG.", True),
        ("*.example.org", "a.b.example.org", False),
        ("*.example.org", "example.org", False),
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("2001:db8::1", "2001:db8:0::1", True),
        ("a.example.org", "192.0.2.7", False),
        ("*.org", "example.org", False),
    ],
)
def test_hosts_are_compared_as_clients_compare_them(
    certificates: Certificates, name: str, host: str, covered: bool
) -> None:
    files = certificates.issue("names", name)
    assert (faults(certificates, files.cert_file, files.key_file, host=host) == []) is covered


@pytest.mark.parametrize("name", ["192.0.2.1", "*.0.2.1"])
def test_an_address_is_not_covered_by_a_name_that_looks_like_it(name: str) -> None:
    assert not subject._covers({"subjectAltName": (("DNS", name),)}, "192.0.2.1")


def test_a_callback_url_without_a_host_is_compared_with_nothing(certificates: Certificates) -> None:
    files = certificates.issue("hostless", "a.example.org")
    assert faults(certificates, files.cert_file, files.key_file, host=None) == []


def test_everything_wrong_with_a_certificate_is_found_together(certificates: Certificates) -> None:
    files = certificates.issue("worst", "a.example.org", not_after=OLD)
    other = certificates.issue("other", HOST)
    expected = ("expired", "does not cover", "incomplete")
    words(faults(certificates, files.leaf_file, files.key_file), *expected)
    words(faults(certificates, files.leaf_file, other.key_file), "does not belong", *expected)
    words(faults(certificates, files.leaf_file, certificates.encrypt_key(files)), "is encrypted", *expected)
    words(faults(certificates, files.leaf_file, Path("/nowhere/key.pem")), "does not exist", *expected)


def test_behind_a_proxy_only_the_date_and_the_key_matter(certificates: Certificates) -> None:
    signed = certificates.self_signed("proxied", "inside.example.org")
    assert faults(certificates, signed.cert_file, signed.key_file, behind_proxy=True) == []
    old = certificates.issue("old", "inside.example.org", not_after=OLD)
    words(faults(certificates, old.leaf_file, signed.key_file, behind_proxy=True), "does not belong", "expired")


def test_a_missing_certificate_says_nothing_about_trust(certificates: Certificates) -> None:
    words(
        faults(certificates, Path("/nowhere/cert.pem"), certificates.encrypt_key(certificates.issue("lonely"))),
        "does not exist",
        "is encrypted",
    )


def test_a_damaged_certificate_is_one_fault(certificates: Certificates) -> None:
    files = certificates.issue("damaged", HOST)
    text = files.leaf_file.read_text()
    files.leaf_file.write_text(text.replace(text.splitlines()[2], "damaged", 1))
    words(faults(certificates, files.leaf_file, files.key_file), "certificate file")


def test_a_handshake_that_fails_for_another_reason_is_told(certificates: Certificates) -> None:
    files = certificates.issue("short", HOST)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files.cert_file, files.key_file)
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    server.set_ciphers("aRSA")  # which this certificate cannot serve
    code, said = subject._verdict(server, judging_context(str(certificates.ca_file)))
    assert code == -1
    assert said


def test_a_python_without_the_decoder_finds_what_the_files_show(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = certificates.issue("undecoded", "a.example.org", not_after=OLD)
    monkeypatch.delattr(ssl._ssl, "_test_decode_cert")  # type: ignore[attr-defined]  # private, and so guarded
    assert faults(certificates, files.cert_file, files.key_file) == []
    words(faults(certificates, files.cert_file, certificates.encrypt_key(files)), "is encrypted")


def test_the_end_of_a_certificate_can_be_asked_for(certificates: Certificates, tmp_path: Path) -> None:
    files = certificates.issue("end", not_after=OLD)
    assert expires_at(str(files.cert_file)) == OLD.timestamp()
    assert expires_at(str(tmp_path / "none.pem")) is None


def test_names_from_a_file_are_made_printable() -> None:
    assert subject._name(((("organizationName", "A\nB"),), (("commonName", "C\tD" + "x" * 200),))) == "C?D" + "x" * 97
    assert subject._name(((("organizationName", "A\nB"),), (("countryName", "SE"),))) == "A?B, SE"


def test_an_authority_in_between_that_is_missing_is_named(tmp_path: Path) -> None:
    root = trustme.CA(organization_name="Root of trust")
    upper = root.create_child_ca()
    lower = upper.create_child_ca()
    leaf = lower.issue_cert(HOST)
    (tmp_path / "ca.pem").write_bytes(root.cert_pem.bytes())
    (tmp_path / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems[:2]))
    (tmp_path / "key.pem").write_bytes(leaf.private_key_pem.bytes())
    (fault,) = subject.certificate_faults(
        str(tmp_path / "cert.pem"),
        str(tmp_path / "key.pem"),
        host=HOST,
        behind_proxy=False,
        ca_file=str(tmp_path / "ca.pem"),
        now=NOW,
    )
    assert "ends at the issuer" in fault
    assert "an intermediate one" in fault


def test_a_certificate_in_openssls_own_form_is_refused_and_how_to_convert_it_is_said(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = certificates.issue("trusted", HOST)
    files.leaf_file.write_text(files.leaf_file.read_text().replace(" CERTIFICATE", " TRUSTED CERTIFICATE"))
    chain = files.leaf_file.with_name("trusted-first.pem")
    chain.write_text(files.leaf_file.read_text() + certificates.issue("ordinary", HOST).cert_file.read_text())
    for cert_file in (files.leaf_file, chain):
        for key in (files.key_file, None):
            words(faults(certificates, cert_file, key), f"openssl x509 -in {cert_file} -out")
    monkeypatch.delattr(ssl._ssl, "_test_decode_cert")  # type: ignore[attr-defined]  # private, and so guarded
    assert faults(certificates, files.leaf_file, files.key_file) == []


@pytest.mark.parametrize("described", [{}, {"notBefore": "Bad time value", "notAfter": "Bad time value"}, None])
def test_a_certificate_that_cannot_be_decoded_is_a_fault(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch, described: Optional[dict[str, str]]
) -> None:
    def decode(_file: str) -> dict[str, str]:
        if described is None:
            raise UnicodeDecodeError("utf-8", b"?", 0, 1, "a name of another world")
        return described

    monkeypatch.setattr(ssl._ssl, "_test_decode_cert", decode)  # type: ignore[attr-defined]  # as it answers to it
    files = certificates.issue("odd", HOST)
    words(faults(certificates, files.cert_file, files.key_file), "cannot be decoded")
    assert expires_at(str(files.cert_file)) is None


def damage(pem: str, kind: str) -> str:
    return {
        "cut": pem[:200],
        "cut at the end": pem[:-40],
        "indented": "".join(f"  {line}" for line in pem.splitlines(keepends=True)),
        "old Mac's line ends": pem.replace("\n", "\r"),
        "a line is lost": pem.replace(pem.splitlines()[1] + "\n", "", 1),
        "with a mark": "\ufeff" + pem,
    }[kind]


@pytest.mark.parametrize("kind", ["cut", "cut at the end", "indented", "old Mac's line ends", "a line is lost"])
def test_which_file_is_damaged_is_said_in_the_users_words(certificates: Certificates, kind: str) -> None:
    files = certificates.issue("torn", HOST)
    cert, key = files.cert_file.read_text(), files.key_file.read_text()
    files.cert_file.write_bytes(damage(cert, kind).encode())
    for key_file in (files.key_file, None):
        (fault,) = faults(certificates, files.cert_file, key_file)
        assert fault.startswith(f"The certificate file {files.cert_file} is damaged or incomplete: store it once more")
    files.cert_file.write_text(cert)
    files.key_file.write_bytes(damage(key, kind).encode())
    (fault,) = faults(certificates, files.cert_file, files.key_file)
    assert fault.startswith(f"The key file {files.key_file} is damaged or incomplete: store it once more")


def test_a_certificate_that_openssl_would_overlook_is_damaged(certificates: Certificates) -> None:
    files = certificates.issue("marked", HOST)
    files.cert_file.write_bytes(damage(files.cert_file.read_text(), "with a mark").encode())
    words(faults(certificates, files.cert_file, files.key_file), "is damaged or incomplete")


def test_a_damaged_intermediate_is_the_certificate_files_fault(certificates: Certificates) -> None:
    files = certificates.issue("half", HOST)
    files.cert_file.write_text(files.cert_file.read_text()[:-100])
    words(faults(certificates, files.cert_file, files.key_file), f"certificate file {files.cert_file} is damaged")


@pytest.mark.parametrize(
    ("reason", "library", "word"),
    [
        ("EE_KEY_TOO_SMALL", "SSL", "is too weak for OpenSSL (EE_KEY_TOO_SMALL)"),
        ("CA_MD_TOO_WEAK", "SSL", "is too weak for OpenSSL (CA_MD_TOO_WEAK)"),
        ("NO_SUITABLE_KEY", "SSL", "OpenSSL cannot serve with the certificate file"),
    ],
)
def test_whatever_else_openssl_says_of_a_pair_is_told(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch, reason: str, library: str, word: str
) -> None:
    """Which keys are too small depends on the OpenSSL, so here it is said to have refused the pair."""
    files = certificates.issue("refused", HOST)

    def refuse(*_paths: object, **_named: object) -> None:
        error = ssl.SSLError(1, reason)
        error.reason, error.library = reason, library
        raise error

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", refuse)
    words(faults(certificates, files.cert_file, files.key_file), word)


def test_what_a_proxy_may_show_in_its_place_is_said(certificates: Certificates) -> None:
    files = certificates.self_signed("alone", HOST)
    (fault,) = faults(certificates, files.cert_file, files.key_file)
    assert fault.endswith("say so in “In front of this port”.")
