"""The parts between the inbox and the index of one input of either kind, put together.

The service runs them in threads; a test or a simulation runs them one step at a time, in a time of its own.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass
from typing import Callable, Optional

from strava_collector.allowance import Allowance
from strava_collector.around import Around
from strava_collector.athlete_calls import AthleteCalls
from strava_collector.burial import Burial
from strava_collector.claims import Claims
from strava_collector.clock import Clock
from strava_collector.conclusion import Conclusion
from strava_collector.deauthorization import Deauthorization
from strava_collector.dispatcher import Dispatcher
from strava_collector.fetcher import Connection, Fetcher
from strava_collector.forgetting import Forgetting
from strava_collector.ownership import LeftOut
from strava_collector.ports import Problems
from strava_collector.sampling import Sampling
from strava_collector.settings import CollectorInput, Settings
from strava_collector.store.database import Database, Transaction
from strava_collector.token_keeper import TokenKeeper, TokenStore
from strava_collector.worker import Worker
from strava_collector.writer import Writer


@dataclass(frozen=True)
class Equipment:
    """What a pipeline of either kind works with."""

    database: Database
    writer: Writer
    token_store: TokenStore
    clock: Clock
    settings: Callable[[], Optional[Settings]]
    connection: Callable[[], Optional[Connection]]
    bulletin: Problems
    #: Called when somebody rides who is not in the settings, or is about to be taken out of them.
    stranger: Callable[[], None] = lambda: None
    #: Says that the input is about to end.
    stopping: Callable[[], bool] = lambda: False
    #: For whom nothing can be written at present.
    barred: Callable[[], Collection[int]] = frozenset
    jitter: Optional[random.Random] = None


class Pipeline:
    """One process's dispatcher, worker and what they share."""

    def __init__(
        self, collector_input: CollectorInput, equipment: Equipment, *, foreign: Callable[[], None] = lambda: None
    ) -> None:
        """``foreign`` is called when a notification names a subscription that is not known to be ours."""
        database, writer, clock = equipment.database, equipment.writer, equipment.clock
        settings, connection, bulletin = equipment.settings, equipment.connection, equipment.bulletin
        self._settings = settings
        source = collector_input.source
        self.left_out = LeftOut(collector_input, settings)
        self.allowance = Allowance(clock, jitter=equipment.jitter)
        self.tokens = TokenKeeper(database, equipment.token_store, clock, owner=source)
        self.dispatcher = Dispatcher(
            collector_input,
            database=database,
            writer=writer,
            clock=clock,
            settings=settings,
            stranger=equipment.stranger,
            foreign=foreign,
            left_out=self.left_out,
        )
        burial = Burial(
            database=database,
            writer=writer,
            clock=clock,
            source=source,
            index=collector_input.index,
            stopping=equipment.stopping,
        )
        deauthorization = Deauthorization(database=database, burial=burial, tokens=self.tokens, clock=clock)
        self._forgetting = Forgetting(
            database=database, burial=burial, clock=clock, bulletin=bulletin, owner=source, hurry=equipment.stranger
        )
        conclusion = Conclusion(
            collector_input,
            database=database,
            writer=writer,
            deauthorization=deauthorization,
            clock=clock,
            bulletin=bulletin,
            left_out=self.left_out,
        )
        fetcher = Fetcher(tokens=self.tokens, allowance=self.allowance, clock=clock, left_out=self.left_out)
        self.athlete_calls = AthleteCalls(
            database=database, fetcher=fetcher, allowance=self.allowance, clock=clock, bulletin=bulletin
        )
        self.around = Around(
            collector_input,
            database=database,
            writer=writer,
            calls=self.athlete_calls,
            clock=clock,
            connection=connection,
            left_out=self.left_out,
            barred=equipment.barred,
        )
        self.claims = Claims(collector_input, database=database, allowance=self.allowance, clock=clock)
        self.worker = Worker(
            database=database,
            claims=self.claims,
            fetcher=fetcher,
            allowance=self.allowance,
            conclusion=conclusion,
            sampling=Sampling(collector_input, database=database, writer=writer, clock=clock),
            clock=clock,
            settings=settings,
            connection=connection,
        )

    def take_over(self, tx: Transaction) -> None:
        """Give back what a dead process of this input held."""
        self.tokens.take_over(tx)
        self.around.take_over(tx)

    def forget_departed(self) -> float:
        """Forget athletes whose rows were deleted; see :meth:`Forgetting.look`."""
        return self._forgetting.look(self._settings())
