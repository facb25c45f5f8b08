"""The parts of an input *Strava Activities* between Strava and the index: those of any input, and what lists."""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import Callable, Optional

from strava_collector.clock import Clock
from strava_collector.conclusion import Problems
from strava_collector.fetcher import Connection
from strava_collector.lister import Lister
from strava_collector.pipeline import Pipeline
from strava_collector.settings import ActivitiesInput, Settings
from strava_collector.store.database import Database, Transaction
from strava_collector.token_keeper import TokenStore
from strava_collector.writer import Writer


class ActivitiesPipeline(Pipeline):
    """One process's lister, dispatcher and worker, and what they share."""

    def __init__(
        self,
        activities_input: ActivitiesInput,
        *,
        database: Database,
        writer: Writer,
        token_store: TokenStore,
        clock: Clock,
        settings: Callable[[], Optional[Settings]],
        connection: Callable[[], Optional[Connection]],
        bulletin: Problems,
        stranger: Callable[[], None] = lambda: None,
        stopping: Callable[[], bool] = lambda: False,
        barred: Callable[[], Collection[int]] = frozenset,
        found: Callable[[str], None] = lambda owner: None,
        jitter: Optional[random.Random] = None,
    ) -> None:
        """As :class:`Pipeline`. ``found`` is called with the name of the input that has something to fetch that should
        not wait."""
        super().__init__(
            activities_input,
            database=database,
            writer=writer,
            token_store=token_store,
            clock=clock,
            settings=settings,
            connection=connection,
            bulletin=bulletin,
            stranger=stranger,
            stopping=stopping,
            barred=barred,
            jitter=jitter,
        )
        self.lister = Lister(
            activities_input,
            database=database,
            writer=writer,
            calls=self.athlete_calls,
            clock=clock,
            connection=connection,
            bulletin=bulletin,
            found=found,
            barred=barred,
            newest=settings,
        )

    def take_over(self, tx: Transaction) -> None:
        """Give back what a dead process of this input held."""
        super().take_over(tx)
        self.lister.take_over(tx)
