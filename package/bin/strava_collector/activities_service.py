"""The running input *Strava Activities*: what it has besides ``collecting``, a loop that lists."""

from __future__ import annotations

from typing import Optional

from strava_collector.activities_pipeline import ActivitiesPipeline
from strava_collector.collecting import Collecting, Host
from strava_collector.loop import Loop
from strava_collector.settings import ActivitiesInput
from strava_collector.store.bell import ring


class ActivitiesService(Collecting):
    """One process of one input.

    It fetches for the athletes whose owner it is, which are all that it lists unless an input *Strava Webhook* is
    enabled for their application. What that one had received and not dispatched before it was disabled, is dispatched
    here.
    """

    def __init__(self, activities_input: ActivitiesInput, host: Host) -> None:
        super().__init__(activities_input, host)
        self._input = activities_input
        self._pipeline = ActivitiesPipeline(activities_input, self._equipment(), found=self._tell_owner)
        self._lister_loop = Loop("lister", self._list, fatal=self._give_up)
        self._put_together(self._pipeline, own_loops=[self._lister_loop])

    def _list(self) -> Optional[float]:
        pause = self._pipeline.lister.look(self._settings)
        # What a page has brought to our own queue need not wait until the workers look by themselves.
        self._wake_all(but=self._lister_loop)
        return pause

    def _tell_owner(self, owner: str) -> None:
        """Something has been found that should not wait. Our own workers look after each page anyway."""
        if owner != self._input.name:
            ring(self._folder)
