"""A TLS server whose every byte a test decides, on a port of its own, in threads that end with it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Callable, Optional

import trustme

from tests.support.waiting import ended


@dataclass(frozen=True)
class Received:
    """A request as it arrived."""

    method: str
    target: str
    #: Names in lower case.
    headers: Mapping[str, str]
    body: bytes


class Visit:
    """One accepted connection, for the script that plays the server."""

    def __init__(self, sock: socket.socket, server: Server, number: int) -> None:
        self.sock = sock
        self.number = number
        self._server = server
        self._stream = sock.makefile("rb")

    def request(self) -> Optional[Received]:
        """Read the next request; None when the client has closed the connection."""
        line = self._stream.readline()
        if not line:
            return None
        method, target, _ = line.decode("latin-1").split(" ", 2)
        headers: dict[str, str] = {}
        while True:
            line = self._stream.readline()
            if line in (b"\r\n", b""):
                break
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        body = self._stream.read(int(headers.get("content-length", "0")))
        received = Received(method, target, headers, body)
        self._server.received.append(received)
        return received

    def raw(self, data: bytes) -> None:
        """Send these bytes."""
        self.sock.sendall(data)

    def answer(self, body: bytes = b"{}", status: int = 200, headers: Optional[Mapping[str, str]] = None) -> None:
        """Send a proper answer that keeps the connection alive."""
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.raw(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)

    def drip(self, data: bytes, pause: float = 0.01) -> None:
        """Send byte after byte until all is sent, the client goes away, or the server is closed."""
        for byte in data:
            self.raw(bytes([byte]))
            if self._server.closing.wait(pause):
                return

    def until_closed(self) -> None:
        """Say nothing until the client closes the connection."""
        with suppress(OSError):
            while self.sock.recv(65_536):
                pass

    def close(self) -> None:
        self._stream.close()
        self.sock.close()


Script = Callable[[Visit], None]


def answering(body: bytes = b"{}", status: int = 200, headers: Optional[Mapping[str, str]] = None) -> Script:
    """A script that answers every request in the same way."""

    def script(visit: Visit) -> None:
        while visit.request() is not None:
            visit.answer(body, status, headers)

    return script


class Server:
    """Listens as long as the ``with`` block lasts. Without ``tls`` the scripts get bare TCP connections."""

    def __init__(self, script: Script, tls: Optional[ssl.SSLContext]) -> None:
        self._script = script
        self._tls = tls
        self.received: list[Received] = []
        #: Connections that were accepted, and handshakes that were finished.
        self.accepted = 0
        self.visits = 0
        self.closing = threading.Event()
        self._socks: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def __enter__(self) -> Server:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.closing.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes accept() on Linux
        self._listening.close()
        for sock in self._socks:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        ended(*self._threads)

    def _start(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listening.accept()
            except OSError:
                return
            self.accepted += 1
            self._socks.append(sock)
            self._start(lambda sock=sock: self._serve(sock))  # type: ignore[misc]  # mypy cannot type such a lambda

    def _serve(self, sock: socket.socket) -> None:
        with suppress(OSError), sock:
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
                self._socks.append(sock)
            with sock:
                self.visits += 1
                visit = Visit(sock, self, self.visits)
                try:
                    self._script(visit)
                finally:
                    visit.close()


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """TLS settings of a server with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context
