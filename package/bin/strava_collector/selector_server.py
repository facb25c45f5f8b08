"""An HTTP server, with or without TLS, in which no client can make another one wait.

``http.server`` gives a connection to a handler that reads from it and blocks; whether in the accepting thread or in
one of a pool, clients that connect and say nothing use it up. Here one selector watches all connections; the TLS
handshake and the reading go on by what has arrived. The measurements behind this choice are in
docs/decisions/0002-who-waits-for-clients.md.

This module knows sockets and time; what the bytes mean is for the subclass to say.
"""

from __future__ import annotations

import errno
import heapq
import logging
import selectors
import socket
import socketserver
import ssl
import sys
from abc import abstractmethod
from collections import deque
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Callable, Optional

from strava_collector import logfmt
from strava_collector.client_connection import Connection, PeerGone, Phase
from strava_collector.clock import Clock
from strava_collector.connection_table import ConnectionTable
from strava_collector.errors import raised_at
from strava_collector.forwarded import is_loopback
from strava_collector.limits import Limits
from strava_collector.listening_sockets import ListeningSockets, prepare
from strava_collector.plain_connection import PlainConnection
from strava_collector.rare_log import RareLog
from strava_collector.sink import Mailbox, Reply
from strava_collector.source import in_turn
from strava_collector.tls_connection import TlsConnection

logger = logging.getLogger(__name__)

#: Seconds that requests may take, and handshakes, before the others have their turn again. Whoever is left then is
#: heard in the next round, behind the first of each other source.
_ROUND = 0.01

#: The same for accepting. Longer, because connections come from the kernel in one line, whatever their source.
_ACCEPTING = 0.03

#: Seconds that are left to whoever could not be heard in time.
_MERCY = 1.0

#: Seconds without accepting when the process is out of file descriptors and none can be freed.
_PAUSE = 0.2

#: ``accept`` failed for want of resources, and will fail again at once.
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class SelectorServer(HTTPServer):
    """An ``HTTPServer`` whose ``serve_forever`` never blocks on a client.

    Construction binds the port (OSError). Then :meth:`serve_forever` runs in one thread until :meth:`finish` is
    called from another; :meth:`server_close` frees what is left, also without serving.
    """

    #: Connections that the kernel keeps for us, and it has its own limit, too. Who finds this full tries again after a
    #: second; taking so many in takes less.
    request_queue_size = 4096
    #: So that a restarted input gets its port back at once. On Windows the option would let others take it.
    allow_reuse_address = sys.platform != "win32"
    #: Never share the port with another process, which would get half of the notifications.
    allow_reuse_port = False

    def __init__(
        self,
        address: tuple[str, int],
        family: socket.AddressFamily,
        *,
        tls: Optional[ssl.SSLContext],
        also: Sequence[tuple[str, socket.AddressFamily]] = (),
        clock: Clock,
        limits: Limits,
    ) -> None:
        """Without ``tls`` the server speaks plain HTTP, and only on loopback addresses.

        ``also`` has further addresses that are served on the same port.
        """
        if tls is None and not all(is_loopback(host) for host in (address[0], *(host for host, _ in also))):
            raise ValueError("plain HTTP is for loopback addresses only")
        self.address_family = family
        self.clock = clock
        self.limits = limits
        self.rare = RareLog(logger)
        self._tls = tls
        self._connections = ConnectionTable(limits.connections)
        self._last_serial = 0
        #: (when, serial): no deadline is earlier than its connection's first entry; entries may be outdated.
        self._timetable: list[tuple[float, int]] = []
        self._ready: deque[Connection] = deque()
        self._accept_again: Optional[float] = None
        self._patience: Optional[float] = None
        self._end: Optional[float] = None
        self.mailbox = Mailbox()
        self._selector = selectors.DefaultSelector()
        self.listening = ListeningSockets(self._selector)
        # The handler class is never used: it would read from the connection, and wait.
        super().__init__(address, BaseHTTPRequestHandler)
        try:
            for host, another in also:
                reuse, backlog = self.allow_reuse_address, self.request_queue_size
                self.listening.open(host, another, self.server_port, reuse=reuse, backlog=backlog)
        except OSError:
            self.server_close()
            raise
        self._selector.register(self.mailbox.receiver, selectors.EVENT_READ)
        self.listening.watch()

    # What the subclass decides. Each may raise PeerGone, and may close the connection.

    @abstractmethod
    def on_input(self, connection: Connection) -> None:
        """Something arrived, or was sent, or :meth:`again` was called: go on with what the connection is doing."""

    @abstractmethod
    def on_deadline(self, connection: Connection) -> None:
        """The connection's deadline has passed."""

    @abstractmethod
    def on_reply(self, connection: Connection, reply: Reply) -> None:
        """The store has replied to the question that the connection is waiting for."""

    def before_long_work(self) -> None:
        """The server is about to wait, or to do something long: whatever was put off should begin meanwhile."""

    # The loop

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Serve until :meth:`finish`. ``poll_interval`` has no meaning here: nothing is polled."""
        while not self._is_finished():
            accepts = has_mail = False
            requests, handshakes = [], []
            selected = self._selector.select(self._timeout())
            looked_at = self.clock.monotonic()
            for key, events in selected:
                connection = key.data
                if connection is None:
                    is_mail = key.fileobj is self.mailbox.receiver
                    has_mail, accepts = has_mail or is_mail, accepts or not is_mail
                elif connection.phase is Phase.HANDSHAKE:
                    handshakes.append((connection, events))
                else:
                    requests.append((connection, events))
            self._take_turns(requests)
            for serial, ticket, reply in self.mailbox.collect(is_readable=has_mail):
                connection = self._connections.get(serial)
                if connection is not None and connection.phase is Phase.WAITING and connection.ticket == ticket:
                    self._guarded(connection, self.on_reply, reply)
            self.before_long_work()
            # A handshake takes ten times as long as anything else, so those who are through with theirs go first.
            self._take_turns(handshakes, then=self.before_long_work)
            if accepts:
                self._accept()
            self._go_on()
            self.before_long_work()
            self._on_time(looked_at)

    def _take_turns(self, ready: list[tuple[Connection, int]], then: Callable[[], None] = lambda: None) -> None:
        """Give those who have sent something their turns, one of each source first, as far as the time goes."""
        end = self.clock.monotonic() + _ROUND
        is_late = False
        for connection, events in in_turn(ready):
            if is_late:  # that it has to wait for its turn is not the client's fault
                connection.deadline = max(connection.deadline, end + _MERCY)
                continue
            self._guarded(connection, self._on_event, events)
            then()
            is_late = self.clock.monotonic() >= end

    def _go_on(self) -> None:
        """Give those their turns whose next request has arrived already, as far as the time goes."""
        end = self.clock.monotonic() + _ROUND
        for _ in range(len(self._ready)):
            self._guarded(self._ready.popleft(), self.on_input)
            if self.clock.monotonic() >= end:
                break

    def finish(self, patience: float) -> None:
        """Make :meth:`serve_forever` return within ``patience`` seconds, from any thread.

        New requests are not taken; those that have begun to arrive are answered.
        """
        self._patience = patience
        self.mailbox.wake()

    def use(self, tls: ssl.SSLContext) -> None:
        """Give this context to connections that come from now on, from any thread."""
        if self._tls is None:
            raise ValueError("a server without TLS has no use for a certificate")
        self._tls = tls

    @property
    def is_finishing(self) -> bool:
        """Whether each answer is now its connection's last."""
        return self._patience is not None

    def server_close(self) -> None:
        """Close everything that is still open; not while :meth:`serve_forever` runs."""
        super().server_close()
        self.listening.close()
        for connection in self._connections:
            self.close(connection)
        self.rare.close()
        self._selector.close()
        self.mailbox.close()

    def _is_finished(self) -> bool:
        return self._end is not None and (not self._connections or self.clock.monotonic() >= self._end)

    def _timeout(self) -> Optional[float]:
        """Seconds until something is due, or None: an idle server sleeps."""
        if self._ready:
            return 0.0
        due = [time for time in (self._end, self._accept_again, self.rare.next_summary()) if time is not None]
        if self._timetable:
            due.append(self._timetable[0][0])
        return max(0.0, min(due) - self.clock.monotonic()) if due else None

    def _on_time(self, now: float) -> None:
        """Do what is due by the time of the last look: who has sent something since may have been in time."""
        if self._patience is not None and self._end is None:
            self._begin_to_finish(now + self._patience)
        if self._accept_again is not None and now >= self._accept_again:
            self._accept_again = None
            self.listening.watch()
        while self._timetable and self._timetable[0][0] <= now:
            _, serial = heapq.heappop(self._timetable)
            connection = self._connections.get(serial)
            if connection is None:
                continue
            connection.scheduled = float("inf")
            if connection.deadline <= now:
                self._guarded(connection, self.on_deadline)
            else:
                self.set_deadline(connection, connection.deadline)
        self.rare.summarize(now)

    def _begin_to_finish(self, end: float) -> None:
        self._end = end
        if self._accept_again is None:
            self.listening.leave_alone()
        self._accept_again = None
        self.listening.close()
        for connection in self._connections:
            if connection.phase in (Phase.HANDSHAKE, Phase.IDLE):
                connection.say_goodbye()
                self.close(connection)

    # Accepting

    def server_bind(self) -> None:
        """Bind, without HTTPServer's look-up of the host's name."""
        prepare(self.socket)
        socketserver.TCPServer.server_bind(self)
        self.listening.add(self.socket)
        self.server_port = self.server_address[1]

    def _accept(self) -> None:
        for listening in self.listening:
            end = self.clock.monotonic() + _ACCEPTING
            while True:
                try:
                    client, address = listening.accept()
                except BlockingIOError:
                    break
                except ConnectionError:
                    pass  # the client has gone again
                except OSError as error:
                    self._on_accept_error(error)
                    return
                else:
                    self._welcome(client, str(address[0]))
                if self.clock.monotonic() >= end:
                    break

    def _welcome(self, client: socket.socket, address: str) -> None:
        """Take a new connection in; its handshake begins when the client speaks."""
        if self._tls is None and not is_loopback(address):
            # There are hosts that route others' packets to their loopback addresses.
            self.rare.write(self.clock.monotonic(), logging.WARNING, "bad_request", "not_this_host", client=address)
            client.close()
            return
        while len(self._connections) >= self.limits.connections and self._close_oldest("connections"):
            pass
        if address.startswith("::ffff:"):  # IPv4 on a socket for both
            address = address[len("::ffff:") :]
        self._last_serial += 1
        connection: Connection
        if self._tls is None:
            connection = PlainConnection(client, address, self.limits.sizes, self._last_serial)
            patience = self.limits.head
        else:
            connection = TlsConnection(client, address, self.limits.sizes, self._last_serial, self._tls)
            patience = self.limits.handshake
        self._connections.add(connection)
        self.set_deadline(connection, self.clock.monotonic() + patience)
        self._watch(connection)

    def _on_accept_error(self, error: OSError) -> None:
        """Mostly out of file descriptors: an old connection makes room, or accepting pauses. Never a busy loop."""
        exhausted = error.errno in _EXHAUSTED
        self.rare.write(
            self.clock.monotonic(),
            logging.ERROR,
            "accept_failed",
            errno.errorcode.get(error.errno or 0, "unknown"),
            connections=len(self._connections),
            hint="raise the limit of open files of the user that runs Splunk" if exhausted else None,
        )
        if not (exhausted and self._close_oldest("descriptors")):
            self._accept_again = self.clock.monotonic() + _PAUSE
            self.listening.leave_alone()

    def _close_oldest(self, why: str) -> bool:
        """Make room: close the connection whose turn it is to go, if one does not wait for the store."""
        connection = self._connections.next_to_go()
        if connection is None:
            return False
        self.report(connection, "connection_closed", why, phase=connection.phase.name.lower())
        self.close(connection)
        return True

    # Connections

    def set_deadline(self, connection: Connection, deadline: float) -> None:
        """Have :meth:`on_deadline` called at ``deadline``, on the monotonic clock, instead of any other time."""
        connection.deadline = deadline
        if deadline < connection.scheduled:
            connection.scheduled = deadline
            heapq.heappush(self._timetable, (deadline, connection.serial))

    def again(self, connection: Connection) -> None:
        """Have :meth:`on_input` called once others have had their turn; what it needs has arrived already."""
        self._ready.append(connection)

    def touch(self, connection: Connection) -> None:
        """Count the connection as the youngest, because it has just been useful."""
        self._connections.touch(connection)

    def close(self, connection: Connection) -> None:
        """Close the connection now; more than once is fine."""
        if connection.events:
            self._selector.unregister(connection.socket)
            connection.events = 0
        self._connections.remove(connection)
        connection.close()

    def report(
        self,
        connection: Connection,
        action: str,
        kind: str,
        *,
        level: int = logging.WARNING,
        **fields: logfmt.Value,
    ) -> None:
        """Log something that a stranger can cause, a few times a minute."""
        self.rare.write(self.clock.monotonic(), level, action, kind, client=connection.address, **fields)

    def _on_event(self, connection: Connection, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            connection.flush()
        if events & selectors.EVENT_READ:
            was = connection.phase
            connection.receive()
            if was is Phase.HANDSHAKE and connection.phase is Phase.IDLE:
                self.set_deadline(connection, self.clock.monotonic() + self.limits.head)
        self.on_input(connection)

    def _guarded(self, connection: Connection, step: Callable[..., None], *details: object) -> None:
        """Do a step for one connection; whatever goes wrong in it ends that connection and nothing else."""
        if connection.phase is Phase.CLOSED:
            return
        try:
            step(connection, *details)
        except PeerGone as gone:
            if connection.phase is Phase.HANDSHAKE:
                self.report(connection, "bad_request", "handshake", reason=gone.reason)
            self.close(connection)
        except Exception as error:
            # Its message could quote what the client sent, or a secret.
            self.report(connection, "failed", type(error).__name__, level=logging.ERROR, where=raised_at(error))
            self.close(connection)
        else:
            self._watch(connection)

    def _watch(self, connection: Connection) -> None:
        """Have the selector watch for what the connection needs now."""
        if connection.phase is Phase.CLOSED:
            return
        events = 0
        if connection.wants_read:
            events |= selectors.EVENT_READ
        if connection.wants_write:
            events |= selectors.EVENT_WRITE
        if events == connection.events:
            return
        if not connection.events:
            self._selector.register(connection.socket, events, connection)
        elif not events:
            self._selector.unregister(connection.socket)
        else:
            self._selector.modify(connection.socket, events, connection)
        connection.events = events
