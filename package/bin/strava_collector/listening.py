"""Keeps the running input listening: a listener that cannot begin, or that died, is tried again.

And it keeps it listening with the certificate that its owner has installed, which is another one every few weeks.
Everything here is called by one thread, now and then; nothing waits.
"""

from __future__ import annotations

import logging
from typing import Optional

from strava_collector.bulletin import Bulletin
from strava_collector.certificate_facts import DAY
from strava_collector.certificate_notice import CertificateNotice
from strava_collector.clock import Clock
from strava_collector.errors import CollectorError, ConfigurationError
from strava_collector.listener import Listener
from strava_collector.logfmt import line
from strava_collector.served_pair import ServedPair
from strava_collector.settings import LOCAL_PROXY, Settings, WebhookInput
from strava_collector.sink import NotificationSink

log = logging.getLogger(__name__)

#: Seconds between attempts to listen; the last one repeats.
LISTEN_RETRY = (2.0, 5.0, 15.0, 60.0)
#: Seconds between two looks at the files of certificate and key; a change counts at the second.
LOOK_EVERY = 5.0

_OLD_ONE_STAYS = "Until then new connections get the certificate that was there before; the files are tried again."


class Listening:
    """The listener of one input, from one process's begin to its end."""

    def __init__(
        self,
        webhook_input: WebhookInput,
        *,
        store: NotificationSink,
        clock: Clock,
        bulletin: Bulletin,
        look_every: float = LOOK_EVERY,
    ) -> None:
        self._input = webhook_input
        self._store = store
        self._clock = clock
        self._bulletin = bulletin
        self._look_every = look_every
        self._notice = CertificateNotice(webhook_input, bulletin, clock)
        #: Kept when a listener dies: at that moment the files may be in the middle of a renewal.
        self._pair: Optional[ServedPair] = None
        self._look_at_files_at = float("-inf")
        self._listener: Optional[Listener] = None
        self._former_paths: frozenset[str] = frozenset()
        self._failures = 0
        self._try_at = float("-inf")

    @property
    def listens(self) -> bool:
        """Whether Strava is answered now."""
        return self._listener is not None and self._listener.failure is None

    @property
    def port(self) -> Optional[int]:
        """The port that is served, or None."""
        return None if self._listener is None else self._listener.port

    def look(self, settings: Optional[Settings]) -> None:
        """Begin to listen, or begin again, or take another certificate, if that is due."""
        if self._listener is not None and self._listener.failure is not None:
            log.warning(line("listener_replaced"))
            self._listener.stop(0.0)
            self._listener = None
        if self._listener is None and self._clock.monotonic() >= self._try_at:
            self._begin()
        if self._pair is not None:
            self._look_at_files(self._pair)
            if settings is not None:
                self._notice.look(self._pair, settings)

    def take_also(self, former_paths: frozenset[str]) -> None:
        """Take notifications on the paths of former callback URLs, too."""
        self._former_paths = former_paths
        if self._listener is not None:
            self._listener.take_also(former_paths)

    def stop(self, patience: float) -> None:
        """End; what has begun to arrive is answered within ``patience`` seconds."""
        if self._listener is not None:
            self._listener.stop(patience)

    def _begin(self) -> None:
        try:
            if self._pair is None and self._input.in_front != LOCAL_PROXY:
                self._pair = ServedPair(self._input.cert_file, self._input.key_file)
            listener = Listener(
                port=self._input.port,
                callback_path=self._input.callback_path,
                verify_token=self._input.verify_token,
                tls=None if self._pair is None else self._pair.context,
                store=self._store,
                clock=self._clock,
            )
            listener.take_also(self._former_paths)
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

    def _look_at_files(self, pair: ServedPair) -> None:
        now = self._clock.monotonic()
        if now < self._look_at_files_at:
            return
        self._look_at_files_at = now + self._look_every
        try:
            context = pair.look(self._clock.now())
        except ConfigurationError as error:
            self._bulletin.report("renewal", f"{error} {_OLD_ONE_STAYS}")
            return
        if pair.is_in_its_files:
            self._bulletin.resolved("renewal")
        if context is not None:
            if self._listener is not None:
                self._listener.use(context)
            left = None if pair.valid is None else int((pair.valid[1] - self._clock.now()) / DAY)
            log.info(line("certificate_renewed", days=left, cert_file=pair.cert_file))
