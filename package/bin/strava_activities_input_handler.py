"""What saving a row of the page *Inputs* means for an input *Strava Activities*, around UCC's generated handler."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Optional

from splunktaucclib.rest_handler.admin_external import get_splunkd_endpoint

from strava_collector import history_table
from strava_collector.activities_faults import activities_faults
from strava_collector.clock import SystemClock
from strava_collector.configuration import Stanza
from strava_collector.input_faults import Surroundings
from strava_collector.splunk_config import Reader
from strava_collector.store_folder import of_environment
from strava_input_handler import KindHandler


class InputHandler(KindHandler):
    """UCC's handler of the inputs ``strava_activities``."""

    def stored(self, around: Surroundings) -> Mapping[str, Stanza]:
        """Return the inputs of this kind as they are stored, by name."""
        return around.activities_inputs or {}

    def faults(self, params: Mapping[str, Optional[str]], around: Surroundings) -> list[str]:
        """Return all faults of what is being saved."""
        return activities_faults(self.callerArgs.id or "", params, around, now=SystemClock().now())

    ROW_FIELDS = ("disabled", "application", "athletes")

    _seen: Optional[history_table.Seen] = None
    _inputs: Optional[Mapping[str, Stanza]] = None

    def look(self) -> None:
        """Look at how far the lists have come."""
        self._seen = history_table.look(of_environment(os.environ))
        self._inputs = Reader.for_saving(get_splunkd_endpoint(), self.getSessionKey()).stored_activities_inputs()

    def columns(self, name: str, row: Stanza) -> Mapping[str, str]:
        """Return how far the input's history has come."""
        return history_table.columns(name, row, self._seen, self._inputs)

    def enabling_faults(self, stanza: Stanza, around: Surroundings) -> list[str]:
        """Return why the input cannot be enabled: its application or its athletes may have gone since it was saved."""
        return self.faults(stanza, around)
