"""uvicorn, with uvloop and httptools and the same store behind it: what a Python developer would take.

``python -m tests.bench.rivals.asgi PORT CERTIFICATE KEY FOLDER``
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Callable, Union

import uvicorn

from strava_collector.errors import StoreUnavailable
from strava_collector.webhook import Receipt
from tests.bench.rivals.committing import ACCEPTED, Committing

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Application:
    """Answers when the notification is on disk."""

    def __init__(self, store: Committing) -> None:
        self._store = store

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[Union[Receipt, StoreUnavailable]] = loop.create_future()
        self._store.submit(body, lambda reply: _reply(loop, stored, reply))
        status = 200 if isinstance(await stored, Receipt) else 503
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(ACCEPTED)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": ACCEPTED})


def _reply(
    loop: asyncio.AbstractEventLoop,
    stored: asyncio.Future[Union[Receipt, StoreUnavailable]],
    reply: Union[Receipt, StoreUnavailable],
) -> None:
    """From the committer's thread."""
    loop.call_soon_threadsafe(_settle, stored, reply)


def _settle(stored: asyncio.Future[Union[Receipt, StoreUnavailable]], reply: Union[Receipt, StoreUnavailable]) -> None:
    if not stored.done():
        stored.set_result(reply)


def main(port: int, certificate: str, key: str, folder: str) -> None:
    uvicorn.run(
        Application(Committing(Path(folder))),
        host="127.0.0.1",
        port=port,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="error",
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
