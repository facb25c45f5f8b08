"""One call in progress: how long it may still take, how much it may still read, how far it has come.

A timeout of a socket limits one wait. A server that sends a byte now and then never exceeds it, and would
hold a worker for hours. So the sockets here know the call that they work for, and no wait of theirs is longer
than what is left for the whole of it: connecting, TLS handshake, request, head and body.

The call is known to the sockets through the thread, because it cannot be handed down through urllib3.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, Optional


class Stage(IntEnum):
    """How far a call has come; what an error means depends on it."""

    PREPARING = 0
    #: To the server, or to the proxy.
    CONNECTING = 1
    #: The proxy has been asked to connect to the server.
    TUNNELLING = 2
    HANDSHAKE = 3
    TALKING = 4


class TooMuchReceived(OSError):
    """More bytes arrived than any acceptable answer has."""


class Call:
    """The state of one call; ``seconds`` for the whole of it, ``ceiling`` bytes to be received at most."""

    def __init__(self, *, seconds: float, ceiling: int) -> None:
        self._deadline = time.monotonic() + seconds
        self._ceiling = ceiling
        self.stage = Stage.PREPARING
        #: Bytes received since the request was begun on an open connection.
        self.received = 0
        #: Whether a connection was opened; if not, the call uses one that was kept alive.
        self.opened = False
        #: Do not use a connection that was kept alive.
        self.wants_new_connection = False

    def left(self) -> float:
        """Seconds left; not above 0 when the time is over."""
        return self._deadline - time.monotonic()

    def begin_again(self) -> None:
        """Get ready for the second try on a new connection. The deadline stays."""
        self.stage = Stage.PREPARING
        self.received = 0
        self.opened = False
        self.wants_new_connection = True

    def count(self, received: int) -> None:
        """Add to the bytes received. Raises TooMuchReceived."""
        self.received += received
        if self.received > self._ceiling:
            raise TooMuchReceived("more was received than any acceptable answer has")


class _Current(threading.local):
    call: Optional[Call] = None


_current = _Current()


@contextmanager
def working_for(call: Call) -> Iterator[None]:
    """Let the sockets that this thread uses work for ``call``."""
    _current.call = call
    try:
        yield
    finally:
        _current.call = None


def current_call() -> Optional[Call]:
    """The call that this thread works for."""
    return _current.call


class BoundedSocket(socket.socket):
    """A socket none of whose waits outlives the call. Raises ``socket.timeout`` as any socket does."""

    _patience: Optional[float] = None

    def settimeout(self, value: Optional[float]) -> None:
        self._patience = value
        super().settimeout(value)

    def bound(self) -> None:
        """Shorten the next wait to what is left for the call."""
        call = _current.call
        if call is None:
            return
        left = call.left()
        if left <= 0:
            raise socket.timeout("the time for the whole call is over")
        super().settimeout(left if self._patience is None else min(self._patience, left))

    # Of the many ways to read and write, http.client and ssl use only the following.

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.bound()
        received = super().recv_into(*args, **kwargs)
        if _current.call is not None:
            _current.call.count(received)
        return received

    def send(self, *args: Any, **kwargs: Any) -> int:
        self.bound()
        return super().send(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.bound()
        super().sendall(*args, **kwargs)


class BoundedTLSSocket(BoundedSocket, ssl.SSLSocket):
    """The same for TLS. What is counted here is what was decrypted."""

    def do_handshake(self, block: bool = False) -> None:
        self.bound()
        super().do_handshake(block)


def bounded(plain: socket.socket) -> BoundedSocket:
    """Turn a connected socket into one that knows its call."""
    timeout = plain.gettimeout()
    sock = BoundedSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
    sock.settimeout(timeout)
    return sock
