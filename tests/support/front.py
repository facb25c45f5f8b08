"""A web server in front of an input, as people put one there: it ends TLS and passes requests on, maybe wrongly."""

from __future__ import annotations

import http.client
import ssl
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Callable, Optional

from sandbox.certificates import Certificates
from sandbox.patience import patience
from sandbox.tls_server import TlsServer


class Front:
    """Listens on a port of its own, inside of a ``with`` statement, and passes on to a port of this host."""

    def __init__(self, certificates: Certificates) -> None:
        #: Where requests are passed on to; a TLS port on loopback.
        self.target = 0
        #: What becomes of a request's path on the way.
        self.path: Callable[[str], str] = lambda path: path
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer._pass_on(self)

            def do_POST(self) -> None:
                outer._pass_on(self)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: the path is a secret of the test."""

        self._server = TlsServer(certificates.server_context("front"), Handler, "front")
        self._inner = ssl.create_default_context(cafile=str(certificates.ca_file))

    @property
    def port(self) -> int:
        return self._server.port

    def __enter__(self) -> Front:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        value: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._server.stop()

    def _pass_on(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        connection = http.client.HTTPSConnection("127.0.0.1", self.target, timeout=patience(5), context=self._inner)
        try:
            headers = {"Content-Type": request.headers.get("Content-Type") or "application/json"}
            connection.request(request.command, self.path(request.path), body or None, headers)
            answer = connection.getresponse()
            status, content = answer.status, answer.read()
        except OSError:
            status, content = 502, b"Bad Gateway"
        finally:
            connection.close()
        request.send_response(status)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)
