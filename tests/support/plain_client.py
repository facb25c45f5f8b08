"""A client that speaks HTTP without TLS, and sends exactly the bytes it is told to."""

from __future__ import annotations

import socket
from typing import Optional

from tests.support.https import Client


class PlainClient(Client):
    """One connection, from the address ``source`` if that is given; a context manager."""

    def __init__(self, host: str, port: int, *, source: Optional[str] = None, timeout: float = 10.0) -> None:
        from_there = None if source is None else (source, 0)
        self.socket = socket.create_connection(  # type: ignore[assignment]  # the base class speaks TLS
            (host, port), timeout, source_address=from_there
        )
        self._received = b""
