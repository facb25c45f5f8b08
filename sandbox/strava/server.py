"""Strava's front: HTTP/1.1 over TLS on loopback, a thread per connection."""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import sys
import threading
from contextlib import suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Callable, cast
from urllib.parse import urlsplit

from sandbox.strava.exchange import Answer, Call, Transmission, json_answer
from strava_collector.clock import Clock

_HANDSHAKE_SECONDS = 10.0
_IDLE_SECONDS = 60.0
_BODY_LIMIT = 1024 * 1024
_WORTH_COMPRESSING = 1_400


class Server:
    """Listens from :meth:`start` to :meth:`stop`, on a port that the system chose."""

    def __init__(self, tls: ssl.SSLContext, answer: Callable[[Call], Answer], clock: Clock) -> None:
        self._server = _TlsServer(tls, answer, clock)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="strava-accept"
        )

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def failures(self) -> list[Exception]:
        """What went wrong in the stand-in itself while it answered; a fault of ours, not the client's."""
        return self._server.failures

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Close the port and all connections, and wait for their threads."""
        if self._thread.ident is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.stopping.set()
        self._server.close_connections()
        self._server.server_close()


class _TlsServer(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, tls: ssl.SSLContext, answer: Callable[[Call], Answer], clock: Clock) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.clock = clock
        self.stopping = threading.Event()
        self.failures: list[Exception] = []
        self._tls = tls
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()

    def server_bind(self) -> None:
        """Bind without the look-up of the host's name that the base class makes."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def finish_request(self, request: object, client_address: object) -> None:
        """Runs in the connection's own thread, so that a slow handshake holds up nobody else."""
        connection = self._tls.wrap_socket(
            cast("socket.socket", request), server_side=True, do_handshake_on_connect=False
        )
        with connection:
            with self._lock:
                if self.stopping.is_set():
                    return
                self._connections.add(connection)
            try:
                connection.settimeout(_HANDSHAKE_SECONDS)
                connection.do_handshake()
                _Handler(connection, cast("tuple[str, int]", client_address), self)
            finally:
                with self._lock:
                    self._connections.discard(connection)

    def close_connections(self) -> None:
        """Wake the threads that wait for a client."""
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):  # gone already
                    # The plain shutdown: a TLS one would take the session away from the thread that reads.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away, or that does not trust us, is its own business; the rest is our fault."""
        problem = sys.exc_info()[1]
        if isinstance(problem, Exception) and not isinstance(problem, OSError) and not self.stopping.is_set():
            self.failures.append(problem)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True
    server: _TlsServer

    def _answer_call(self) -> None:
        body = self._body()
        if body is None:
            self._send(json_answer(411, {"message": "Length Required", "errors": []}))
            self.close_connection = True
            return
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(self.server.answer(Call(self.command, parts.path, parts.query, headers, body)))

    do_GET = do_POST = do_PUT = do_DELETE = _answer_call  # noqa: N815  # the names that http.server looks for

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The ``Date`` header: Strava's clock, not this machine's."""
        return formatdate(self.server.clock.now() if timestamp is None else timestamp, usegmt=True)

    def version_string(self) -> str:
        return "StravaStandIn"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the statistics keep the calls, and an error stream would be read as the add-on's."""

    def _body(self) -> bytes | None:
        """The request's body; None when its length is not told, or absurd."""
        if "transfer-encoding" in self.headers:
            return None
        length = self.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > _BODY_LIMIT:
            return None
        return self.rfile.read(int(length))

    def _send(self, answer: Answer) -> None:
        if answer.delay:
            self.server.stopping.wait(answer.delay)
        if answer.transmission is Transmission.NEVER:
            self.rfile.read(1)  # until the client gives up or the server stops
            self.close_connection = True
            return
        if answer.transmission is Transmission.RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        body = answer.body
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Type", answer.content_type)
            if len(body) > _WORTH_COMPRESSING and "gzip" in self.headers.get("accept-encoding", ""):
                body = gzip.compress(body, compresslevel=1)
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
        if answer.transmission is Transmission.TRUNCATED:
            body = body[: len(body) // 2]
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)
