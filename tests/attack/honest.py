"""An honest sender in a process of its own, so that an attacker's work in the tests' process delays no measurement.

It sends notifications at a steady rate, each on a new TLS connection as Strava does, whether the ones before are
answered or not. What is refused with 503, because a disk is busy, it sends twice more, as Strava does. For each it
prints its number, the answer's status (0 without one) and the seconds from when it was due. It ends with its standard
input. Why there was no answer goes to its standard error.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from typing import Any

#: Seconds after which no answer is expected any more on a free host; ten times as long as Strava waits.
PATIENCE = 20.0

#: How often a notification is sent, and the seconds between.
ATTEMPTS = 3
PAUSE = 1.0


class Sender:
    """Sends until it is told to stop."""

    def __init__(
        self, port: int, path: str, ca_file: str, rate: float, patience: float, fields: dict[str, Any]
    ) -> None:
        self._port = port
        self._path = path
        self._tls = ssl.create_default_context(cafile=ca_file)
        self._rate = rate
        self._patience = patience
        self._fields = fields

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        told_to_stop = loop.run_in_executor(None, sys.stdin.read)
        began, number, under_way = loop.time(), 0, set()
        while not told_to_stop.done():
            due = began + number / self._rate
            await asyncio.wait([told_to_stop], timeout=max(0.0, due - loop.time()))
            task = asyncio.ensure_future(self._deliver(number, due))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            number += 1
        if under_way:
            await asyncio.wait(under_way)

    async def _deliver(self, number: int, due: float) -> None:
        try:
            for _ in range(ATTEMPTS):
                status = await asyncio.wait_for(self._post(number), self._patience)
                if status != 503:
                    break
                await asyncio.sleep(PAUSE)
        except (OSError, asyncio.TimeoutError, EOFError, ValueError) as error:
            print(number, repr(error), file=sys.stderr)
            status = 0
        print(number, status, asyncio.get_running_loop().time() - due, flush=True)

    async def _post(self, number: int) -> int:
        body = json.dumps({**self._fields, "updates": {"honest": number}}).encode()
        head = (
            f"POST {self._path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self._port, ssl=self._tls, server_hostname="localhost"
        )
        try:
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            return int(answer.split(b" ")[1])
        finally:
            writer.close()


if __name__ == "__main__":
    port, path, ca_file, rate, patience, who = sys.argv[1:]
    athlete = {"object_type": "athlete", "aspect_type": "update", "event_time": int(time.time()), **json.loads(who)}
    asyncio.run(Sender(int(port), path, ca_file, float(rate), float(patience), athlete).run())
