"""A listener on a free port, with a store that does what a test tells it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Callable, Optional, Union

from strava_collector.certificate import load_context
from strava_collector.clock import SystemClock
from strava_collector.errors import StoreUnavailable
from strava_collector.limits import Limits
from strava_collector.listener import Listener
from strava_collector.secret import Secret
from strava_collector.webhook import Notification, Receipt
from tests.support.https import Client, ServerFiles

#: Time limits short enough to be waited for; a test that is not about time never reaches one of Limits' own.
BRIEF = 0.15
CALLBACK_PATH = "/strava/5f0c9e"
TOKEN = "planted-verify-token"


class MemoryStore:
    """Keeps notifications in memory; replies from the thread that submits, unless it is told to hold replies.

    It is strict: a ``done`` that is called twice would be a fault of ours, so it keeps each to be called once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: Optional[list[Callable[[], None]]] = None
        self._digests: set[str] = set()
        self.stored: list[Notification] = []
        #: Digests of the challenges that were answered.
        self.noted: list[str] = []
        #: What to refuse everything with.
        self.fault: Optional[StoreUnavailable] = None
        #: What to raise, as a store with a bug would.
        self.bug: Optional[Exception] = None

    def submit(self, notification: Notification, done: Callable[[Union[Receipt, StoreUnavailable]], None]) -> None:
        if self.bug is not None:
            raise self.bug
        with self._lock:
            held = self._held
            if held is not None:
                held.append(lambda: self._reply(notification, done))
        if held is None:
            self._reply(notification, done)

    def healthy(self, done: Callable[[bool], None]) -> None:
        done(self.fault is None)

    def note(self, digest: str) -> None:
        if self.bug is not None:
            raise self.bug
        self.noted.append(digest)

    def hold(self) -> None:
        """Keep the replies back."""
        self._held = []

    @property
    def held(self) -> int:
        """How many replies are kept back."""
        return len(self._held or ())

    def release(self) -> None:
        """Give the replies, from this thread, as the thread that commits would."""
        with self._lock:
            held, self._held = self._held, None
        for reply in held or ():
            reply()

    def _reply(self, notification: Notification, done: Callable[[Union[Receipt, StoreUnavailable]], None]) -> None:
        if self.fault is not None:
            done(self.fault)
            return
        with self._lock:
            known = notification.digest in self._digests
            self._digests.add(notification.digest)
            if not known:
                self.stored.append(notification)
        done(Receipt.DUPLICATE if known else Receipt.ACCEPTED)


class Running:
    """A listener that serves, and how to reach it."""

    def __init__(self, listener: Listener, store: MemoryStore, files: ServerFiles) -> None:
        self.listener = listener
        self.store = store
        self._context = files.client_context()

    def connect(self, *, host: str = "127.0.0.1", timeout: float = 10.0) -> Client:
        return Client(self.listener.port, self._context, host=host, timeout=timeout)


@contextmanager
def listening(
    files: ServerFiles, limits: Optional[Limits] = None, store: Optional[MemoryStore] = None
) -> Iterator[Running]:
    """Serve while the context lasts; a thread that died fails the test."""
    store = store or MemoryStore()
    listener = Listener(
        port=0,
        callback_path=CALLBACK_PATH,
        verify_token=Secret(TOKEN),
        tls=load_context(str(files.cert_file), str(files.key_file)),
        store=store,
        clock=SystemClock(),
        limits=limits or replace(Limits(), farewell=0.2),
    )
    listener.bind()
    try:
        listener.start()
        yield Running(listener, store, files)
    finally:
        store.release()
        listener.stop()
    if listener.failure is not None:
        raise listener.failure


def notification(object_id: int = 1360128428, **changes: object) -> bytes:
    """A notification's body, as Strava sends it."""
    fields: dict[str, object] = {
        "aspect_type": "create",
        "event_time": 1516126040,
        "object_id": object_id,
        "object_type": "activity",
        "owner_id": 134815,
        "subscription_id": 120475,
        "updates": {},
    }
    return json.dumps({**fields, **changes}).encode()


def request(
    method: str = "POST", target: str = CALLBACK_PATH, body: bytes = b"", *headers: str, host: str = "example.org"
) -> bytes:
    """A request's bytes."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers]
    if body or method == "POST":
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def post(body: bytes, *headers: str) -> bytes:
    """The bytes of a request that delivers a notification."""
    return request("POST", CALLBACK_PATH, body, *headers)


@contextmanager
def plain(port: int) -> Iterator[socket.socket]:
    """A TCP connection on which nobody speaks TLS."""
    client = socket.create_connection(("127.0.0.1", port), 10.0)
    try:
        yield client
    finally:
        client.close()
