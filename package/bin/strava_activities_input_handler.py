"""What saving a row of the page *Inputs* means for an input *Strava Activities*, around UCC's generated handler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

from strava_collector.activities_faults import activities_faults
from strava_collector.clock import SystemClock
from strava_collector.configuration import Stanza
from strava_collector.input_faults import Surroundings
from strava_input_handler import KindHandler


class InputHandler(KindHandler):
    """UCC's handler of the inputs ``strava_activities``."""

    def stored(self, around: Surroundings) -> Mapping[str, Stanza]:
        """Return the inputs of this kind as they are stored, by name."""
        return around.activities_inputs or {}

    def faults(self, params: Mapping[str, Optional[str]], around: Surroundings) -> list[str]:
        """Return all faults of what is being saved."""
        return activities_faults(self.callerArgs.id or "", params, around, now=SystemClock().now())

    def enabling_faults(self, stanza: Stanza, around: Surroundings) -> list[str]:
        """Return why the input cannot be enabled: its application or its athletes may have gone since it was saved."""
        return self.faults(stanza, around)
