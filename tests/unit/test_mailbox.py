"""The replies' way to the listener's thread: none is left lying, and none wakes it twice."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from strava_collector.sink import Mailbox, Reply


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with closing(Mailbox()) as made:
        yield made


def is_readable(mailbox: Mailbox) -> bool:
    return bool(select.select([mailbox.receiver], [], [], 0)[0])


def look(mailbox: Mailbox) -> list[tuple[int, int, Reply]]:
    """What the server's loop does each time."""
    return mailbox.collect(is_readable=is_readable(mailbox))


def test_any_number_of_replies_wakes_once(mailbox: Mailbox) -> None:
    mailbox.post(1, 1, True)
    mailbox.post(2, 1, False)
    assert is_readable(mailbox)

    assert look(mailbox) == [(1, 1, True), (2, 1, False)]
    assert not is_readable(mailbox)
    assert look(mailbox) == []


def test_who_is_stopped_on_the_way_to_the_socket_wakes_in_vain_and_only_once(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender: socket.socket = mailbox.__dict__["_sender"]
    collected = []

    class Stopped:
        """The other thread looks just before the byte is sent: it is awake for another client."""

        def send(self, data: bytes) -> int:
            collected.extend(look(mailbox))
            return sender.send(data)

    with monkeypatch.context() as patched:
        patched.setattr(mailbox, "_sender", Stopped())
        mailbox.post(1, 1, True)

    assert collected == [(1, 1, True)]
    assert is_readable(mailbox)
    assert look(mailbox) == []
    # Else the server's loop would turn without a pause until somebody else asks something.
    assert not is_readable(mailbox)
    mailbox.post(2, 1, True)
    assert look(mailbox) == [(2, 1, True)]
