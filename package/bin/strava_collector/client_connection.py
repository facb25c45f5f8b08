"""One client's connection: requests cut from what arrives, answers sent as far as the client takes them.

What lies between the socket and the requests is for two subclasses: TLS, or nothing.
"""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from enum import Enum, auto
from typing import Optional

from strava_collector.http_request import Head, RequestReader
from strava_collector.limits import SizeLimits
from strava_collector.sink import Question
from strava_collector.source import source_of

#: Bytes taken from the socket at once: more than a TLS record (16 KiB).
CHUNK = 32 * 1024


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


class Connection(ABC):
    """A client; used by the server's thread only.

    Methods do what is possible now and return. The server keeps the time, and asks :attr:`wants_read` and
    :attr:`wants_write` what to wait for.
    """

    __slots__ = (
        "_unsent",
        "address",
        "deadline",
        "eof",
        "events",
        "head",
        "lingers",
        "peer",
        "phase",
        "question",
        "reader",
        "request_deadline",
        "scheduled",
        "serial",
        "socket",
        "source",
        "ticket",
    )

    #: Whether a proxy of the user's on this host speaks for the client, and is believed who that is.
    is_behind_proxy = False

    def __init__(self, client: socket.socket, peer: str, sizes: SizeLimits, serial: int, phase: Phase) -> None:
        client.setblocking(False)
        self.socket = client
        #: The IP address at the other end.
        self.peer = peer
        #: With whose connections it is counted.
        self.source = source_of(peer)
        #: The client's IP address, for the log and nothing else: the same, unless a proxy has said another one.
        self.address = peer
        #: The server's name for the connection; never used again.
        self.serial = serial
        self.phase = phase
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
        """Take what has arrived from the socket. Raises PeerGone."""
        try:
            data = self.socket.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            raise PeerGone("reset") from None
        if not data:
            self.eof = True
        if self.phase is Phase.LINGERING:
            return
        self._take(data)

    @abstractmethod
    def _take(self, data: bytes) -> None:
        """Go on with what has arrived; nothing, if the client has ended. Raises PeerGone."""

    @abstractmethod
    def send(self, data: bytes, *, last: bool = False) -> None:
        """Send an answer, and with it whatever tells the client that it was the last one. Raises PeerGone."""

    @abstractmethod
    def say_goodbye(self) -> None:
        """Tell the client that nothing was cut off, if there is a way to do so and the client takes it now."""

    def flush(self) -> None:
        """Send what is ready, as far as the client takes it. Raises PeerGone."""
        if not self._unsent:
            return
        try:
            sent = self.socket.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            raise PeerGone("reset") from None
        self._unsent = self._unsent[sent:]

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
