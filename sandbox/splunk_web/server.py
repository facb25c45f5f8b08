"""Splunk Web's port: HTTPS on loopback, a thread per connection, connections kept alive."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Callable, cast

from .exchange import Answer, Request, message, request_of

_HANDSHAKE_SECONDS = 10.0
_IDLE_SECONDS = 60.0
_LONGEST_BODY = 16 * 1024 * 1024


class Server:
    """Listens from `start` to `stop`, on a port that the system chose."""

    def __init__(self, tls: ssl.SSLContext, answer: Callable[[Request], Answer]) -> None:
        self._server = _TlsServer(tls, answer)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="Splunk Web", daemon=True
        )

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def failures(self) -> list[Exception]:
        """What went wrong in the stand-in itself; a fault of ours, not the client's."""
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

    def __init__(self, tls: ssl.SSLContext, answer: Callable[[Request], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
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
        """Wake the threads that wait for a browser."""
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):  # gone already
                    # The plain shutdown: a TLS one would take the session away from the thread that reads.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that went away, or that does not trust us, is its own business; the rest is our fault."""
        problem = sys.exc_info()[1]
        if isinstance(problem, Exception) and not isinstance(problem, OSError) and not self.stopping.is_set():
            self.failures.append(problem)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True
    server: _TlsServer

    def _answer_request(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit() or int(length) > _LONGEST_BODY:
            self.close_connection = True
            self._send(message(413, "The request is too large, or does not tell its length."))
            return
        body = self.rfile.read(int(length))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(self.server.answer(request_of(self.command, self.path, headers, body)))

    do_GET = do_POST = do_PUT = do_DELETE = _answer_request  # noqa: N815  # the names that http.server looks for

    def version_string(self) -> str:
        return "Splunkd"

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not logged: a query can hold the code of a consent."""

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        for cookie in answer.cookies:
            self.send_header("Set-Cookie", cookie)
        # As Splunk Web has them: a page that would not work with them must not work here.
        self.send_header("X-Frame-Options", "SAMEORIGIN")
        self.send_header("X-Content-Type-Options", "nosniff")
        if answer.status != 204:
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
