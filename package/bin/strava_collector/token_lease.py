"""The lease on an athlete's tokens, for processes that are no input: the pages that connect and delete athletes.

While one of them replaces or revokes tokens, no input may refresh these; and while an input does, they wait a little.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Callable, Optional

from strava_collector.clock import Clock
from strava_collector.errors import StoreUnavailable
from strava_collector.store import leases, view
from strava_collector.store.database import Database
from strava_collector.token_keeper import TOKEN_LEASE_SECONDS, RefreshBusy, lease_name

#: A refresh takes less than a second, seldom longer; so long somebody who has clicked is kept waiting, in seconds.
PATIENCE = 3.0
_PAUSE = 0.25
#: How long a page waits for the store itself, in seconds.
STORE_PATIENCE = 1.0


def open_store(folder: Optional[Path], clock: Clock) -> Optional[Database]:
    """Return the store for a page that has to write to it; None if there is none, which is then not made.

    Raises StoreUnavailable if it cannot be used as it is: it is neither repaired nor brought up to date from a page.
    """
    if folder is None or not view.exists(folder):
        return None
    with view.view(folder):
        return Database(folder, clock=clock, patience=STORE_PATIENCE, guest=True)


class TokenLease:
    """Keeps inputs from refreshing."""

    def __init__(self, database: Optional[Database], clock: Clock, wait: Callable[[float], None]) -> None:
        """``database`` is None if there is no store, and so no input that could refresh; ``wait`` sleeps."""
        self._database = database
        self._clock = clock
        self._wait = wait
        self._holder = f"page {uuid.uuid4().hex}"

    @contextmanager
    def held(self, athlete_id: int) -> Iterator[None]:
        """Be the only one to deal with the athlete's tokens. Raises RefreshBusy and StoreUnavailable."""
        if self._database is None:
            yield
            return
        self._acquire(self._database, athlete_id)
        try:
            yield
        finally:
            # If the store fails here, the lease runs out by itself.
            with suppress(StoreUnavailable), self._database.write() as tx:
                leases.release(tx, name=lease_name(athlete_id), holder=self._holder)

    def _acquire(self, database: Database, athlete_id: int) -> None:
        deadline = self._clock.monotonic() + PATIENCE
        while True:
            now = self._clock.now()
            with database.write() as tx:
                if leases.acquire(
                    tx, name=lease_name(athlete_id), holder=self._holder, now=now, seconds=TOKEN_LEASE_SECONDS
                ):
                    return
            if self._clock.monotonic() >= deadline:
                raise RefreshBusy(now + TOKEN_LEASE_SECONDS)
            self._wait(_PAUSE)
