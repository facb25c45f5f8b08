"""Clients that hold their connections: a process of its own beside the honest ones.

``python -m tests.bench.hostile_clients PORT PATH WAY COUNT``, until it is terminated. Whoever is cut off comes back.
``handshake`` says nothing at all, ``head`` drips a request's head after the handshake, ``body`` its body. It prints a
line when all have connected once.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys

#: Seconds between two bytes.
DRIP = 1.0
#: Seconds before one that was refused comes back.
_AGAIN = 0.05

WAYS = ("handshake", "head", "body")


class Crowd:
    """So many of them."""

    def __init__(self, port: int, path: str, way: str, count: int) -> None:
        self._port = port
        self._way = way
        self._count = count
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 150\r\n"
        self._at_once, self._dripped = (b"", head.encode()) if way == "head" else (f"{head}\r\n".encode(), b" " * 150)
        self._tls = ssl.create_default_context()
        self._tls.check_hostname = False
        self._tls.verify_mode = ssl.CERT_NONE
        self._connected = 0

    async def stay(self) -> None:
        """For ever."""
        await asyncio.gather(*(self._one() for _ in range(self._count)))

    async def _one(self) -> None:
        is_first = True
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                tls = None if self._way == "handshake" else self._tls
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port, ssl=tls)
                if is_first:
                    is_first = False
                    self._note()
                try:
                    await self._hold(reader, writer)
                finally:
                    writer.close()
            await asyncio.sleep(_AGAIN)

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the server has had enough."""
        cut_off = asyncio.ensure_future(reader.read(1))
        try:
            if self._way != "handshake":
                writer.write(self._at_once)
                for byte in self._dripped:
                    writer.write(bytes([byte]))
                    await asyncio.wait([cut_off], timeout=DRIP)
                    if cut_off.done():
                        return
            await asyncio.wait([cut_off])
        finally:
            cut_off.cancel()

    def _note(self) -> None:
        self._connected += 1
        if self._connected == self._count:
            print("all are here", flush=True)


def main(port: int, path: str, way: str, count: int) -> None:
    asyncio.run(Crowd(port, path, way, count).stay())


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
