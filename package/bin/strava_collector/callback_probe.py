"""Whether a callback URL leads to this very listener, as far as this host can tell: asked as Strava asks.

A random challenge goes to the public URL: name resolution, connection, TLS as a public client sees it, an answer within
two seconds. The listener notes the hash of each challenge that it answers; whoever finds it in the store knows that
nobody else has answered. A URL that cannot be reached from here may be reachable from outside all the same: many
routers do not lead a host back to itself.

The challenge's query holds the verify token, so no address with a query is ever shown.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import secrets
import socket
import ssl
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Callable, Optional
from urllib.parse import quote, urlsplit

from strava_collector.call import BoundedTLSSocket, Call, bounded, working_for
from strava_collector.check_line import Status
from strava_collector.errors import CollectorError
from strava_collector.secret import Secret
from strava_collector.side_by_side import side_by_side
from strava_collector.trust import judging_context
from strava_collector.version import version

#: Strava waits so long for the answer, in seconds.
STRAVA_WAITS = 2.0
#: For the name, for one address, and for everything from there to the end of the answer; seconds.
RESOLVE_PATIENCE = 5.0
CONNECT_PATIENCE = 3.0
WHOLE_PATIENCE = 6.0
#: For the listener's note to be in the store, in seconds; it writes it after the answer.
NOTE_PATIENCE = 3.0
_NOTE_PAUSE = 0.05

#: So many of a name's addresses are tried.
_MOST_ADDRESSES = 4
#: Bytes; the answer has some hundred.
_CEILING = 65_536

#: X509_V_ERR_… of OpenSSL's x509_vfy.h.
_NOT_YET_VALID, _EXPIRED = 9, 10
_WRONG_NAME = (62, 64)
_SELF_SIGNED = (18, 19)

_HAIRPIN = (
    "This may be all right: many routers do not lead a host back to itself (hairpin NAT). Open the callback URL from "
    "outside, say on a phone without Wi-Fi: an answer that names “hub.mode” comes from this add-on. If there is none, "
    "look at the router's port forwarding and the firewall."
)
_ROUTER = "If it is your router that answers here, and only to its own network, try the callback URL from outside."
_NAME = "Correct the host in the callback URL (page Inputs), or have its DNS entry made."


@dataclass(frozen=True)
class Probe:
    """What came of it."""

    grade: Status
    #: A sentence.
    seen: str
    #: Empty if all is well.
    to_do: str = ""


@dataclass(frozen=True)
class Target:
    """Whose callback URL is tried."""

    #: The input's name.
    input: str
    callback_url: str
    verify_token: Secret
    #: Authorities that are trusted besides the system's.
    ca_file: Optional[str] = None


def probe(
    target: Target,
    *,
    noted_by: Callable[[str], Optional[str]],
    try_to_note: Callable[[], None] = lambda: None,
    resolve: Callable[..., list[Any]] = socket.getaddrinfo,
    wait: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
    patience: float = WHOLE_PATIENCE,
) -> Probe:
    """Try it; takes some 15 seconds at most, mostly milliseconds.

    ``monotonic`` tells how long the answer took; ``patience`` is how long to wait for it, both in seconds.

    ``noted_by`` returns the input that has noted the challenge with this SHA-256, None if none has; ``try_to_note``
    tries whether a listener could have noted anything. Both may raise StoreUnavailable.
    """
    try:
        host, port = _place(target.callback_url)
        addresses = _addresses(host, port, resolve)
        challenge = secrets.token_hex(16)
        answer = _ask(target, host, addresses, challenge, monotonic, patience)
        _check_answer(answer, host, challenge)
        noted = _await_note(challenge, host, noted_by, try_to_note, wait)
        return _who_answered(target.input, answer, host, noted)
    except _Verdict as verdict:
        return verdict.probe


def as_sentence(found: Probe) -> str:
    """Return what was seen and what to do as one text."""
    return f"{found.seen} {found.to_do}".strip()


class _Verdict(Exception):
    """Nothing more can be found out."""

    def __init__(self, grade: Status, seen: str, to_do: str) -> None:
        super().__init__(seen)
        self.probe = Probe(grade, seen, to_do)


def _fail(seen: str, to_do: str) -> _Verdict:
    return _Verdict(Status.FAIL, seen, to_do)


@dataclass(frozen=True)
class _Answer:
    status: int
    body: bytes
    #: From the beginning of the connection to the last byte.
    seconds: float
    address: str
    protocol: str


def _place(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 443
    except ValueError:
        host, port = None, 0
    if not host:
        raise _fail("The callback URL has no host that could be called.", "Correct it on the page Inputs.")
    return host, port


def _addresses(host: str, port: int, resolve: Callable[..., list[Any]]) -> list[Any]:
    def look_up() -> list[Any]:
        try:
            return resolve(host, port, 0, socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return []

    found = side_by_side({"": look_up}, RESOLVE_PATIENCE).get("")
    if found is None:
        raise _Verdict(
            Status.WARN,
            f"The name servers of this host did not answer a question for {host} within {RESOLVE_PATIENCE:g} s.",
            "Check this host's name servers, then check again.",
        )
    if not found:
        raise _fail(f"The name {host} is not known (DNS), so nobody can call it.", _NAME)
    return found[:_MOST_ADDRESSES]


def _ask(
    target: Target,
    host: str,
    addresses: list[Any],
    challenge: str,
    monotonic: Callable[[], float],
    patience: float,
) -> _Answer:
    context = judging_context(target.ca_file)
    context.check_hostname = True
    context.sslsocket_class = BoundedTLSSocket
    call = Call(seconds=patience, ceiling=_CEILING)
    with working_for(call):
        plain, began = _connect(host, addresses, call, monotonic)
        with closing(plain):
            address = str(plain.getpeername()[0])
            with closing(_handshake(context, plain, host)) as tls:
                try:
                    status, body = _exchange(tls, target, challenge)
                except (OSError, http.client.HTTPException, ValueError) as error:
                    raise _no_answer(error, host, call, patience) from None
                return _Answer(status, body, monotonic() - began, address, tls.version() or "TLS")


def _connect(
    host: str, addresses: list[Any], call: Call, monotonic: Callable[[], float]
) -> tuple[socket.socket, float]:
    """Return the first connection that comes about, and when it began."""
    why = "no address"
    for family, kind, protocol, _, address in addresses:
        if call.left() <= 0:
            break
        began = monotonic()
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(max(0.001, min(CONNECT_PATIENCE, call.left())))
            sock.connect(address)
        except OSError as error:
            sock.close()
            why = "no answer" if isinstance(error, socket.timeout) else (error.strerror or type(error).__name__).lower()
            continue
        return bounded(sock), began
    raise _Verdict(Status.WARN, f"{_quoted(host, addresses)} cannot be reached from this host ({why}).", _HAIRPIN)


def _handshake(context: ssl.SSLContext, plain: socket.socket, host: str) -> ssl.SSLSocket:
    try:
        return context.wrap_socket(plain, server_hostname=host.strip("[]").rstrip("."))
    except ssl.SSLCertVerificationError as error:
        raise _certificate_verdict(error.verify_code, host) from None
    except socket.timeout:
        raise _fail(
            f"{host} takes the connection, but says nothing when TLS is to begin.",
            f"Look at what listens on the public port, and where the router or proxy leads it. {_ROUTER}",
        ) from None
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "reason", None) or "connection closed").lower().replace("_", " ")
        raise _fail(
            f"{host} does not speak TLS as Strava needs it ({reason}).",
            "The public port must lead to this input's port, or to a proxy that ends TLS 1.2 or newer.",
        ) from None


def _certificate_verdict(code: int, host: str) -> _Verdict:
    if code == _EXPIRED:
        return _fail(
            f"The certificate that {host} shows has expired.",
            "Renew it where TLS ends: the input's certificate file, or the proxy's.",
        )
    if code == _NOT_YET_VALID:
        return _fail(
            f"The certificate that {host} shows is not valid yet.",
            "Correct the clock of this host, or wait until the certificate is valid.",
        )
    if code in _WRONG_NAME:
        return _fail(
            f"The certificate that {host} shows is for another name.",
            f"Another server answers there, or the certificate lacks this name: get one for {host}. {_ROUTER}",
        )
    what = "is self-signed or of a private authority" if code in _SELF_SIGNED else "cannot be traced to an authority"
    return _fail(
        f"The certificate that {host} shows {what}, so Strava refuses it (OpenSSL's code {code}).",
        "Use a certificate of a public authority, and put the whole chain into the file (often fullchain.pem). "
        f"{_ROUTER}",
    )


def _exchange(sock: ssl.SSLSocket, target: Target, challenge: str) -> tuple[int, bytes]:
    parts = urlsplit(target.callback_url)
    token = quote(target.verify_token.reveal(), safe="")
    query = f"hub.mode=subscribe&hub.challenge={challenge}&hub.verify_token={token}"
    sock.sendall(
        (
            f"GET {parts.path or '/'}?{query} HTTP/1.1\r\n"
            f"Host: {parts.netloc}\r\n"
            f"User-Agent: TA_strava_webhook/{version()}\r\n"
            "Accept: application/json\r\n"
            "Connection: close\r\n\r\n"
        ).encode("latin-1")
    )
    with closing(http.client.HTTPResponse(sock, method="GET")) as response:
        response.begin()
        return response.status, response.read(_CEILING)


def _no_answer(error: BaseException, host: str, call: Call, patience: float) -> _Verdict:
    if isinstance(error, socket.timeout) or call.left() <= 0:
        return _fail(
            f"{host} did not answer the challenge within {patience:g} s; Strava waits {STRAVA_WAITS:g} s.",
            "Look in the input's log, and at the proxy in front of it if there is one.",
        )
    return _fail(
        f"{host} broke off its answer to the challenge, or it is no HTTP.",
        "Another program may answer there: look at what the public port leads to.",
    )


def _check_answer(answer: _Answer, host: str, challenge: str) -> None:
    status = answer.status
    if status != 200:
        raise _status_verdict(answer, host)
    try:
        given = json.loads(answer.body.decode("utf-8"))
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict) or given.get("hub.challenge") != challenge:
        raise _fail(
            f"{host} answers (status 200), but not with the challenge: it is another server.",
            "Have the path of the callback URL lead to this input: look at the proxy or at the port forwarding. "
            f"{_ROUTER}",
        )
    if answer.seconds > STRAVA_WAITS:
        raise _fail(
            f"{host} answered rightly, but took {answer.seconds:.1f} s; Strava gives up after {STRAVA_WAITS:g} s.",
            "Look for what slows it down: the proxy in front, the load of this host, or the line.",
        )


def _status_verdict(answer: _Answer, host: str) -> _Verdict:
    status = answer.status
    seen = f"{host} answers the challenge with status {status}"
    if status == 403 and b"Invalid verify token" in answer.body:
        return _fail(
            f"{seen}: a listener of this add-on that has another verify token.",
            "Another input or another Splunk answers there, or the input has not been started again since its token "
            "was changed: compare the ports, or disable and enable the input.",
        )
    if status == 404:
        return _fail(
            f"{seen}: the server there does not know the path.",
            "Write the callback URL's path as the input has it, and let a proxy pass it on unchanged.",
        )
    if 300 <= status < 400:
        return _fail(
            f"{seen}, which leads elsewhere; Strava does not follow.",
            "Have the server answer at this very address: no redirect, no login page.",
        )
    if status in (401, 403, 407):
        return _fail(
            f"{seen}: something in front of the add-on refuses it.",
            "Let the callback URL's path through without login and without a check for browsers.",
        )
    if status in (502, 503, 504):
        return _fail(
            f"{seen}: the proxy there does not get through to the input.",
            "Compare the proxy's target with the input's port, and see whether the listener runs (line “listener”).",
        )
    return _fail(f"{seen} instead of 200.", f"Look at what answers there. {_ROUTER}")


def _await_note(
    challenge: str,
    host: str,
    noted_by: Callable[[str], Optional[str]],
    try_to_note: Callable[[], None],
    wait: Callable[[float], None],
) -> Optional[str]:
    """Return the input that has noted the challenge, None if none of this host has answered it."""
    digest = hashlib.sha256(challenge.encode("ascii")).hexdigest()
    deadline = time.monotonic() + NOTE_PATIENCE
    try:
        while True:
            noted = noted_by(digest)
            if noted is not None:
                return noted
            if time.monotonic() >= deadline:
                try_to_note()
                return None
            wait(_NOTE_PAUSE)
    except CollectorError as error:
        raise _Verdict(
            Status.WARN,
            f"{host} answers the challenge rightly, but whether it was this listener cannot be seen: {error}",
            "See to the store, then check again.",
        ) from None


def _who_answered(name: str, answer: _Answer, host: str, noted: Optional[str]) -> Probe:
    if noted is None:
        return Probe(
            Status.FAIL,
            f"{host} ({answer.address}) answers the challenge rightly, but it was not this listener.",
            "Another Splunk with the same verify token answers there: have the address lead to this host, and "
            "give each input a verify token of its own.",
        )
    if noted != name:
        return Probe(
            Status.FAIL,
            f"{host} leads to the input “{noted}” of this host, not to “{name}”.",
            "Compare the ports of the two with what the router or proxy forwards, and give each input a verify token "
            "of its own.",
        )
    return Probe(
        Status.PASS,
        f"{host} ({answer.address}) leads to this listener, which answered the challenge in {answer.seconds:.2f} s "
        f"over {answer.protocol}.",
    )


def _quoted(host: str, addresses: list[Any]) -> str:
    """The host with its address, unless it is one itself."""
    address = str(addresses[0][4][0])
    return host if address == host else f"{host} ({address})"
