"""One client's connection: TLS without ever waiting, and requests cut from what arrives.

TLS runs between two memory buffers (``ssl.MemoryBIO``) instead of on the socket. Nothing in it can block, a whole
flight of the handshake costs one system call instead of two per record, and an answer and TLS's closing message
leave in one ``send``.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from enum import Enum, auto
from typing import Optional

from strava_collector.http_request import Head, RequestReader
from strava_collector.limits import SizeLimits
from strava_collector.sink import Question

#: Bytes taken from the socket at once: more than a TLS record (16 KiB).
_CHUNK = 32 * 1024


class Phase(Enum):
    """What a connection is doing."""

    #: TLS is being set up.
    HANDSHAKE = auto()
    #: The next request is awaited; nothing of it is here.
    IDLE = auto()
    #: A request has begun to arrive.
    HEAD = auto()
    #: Its head is complete.
    BODY = auto()
    #: It is with the store; its answer comes from there.
    WAITING = auto()
    #: The last answer is being sent, for the client takes it slowly.
    FLUSHING = auto()
    #: Everything is sent; what the client still sends is thrown away, so that it gets to read the answer.
    LINGERING = auto()
    CLOSED = auto()


class PeerGone(Exception):
    """The connection is dead, or the client does not speak our TLS: ``reason`` is a word or two for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Connection:
    """A client; used by the server's thread only.

    Methods do what is possible now and return. The server keeps the time, and asks :attr:`wants_read` and
    :attr:`wants_write` what to wait for.
    """

    __slots__ = (
        "_context",
        "_incoming",
        "_outgoing",
        "_tls",
        "_unsent",
        "address",
        "deadline",
        "eof",
        "events",
        "head",
        "lingers",
        "phase",
        "question",
        "reader",
        "request_deadline",
        "scheduled",
        "serial",
        "socket",
        "ticket",
    )

    def __init__(
        self, client: socket.socket, address: str, context: ssl.SSLContext, sizes: SizeLimits, serial: int
    ) -> None:
        client.setblocking(False)
        self.socket = client
        #: The client's IP address, for the log.
        self.address = address
        #: The server's name for the connection; never used again.
        self.serial = serial
        self.phase = Phase.HANDSHAKE
        self.reader = RequestReader(sizes)
        #: The client will send nothing more.
        self.eof = False
        #: The client may still be sending, and would lose its answer if the socket closed on it.
        self.lingers = False
        #: The head of the request that is being answered.
        self.head: Optional[Head] = None
        #: What the store is asked.
        self.question: Optional[Question] = None
        #: Counts the questions to the store, so that a reply that comes too late finds its question gone.
        self.ticket = 0
        #: When the time limit of the present phase ends, and that of the request, on the monotonic clock.
        self.deadline = 0.0
        self.request_deadline = 0.0
        #: The earliest entry in the server's timetable.
        self.scheduled = float("inf")
        #: What the selector watches the socket for; 0 if it does not.
        self.events = 0
        self._context = context
        # Made when the first bytes arrive: a client that says nothing costs a socket and little more.
        self._tls: Optional[ssl.SSLObject] = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._unsent = b""

    @property
    def wants_read(self) -> bool:
        """Whether there is use for more from the client."""
        if self.eof or self.phase is Phase.FLUSHING:
            return False
        return self.phase is not Phase.WAITING or self.reader.may_send_ahead

    @property
    def wants_write(self) -> bool:
        """Whether something waits for the client to take more."""
        return bool(self._unsent)

    def receive(self) -> None:
        """Take what has arrived: go on with the handshake, or feed the reader. Raises PeerGone."""
        try:
            data = self.socket.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            raise PeerGone("reset") from None
        if not data:
            self.eof = True
        if self.phase is Phase.LINGERING:
            return
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
            data = session.read(_CHUNK)
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
        """Send what is ready, as far as the client takes it. Raises PeerGone."""
        if self._outgoing.pending:
            ready = self._outgoing.read()
            self._unsent = self._unsent + ready if self._unsent else ready
        if not self._unsent:
            return
        try:
            sent = self.socket.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            raise PeerGone("reset") from None
        self._unsent = self._unsent[sent:]

    def say_goodbye(self) -> None:
        """Send TLS's closing message if the client takes it now, so that it knows that nothing was cut off."""
        if self.phase is Phase.HANDSHAKE or self._unsent:
            return
        with suppress(OSError):
            self._session().unwrap()
        with suppress(PeerGone):
            self.flush()

    def shut_down_sending(self) -> None:
        """Tell the client on the level of TCP that no more will come. Raises PeerGone."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            raise PeerGone("reset") from None

    def close(self) -> None:
        """Close the socket; more than once is fine."""
        self.phase = Phase.CLOSED
        self.socket.close()
