"""The collector's store and group commit, for servers of another making."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Union

from strava_collector.clock import SystemClock
from strava_collector.errors import StoreUnavailable
from strava_collector.store.database import Database
from strava_collector.store.group_commit import GroupCommit
from strava_collector.webhook import Receipt, parse_notification

Done = Callable[[Union[Receipt, StoreUnavailable]], None]


class Committing:
    """Stores bodies as the listener does."""

    def __init__(self, folder: Path) -> None:
        clock = SystemClock()
        database = Database(folder, clock=clock)
        self._commit = GroupCommit(database, input="bench", clock=clock, committed=lambda: None)
        self._commit.start()

    def submit(self, body: bytes, done: Done) -> None:
        """Call ``done`` from another thread when the notification is on disk."""
        self._commit.submit(parse_notification(body), done)


#: The answer to what is on disk.
ACCEPTED = b'{"status":"accepted"}'
