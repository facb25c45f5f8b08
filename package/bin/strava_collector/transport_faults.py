"""From an exception of requests, urllib3, ssl or socket to one sentence that a user can act on.

Those exceptions quote addresses with their query, headers and sometimes credentials. Nothing of their text is
taken over, only their types, their numbers, and OpenSSL's constants.
"""

from __future__ import annotations

import http.client
import os
import re
import socket
import ssl
from collections.abc import Iterator
from typing import Optional, TypeVar

import requests
import urllib3.exceptions

from strava_collector.body import BodyBroken, BodyTooLarge
from strava_collector.call import Call, Stage, TooMuchReceived
from strava_collector.errors import TransportError, TransportFault

#: What sending a request and reading its answer can raise.
EXPECTED = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,  # sockets, ssl, PySocks
    ValueError,  # also UnicodeError: a header or an address that cannot be encoded
    BodyBroken,
    BodyTooLarge,
)

#: X509_V_ERR_… of OpenSSL's x509_vfy.h.
_NOT_YET_VALID, _EXPIRED = 9, 10
_WRONG_NAME = (62, 64)

_NETWORK = "Check the network and the firewall, or set a proxy (Configuration → Proxy)."
_PROXY = "Check the settings (Configuration → Proxy)."
_TRUST = (
    "If a private authority or a proxy that opens TLS signs here, name its certificate as CA file "
    "(Configuration → Advanced)."
)

_E = TypeVar("_E", bound=BaseException)


class Failure:
    """An exception that ended a call, with all that it was made of."""

    def __init__(self, error: BaseException, *, unrelated: Optional[BaseException], call: Call) -> None:
        """``unrelated`` was being handled when the call began: Python links it, but it is of no interest."""
        self._chain = tuple(_chain(error, unrelated))
        for link in self._chain:
            link.__traceback__ = None  # its frames hold the request with its secrets, and the connection
        self._call = call

    def _find(self, *kinds: type[_E]) -> Optional[_E]:
        for error in self._chain:
            if isinstance(error, kinds):
                return error
        return None

    @property
    def is_timeout(self) -> bool:
        # Always among what urllib3 wraps, whose own ConnectTimeoutError means any failed connection.
        return self._find(socket.timeout, TimeoutError) is not None

    def is_stale_connection(self) -> bool:
        """Whether a kept-alive connection turned out to be closed: it broke before any byte of the answer."""
        call = self._call
        return call.stage is Stage.TALKING and not call.opened and call.received == 0 and not self.is_timeout

    def sentence(self, *, host: str, proxy: Optional[str], waits: Waits) -> TransportError:
        """Say what happened. ``host`` and ``proxy`` are names with their ports."""
        if self._find(BodyTooLarge, TooMuchReceived):
            return TransportError(
                TransportFault.TOO_LARGE, f"The answer of {host} is larger than {waits.body} and was dropped."
            )
        stage = self._call.stage
        if stage is Stage.PREPARING:
            return TransportError(
                TransportFault.BLOCKED,
                f"A call to {host} was not sent, because its address or a header cannot be encoded. "
                "Check the addresses (Configuration → Advanced) and connect the athlete again.",
            )
        if proxy is not None and stage in (Stage.CONNECTING, Stage.TUNNELLING):
            return TransportError(TransportFault.PROXY, self._about_proxy(proxy, host, waits))
        if self.is_timeout:
            return TransportError(TransportFault.TIMEOUT, self._about_timeout(host, waits))
        if stage is Stage.CONNECTING:
            return self._about_connecting(host)
        if stage is Stage.HANDSHAKE:
            return TransportError(TransportFault.TLS, self._about_tls(host))
        return TransportError(TransportFault.INTERRUPTED, self._about_interruption(host))

    def _about_timeout(self, host: str, waits: Waits) -> str:
        if self._call.left() <= 0:
            return f"{host} took longer than {waits.whole:g} s for its whole answer."
        if self._call.stage is Stage.CONNECTING:
            return f"No connection to {host} within {waits.connect:g} s. {_NETWORK}"
        if self._call.stage is Stage.HANDSHAKE:
            return f"The TLS handshake with {host} was not finished within {waits.connect:g} s. {_NETWORK}"
        return f"{host} sent nothing for {waits.read:g} s."

    def _about_connecting(self, host: str) -> TransportError:
        if self._find(socket.gaierror):
            return TransportError(
                TransportFault.RESOLVE,
                f"The name of {host} could not be resolved. Check this host's name servers, or set a proxy "
                "(Configuration → Proxy).",
            )
        return TransportError(TransportFault.CONNECT, f"No connection to {host}{self._system_reason()}. {_NETWORK}")

    def _about_proxy(self, proxy: str, host: str, waits: Waits) -> str:
        if self.is_timeout:
            return f"The proxy {proxy} did not answer within {waits.connect:g} s. {_PROXY}"
        if self._find(socket.gaierror):
            return f"The name of the proxy {proxy} could not be resolved. {_PROXY}"
        status = self._tunnel_status()
        if status == 407:
            return f"The proxy {proxy} refused the user name or the password (407). {_PROXY}"
        if status is not None:
            return f"The proxy {proxy} did not connect to {host} (status {status}). Ask its owner to allow it."
        if self._call.stage is Stage.TUNNELLING:
            return f"The proxy {proxy} did not answer as an HTTP proxy does. {_PROXY}"
        return f"No connection to {host} through the proxy {proxy}{self._system_reason()}. {_PROXY}"

    def _tunnel_status(self) -> Optional[int]:
        for error in self._chain:
            # http.client raises OSError("Tunnel connection failed: 407 Proxy …"); only the number is ours to
            # show.
            found = re.match(r"Tunnel connection failed: (\d{3})\b", str(error)) if type(error) is OSError else None
            if found:
                return int(found.group(1))
        return None

    def _about_tls(self, host: str) -> str:
        refused = self._find(ssl.SSLCertVerificationError)
        if refused is not None:
            return f"The certificate of {host} is not accepted: {_certificate_fault(refused.verify_code)}"
        error = self._find(ssl.SSLError)
        reason = getattr(error, "reason", None)
        if reason is None or self._find(ssl.SSLEOFError):
            return f"{host} closed the connection during the TLS handshake. {_NETWORK}"
        return (
            f"No TLS connection to {host}: {str(reason).lower().replace('_', ' ')}. "
            "It must speak TLS 1.2 or newer. Check the address (Configuration → Advanced) and the network."
        )

    def _about_interruption(self, host: str) -> str:
        broken = self._find(BodyBroken)
        if broken is not None:
            return f"The answer of {host} cannot be read: {broken}."
        if self._call.received == 0:
            return f"{host} closed the connection without an answer."
        return f"The answer of {host} broke off or is not HTTP."

    def _system_reason(self) -> str:
        for error in self._chain:
            if isinstance(error, OSError) and type(error.errno) is int and error.errno > 0:
                return f" ({os.strerror(error.errno).lower()})"
        return ""


class Waits:
    """The limits in effect, for the sentences: seconds, and the body's greatest size as text."""

    def __init__(self, *, connect: float, read: float, whole: float, body: str) -> None:
        self.connect = connect
        self.read = read
        self.whole = whole
        self.body = body


def _certificate_fault(code: int) -> str:
    if code == _EXPIRED:
        return "it has expired. If it has not, this host's clock is wrong."
    if code == _NOT_YET_VALID:
        return "it is not valid yet. If it is, this host's clock is wrong."
    if code in _WRONG_NAME:
        return "it was issued for another name. Check the address (Configuration → Advanced)."
    return f"it is not signed by an authority that is trusted here (OpenSSL's code {code}). {_TRUST}"


def _chain(error: BaseException, unrelated: Optional[BaseException]) -> Iterator[BaseException]:
    """The exception and all that it wraps, outermost first: urllib3 hides them in ``reason`` and ``args``."""
    waiting: list[object] = [error]
    seen: set[int] = set() if unrelated is None else {id(unrelated)}
    while waiting:
        found = waiting.pop(0)
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += [found.__cause__, found.__context__, getattr(found, "reason", None), *found.args]
        waiting.append(getattr(found, "socket_err", None))  # PySocks
