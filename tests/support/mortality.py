"""Processes that die when the test wants it: a store, an index and a password store that count the moments."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Optional

from strava_collector.clock import Clock
from strava_collector.events import Event
from strava_collector.oauth import Tokens
from strava_collector.store.database import Database, Transaction
from strava_collector.token_keeper import TokenStoreUnavailable

NEVER = 1_000_000


class Killed(BaseException):
    """The process dies here."""


class Fate:
    """Counts the moments at which the process could die, and lets it die at one of them."""

    def __init__(self) -> None:
        self.moments = 0
        self.last = NEVER

    def pass_by(self) -> None:
        self.moments += 1
        if self.moments == self.last:
            raise Killed


class MortalDatabase(Database):
    """May die before and after each write transaction."""

    def __init__(self, folder: Path, clock: Clock, fate: Fate) -> None:
        super().__init__(folder, clock=clock)
        self._fate = fate
        self.most_changes = 0

    @contextmanager
    def write(self, patience: Optional[float] = None) -> Iterator[Transaction]:
        self._fate.pass_by()
        with super().write(patience) as tx:
            before = tx.total_changes
            yield tx
            self.most_changes = max(self.most_changes, tx.total_changes - before)
        self._fate.pass_by()


class Index:
    """An EventSink that may die before and after each event."""

    def __init__(self, fate: Fate) -> None:
        self._fate = fate
        self.events: list[Event] = []
        self.closed = False
        #: An event that holds this text fails as only a fault of ours can.
        self.poison: Optional[str] = None
        #: What happens when the event of this number, from 1, has been written.
        self.after: dict[int, Callable[[], None]] = {}

    def write(self, event: Event) -> None:
        if self.closed:
            raise BrokenPipeError
        if self.poison is not None and self.poison in event.data:
            raise KeyError("a fault of ours")
        self._fate.pass_by()
        self.events.append(event)
        self.after.pop(len(self.events), lambda: None)()
        self._fate.pass_by()

    def write_all(self, events: Sequence[Event]) -> None:
        for event in events:
            self.write(event)

    def graves(self) -> list[tuple[int, str, str]]:
        """Where tombstones were written, each as often as it was."""
        bodies = [(json.loads(event.data), event) for event in self.events]
        return [(body["id"], event.index, body["start_date"]) for body, event in bodies if "start_date" in body]

    def farewells(self) -> list[tuple[int, str]]:
        """Of whom, and in which index, it was written that she has left."""
        bodies = [(json.loads(event.data), event) for event in self.events if event.sourcetype == "strava:athlete"]
        return [(body["id"], event.index) for body, event in bodies if body["deleted"]]


class Vault:
    """A TokenStore."""

    def __init__(self, fate: Fate) -> None:
        self._fate = fate
        self.tokens: dict[int, Tokens] = {}
        self.failure: Optional[TokenStoreUnavailable] = None
        #: What happens while splunkd deletes tokens.
        self.meanwhile: Callable[[], None] = lambda: None

    def load(self, athlete_id: int) -> Optional[Tokens]:
        return self.tokens.get(athlete_id)

    def save(self, athlete_id: int, tokens: Tokens) -> None:
        self.tokens[athlete_id] = tokens

    def forget(self, athlete_id: int) -> None:
        if self.failure is not None:
            raise self.failure
        self._fate.pass_by()
        self.tokens.pop(athlete_id, None)
        self.meanwhile()
        self._fate.pass_by()
