"""A client's connection with TLS, without ever waiting.

TLS runs between two memory buffers (``ssl.MemoryBIO``) instead of on the socket. Nothing in it can block, a whole
flight of the handshake costs one system call instead of two per record, and an answer and TLS's closing message
leave in one ``send``.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import Optional

from strava_collector.client_connection import CHUNK, Connection, PeerGone, Phase
from strava_collector.limits import SizeLimits


class TlsConnection(Connection):
    """See :class:`Connection`; begins with the handshake."""

    __slots__ = ("_context", "_incoming", "_outgoing", "_tls")

    def __init__(
        self, client: socket.socket, peer: str, sizes: SizeLimits, serial: int, context: ssl.SSLContext
    ) -> None:
        super().__init__(client, peer, sizes, serial, Phase.HANDSHAKE)
        self._context = context
        # Made when the first bytes arrive: a client that says nothing costs a socket and little more.
        self._tls: Optional[ssl.SSLObject] = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()

    def _take(self, data: bytes) -> None:
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        session = self._session()
        try:
            if self.phase is Phase.HANDSHAKE:
                session.do_handshake()
                self.phase = Phase.IDLE
            self._decrypt(session)
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self.eof = True
        except ssl.SSLError as error:
            with suppress(PeerGone):
                self.flush()  # the alert that tells the client what was wrong
            raise PeerGone(error.reason or "TLS error") from None
        self.flush()

    def _session(self) -> ssl.SSLObject:
        if self._tls is None:
            self._tls = self._context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        return self._tls

    def _decrypt(self, session: ssl.SSLObject) -> None:
        while self._incoming.pending or session.pending():
            data = session.read(CHUNK)
            if not data:
                self.eof = True
                return
            self.reader.feed(data)

    def send(self, data: bytes, *, last: bool = False) -> None:
        """Send an answer, and with it TLS's closing message if it is the last one. Raises PeerGone."""
        session = self._session()
        try:
            session.write(data)
        except ssl.SSLError as error:
            raise PeerGone(error.reason or "TLS error") from None
        if last:
            # It would like to see the client's closing message, too; nobody needs that.
            with suppress(OSError):
                session.unwrap()
        self.flush()

    def flush(self) -> None:
        if self._outgoing.pending:
            ready = self._outgoing.read()
            self._unsent = self._unsent + ready if self._unsent else ready
        super().flush()

    def say_goodbye(self) -> None:
        """Send TLS's closing message if the client takes it now."""
        if self.phase is Phase.HANDSHAKE or self._unsent:
            return
        with suppress(OSError):
            self._session().unwrap()
        with suppress(PeerGone):
            self.flush()
