"""What the running input tells its user about its own configuration, because nobody else did.

Enabling an input passes no check, and an authority, another input or the time may have changed since it was saved.
None of this stops the input: it may be right all the same, and what it has is collected.
"""

from __future__ import annotations

import logging
from typing import Optional

from strava_collector.bulletin import Bulletin
from strava_collector.certificate import load_context
from strava_collector.certificate_faults import expires_at, trust_faults
from strava_collector.clock import Clock
from strava_collector.errors import ConfigurationError, as_text
from strava_collector.input_faults import rival_faults
from strava_collector.logfmt import line
from strava_collector.settings import PROXY, Settings, WebhookInput

log = logging.getLogger(__name__)

#: A certificate that ends sooner, in seconds, is worth a warning: renewals are due weeks before.
SOON = 14 * 86_400.0


class InputCheck:
    """Looks whenever the settings have been read; at the certificate once, and when other authorities are trusted."""

    def __init__(self, webhook_input: WebhookInput, bulletin: Bulletin, clock: Clock) -> None:
        self._input = webhook_input
        self._bulletin = bulletin
        self._clock = clock
        self._judged_with: Optional[tuple[Optional[str]]] = None

    def look(self, settings: Settings) -> None:
        """Report what stands in the way of this input, or take back what did."""
        wanted = {"application": self._input.application, "port": str(self._input.port)}
        self._tell("rival", rival_faults(self._input.name, wanted, settings.enabled_inputs))
        ca_file = (settings.advanced.ca_file,)
        if ca_file != self._judged_with:
            self._judged_with = ca_file
            self._judge_certificate(settings.advanced.ca_file)

    def _judge_certificate(self, ca_file: Optional[str]) -> None:
        try:
            server = load_context(self._input.cert_file, self._input.key_file)
        except ConfigurationError:
            return  # the listener says so, and tries again
        faults = trust_faults(
            self._input.cert_file,
            server,
            host=self._input.callback_host,
            behind_proxy=self._input.in_front == PROXY,
            ca_file=ca_file,
            now=self._clock.now(),
        )
        self._tell("certificate", faults)
        left = (expires_at(self._input.cert_file) or float("inf")) - self._clock.now()
        if 0 < left < SOON:
            log.warning(line("certificate_ends_soon", days=int(left / 86_400), file=self._input.cert_file))

    def _tell(self, topic: str, faults: list[str]) -> None:
        if faults:
            self._bulletin.report(topic, as_text(faults))
        else:
            self._bulletin.resolved(topic)
