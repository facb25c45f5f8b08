"""The parts of an input *Strava Activities* between Strava and the index: those of any input, and what lists."""

from __future__ import annotations

from typing import Callable

from strava_collector.lister import Lister
from strava_collector.pipeline import Equipment, Pipeline
from strava_collector.settings import ActivitiesInput
from strava_collector.store.database import Transaction


class ActivitiesPipeline(Pipeline):
    """One process's lister, dispatcher and worker, and what they share."""

    def __init__(
        self,
        activities_input: ActivitiesInput,
        equipment: Equipment,
        *,
        found: Callable[[str], None] = lambda owner: None,
    ) -> None:
        """``found`` is called with the name of the input that has something to fetch that should not wait."""
        super().__init__(activities_input, equipment)
        self.lister = Lister(
            activities_input,
            database=equipment.database,
            writer=equipment.writer,
            calls=self.athlete_calls,
            clock=equipment.clock,
            connection=equipment.connection,
            bulletin=equipment.bulletin,
            found=found,
            barred=equipment.barred,
            newest=equipment.settings,
        )

    def take_over(self, tx: Transaction) -> None:
        """Give back what a dead process of this input held."""
        super().take_over(tx)
        self.lister.take_over(tx)
