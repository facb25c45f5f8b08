"""Whether Strava would accept the listener's certificate: its dates, its host names, its chain.

Each is looked at for itself, so that all faults are found together and whatever the key file is like. The chain is
verified by a TLS handshake in memory, because Python's ``ssl`` verifies in no other way; it needs the key. Without a
usable key the chain is judged by the names in it.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Optional, Union

from strava_collector.certificate import certificate_file_faults, has_trusted_form, key_file_faults, load_context
from strava_collector.certificate_expiry import as_date
from strava_collector.certificate_facts import Certificate, can_decode, decode, names_in, printable
from strava_collector.errors import ConfigurationError
from strava_collector.trust import judging_context

#: OpenSSL's verdicts (x509_vfy.h) that are explained here.
_TOO_EARLY, _EXPIRED = 9, 10
_SELF_SIGNED = 18
_PRIVATE_ROOT = 19
#: Unknown issuer: of the last certificate sent, of the only one, of one in between; and an untrusted one.
_INCOMPLETE = (2, 20, 21, 27)

#: A handshake takes two rounds; a third would already be one too many.
_ROUNDS = 4

#: At most so many of a certificate's host names are listed.
_MOST_NAMES = 8

_PROXY_HINT = "If a reverse proxy shows Strava a certificate of its own, say so in “In front of this port”."


def certificate_faults(
    cert_file: str,
    key_file: Optional[str],
    *,
    host: Optional[str],
    behind_proxy: bool,
    ca_file: Optional[str],
    now: float,
) -> list[str]:
    """Return all faults of a certificate and its key, one sentence each.

    Without a ``key_file`` only the certificate is judged. ``host`` is the callback URL's, None if it has none that
    could be compared. With ``behind_proxy`` the certificate is shown to a proxy of the user's only: its authority and
    its host names do not matter then. ``ca_file`` holds authorities that are trusted besides the system's. ``now`` is
    in epoch seconds.
    """
    unreadable = certificate_file_faults(cert_file)
    faults = unreadable + (key_file_faults(key_file) if key_file else [])
    server = None
    if key_file and not faults:
        try:
            server = load_context(cert_file, key_file)
        except ConfigurationError as error:
            faults.extend(error.faults)
    if not unreadable:
        faults += trust_faults(cert_file, server, host=host, behind_proxy=behind_proxy, ca_file=ca_file, now=now)
    return faults


def trust_faults(
    cert_file: str,
    server: Optional[ssl.SSLContext],
    *,
    host: Optional[str],
    behind_proxy: bool,
    ca_file: Optional[str],
    now: float,
) -> list[str]:
    """Return why a client would not accept the certificate, which is that of ``server`` if there is a usable key."""
    if not can_decode():
        return []
    leaf = decode(cert_file)
    if leaf is None or has_trusted_form(cert_file):
        return [_undecodable_fault(cert_file)]
    faults = _date_faults(cert_file, leaf, now)
    if behind_proxy:
        return faults
    chain = _chain_fault(cert_file, server, leaf, judging_context(ca_file), now, dated=bool(faults))
    if host is not None and not _covers(leaf, host):
        faults.append(_host_fault(cert_file, leaf, host))
    return faults if chain is None else [*faults, chain]


def _undecodable_fault(cert_file: str) -> str:
    if has_trusted_form(cert_file):
        return (
            f"The certificate file {cert_file} has a line BEGIN TRUSTED CERTIFICATE, which is a form of OpenSSL's own: "
            f"convert it with openssl x509 -in {cert_file} -out <new file>, and put the chain behind it again."
        )
    return (
        f"The certificate in {cert_file} cannot be decoded, so nobody can tell whether Strava would accept it: look "
        f"at it with openssl x509 -in {cert_file} -noout -text, or get another one from your authority."
    )


def _authorities_in(cert_file: str) -> Sequence[Certificate]:
    """Describe those certificates of a file that may sign others."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with suppress(OSError, ValueError):
        context.load_verify_locations(cafile=cert_file)
    return context.get_ca_certs()


def _date_faults(cert_file: str, leaf: Certificate, now: float) -> list[str]:
    begin, end = (ssl.cert_time_to_seconds(str(leaf[date])) for date in ("notBefore", "notAfter"))
    if now >= end:
        return [f"The certificate in {cert_file} expired on {as_date(end)}: get a new one from its authority."]
    if now < begin:
        return [
            f"The certificate in {cert_file} is not valid before {as_date(begin)}: wait until then, or correct the "
            "clock of this host."
        ]
    return []


def _covers(leaf: Certificate, host: str) -> bool:
    """Whether the certificate is for this host, as RFC 6125 has it; the common name counts no longer."""
    wanted = host.rstrip(".").lower()
    address = _address(host)
    for kind, name in leaf.get("subjectAltName", ()):
        if kind == "DNS" and address is None and _same_host(name.rstrip(".").lower(), wanted):
            return True
        if kind == "IP Address" and address is not None and _address(name.strip()) == address:
            return True
    return False


def _same_host(pattern: str, host: str) -> bool:
    if pattern.startswith("*."):
        first, dot, rest = host.partition(".")
        return bool(first and dot) and rest == pattern[2:] and "." in rest
    return pattern == host


def _address(text: str) -> Optional[Union[ipaddress.IPv4Address, ipaddress.IPv6Address]]:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _host_fault(cert_file: str, leaf: Certificate, host: str) -> str:
    names = names_in(leaf)
    if len(names) > _MOST_NAMES:
        names[_MOST_NAMES:] = [f"{len(names) - _MOST_NAMES} more"]
    covered = f"it covers {', '.join(names)}" if names else "it names no host at all"
    return (
        f"The certificate in {cert_file} does not cover the host “{host}” of the callback URL; {covered}. "
        f"Get one for this host, or correct the URL. {_PROXY_HINT}"
    )


def _chain_fault(
    cert_file: str,
    server: Optional[ssl.SSLContext],
    leaf: Certificate,
    client: ssl.SSLContext,
    now: float,
    *,
    dated: bool,
) -> Optional[str]:
    """Say why the chain does not lead to an authority that is trusted.

    ``dated``: a fault of the leaf's own dates is known already.
    """
    authorities = _authorities_in(cert_file)
    top = _top_issuer(leaf, authorities)
    if server is None:
        code, said = _verdict_by_names(leaf, authorities, client, top), ""
    else:
        code, said = _verdict(server, client)
    if code == 0 or (dated and code in (_TOO_EARLY, _EXPIRED)):
        return None
    if code == _SELF_SIGNED or (code in _INCOMPLETE and leaf["subject"] == leaf["issuer"]):
        return (
            f"The certificate in {cert_file} is self-signed; Strava accepts only those of a public authority, for "
            f"instance Let's Encrypt. {_PROXY_HINT}"
        )
    if code in _INCOMPLETE and authorities:
        return (
            f"The chain in {cert_file} ends at the issuer “{_name(top)}”, which is no authority that this host trusts. "
            "If it is one of a public authority, put its certificate, an intermediate one, at the end of the file. If "
            f"it is an authority of your own: Strava accepts only public ones. {_PROXY_HINT}"
        )
    if code in _INCOMPLETE:
        return (
            f"The chain in {cert_file} is incomplete: the certificate of the issuer “{_name(top)}” is missing. Put the "
            "intermediate certificates of your authority behind the server's own; the authority's file with both is "
            f"often named fullchain.pem. {_PROXY_HINT}"
        )
    if code == _PRIVATE_ROOT:
        return (
            f"The certificate in {cert_file} comes from “{_name(top)}”, which is no authority that this host trusts; "
            f"Strava accepts only public ones. {_PROXY_HINT}"
        )
    if code == _EXPIRED:
        return _expired_authority_fault(cert_file, authorities, now)
    return f"The certificate in {cert_file} is refused by clients ({said}): get another one from your authority."


def _expired_authority_fault(cert_file: str, authorities: Sequence[Certificate], now: float) -> str:
    # Not every expired one is a fault: a chain may hold one more than it needs, for clients of old.
    names = [_name(one["subject"]) for one in authorities if now >= ssl.cert_time_to_seconds(str(one["notAfter"]))]
    which = f"“{names[0]}” in its chain" if names else "its authority"
    return (
        f"The certificate in {cert_file} cannot be trusted, because the certificate of {which} has expired: replace "
        "the chain by the one that your authority gives out now."
    )


def _verdict(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[int, str]:
    """Let a client and a server meet in memory; OpenSSL's verdict and what it says. 0 is no objection."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_side=False)
    far = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(_ROUNDS):
        for end in (near, far):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_code, error.verify_message
            except ssl.SSLError as error:
                return -1, str(error.reason or "no handshake").lower().replace("_", " ")
    return 0, ""


def _verdict_by_names(
    leaf: Certificate, authorities: Sequence[Certificate], client: ssl.SSLContext, top: object
) -> int:
    trusted = [authority["subject"] for authority in client.get_ca_certs()]
    # An empty list is a folder of certificates, which OpenSSL reads during a handshake only.
    if not trusted or top in trusted:
        return 0
    if leaf["subject"] == leaf["issuer"]:
        return _SELF_SIGNED
    return _PRIVATE_ROOT if any(authority["subject"] == top for authority in authorities) else _INCOMPLETE[0]


def _top_issuer(leaf: Certificate, authorities: Sequence[Certificate]) -> object:
    """Return the name of who signed the last certificate of the chain; its own if that is a root."""
    issuers = {authority["subject"]: authority["issuer"] for authority in authorities}
    top, seen = leaf["issuer"], set()
    while top in issuers and top not in seen:
        seen.add(top)
        top = issuers[top]
    return top


def _name(distinguished: Any) -> str:
    """Return a short form of a distinguished name: its common name, or all that it has."""
    values = [(key, str(value)) for part in distinguished for key, value in part]
    common = [value for key, value in values if key == "commonName"]
    return printable(common[0] if common else ", ".join(value for _, value in values))
