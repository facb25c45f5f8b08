"""What a running input *Strava Activities* tells its user about its athletes, who may have changed since it was saved.

None of this stops the input: whoever is left is collected.
"""

from __future__ import annotations

import logging

from strava_collector.bulletin import Bulletin
from strava_collector.logfmt import line
from strava_collector.ownership import Shared, shared_athletes
from strava_collector.settings import ActivitiesInput, Settings

log = logging.getLogger(__name__)


class ActivitiesCheck:
    """Looks whenever the settings have been read."""

    def __init__(self, activities_input: ActivitiesInput, bulletin: Bulletin) -> None:
        self._input = activities_input
        self._bulletin = bulletin
        self._shared: tuple[Shared, ...] = ()

    def look(self, settings: Settings) -> None:
        """Report athletes who are not there, or take that back; and log once who is shared with another input."""
        application = self._input.application
        connected = {one.name: one for one in settings.athletes.values() if one.application == application}
        gone = sorted(name for name in self._input.athletes if name not in connected)
        if gone:
            self._bulletin.report(
                "athletes",
                f"The input names {', '.join(f'“{name}”' for name in gone)}, and no athlete of that name is connected "
                f"to the application “{application}”. Nothing is collected for a name without an athlete: connect the "
                "athlete (Configuration → Athletes), or leave the name out of the input.",
            )
        elif not connected and application in settings.applications:
            self._bulletin.report(
                "athletes",
                f"No athlete is connected to the application “{application}”, so there is nothing to collect. Connect "
                "one on Configuration → Athletes.",
            )
        else:
            self._bulletin.resolved("athletes")
        shared = shared_athletes(self._input.name, settings)
        if shared != self._shared:
            self._shared = shared
            for one in shared:
                log.info(
                    line(
                        "shared_athletes",
                        input=self._input.name,
                        other=one.other,
                        athletes=len(one.athletes),
                        listed_by=one.lister,
                        hint="Nothing is fetched twice.",
                    )
                )
