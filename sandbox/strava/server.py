"""Strava's front: HTTP/1.1 over TLS on loopback, a thread per connection."""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from typing import Callable
from urllib.parse import urlsplit

from sandbox.strava.exchange import Answer, Call, Transmission, json_answer
from sandbox.tls_server import TlsServer
from strava_collector.clock import Clock

_IDLE_SECONDS = 60.0
_BODY_LIMIT = 1024 * 1024
_WORTH_COMPRESSING = 1_400


class Server(TlsServer):
    """Answers calls with what ``answer`` returns."""

    def __init__(self, tls: ssl.SSLContext, answer: Callable[[Call], Answer], clock: Clock) -> None:
        super().__init__(tls, _Handler, "strava-accept")
        self.answer = answer
        self.clock = clock


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True
    server: Server

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
