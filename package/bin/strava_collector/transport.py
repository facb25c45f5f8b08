"""How the collector calls Strava: one request, then an answer, or a sentence about why there is none.

:class:`RequestsTransport` is the real one. It uses ``requests``' ``HTTPAdapter``, that is its pool of
connections, and no ``requests.Session``, for three reasons:

* A session is not promised to be safe for several threads (its cookies are not); the adapter's pool is. So
  one transport serves all workers of a process, and they share its kept-alive connections.
* A session looks into the environment (``HTTPS_PROXY``, ``REQUESTS_CA_BUNDLE``, ``.netrc``). Here what the
  user configured is all that counts.
* A session reads the body of a redirect without limit, even when told not to follow it.

Nothing is tried again here, the queue does that; with one exception, see :meth:`RequestsTransport.send`.
"""

from __future__ import annotations

import json
import logging
import ssl
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NoReturn, Optional, Protocol, Union
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from strava_collector.body import BodyTooLarge, read_body
from strava_collector.call import Call, working_for
from strava_collector.clock import Clock
from strava_collector.connection import direct_pools, socks_pools, tunnel_pools
from strava_collector.errors import TransportError, TransportFault
from strava_collector.proxy import Proxy, parse_proxy
from strava_collector.secret import Secret
from strava_collector.transport_faults import EXPECTED, Failure, Waits
from strava_collector.trust import client_context
from strava_collector.version import version

#: A header, a field of a form or a parameter of a query; a secret is revealed only while it is being sent.
Value = Union[str, Secret]


@dataclass(frozen=True)
class Request:
    """A call to be made. Its ``repr`` shows method and address only."""

    #: ``GET``, ``POST`` or ``DELETE``.
    method: str
    #: An ``https`` address without user, query and fragment; so that it can be shown.
    url: str
    headers: Mapping[str, Value] = field(default_factory=dict, repr=False)
    query: Mapping[str, Value] = field(default_factory=dict, repr=False)
    #: Sent as the body, form encoded. Empty: no body.
    form: Mapping[str, Value] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Answer:
    """What the server answered, whatever the status; complete and decompressed.

    The ``repr`` leaves the body out, which may hold tokens.
    """

    #: 200 to 299 or 400 to 599.
    status: int
    #: Names in lower case; repeated headers are joined with ``", "``.
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    #: When the last byte had arrived, seconds since the epoch by our own clock.
    received_at: float

    def json(self) -> object:
        """Return the parsed body.

        Raises ValueError when the body is no JSON (``NaN`` and ``Infinity`` are none); its message never
        quotes the body, and the parser's exception, which holds the whole of it, is left behind.
        """
        try:
            return json.loads(self.body.decode("utf-8"), parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            pass
        raise ValueError("the answer is not JSON")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError("not a JSON number")


class Transport(Protocol):
    """Sends requests; may be used by several threads at once."""

    def send(self, request: Request) -> Answer:
        """Return the server's answer, also one that reports an error.

        Raises TransportError, and nothing else, when there is no usable answer. Its text names the host and
        what to do; it never holds a query, a body or credentials, and it has no cause that does.
        """
        ...


@dataclass(frozen=True)
class CallLimits:
    """What one call may cost. Times in seconds, sizes in bytes."""

    #: For the TCP connection to one address, and again for the TLS handshake.
    connect: float = 5.0
    #: Longest silence of the server.
    read: float = 20.0
    #: The whole call, however the server spreads its bytes. Only the system's name resolution may exceed it.
    whole: float = 60.0
    #: The body, before and after decompression.
    body: int = 32 * 1024 * 1024

    @property
    def ceiling(self) -> int:
        """Bytes on the wire: room for head and chunks, but not for lines without end."""
        return 2 * self.body + 1024 * 1024


class RequestsTransport:
    """Calls over TLS, with kept-alive connections that all threads share."""

    def __init__(
        self,
        *,
        clock: Clock,
        ca_file: Optional[str] = None,
        proxy: Optional[Secret] = None,
        limits: CallLimits = CallLimits(),
        connections: int = 3,
    ) -> None:
        """Prepare; nothing is opened yet.

        ``ca_file``: see ``trust``. ``proxy`` is a URL, see ``proxy``. So many ``connections`` are kept alive
        per server (more can be open). Raises ConfigurationError if ``ca_file`` or ``proxy`` cannot be used.
        """
        _silence_libraries()
        self._clock = clock
        self._limits = limits
        self._proxy = parse_proxy(proxy) if proxy else None
        self._adapter = _Adapter(_pools(client_context(ca_file), self._proxy, connections))
        self._user_agent = f"TA_strava_webhook/{version()}"

    def send(self, request: Request) -> Answer:
        """See Transport.

        A server may close a kept-alive connection just when we use it. A GET that fails on one before the
        first byte of an answer is sent once more, on a new connection. Anything else is not: it may have been
        acted on.
        """
        host = _host(request.url)
        unrelated = sys.exc_info()[1]
        call = Call(seconds=self._limits.whole, ceiling=self._limits.ceiling)
        result = self._attempt(request, call, unrelated)
        if isinstance(result, Failure) and request.method == "GET" and result.is_stale_connection():
            call.begin_again()
            result = self._attempt(request, call, unrelated)
        if isinstance(result, Answer):
            if 300 <= result.status < 400:
                raise TransportError(
                    TransportFault.REDIRECTED,
                    f"{host} answered with a redirect (status {result.status}), which is not followed: the "
                    "token would go with it. Check the addresses (Configuration → Advanced).",
                )
            return result
        # Raised here, outside of any except clause, so that it has no context that quotes the call.
        place = None if self._proxy is None else self._proxy.place
        raise result.sentence(host=host, proxy=place, waits=self._waits())

    def close(self) -> None:
        """Close the idle connections, and those in use when their calls end. A later call opens new ones."""
        self._adapter.close()

    def _attempt(self, request: Request, call: Call, unrelated: Optional[BaseException]) -> Union[Answer, Failure]:
        try:
            with working_for(call):
                return self._exchange(request)
        except EXPECTED as error:
            return Failure(error, unrelated=unrelated, call=call)

    def _exchange(self, request: Request) -> Answer:
        limits = self._limits
        response = self._adapter.send(self._prepared(request), stream=True, timeout=(limits.connect, limits.read))
        with closing(response):  # a connection whose answer was not read to its end is closed, not kept
            headers = {name.lower(): value for name, value in response.headers.items()}
            body = b""
            if not 300 <= response.status_code < 400:
                body = self._body(response.raw, headers.get("content-encoding", ""))
        return Answer(response.status_code, headers, body, self._clock.now())

    def _body(self, raw: Any, encoding: str) -> bytes:
        raw.enforce_content_length = True  # requests leaves it off: a truncated body would pass
        if raw.length_remaining is not None and raw.length_remaining > self._limits.body:
            raise BodyTooLarge
        return read_body(raw.stream(65_536, decode_content=False), encoding=encoding, limit=self._limits.body)

    def _prepared(self, request: Request) -> requests.PreparedRequest:
        headers = {"User-Agent": self._user_agent, "Accept-Encoding": "gzip", "Accept": "*/*"}
        headers.update(_revealed(request.headers))
        prepared = requests.Request(
            request.method,
            request.url,
            headers=headers,
            params=_revealed(request.query),
            data=_revealed(request.form),
        )
        return prepared.prepare()

    def _waits(self) -> Waits:
        limits = self._limits
        body = f"{limits.body // 1024 // 1024} MiB" if limits.body >= 1024 * 1024 else f"{limits.body} bytes"
        return Waits(connect=limits.connect, read=limits.read, whole=limits.whole, body=body)


class _Adapter(HTTPAdapter):
    """requests' adapter on pools of ours, in which TLS and proxy are settled."""

    def __init__(self, pools: Any) -> None:
        self._pools = pools
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        self.poolmanager = self._pools

    def get_connection_with_tls_context(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        return self._pools.connection_from_url(request.url)

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: the original would add certifi's authorities to those of ``ca_file``."""


def _pools(context: ssl.SSLContext, proxy: Optional[Proxy], connections: int) -> Any:
    if proxy is None:
        return direct_pools(context, connections=connections)
    if proxy.is_socks:
        return socks_pools(
            context,
            connections=connections,
            proxy_url=proxy.url,
            user=proxy.user,
            password=proxy.password.reveal() if proxy.user is not None else None,
        )
    return tunnel_pools(context, connections=connections, proxy_url=proxy.url, proxy_headers=proxy.headers())


def _revealed(values: Mapping[str, Value]) -> dict[str, str]:
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in values.items()}


def _host(url: str) -> str:
    """Host and, unless it is 443, port of an address that we may call. Raises TransportError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        usable = parts.scheme == "https" and host and "@" not in parts.netloc and not parts.query + parts.fragment
    except ValueError:
        usable = False
    if not usable:
        raise TransportError(
            TransportFault.BLOCKED,
            "A call was not sent: the addresses (Configuration → Advanced) must have the form https://host/path.",
        )
    return f"{host}" if port in (None, 443) else f"{host}:{port}"


def _silence_libraries() -> None:
    """Keep urllib3's log lines out of every log.

    At DEBUG it logs the path and query of each call; at WARNING, when an answer's head is odd, the whole
    address. What is worth knowing about a call is in our own log. Done by each new transport: the last word
    before the first call.
    """
    for name in ("urllib3", "urllib3.connectionpool", "requests"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
