"""Splunk Web's port: HTTPS on loopback, a thread per connection, connections kept alive."""

from __future__ import annotations

import ssl
from http.server import BaseHTTPRequestHandler
from typing import Callable

from sandbox.tls_server import TlsServer

from .exchange import Answer, Request, message, request_of

_IDLE_SECONDS = 60.0
_LONGEST_BODY = 16 * 1024 * 1024


class Server(TlsServer):
    """Answers requests with what ``answer`` returns."""

    def __init__(self, tls: ssl.SSLContext, answer: Callable[[Request], Answer]) -> None:
        super().__init__(tls, _Handler, "Splunk Web")
        self.answer = answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True
    server: Server

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
