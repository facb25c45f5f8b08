"""The listener's certificate and the TLS rules it serves with."""

from __future__ import annotations

import re
import ssl
import warnings
from pathlib import Path
from typing import NoReturn

from strava_collector.errors import ConfigurationError
from strava_collector.pem_file import (
    MEGABYTE,
    FileFault,
    as_cadata,
    has_misplaced_beginning,
    is_trusted_form,
    read_file,
)

#: Forward secrecy and authenticated encryption only. This list rules TLS 1.2; all of TLS 1.3's suites are of that kind.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"

#: Set where this OpenSSL knows them. 1.0.2, which Splunk 9's Python may be linked with, lacks the last.
_OPTIONS = (
    "OP_NO_SSLv2",
    "OP_NO_SSLv3",
    "OP_NO_TLSv1",
    "OP_NO_TLSv1_1",
    "OP_NO_COMPRESSION",
    "OP_CIPHER_SERVER_PREFERENCE",
    "OP_SINGLE_ECDH_USE",
    "OP_NO_RENEGOTIATION",
)

#: A larger file is no certificate and no key: a chain with several certificates has some 10 KB.
MAX_FILE = MEGABYTE

#: How an encrypted key says so: PKCS #8, and the older form with a header (RFC 1421).
_ENCRYPTED = re.compile(rb"^(-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: *4 *, *ENCRYPTED)", re.MULTILINE)


#: Those parts of OpenSSL that make something of a file's bytes.
_READERS = ("PEM", "ASN1", "DECODER", "STORE")


class _Encrypted(Exception):
    """OpenSSL asked for the password of a key."""


def load_context(cert_file: str, key_file: str) -> ssl.SSLContext:
    """Return the context to serve with: TLS 1.2 and, where OpenSSL has it, 1.3; nothing older.

    ``cert_file`` holds the server's certificate and then its chain, ``key_file`` the private key, both as PEM.
    Raises ConfigurationError with a sentence for each fault.
    """
    faults = certificate_file_faults(cert_file) + key_file_faults(key_file)
    if faults:
        raise ConfigurationError(*faults)
    context = _strict_context()
    try:
        # Without a callback OpenSSL would ask for a password on the terminal, and wait.
        context.load_cert_chain(cert_file, key_file, password=_refuse_password)
    except _Encrypted:
        raise ConfigurationError(_encrypted(key_file)) from None
    except (ssl.SSLError, OSError) as error:
        raise ConfigurationError(_load_fault(error, cert_file, key_file)) from None
    return context


def certificate_file_faults(cert_file: str) -> list[str]:
    """Return what is wrong with the certificate file itself, whatever its key is like."""
    try:
        content = _read("certificate file", cert_file, "CERTIFICATE")
    except ConfigurationError as error:
        return list(error.faults)
    return [_damaged("certificate file", cert_file)] if _is_damaged(content) else []


def key_file_faults(key_file: str) -> list[str]:
    """Return what can be seen wrong with the key file without its certificate."""
    try:
        content = _read("key file", key_file, "PRIVATE KEY")
    except ConfigurationError as error:
        return list(error.faults)
    return [_encrypted(key_file)] if _ENCRYPTED.search(content) else []


def has_trusted_form(cert_file: str) -> bool:
    """Whether the file has certificates in the form of ``openssl x509 -trustout``."""
    try:
        return is_trusted_form(read_file(cert_file, MAX_FILE))
    except FileFault:
        return False


def _is_damaged(content: bytes) -> bool:
    """Whether one of the certificates cannot be read: only the first is what OpenSSL complains of by itself."""
    if has_misplaced_beginning(content):
        return True
    if is_trusted_form(content):  # OpenSSL serves with it, but reads it in no other way
        return False
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=as_cadata(content))
    except (ssl.SSLError, ValueError):
        return True
    return False


def _damaged(what: str, name: str) -> str:
    return (
        f"The {what} {name} is damaged or incomplete: store it once more as you got it, each BEGIN and END on a line "
        "of its own and nothing indented."
    )


def _encrypted(key_file: str) -> str:
    return (
        f"The key file {key_file} is encrypted: store the key without a password, "
        "readable by the user that runs Splunk only."
    )


def _strict_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        # Newer Pythons would rather see minimum_version alone; but with OpenSSL 1.0.2 the context takes that
        # attribute like any other name and then ignores it. Only these options work everywhere.
        warnings.simplefilter("ignore", DeprecationWarning)
        for name in _OPTIONS:
            context.options |= getattr(ssl, name, 0)
    versions = getattr(ssl, "TLSVersion", None)
    if versions is not None and hasattr(ssl.SSLContext, "minimum_version"):
        context.minimum_version = versions.TLSv1_2
    context.set_ciphers(CIPHERS)
    if hasattr(ssl.SSLContext, "num_tickets"):
        # Tickets for resumption cost a sixth of TLS 1.3's handshake, and a client that calls once in a while gains
        # nothing from them.
        context.num_tickets = 0
    if getattr(ssl, "HAS_ALPN", False):
        # So that a client that would rather speak HTTP/2 learns at once that this is HTTP/1.1.
        context.set_alpn_protocols(["http/1.1"])
    return context


def _refuse_password() -> NoReturn:
    raise _Encrypted


def _read(what: str, name: str, label: str) -> bytes:
    """Look at a file before OpenSSL does, whose messages name neither the file nor what to do."""
    if not Path(name).is_absolute():
        raise ConfigurationError(f"The {what} {name} must be a full path: the folder that Splunk runs in is not yours.")
    try:
        content = read_file(name, MAX_FILE)
    except FileFault as fault:
        raise ConfigurationError(f"The {what} {name} {fault}") from None
    if not content.strip():
        raise ConfigurationError(f"The {what} {name} is empty: put the {label.lower()} into it, as PEM.")
    if f"{label}-----".encode("ascii") not in content or b"-----BEGIN " not in content:
        raise ConfigurationError(_wrong_content(what, name, label, content))
    return content


def _wrong_content(what: str, name: str, label: str, content: bytes) -> str:
    if label == "CERTIFICATE" and b"PRIVATE KEY-----" in content:
        return f"The {what} {name} holds a private key and no certificate: are the two files swapped?"
    if label == "PRIVATE KEY" and b"CERTIFICATE-----" in content:
        return f"The {what} {name} holds a certificate and no private key: are the two files swapped?"
    return f"The {what} {name} is not PEM (no BEGIN {label} line): convert it with openssl."


def _load_fault(error: OSError, cert_file: str, key_file: str) -> str:
    reason = getattr(error, "reason", None) or ""
    # The last is what OpenSSL says when the two are of different kinds, RSA and EC.
    if reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"):
        return (
            f"The key file {key_file} does not belong to the certificate in {cert_file}: "
            "give the key that the certificate was requested with; the server's certificate must come first."
        )
    if reason in ("EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK"):
        return f"The certificate in {cert_file} is too weak for OpenSSL ({reason}): get one with a larger key."
    if isinstance(error, ssl.SSLError) and (not reason or error.library in _READERS):
        return _damaged("key file", key_file)  # the certificates have been read before
    detail = reason.lower().replace("_", " ") or error.strerror or "unknown error"
    return (
        f"OpenSSL cannot serve with the certificate file {cert_file} and the key file {key_file} ({detail}): get "
        "another certificate and key."
    )
