"""The certificate and its key: what is wrong with them is said in a sentence, and never asked for on the terminal."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import load_pem_x509_certificate

from sandbox.patience import patience
from strava_collector.certificate import load_context
from strava_collector.errors import ConfigurationError
from tests.support.https import ServerFiles, issue

PACKAGE = Path(__file__).resolve().parents[2] / "package" / "bin"


@pytest.fixture
def files(tmp_path: Path) -> ServerFiles:
    return issue(tmp_path)


def faults(cert_file: Path, key_file: Path) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load_context(str(cert_file), str(key_file))
    assert caught.value.__cause__ is None
    for fault in caught.value.faults:
        assert fault.endswith((".", "?"))
        assert str(cert_file) in fault or str(key_file) in fault
    return caught.value.faults


def test_a_certificate_and_its_key_are_loaded(files: ServerFiles) -> None:
    context = load_context(str(files.cert_file), str(files.key_file))
    assert context.verify_mode is ssl.CERT_NONE


def test_missing_files_are_reported_together(tmp_path: Path) -> None:
    certificate, key = faults(tmp_path / "no-cert.pem", tmp_path / "no-key.pem")
    assert "certificate file" in certificate
    assert "no-cert.pem does not exist" in certificate
    assert "no-key.pem does not exist" in key


def test_a_folder_is_not_a_file(files: ServerFiles, tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, files.key_file)
    assert "is a folder" in fault


def test_a_device_is_not_read(files: ServerFiles) -> None:
    (fault,) = faults(Path("/dev/zero"), files.key_file)
    assert "not a regular file" in fault


def test_a_regular_file_that_has_nothing_to_give_does_not_hold_us(
    files: ServerFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As /proc/kmsg, which may be read by few; here a pipe that is said to be a regular file."""
    pipe = files.cert_file.with_name("pipe")
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)  # so that it is neither at its end nor has anything
    monkeypatch.setattr("strava_collector.pem_file.stat.S_ISREG", lambda _mode: True)
    try:
        (cert_fault,) = faults(pipe, files.key_file)
        (key_fault,) = faults(files.cert_file, pipe)
    finally:
        os.close(writer)
    assert "no file that can be read to its end" in cert_fault
    assert "no file that can be read to its end" in key_fault


def test_an_empty_file_is_called_empty(files: ServerFiles) -> None:
    files.key_file.write_text("\n")
    (fault,) = faults(files.cert_file, files.key_file)
    assert "is empty" in fault


def test_a_huge_file_is_not_loaded(files: ServerFiles) -> None:
    files.cert_file.write_bytes(files.cert_file.read_bytes() + b"\n" * 1024 * 1024)
    (fault,) = faults(files.cert_file, files.key_file)
    assert "larger than 1 MB" in fault


def test_a_path_that_is_none_is_refused(files: ServerFiles) -> None:
    for name in ("/nul\0byte", "/" + "x" * 300, f"{files.cert_file}/below"):
        (fault,) = faults(Path(name), files.key_file)
        assert "correct the path" in fault
    (fault,) = faults(Path("/" + "x" * 300), files.key_file)
    assert "cannot be read (File name too long)" in fault


@contextmanager
def without_privileges() -> Iterator[None]:
    """Root may read everything, so be nobody for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_without_permission_is_explained(files: ServerFiles) -> None:
    files.key_file.chmod(0)
    files.cert_file.chmod(0)
    with without_privileges():
        certificate, key = faults(files.cert_file, files.key_file)
    assert "permission" in certificate
    assert "permission" in key


def test_swapped_files_are_recognised(files: ServerFiles) -> None:
    for fault in faults(files.key_file, files.cert_file):
        assert "swapped" in fault


def test_der_is_not_pem(files: ServerFiles) -> None:
    certificate = load_pem_x509_certificate(files.cert_file.read_bytes())
    files.cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.DER))
    (fault,) = faults(files.cert_file, files.key_file)
    assert "not PEM" in fault


def test_damaged_pem_is_recognised(files: ServerFiles) -> None:
    whole = files.cert_file.read_text()
    files.cert_file.write_text(whole.replace(whole.splitlines()[2], "damaged", 1))
    (fault,) = faults(files.cert_file, files.key_file)
    assert f"certificate file {files.cert_file} is damaged" in fault


def test_a_key_of_another_certificate_is_recognised(files: ServerFiles, tmp_path: Path) -> None:
    for number, kind in enumerate((trustme.KeyType.ECDSA, trustme.KeyType.RSA)):
        folder = tmp_path / str(number)
        folder.mkdir()
        other = issue(folder, key_type=kind)
        (fault,) = faults(files.cert_file, other.key_file)
        assert "does not belong to the certificate" in fault


@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
def test_an_encrypted_key_is_refused_without_asking_for_its_password(files: ServerFiles, form: str) -> None:
    key = serialization.load_pem_private_key(files.key_file.read_bytes(), None)
    files.key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            getattr(serialization.PrivateFormat, form),
            serialization.BestAvailableEncryption(b"planted"),
        )
    )
    (fault,) = faults(files.cert_file, files.key_file)
    assert "is encrypted" in fault


# -- on another OpenSSL ----------------------------------------------------------------------------------------


def handshake(server: ssl.SSLContext, version: ssl.TLSVersion) -> str:
    """Return the version that a client, which offers only ``version``, gets. SSLError if it gets none."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.minimum_version = client.maximum_version = version
        client.set_ciphers("ALL:@SECLEVEL=0")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for end in ends:
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
    result = ends[0].version()
    assert result is not None
    return result


def as_on_openssl_1_0_2(context: ssl.SSLContext) -> ssl.SSLContext:
    """Undo what that OpenSSL would have ignored or allowed anyway, so that only the options are left."""
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


OLD = [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1]


@pytest.mark.parametrize("version", OLD)
def test_old_versions_are_refused_even_where_minimum_version_does_nothing(
    files: ServerFiles, version: ssl.TLSVersion
) -> None:
    permissive = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    permissive.load_cert_chain(files.cert_file, files.key_file)
    try:
        assert handshake(as_on_openssl_1_0_2(permissive), version).startswith("TLSv1")
    except ssl.SSLError:
        pytest.skip("this OpenSSL cannot speak the version at all")
    with pytest.raises(ssl.SSLError):
        handshake(as_on_openssl_1_0_2(load_context(str(files.cert_file), str(files.key_file))), version)


def test_nothing_newer_than_openssl_1_0_2_is_needed(files: ServerFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = ssl.TLSVersion
    with monkeypatch.context() as hidden:
        for name in ("TLSVersion", "OP_NO_RENEGOTIATION", "OP_NO_TLSv1_3", "HAS_ALPN", "HAS_TLSv1_3"):
            hidden.delattr(ssl, name)
        context = load_context(str(files.cert_file), str(files.key_file))
    assert handshake(context, versions.TLSv1_2) == "TLSv1.2"
    with pytest.raises(ssl.SSLError):
        handshake(as_on_openssl_1_0_2(context), versions.TLSv1_1)


def test_no_compression_and_no_renegotiation(files: ServerFiles) -> None:
    context = load_context(str(files.cert_file), str(files.key_file))
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.options & getattr(ssl, "OP_NO_RENEGOTIATION", 0) == getattr(ssl, "OP_NO_RENEGOTIATION", 0)


def test_nobody_is_asked_for_a_password_when_there_is_a_terminal(files: ServerFiles) -> None:
    key = serialization.load_pem_private_key(files.key_file.read_bytes(), None)
    encryption = serialization.BestAvailableEncryption(b"planted")
    pkcs8 = serialization.PrivateFormat.PKCS8
    files.key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, encryption))
    script = "import sys; from strava_collector.certificate import load_context; load_context(*sys.argv[1:])"
    controller, terminal = os.openpty()
    try:
        result = subprocess.run(
            [sys.executable, "-c", script, str(files.cert_file), str(files.key_file)],
            stdin=terminal,
            stdout=terminal,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(PACKAGE)},
            start_new_session=True,
            timeout=patience(30),
            check=False,
        )
    finally:
        os.close(controller)
        os.close(terminal)
    assert b"is encrypted" in result.stderr
