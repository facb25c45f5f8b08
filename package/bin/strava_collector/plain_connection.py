"""The connection of a reverse proxy on this host, which ends TLS and speaks plain HTTP with us.

It is believed in one thing, who the client is, and for the log only: see :mod:`strava_collector.forwarded`.
"""

from __future__ import annotations

import socket

from strava_collector.client_connection import Connection, Phase
from strava_collector.limits import SizeLimits


class PlainConnection(Connection):
    """See :class:`Connection`; begins with the first request."""

    __slots__ = ()

    is_behind_proxy = True

    def __init__(self, client: socket.socket, peer: str, sizes: SizeLimits, serial: int) -> None:
        super().__init__(client, peer, sizes, serial, Phase.IDLE)

    def _take(self, data: bytes) -> None:
        self.reader.feed(data)

    def send(self, data: bytes, *, last: bool = False) -> None:
        """Send an answer; that it is the last one is said in it. Raises PeerGone."""
        self._unsent += data
        self.flush()

    def say_goodbye(self) -> None:
        """Nothing: between two requests the end of the connection says it all."""
