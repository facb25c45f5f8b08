"""Which connections there are, and which one gives way when there is no room for another.

Nobody knows the addresses that Strava calls from, so no address may be refused, and none is preferred. Where there is
room, where a connection comes from does not matter. Only when there is none, a source that has more than its share
loses its oldest connection; as long as no source has, the oldest of all goes. Why this cannot keep Strava out:
docs/decisions/0009-sources.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Optional

from strava_collector.client_connection import Connection, Phase

#: A source may have this part of the room, 20 connections of 1,000, before it has to give way first. Strava opens one
#: for each notification and closes it within a second: even if all come from one address, so many are not at once.
SHARE = 0.02


class ConnectionTable:
    """Connections by serial number; the one that began, or was useful, longest ago comes first."""

    def __init__(self, room: int) -> None:
        """``room`` is how many there may be; the caller makes it, with :meth:`next_to_go`."""
        self._share = room * SHARE
        self._all: dict[int, Connection] = {}
        self._by_source: dict[str, dict[int, Connection]] = {}
        #: The sources with more than their share; few, so that the largest is found quickly.
        self._greedy: set[str] = set()

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Connection]:
        """Those that there are now; they may be removed on the way."""
        return iter(list(self._all.values()))

    def get(self, serial: int) -> Optional[Connection]:
        """Return the connection with this number, None if it is gone."""
        return self._all.get(serial)

    def add(self, connection: Connection) -> None:
        """Take in a new one, as the youngest."""
        self._all[connection.serial] = connection
        of_source = self._by_source.setdefault(connection.source, {})
        of_source[connection.serial] = connection
        if len(of_source) > self._share:
            self._greedy.add(connection.source)

    def remove(self, connection: Connection) -> None:
        """Forget one; more than once is fine."""
        if self._all.pop(connection.serial, None) is None:
            return
        of_source = self._by_source[connection.source]
        del of_source[connection.serial]
        if len(of_source) <= self._share:
            self._greedy.discard(connection.source)
        if not of_source:
            del self._by_source[connection.source]

    def touch(self, connection: Connection) -> None:
        """Count it as the youngest, because it has just been useful."""
        for table in (self._all, self._by_source[connection.source]):
            table[connection.serial] = table.pop(connection.serial)

    def next_to_go(self) -> Optional[Connection]:
        """Return the connection that gives way now; None if each waits for the store."""
        greedy = max(self._greedy, key=lambda source: len(self._by_source[source]), default=None)
        if greedy is not None:
            oldest = _oldest(self._by_source[greedy].values())
            if oldest is not None:
                return oldest
        return _oldest(self._all.values())


def _oldest(connections: Iterable[Connection]) -> Optional[Connection]:
    """The first that may be closed: what is with the store is answered."""
    return next((connection for connection in connections if connection.phase is not Phase.WAITING), None)
