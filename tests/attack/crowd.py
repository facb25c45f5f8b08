"""Many connections of a kind that is of no use to anybody, kept up however often the server closes them."""

from __future__ import annotations

import socket
import ssl
from collections import Counter
from contextlib import suppress
from types import TracebackType
from typing import Callable, Optional

from sandbox.patience import patience
from tests.attack.victim import Victim

#: Makes the socket of a client that has come as far as its kind comes.
Open = Callable[[], socket.socket]


class Crowd:
    """Clients of one kind; a context manager.

    What the server did to each that it parted from is counted: the status of its answer, or that it was closed.
    """

    def __init__(self, open_one: Open, drip: bytes = b"") -> None:
        """``drip`` is the byte that each sends at each :meth:`drip`."""
        self._open = open_one
        self._drip = drip
        self._clients: list[socket.socket] = []
        self.got: Counter[str] = Counter()

    def __enter__(self) -> Crowd:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        for client in self._clients:
            client.close()

    def fill(self, size: int, most: int = 1_000_000) -> None:
        """Have as many as ``size``, but make no more than ``most`` new ones."""
        for _ in range(min(most, size - len(self._clients))):
            try:
                client = self._open()
            except (OSError, EOFError) as error:
                self.got[type(error).__name__] += 1
                continue
            client.setblocking(False)
            self._clients.append(client)

    def drip(self) -> None:
        """Each sends its next byte, and takes note of what it gets."""
        self._clients = [client for client in self._clients if self._lives(client)]

    def send(self, data: bytes) -> None:
        """Each sends as much of this as the server takes now, and throws away what it gets."""
        for client in self._clients:
            with suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError, OSError):
                client.send(data)
            with suppress(BlockingIOError, ssl.SSLWantReadError, OSError):
                client.recv(65_536)

    def _lives(self, client: socket.socket) -> bool:
        answer = b""
        with suppress(BlockingIOError, ssl.SSLWantReadError):
            try:
                if self._drip:
                    client.send(self._drip)
                answer = client.recv(4096)
            except OSError as error:
                if isinstance(error, (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)):
                    return True
            self.got[answer[9:12].decode() if answer.startswith(b"HTTP/1.1 ") else "closed"] += 1
            client.close()
            return False
        return True


def tcp(victim: Victim, first: bytes = b"", source: str = "127.0.0.1") -> socket.socket:
    """A client that sends these bytes after no handshake at all."""
    client = socket.create_connection(("127.0.0.1", victim.port), patience(10.0), (source, 0))
    if first:
        client.sendall(first)
    return client


def tls(victim: Victim, first: bytes = b"", source: str = "127.0.0.1") -> ssl.SSLSocket:
    """A client that sends these bytes after its handshake."""
    plain = tcp(victim, source=source)
    try:
        client = victim.tls.wrap_socket(plain, server_hostname="localhost")
        if first:
            client.sendall(first)
    except BaseException:
        plain.close()
        raise
    return client
