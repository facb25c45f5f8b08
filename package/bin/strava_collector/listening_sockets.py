"""The sockets that a server accepts connections on: one, or one for each address that it is to be reached at."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator


class ListeningSockets:
    """Opened, watched and closed together; used by the server's thread, once it runs."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._sockets: list[socket.socket] = []

    def __iter__(self) -> Iterator[socket.socket]:
        return iter(self._sockets)

    @property
    def families(self) -> str:
        """The versions of IP that are served, as a word for the log."""
        several = len(self._sockets) > 1
        return "ipv4+ipv6" if several or self._sockets[0].family == socket.AF_INET6 else "ipv4"

    def add(self, listening: socket.socket) -> None:
        """Take in a socket that listens already."""
        self._sockets.append(listening)

    def open(self, host: str, family: socket.AddressFamily, port: int, *, reuse: bool, backlog: int) -> None:
        """Bind another one. Raises OSError."""
        another = socket.socket(family, socket.SOCK_STREAM)
        try:
            prepare(another)
            if reuse:
                another.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            another.bind((host, port))
            another.listen(backlog)
        except BaseException:
            another.close()
            raise
        self._sockets.append(another)

    def watch(self) -> None:
        """Have the selector say when somebody connects."""
        for listening in self._sockets:
            self._selector.register(listening, selectors.EVENT_READ)

    def leave_alone(self) -> None:
        """Have it say so no longer; who connects has to wait."""
        for listening in self._sockets:
            self._selector.unregister(listening)

    def close(self) -> None:
        """Take no new connection any more: clients are sent away at once instead of being left to wait."""
        for listening in self._sockets:
            listening.close()


def prepare(listening: socket.socket) -> None:
    """Set what has to be set before a socket is bound; one for IPv6 takes IPv4 as well."""
    if listening.family == socket.AF_INET6:
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    # Accepted sockets inherit it, so that no answer waits for an acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listening.setblocking(False)
