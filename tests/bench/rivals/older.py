"""The older add-on's design: one thread, the handshake in the accepting loop, nothing is stored.

Written from that description. ``python -m tests.bench.rivals.older PORT CERTIFICATE KEY``
"""

from __future__ import annotations

import json
import ssl
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    """Reads the notification and answers."""

    def do_POST(self) -> None:
        """Answer 200, whatever comes."""
        json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = b'{"status":"accepted"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a terminal would be what is measured."""


def main(port: int, certificate: str, key: str) -> None:
    server = HTTPServer(("127.0.0.1", port), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    # The listening socket is wrapped: each accept() makes the handshake, and everybody else waits.
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
