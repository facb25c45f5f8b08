"""The running input *Strava Activities*: what it has besides ``collecting``, a loop that lists."""

from __future__ import annotations

from pathlib import Path

from strava_collector.clock import Clock
from strava_collector.collecting import Collecting
from strava_collector.pipeline import Pipeline
from strava_collector.ports import Configuration, Messages
from strava_collector.settings import ActivitiesInput
from strava_collector.token_keeper import TokenStore
from strava_collector.writer import EventSink


class ActivitiesService(Collecting):
    """One process of one input.

    It fetches for the athletes whose owner it is, which are all that it lists unless an input *Strava Webhook* is
    enabled for their application. What that one had received and not dispatched before it was disabled, is dispatched
    here.
    """

    def __init__(
        self,
        *,
        activities_input: ActivitiesInput,
        configuration: Configuration,
        token_store: TokenStore,
        sink: EventSink,
        messages: Messages,
        folder: Path,
        clock: Clock,
    ) -> None:
        super().__init__(
            activities_input,
            configuration=configuration,
            token_store=token_store,
            sink=sink,
            messages=messages,
            folder=folder,
            clock=clock,
        )
        self._put_together(Pipeline(activities_input, **self._shared()))
