"""Where Strava may call an input besides its callback URL: until the subscription is made anew, and a day on.

Whoever changes a callback URL cannot change the subscription in the same moment; Strava may not even be reached then.
"""

from __future__ import annotations

from typing import Callable, Optional
from urllib.parse import urlsplit

from strava_collector.clock import Clock
from strava_collector.errors import StoreUnavailable
from strava_collector.settings import WebhookInput
from strava_collector.store import subscriptions
from strava_collector.store.database import Database

#: Seconds between two looks. The paths grow only with another process, and end a day after.
LOOK_EVERY = 60.0


class FormerPaths:
    """Tells the listener of the paths that were the callback URL's before; only those of this very input."""

    def __init__(
        self,
        webhook_input: WebhookInput,
        database: Database,
        clock: Clock,
        *,
        take_also: Callable[[frozenset[str]], None],
    ) -> None:
        """``take_also`` is told of all of them whenever they are others."""
        self._input = webhook_input
        self._database = database
        self._clock = clock
        self._take_also = take_also
        self._told: Optional[frozenset[str]] = None
        self._look_at = float("-inf")

    def look(self) -> None:
        """Look into the store if it is time; while it is locked, what was told stays."""
        if self._clock.monotonic() < self._look_at:
            return
        try:
            with self._database.read() as tx:
                urls = subscriptions.called(tx, self._input.name, now=self._clock.now())
        except StoreUnavailable:
            return
        self._look_at = self._clock.monotonic() + LOOK_EVERY
        paths = frozenset(urlsplit(url).path or "/" for url in urls) - {self._input.callback_path}
        if paths != self._told:
            self._told = paths
            self._take_also(paths)
