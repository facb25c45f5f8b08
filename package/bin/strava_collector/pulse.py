"""The signs of life that a running input leaves in the store, for whoever asks whether it is at work."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from strava_collector.clock import Clock
from strava_collector.errors import StoreUnavailable
from strava_collector.heartbeat import EVERY
from strava_collector.logfmt import line
from strava_collector.store import heartbeats
from strava_collector.store.database import Database

log = logging.getLogger(__name__)

#: Seconds until the next attempt after the store was not to be written to.
_RETRY = 10.0


class Pulse:
    """Writes them now and then, and at once when something changes."""

    def __init__(self, database: Database, clock: Clock, *, input: str) -> None:
        self._database = database
        self._clock = clock
        self._input = input
        self._left: Mapping[str, str] = {}
        self._due_at = float("-inf")

    def beat(self, parts: Mapping[str, str]) -> None:
        """Leave a sign of each part, with what is wrong with it, if it is time to. To be called every second or so."""
        now = self._clock.monotonic()
        if now < self._due_at and (parts == self._left or not self._left):
            return
        try:
            with self._database.write() as tx:
                heartbeats.beat(tx, input=self._input, parts=parts, now=self._clock.now())
        except StoreUnavailable as error:
            log.debug(line("no_heartbeat", error=str(error)))
            # Others have to wait for the store as well; this is what matters least.
            self._left, self._due_at = {}, now + _RETRY
            return
        self._left, self._due_at = dict(parts), now + EVERY
