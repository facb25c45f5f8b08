"""What a certificate says of itself: its dates, its host names, its issuer; nothing is judged by it here."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, Optional

#: A certificate as ``SSLSocket.getpeercert`` describes it.
Certificate = Mapping[str, Any]

DAY = 86_400.0

_LONGEST_NAME = 100


def can_decode() -> bool:
    """Whether this Python can describe a certificate's file at all."""
    return hasattr(getattr(ssl, "_ssl", None), "_test_decode_cert")


def decode(cert_file: str) -> Optional[Certificate]:
    """Describe the first certificate of a file, the server's; None if it cannot be decoded.

    Python has no public way to do so without a connection.
    """
    if not can_decode():
        return None
    try:
        certificate: Certificate = ssl._ssl._test_decode_cert(cert_file)  # type: ignore[attr-defined]  # not public
        for date in ("notBefore", "notAfter"):
            ssl.cert_time_to_seconds(certificate[date])
    except (OSError, ValueError, KeyError):  # ssl.SSLError is an OSError
        return None
    return certificate


def dates(cert_file: str) -> Optional[tuple[float, float]]:
    """Return from when until when the server's certificate is valid, in epoch seconds; None if it cannot be decoded."""
    leaf = decode(cert_file)
    if leaf is None:
        return None
    return float(ssl.cert_time_to_seconds(leaf["notBefore"])), float(ssl.cert_time_to_seconds(leaf["notAfter"]))


def expires_at(cert_file: str) -> Optional[float]:
    """Return when the server's certificate ends, in epoch seconds; None if it cannot be decoded."""
    both = dates(cert_file)
    return None if both is None else both[1]


def names_in(leaf: Certificate) -> list[str]:
    """Return a certificate's host names and IP addresses, fit to be shown."""
    return [printable(name) for kind, name in leaf.get("subjectAltName", ()) if kind in ("DNS", "IP Address")]


def printable(text: str) -> str:
    """Return a text out of a certificate, which may hold anything, so that it can be shown."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)[:_LONGEST_NAME]
