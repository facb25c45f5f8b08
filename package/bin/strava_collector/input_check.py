"""What the running input tells its user about its place among the others, because nobody else did.

Enabling an input passes no check, and another input may have changed since it was saved. None of this stops the
input: it may be right all the same, and what it has is collected.
"""

from __future__ import annotations

from strava_collector.bulletin import Bulletin
from strava_collector.errors import as_text
from strava_collector.input_faults import rival_faults
from strava_collector.settings import Settings, WebhookInput


class InputCheck:
    """Looks whenever the settings have been read."""

    def __init__(self, webhook_input: WebhookInput, bulletin: Bulletin) -> None:
        self._input = webhook_input
        self._bulletin = bulletin

    def look(self, settings: Settings) -> None:
        """Report what stands in the way of this input, or take back what did."""
        wanted = {"application": self._input.application, "port": str(self._input.port)}
        faults = rival_faults(self._input.name, wanted, settings.enabled_inputs)
        if faults:
            self._bulletin.report("rival", as_text(faults))
        else:
            self._bulletin.resolved("rival")
