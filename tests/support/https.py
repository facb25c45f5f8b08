"""A private CA, server certificates as files, and an HTTPS client that sends exactly the bytes it is told to."""

from __future__ import annotations

import json
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Optional, Union

import trustme


@dataclass(frozen=True)
class ServerFiles:
    """A server's certificate chain and key, as an administrator would have them."""

    cert_file: Path
    key_file: Path
    #: The CA's certificate, for clients.
    ca_file: Path

    def client_context(self) -> ssl.SSLContext:
        """What a client needs to trust the server."""
        return ssl.create_default_context(cafile=str(self.ca_file))


def issue(folder: Path, *names: str, key_type: trustme.KeyType = trustme.KeyType.ECDSA) -> ServerFiles:
    """Write a certificate for ``names`` (localhost and its addresses by default), issued by a CA of its own."""
    authority = trustme.CA(key_type=key_type)
    server = authority.issue_cert(*(names or ("localhost", "127.0.0.1", "::1")), key_type=key_type)
    files = ServerFiles(folder / "cert.pem", folder / "key.pem", folder / "ca.pem")
    authority.cert_pem.write_to_path(files.ca_file)
    server.private_key_pem.write_to_path(files.key_file)
    files.cert_file.unlink(missing_ok=True)
    for certificate in server.cert_chain_pems:
        certificate.write_to_path(files.cert_file, append=True)
    return files


@dataclass(frozen=True)
class Answer:
    """An answer as it came over the wire."""

    status: int
    #: With lower-case names.
    headers: dict[str, str]
    body: bytes

    def json(self) -> object:
        return json.loads(self.body)


class Client:
    """One TLS connection; a context manager. Waits ``timeout`` seconds at most for each thing."""

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext,
        *,
        host: str = "127.0.0.1",
        timeout: float = 10.0,
    ) -> None:
        plain = socket.create_connection((host, port), timeout)
        try:
            self.socket = context.wrap_socket(plain, server_hostname="localhost")
        except BaseException:
            plain.close()
            raise
        self._received = b""

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: Union[bytes, str]) -> None:
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def ask(self, data: Union[bytes, str], *, is_head: bool = False) -> Answer:
        """Send a request and return its answer."""
        self.send(data)
        return self.answer(is_head=is_head)

    def answer(self, *, is_head: bool = False) -> Answer:
        """Read one answer. ConnectionError if the server closes before it is complete."""
        head = self._read_until(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:-2]:
            name, _, value = line.partition(": ")
            assert name.lower() not in headers, "a header was sent twice"
            headers[name.lower()] = value
        length = 0 if is_head else int(headers.get("content-length", "0"))
        return Answer(int(lines[0].split(" ")[1]), headers, self._read(length))

    def is_closed_by_server(self) -> bool:
        """Whether the connection ends, orderly or not, before the server sends anything more."""
        if self._received:
            return False
        try:
            return self.socket.recv(1) == b""
        except socket.timeout:
            return False
        except OSError:
            return True

    def _read_until(self, end: bytes) -> bytes:
        while end not in self._received:
            self._receive()
        found = self._received.index(end) + len(end)
        taken, self._received = self._received[:found], self._received[found:]
        return taken

    def _read(self, count: int) -> bytes:
        while len(self._received) < count:
            self._receive()
        taken, self._received = self._received[:count], self._received[count:]
        return taken

    def _receive(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        self._received += data
