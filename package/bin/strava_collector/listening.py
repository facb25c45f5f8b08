"""Keeps the running input listening: a listener that cannot begin, or that died, is tried again.

Everything here is called by one thread, now and then; nothing waits.
"""

from __future__ import annotations

import logging
from typing import Optional

from strava_collector.bulletin import Bulletin
from strava_collector.certificate import load_context
from strava_collector.clock import Clock
from strava_collector.errors import CollectorError
from strava_collector.listener import Listener
from strava_collector.logfmt import line
from strava_collector.settings import WebhookInput
from strava_collector.sink import NotificationSink

log = logging.getLogger(__name__)

#: Seconds between attempts to listen; the last one repeats.
LISTEN_RETRY = (2.0, 5.0, 15.0, 60.0)


class Listening:
    """The listener of one input, from one process's begin to its end."""

    def __init__(
        self, webhook_input: WebhookInput, *, store: NotificationSink, clock: Clock, bulletin: Bulletin
    ) -> None:
        self._input = webhook_input
        self._store = store
        self._clock = clock
        self._bulletin = bulletin
        self._listener: Optional[Listener] = None
        self._failures = 0
        self._try_at = float("-inf")

    @property
    def listens(self) -> bool:
        """Whether Strava is answered now."""
        return self._listener is not None and self._listener.failure is None

    def look(self) -> None:
        """Begin to listen, or begin again, if that is due."""
        if self._listener is not None and self._listener.failure is not None:
            log.warning(line("listener_replaced"))
            self._listener.stop(0.0)
            self._listener = None
        if self._listener is None and self._clock.monotonic() >= self._try_at:
            self._begin()

    def stop(self, patience: float) -> None:
        """End; what has begun to arrive is answered within ``patience`` seconds."""
        if self._listener is not None:
            self._listener.stop(patience)

    def _begin(self) -> None:
        try:
            listener = Listener(
                port=self._input.port,
                callback_path=self._input.callback_path,
                verify_token=self._input.verify_token,
                tls=load_context(self._input.cert_file, self._input.key_file),
                store=self._store,
                clock=self._clock,
            )
            listener.bind()
        except CollectorError as error:
            pause = LISTEN_RETRY[min(self._failures, len(LISTEN_RETRY) - 1)]
            self._failures += 1
            self._try_at = self._clock.monotonic() + pause
            self._bulletin.report("listener", f"{error} Strava cannot deliver until then; trying again.")
            return
        listener.start()
        self._listener = listener
        self._failures = 0
        self._bulletin.resolved("listener")
