"""``http.server`` as it comes, a thread per connection, with the same store behind it.

``python -m tests.bench.rivals.stock PORT CERTIFICATE KEY FOLDER``
"""

from __future__ import annotations

import queue
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Union

from strava_collector.errors import StoreUnavailable
from strava_collector.webhook import Receipt
from tests.bench.rivals.committing import ACCEPTED, Committing


class Handler(BaseHTTPRequestHandler):
    """The stock handler, answering in one segment because its output is buffered."""

    protocol_version = "HTTP/1.1"
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True
    server: Server

    def do_POST(self) -> None:
        """Answer when the notification is on disk."""
        replies: queue.SimpleQueue[Union[Receipt, StoreUnavailable]] = queue.SimpleQueue()
        self.server.store.submit(self.rfile.read(int(self.headers["Content-Length"])), replies.put)
        self.send_response(200 if isinstance(replies.get(), Receipt) else 503)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ACCEPTED)))
        self.end_headers()
        self.wfile.write(ACCEPTED)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a terminal would be what is measured."""


class Server(ThreadingHTTPServer):
    """Makes the handshake in the connection's thread."""

    request_queue_size = 1024
    daemon_threads = True

    def __init__(self, port: int, context: ssl.SSLContext, store: Committing) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self._context = context
        self.store = store

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Handle a connection, in its thread."""
        with self._context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: clients that break off are part of the load."""


def main(port: int, certificate: str, key: str, folder: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0
    context.load_cert_chain(certificate, key)
    Server(port, context, Committing(Path(folder))).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
