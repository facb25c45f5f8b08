"""Small proxies: one for HTTP's CONNECT, one for SOCKS 5, both wanting a user name and a password."""

from __future__ import annotations

import base64
import select
import socket
from contextlib import suppress

from tests.support.https_server import Script, Visit


def connect_proxy(user: str, password: str) -> Script:
    """A script for a proxy that wants Basic credentials in UTF-8."""
    expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def script(visit: Visit) -> None:
        request = visit.request()
        if request is None:
            return
        if request.method != "CONNECT" or request.headers.get("proxy-authorization") != expected:
            visit.raw(b"HTTP/1.1 407 No, secret-in-reason\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n")
            return
        host, _, port = request.target.rpartition(":")
        with socket.create_connection((host, int(port))) as target:
            visit.raw(b"HTTP/1.1 200 Connected\r\n\r\n")
            _pump(visit.sock, target)

    return script


def socks_proxy(user: str, password: str) -> Script:
    """A script for a SOCKS 5 proxy (RFC 1928) with user name and password (RFC 1929)."""

    def script(visit: Visit) -> None:
        sock = visit.sock
        _exactly(sock, _exactly(sock, 2)[1])
        sock.sendall(b"\x05\x02")
        given_user = _exactly(sock, _exactly(sock, 2)[1])
        given_password = _exactly(sock, _exactly(sock, 1)[0])
        if (given_user, given_password) != (user.encode(), password.encode()):
            sock.sendall(b"\x01\x01")
            return
        sock.sendall(b"\x01\x00")
        kind = _exactly(sock, 4)[3]
        host = _exactly(sock, _exactly(sock, 1)[0]).decode() if kind == 3 else socket.inet_ntoa(_exactly(sock, 4))
        port = int.from_bytes(_exactly(sock, 2), "big")
        with socket.create_connection((host, port)) as target:
            sock.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
            _pump(sock, target)

    return script


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise OSError("the client went away")
        data += piece
    return data


def _pump(one: socket.socket, other: socket.socket) -> None:
    """Pass bytes on in both directions until one side closes."""
    with suppress(OSError):
        while True:
            readable, _, _ = select.select([one, other], [], [])
            for source in readable:
                data = source.recv(65_536)
                if not data:
                    return
                (other if source is one else one).sendall(data)
