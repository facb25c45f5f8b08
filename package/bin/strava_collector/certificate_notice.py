"""What the running input tells its user about the certificate that it serves.

Enabling an input passes no check, and the certificate, the authorities that are trusted and the time change while it
runs. None of this stops the input: it may be right all the same, and what it has is collected.
"""

from __future__ import annotations

import logging
from typing import Optional

from strava_collector.bulletin import Bulletin
from strava_collector.certificate_expiry import expiry_warning, stage
from strava_collector.certificate_facts import DAY
from strava_collector.certificate_faults import trust_faults
from strava_collector.clock import Clock
from strava_collector.errors import as_text
from strava_collector.logfmt import line
from strava_collector.ports import WARNING
from strava_collector.served_pair import ServedPair
from strava_collector.settings import PROXY, Settings, WebhookInput

log = logging.getLogger(__name__)

_TOPIC = "certificate"


class CertificateNotice:
    """Judges the certificate when it is another one, when other authorities are trusted, and as its end comes near."""

    def __init__(self, webhook_input: WebhookInput, bulletin: Bulletin, clock: Clock) -> None:
        self._input = webhook_input
        self._bulletin = bulletin
        self._clock = clock
        self._judged: Optional[tuple[object, ...]] = None
        self._logged: Optional[tuple[int, Optional[int]]] = None
        #: The pair and the day (UTC) of the last line that says how long it lasts.
        self._counted: Optional[tuple[int, float]] = None

    def look(self, pair: ServedPair, settings: Settings) -> None:
        """Report what stands in the way of Strava's connections, or take back what did. Mostly returns at once."""
        now, valid, ca_file = self._clock.now(), pair.valid, settings.advanced.ca_file
        self._count_days(pair, now)
        reached = None if valid is None else stage(valid, now)
        situation = (pair.generation, pair.is_in_its_files, ca_file, reached)
        if situation == self._judged:
            return
        # Only the files can be judged; while they hold something else, only the end of what is served is known.
        faults = self._faults(pair, ca_file, now) if pair.is_in_its_files else []
        if faults and not pair.is_still_in_its_files():
            return  # judged was what has just been installed, and is not served
        self._judged = situation
        warning = None if valid is None else expiry_warning(pair.cert_file, valid, now)
        if faults:
            self._bulletin.report(_TOPIC, as_text(faults))
        elif warning is not None:
            self._bulletin.report(_TOPIC, warning, severity=WARNING)
        elif pair.is_in_its_files:
            self._bulletin.resolved(_TOPIC)
        if reached and valid is not None and self._logged != (pair.generation, reached):
            log.warning(line("certificate_ends_soon", days=int((valid[1] - now) / DAY), cert_file=pair.cert_file))
        self._logged = (pair.generation, reached)

    def _count_days(self, pair: ServedPair, now: float) -> None:
        """Leave a line each day, and for each other certificate: what alerts and dashboards go by."""
        counted = (pair.generation, now // DAY)
        if pair.valid is not None and counted != self._counted:
            log.info(line("certificate", days=int((pair.valid[1] - now) // DAY), cert_file=pair.cert_file))
            self._counted = counted

    def _faults(self, pair: ServedPair, ca_file: Optional[str], now: float) -> list[str]:
        return trust_faults(
            pair.cert_file,
            pair.context,
            host=self._input.callback_host,
            behind_proxy=self._input.in_front == PROXY,
            ca_file=ca_file,
            now=now,
        )
