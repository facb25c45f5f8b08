"""splunkd's management port: HTTPS on loopback, a thread per connection, one request per connection."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sandbox.patience import patience

from .entities import RestFault, as_atom, as_json, fault_as_json, fault_as_xml
from .journal import Journal
from .request import Request, parse
from .rest import LoggedIn, Rest
from .sessions import Sessions

#: A client that does not speak for so long is dropped.
_SILENCE = 30.0
_LONGEST_BODY = 16 * 1024 * 1024


class ManagementServer:
    """Binds a free port when constructed, answers from `start` to `stop`."""

    def __init__(self, context: ssl.SSLContext, sessions: Sessions, journal: Journal) -> None:
        self._server = _Server(context, sessions, journal)
        self._thread: threading.Thread | None = None

    @property
    def host_port(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def uri(self) -> str:
        return f"https://{self.host_port}"

    def start(self, rest: Rest) -> None:
        self._server.rest = rest
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="splunkd REST", daemon=True
        )
        self._thread.start()

    def refuse(self, status: int | None) -> None:
        """Answer everything with this status from now on; None ends it."""
        self._server.refusing = status

    @property
    def refused(self) -> int:
        """How many requests were answered so."""
        return self._server.refused

    def stop(self) -> None:
        """Refuse new connections, cut those in progress, and wait for their threads."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.cut()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 128
    rest: Rest
    #: Status of an outage.
    refusing: int | None = None
    #: Requests that the outages so far refused.
    refused: int = 0

    def __init__(self, context: ssl.SSLContext, sessions: Sessions, journal: Journal) -> None:
        self.context = context
        self.sessions = sessions
        self.journal = journal
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The handshake happens here, in the connection's own thread."""
        with self._lock:
            self._open.add(request)
        try:
            request.settimeout(patience(_SILENCE))
            with self.context.wrap_socket(request, server_side=True, do_handshake_on_connect=False) as secured:
                with self._lock:
                    self._open.add(secured)
                try:
                    secured.do_handshake()
                    self.finish_request(secured, client_address)
                except (OSError, ValueError) as fault:
                    # The client went away, or spoke no TLS.
                    self.journal.write("WARN", "HttpListener", f"connection ended early: {type(fault).__name__}")
                finally:
                    with self._lock:
                        self._open.discard(secured)
        finally:
            with self._lock:
                self._open.discard(request)
            request.close()

    def cut(self) -> None:
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not logged: arguments can be secrets."""

    def version_string(self) -> str:
        return "Splunkd"

    def _handle(self) -> None:
        request: Request | None = None
        try:
            if self.server.refusing is not None:
                self._body()
                self.server.refused += 1
                raise RestFault(self.server.refusing, "splunkd is not ready.")
            key = self.server.sessions.key_of({"Authorization": self.headers.get("Authorization", "")})
            caller = (self.server.sessions.owner(key) or "") if key else ""
            request = parse(self.command, self.path, self._body(), key, caller)
            status, kind, text = _answer(self.server.rest, request, f"https://{self.headers.get('Host', 'localhost')}")
        except RestFault as fault:
            as_json_too = request.json if request else "output_mode=json" in self.path
            status, kind = fault.status, "application/json" if as_json_too else "text/xml"
            text = fault_as_json(fault) if as_json_too else fault_as_xml(fault)
        body = text.encode()
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        # Without this header splunklib takes the answer for an empty one.
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _LONGEST_BODY:
            raise RestFault(413, "The request is too large.")
        return self.rfile.read(length)


def _answer(rest: Rest, request: Request, origin: str) -> tuple[int, str, str]:
    try:
        listing = rest.answer(request)
    except LoggedIn as done:
        if request.json:
            return 200, "application/json", json.dumps({"sessionKey": done.key})
        return 200, "text/xml", f"<response><sessionKey>{done.key}</sessionKey></response>"
    if request.json:
        return listing.status, "application/json", as_json(listing, origin)
    return listing.status, "text/xml", as_atom(listing, origin)


def call(
    uri: str, context: ssl.SSLContext, method: str, target: str, body: str | None, session_key: str
) -> tuple[int, bytes]:
    """One request as a client, for tests and the demo: status and body."""
    connection = http.client.HTTPSConnection(uri.partition("://")[2], timeout=120, context=context)
    headers = {"Authorization": f"Splunk {session_key}"}
    if body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
