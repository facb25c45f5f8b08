"""Which servers we believe: the TLS settings of every connection that the collector opens.

Certificates and host names are always checked; there is no switch for it.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path
from typing import Optional

import certifi  # type: ignore[import-not-found,unused-ignore]  # a dependency of requests; no hints needed

from strava_collector.errors import ConfigurationError
from strava_collector.pem_file import MEGABYTE, FileFault, as_cadata, is_trusted_form, read_file

#: Where systems keep their CA certificates as one file, for a Python whose OpenSSL looks elsewhere: Splunk
#: brings its own OpenSSL, built with a path of its own. The order is that of Go's crypto/x509
#: (root_linux.go), then macOS.
SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)

#: The first OpenSSL that obeys ``minimum_version``. With an older one (Splunk 9's Python seems to have 1.0.2)
#: setting it does nothing, silently; the older way works there, but is deprecated in newer ones.
_OBEYS_MINIMUM = (1, 1, 0)

#: A system's bundle has a quarter of a megabyte.
_MAX_CA_FILE = 5 * MEGABYTE


def client_context(ca_file: Optional[str] = None) -> ssl.SSLContext:
    """Return the settings for TLS connections to Strava: TLS 1.2 or newer, certificate and host name checked.

    With ``ca_file`` only the authorities in that file are trusted. Otherwise the system's are: those at
    OpenSSL's default place (which the system's administrator can move with OpenSSL's own ``SSL_CERT_FILE``
    and ``SSL_CERT_DIR``; no other variable matters), else the first of SYSTEM_BUNDLES. Only if the system has
    none at all, those that certifi brings.

    Raises ConfigurationError if ``ca_file`` cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # this protocol checks certificates and host names
    if ssl.HAS_NEVER_CHECK_COMMON_NAME:  # OpenSSL 1.0.2 lacks it, and Python's attribute then cannot be set
        context.hostname_checks_common_name = False
    refuse_old_versions(context)
    if ca_file:
        _trust_file(context, ca_file)
    else:
        _trust_system(context)
    return context


def judging_context(ca_file: Optional[str] = None) -> ssl.SSLContext:
    """Return the settings to judge a server's certificate with: the system's authorities and those of ``ca_file``.

    Host names are not checked. A ``ca_file`` that cannot be used is left out: it is a fault of the tab *Advanced*,
    not of the certificate.
    """
    context = client_context()
    context.check_hostname = False
    if ca_file:
        with suppress(ConfigurationError):
            _trust_file(context, ca_file)
    return context


def ca_file_faults(ca_file: str) -> list[str]:
    """Return why the CA file of the tab *Advanced* cannot be used, if it cannot."""
    try:
        _trust_file(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ca_file)
    except ConfigurationError as error:
        return list(error.faults)
    return []


def refuse_old_versions(context: ssl.SSLContext, openssl: tuple[int, ...] = ssl.OPENSSL_VERSION_INFO) -> None:
    """Allow TLS 1.2 and newer only, whatever the OpenSSL (``openssl`` is its version)."""
    if openssl[:3] >= _OBEYS_MINIMUM:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
    else:
        context.options |= ssl.OP_NO_SSLv3 | ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1


def _trust_file(context: ssl.SSLContext, ca_file: str) -> None:
    # Not left to OpenSSL, which would wait for ever where a pipe has taken the file's place.
    where = f'The CA file "{ca_file}" (Configuration → Advanced)'
    try:
        content = read_file(ca_file, _MAX_CA_FILE)
    except FileFault as fault:
        raise ConfigurationError(f"{where} {fault}") from None
    if is_trusted_form(content):
        raise ConfigurationError(
            f"{where} has a line BEGIN TRUSTED CERTIFICATE, which is a form of OpenSSL's own: convert each with "
            "openssl x509 -in <old> -out <new>."
        )
    try:
        context.load_verify_locations(cadata=as_cadata(content))
    except (ssl.SSLError, ValueError):  # the latter if it is empty
        raise ConfigurationError(
            f"{where} holds no certificate in PEM form, or a damaged one: give the authority's file as it was made."
        ) from None


def _trust_system(context: ssl.SSLContext) -> None:
    context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if _has_authorities(context):
        return
    for bundle in (*SYSTEM_BUNDLES, certifi.where()):
        try:
            context.load_verify_locations(cafile=bundle)
        except (OSError, ValueError):  # not there, not readable, or no certificates in it
            continue
        if _has_authorities(context):
            return


def _has_authorities(context: ssl.SSLContext) -> bool:
    if context.cert_store_stats()["x509_ca"]:
        return True
    # A folder of certificates is read during the handshake only: here it can just be seen whether it holds
    # any, by the names that OpenSSL looks for (8 hex digits of the name's hash).
    folder = ssl.get_default_verify_paths().capath
    return bool(folder) and any(Path(folder).glob("[0-9a-f]*.0"))
