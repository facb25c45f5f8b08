"""Strava as a client: one request to somebody's callback URL, on a new connection, in limited time."""

from __future__ import annotations

import http.client
import io
import json
import socket
import ssl
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

_ANSWER_LIMIT = 64 * 1024


@dataclass(frozen=True)
class CallOutcome:
    """What came of a request."""

    #: None when no complete answer came in time.
    status: int | None
    body: bytes
    #: From before the connection to after the answer.
    seconds: float
    #: Why there is no answer; None when there is one.
    error: str | None


class CallOut:
    """Sends requests to callback URLs and trusts nobody but the given CA."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._stopped = False

    def stop(self) -> None:
        """Break off what is under way; every request from now on fails at once."""
        with self._lock:
            self._stopped = True
            for connection in self._open:
                _shut(connection)

    def send(self, method: str, url: str, *, body: dict[str, object] | None, time_limit: float) -> CallOutcome:
        """Make one request; ``time_limit`` in seconds is for connection, handshake and answer together."""
        begin = time.monotonic()
        try:
            status, answer = self._send(method, url, body, begin + time_limit)
        except socket.timeout:
            return CallOutcome(None, b"", time.monotonic() - begin, f"no answer within {time_limit:g} s")
        except (OSError, ValueError, http.client.HTTPException) as problem:
            return CallOutcome(None, b"", time.monotonic() - begin, str(problem) or type(problem).__name__)
        return CallOutcome(status, answer, time.monotonic() - begin, None)

    def _send(self, method: str, url: str, body: dict[str, object] | None, deadline: float) -> tuple[int, bytes]:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise ValueError("not an http or https URL")
        secure = parts.scheme == "https"
        address = (parts.hostname, parts.port or (443 if secure else 80))
        with ExitStack() as opened:
            connection = opened.enter_context(socket.create_connection(address, _remaining(deadline)))
            if secure:
                connection = opened.enter_context(
                    self._tls.wrap_socket(connection, server_hostname=parts.hostname, do_handshake_on_connect=False)
                )
            self._track(connection)
            opened.callback(self._forget, connection)
            connection.settimeout(_remaining(deadline))
            if isinstance(connection, ssl.SSLSocket):
                connection.do_handshake()
            connection.settimeout(_remaining(deadline))
            connection.sendall(_request(method, url, body))
            answer = http.client.HTTPResponse(cast("socket.socket", _Deadlined(connection, deadline)), method=method)
            opened.callback(answer.close)
            answer.begin()
            return answer.status, answer.read(_ANSWER_LIMIT)

    def _track(self, connection: socket.socket) -> None:
        with self._lock:
            if self._stopped:
                raise OSError("the stand-in stops")
            self._open.add(connection)

    def _forget(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)


def _request(method: str, url: str, body: dict[str, object] | None) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    head = [
        f"{method} {target} HTTP/1.1",
        f"Host: {parts.netloc}",
        "User-Agent: strava-stand-in",
        "Accept: */*",
    ]
    content = b""
    if body is not None:
        content = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        head += ["Content-Type: application/json; charset=utf-8", f"Content-Length: {len(content)}"]
    head += ["Connection: close", "", ""]
    return "\r\n".join(head).encode() + content


class _Deadlined:
    """What ``HTTPResponse`` needs of a socket, with one deadline for all reading together."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._reader = _DeadlinedReader(connection, deadline)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._reader)


class _DeadlinedReader(io.RawIOBase):
    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # BufferedReader passes nothing else
        self._connection.settimeout(_remaining(self._deadline))
        return self._connection.recv_into(buffer)


def _remaining(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise socket.timeout
    return seconds


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # closed by the other side already
        # The plain shutdown: a TLS one would take the session away from the thread that reads.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
