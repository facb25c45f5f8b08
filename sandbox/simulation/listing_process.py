"""One life of the process of an input *Strava Activities*, which lists beside the webhook's that fetches."""

from __future__ import annotations

from typing import Callable, Optional

from sandbox.simulation.case import DAY, HOUR
from sandbox.simulation.input_process import INPUT, Surroundings
from sandbox.simulation.life import Killed, Life
from strava_collector.activities_pipeline import ActivitiesPipeline
from strava_collector.lister import LONGEST_WAIT
from strava_collector.settings import ActivitiesInput
from strava_collector.store import crashed_jobs
from strava_collector.store.database import Database

LISTS = ActivitiesInput(
    name="history", index=INPUT.index, application=INPUT.application, interval=4 * HOUR, look_back=7 * DAY
)

#: Seconds between two looks at rest. The service looks every minute, because a setting may have changed; of what is due
#: it is told to the second within a minute. Here hardly any of those looks would find anything.
_AT_REST = 300.0


class ListingProcess:
    """From its start to its end."""

    def __init__(self, around: Surroundings, life: Life, *, found: Callable[[bool], None]) -> None:
        """``found`` is told after each page; True if the owner's process is told of it too, and need not find out."""
        self._around = around
        self._life = life
        self._found = found
        self._stopped: Optional[Callable[[], None]] = None
        self._busy = False
        database = Database(around.folder, clock=around.clock)
        life.closes(database.close)
        self._pipeline = ActivitiesPipeline(
            LISTS,
            around.equipment(database, stopping=lambda: self._stopped is not None),
            found=lambda owner: found(True),
        )
        with database.write() as tx:
            crashed_jobs.take_over(tx, input=LISTS.name, now=around.clock.now())
            self._pipeline.take_over(tx)
        life.after(0.0, self._look)

    def stop(self, *, impatient: bool, stopped: Callable[[], None]) -> None:
        """Stop as the service does; see :meth:`InputProcess.stop`."""
        if self._busy and not impatient:
            self._stopped = stopped
            return
        self._pipeline.tokens.save_unsaved()
        self._life.kill()
        stopped()
        if self._busy:
            raise Killed

    def _look(self) -> None:
        self._busy = True
        try:
            pause = self._pipeline.lister.look(self._around.settings())
        finally:
            self._busy = False
        if self._stopped is not None:
            self.stop(impatient=False, stopped=self._stopped)
            return
        if pause == 0.0:
            self._found(False)
        self._life.after(_AT_REST if pause is None or pause >= LONGEST_WAIT else pause, self._look)
