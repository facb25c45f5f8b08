"""An HTTPS port on loopback with a thread per connection, for stand-ins that a client keeps its connection to."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

from sandbox.patience import patience

_HANDSHAKE_SECONDS = 10.0


class TlsServer(ThreadingHTTPServer):
    """Listens from :meth:`start` to :meth:`stop`, on a port that the system chose."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, tls: ssl.SSLContext, handler: type[BaseHTTPRequestHandler], name: str) -> None:
        """``handler`` answers what comes over one connection; ``name`` is the accepting thread's."""
        super().__init__(("127.0.0.1", 0), handler)
        self.stopping = threading.Event()
        #: What went wrong in the stand-in itself while it answered; a fault of ours, not the client's.
        self.failures: list[Exception] = []
        self._tls = tls
        self._handler = handler
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, name=name)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Close the port and all connections, and wait for their threads."""
        if self._thread.ident is not None:
            self.shutdown()
            self._thread.join()
        self.stopping.set()
        self._close_connections()
        self.server_close()

    def server_bind(self) -> None:
        """Bind without the look-up of the host's name that the base class makes."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def finish_request(self, request: object, client_address: object) -> None:
        """Runs in the connection's own thread, so that a slow handshake holds up nobody else."""
        connection = self._tls.wrap_socket(
            cast("socket.socket", request), server_side=True, do_handshake_on_connect=False
        )
        with connection:
            with self._lock:
                if self.stopping.is_set():
                    return
                self._connections.add(connection)
            try:
                connection.settimeout(patience(_HANDSHAKE_SECONDS))
                connection.do_handshake()
                self._handler(connection, cast("tuple[str, int]", client_address), self)
            finally:
                with self._lock:
                    self._connections.discard(connection)

    def _close_connections(self) -> None:
        """Wake the threads that wait for a client."""
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):  # gone already
                    # The plain shutdown: a TLS one would take the session away from the thread that reads.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away, or that does not trust us, is its own business; the rest is our fault."""
        problem = sys.exc_info()[1]
        if isinstance(problem, Exception) and not isinstance(problem, OSError) and not self.stopping.is_set():
            self.failures.append(problem)
