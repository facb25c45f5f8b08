"""Where an operator works: the store, beside inputs that run and while none runs; what refusals are."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional, Union

from strava_collector.clock import Clock
from strava_collector.errors import CollectorError, StoreUnavailable
from strava_collector.logfmt import line
from strava_collector.store import athletes, bell
from strava_collector.store.database import Database, Transaction
from strava_collector.store.process_lock import input_lock
from strava_collector.store.view import exists, view

log = logging.getLogger(__name__)

#: How long to wait for the store's lock, in seconds of real time.
PATIENCE = 10.0

#: Between two batches, in seconds: the inputs, whose listeners wait for a second at most, get their turn.
PAUSE = 0.02


class NothingSuch(CollectorError):
    """What was asked for is not in the store."""


class Refused(CollectorError):
    """It is there, but this cannot be done with it."""


@dataclass(frozen=True)
class Desk:
    """Where an operator works."""

    #: The store's folder.
    folder: Path
    clock: Clock
    #: Which input fetches for an athlete, by the configuration: the one that is wanted by its name, if it may, or else
    #: the one that does; None if nobody knows. Raises a CollectorError if none does. Itself None: nobody can be asked.
    owner: Optional[Callable[[int, Optional[str]], Optional[str]]] = None
    #: Which athlete the row of this name on *Configuration → Athletes* is of. Raises a CollectorError if there is none.
    #: Itself None: nobody can be asked.
    athlete_named: Optional[Callable[[str], int]] = None
    #: Seconds after which a verb that has much to do stops and says that there is more; None: never.
    budget: Optional[float] = None
    #: Waits, in seconds.
    pause: Callable[[float], None] = field(default=time.sleep)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open a read transaction. Raises StoreUnavailable."""
        self._look()
        with view(self.folder) as tx:
            yield tx

    @contextmanager
    def store(self) -> Iterator[Database]:
        """Open the store to change something, for as long as the block lasts. Raises StoreUnavailable."""
        database = self.open()
        try:
            yield database
        finally:
            database.close()

    def open(self) -> Database:
        """Return the store, if it is there and of this version; the caller closes it. Raises StoreUnavailable."""
        with self.read():
            pass  # otherwise the database would be made, or brought up to date
        return Database(self.folder, clock=self.clock, patience=PATIENCE, guest=True)

    def batches(
        self, database: Database, batch: Callable[[Transaction], int], *, since: Optional[float] = None
    ) -> tuple[int, bool]:
        """Do a batch in a transaction of its own until one has nothing to do, or the budget is used up.

        Returns the sum of what they returned, and whether there may be more. ``since`` is when the budget began to
        count, by the monotonic clock, if that was before.
        """
        done = 0
        begin = self.clock.monotonic() if since is None else since
        while True:
            with database.write() as tx:
                number = batch(tx)
            if number:
                bell.ring(self.folder)
            done += number
            if not number:
                return done, False
            if self.budget is not None and self.clock.monotonic() - begin >= self.budget:
                return done, True
            self.pause(PAUSE)

    def is_running(self, input: str) -> bool:
        """Whether a process works for the input."""
        return input_lock(self.folder, input).is_held_elsewhere()

    def _look(self) -> None:
        if not exists(self.folder):
            raise StoreUnavailable(
                f"There is no store in {self.folder} yet: it is made when an input runs for the first time. If one has "
                "run, SPLUNK_DB is another folder for it than here."
            )


def refuse_departed(tx: Transaction, athlete_id: int) -> None:
    """Raise Refused if nothing may be fetched in the athlete's name any more."""
    if athletes.is_deauthorized(tx, athlete_id):
        raise Refused(
            f"Athlete {athlete_id} has withdrawn the permission at Strava, so nothing can be fetched. Connect the "
            "athlete again on Configuration → Athletes first."
        )


def yes(is_so: bool) -> str:
    """Return how rows say it."""
    return "yes" if is_so else "no"


def note(verb: str, **fields: Union[str, int, float]) -> None:
    """Write the line in the log that each change has."""
    log.info(line("operator", verb=verb, **fields))
