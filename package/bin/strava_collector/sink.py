"""The way from the listener to the store and back, between their threads."""

from __future__ import annotations

import socket
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Callable, Protocol, Union

from strava_collector.errors import StoreUnavailable
from strava_collector.webhook import Notification, Receipt


class NotificationSink(Protocol):
    """Where notifications become safe. No method blocks; ``done`` is called from any thread, exactly once."""

    def submit(self, notification: Notification, done: Callable[[Union[Receipt, StoreUnavailable]], None]) -> None:
        """Store ``notification``; ``done`` gets a Receipt once it is on disk."""
        ...

    def healthy(self, done: Callable[[bool], None]) -> None:
        """Tell ``done`` whether notifications can be stored now."""
        ...

    def note(self, digest: str) -> None:
        """Remember that a challenge with this SHA-256 was answered, if that can be had; nobody hears of it."""
        ...


@dataclass(frozen=True)
class HealthQuestion:
    """Somebody wants to know whether notifications can be stored."""


#: What a sink is asked, to store a notification or how it is.
Question = Union[Notification, HealthQuestion]

#: What a sink calls back with.
Reply = Union[Receipt, StoreUnavailable, bool]


class Mailbox:
    """Takes the sink's replies from any thread, and wakes the one thread that collects them."""

    def __init__(self) -> None:
        #: Becomes readable when there is something to collect.
        self.receiver, self._sender = socket.socketpair()
        self.receiver.setblocking(False)
        self._sender.setblocking(False)
        self._replies: deque[tuple[int, int, Reply]] = deque()
        self._woken = False

    def post(self, serial: int, ticket: int, reply: Reply) -> None:
        """Leave the reply to question ``ticket`` of connection ``serial``; after :meth:`close` it is lost."""
        self._replies.append((serial, ticket, reply))
        self.wake()

    def wake(self) -> None:
        """Make :attr:`receiver` readable."""
        # One byte wakes for any number of replies. The flag is cleared before the replies are taken, so a reply
        # that finds it set is among those that will be taken.
        if not self._woken:
            self._woken = True
            with suppress(OSError):  # closed: there is nobody to wake
                self._sender.send(b"\0")

    def collect(self, *, is_readable: bool = False) -> list[tuple[int, int, Reply]]:
        """Take all replies that are there; ``is_readable`` is whether :attr:`receiver` was found so.

        Then there is a byte to take also if nobody has woken us since: one that its sender, stopped between flag and
        socket, has sent after the replies were taken. Left there, it would wake us again and again.
        """
        if self._woken or is_readable:
            with suppress(BlockingIOError):
                self.receiver.recv(64)
            self._woken = False
        taken = []
        while self._replies:
            taken.append(self._replies.popleft())
        return taken

    def close(self) -> None:
        """Close both ends; replies may still be posted."""
        self.receiver.close()
        self._sender.close()
