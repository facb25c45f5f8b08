"""One life of the input's process: the production modules, put together as ``WebhookService`` does, without threads.

The loops of the service are events on the agenda here. While a call to Strava is under way the agenda goes on, so up
to three fetches overlap, and notifications, restarts and crashes fall into the middle of them. As there is only one
thread, the later of two overlapping fetches ends first.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

from sandbox.simulation.life import Killed, Life
from sandbox.simulation.timeline import Timeline, WrongClock
from strava_collector.claims import SOON
from strava_collector.collecting import MOST_WORKERS
from strava_collector.fetcher import Connection
from strava_collector.pipeline import Equipment
from strava_collector.ports import Problems
from strava_collector.secret import Secret
from strava_collector.settings import Settings, WebhookInput
from strava_collector.store import crashed_jobs, inbox
from strava_collector.store.database import Database
from strava_collector.store.group_commit import log as log_of_commits
from strava_collector.store.group_commit import received_line
from strava_collector.token_keeper import TokenStore
from strava_collector.upkeep import MORE, Upkeep
from strava_collector.webhook import notification_from_json
from strava_collector.webhook_pipeline import WebhookPipeline
from strava_collector.writer import EventSink, Writer

INPUT = WebhookInput(
    name="club",
    index="strava",
    application="App",
    port=8443,
    verify_token=Secret("verify"),
    callback_url="https://rides.example.com/strava",
    cert_file="cert.pem",
    key_file="key.pem",
)

#: Seconds between two looks of the upkeep. The service looks every second, and does each thing after its own pause of
#: five seconds to ten minutes. Here, with one process and between two calls, nearly all of those looks find nothing;
#: those of a case whose log is read say what waits, as often as the service does.
_UPKEEP_EVERY, _UPKEEP_WATCHED = 1_800.0, 300.0


@dataclass(frozen=True)
class Surroundings:
    """What a process finds on its host."""

    timeline: Timeline
    clock: WrongClock
    folder: Path
    tokens: TokenStore
    sink: EventSink
    bulletin: Problems
    connection: Connection
    settings: Callable[[], Settings]
    jitter: random.Random
    #: Look at profiles and gear, too.
    looks_around: bool
    #: Somebody reads the log.
    is_watched: bool

    def equipment(self, database: Database, *, stopping: Callable[[], bool]) -> Equipment:
        """What the process's pipeline works with."""
        return Equipment(
            database=database,
            writer=Writer(self.sink),
            token_store=self.tokens,
            clock=self.clock,
            settings=self.settings,
            connection=lambda: self.connection,
            bulletin=self.bulletin,
            stopping=stopping,
            jitter=self.jitter,
        )


#: Seconds between two looks at what is around activities while nothing is due.
_AROUND_EVERY = 3_600.0


class InputProcess:
    """From its start to its end."""

    def __init__(self, around: Surroundings, life: Life) -> None:
        self._around = around
        self._timeline = around.timeline
        self._life = life
        #: Take up no new jobs.
        self._stopping: Optional[Callable[[], None]] = None
        #: There may be something to be dispatched.
        self._arrived = False
        self._busy = 0
        self._next_wake = float("inf")
        #: Wake-ups that found something due and did nothing.
        self.idle_wakes = 0
        self._put_together()
        # As the service does when it begins to work.
        with self.database.write() as tx:
            crashed_jobs.take_over(tx, input=INPUT.name, now=around.clock.now())
        self._upkeep.welcome_back(around.settings())
        self._look_after()
        if around.looks_around:
            self._life.after(0.0, self._look_around)
        self._wake_all()

    def _put_together(self) -> None:
        """The one place that knows how the production modules are made."""
        around = self._around
        self.database = Database(around.folder, clock=around.clock)
        self._life.closes(self.database.close)
        self._pipeline = WebhookPipeline(
            INPUT,
            around.equipment(self.database, stopping=lambda: self._stopping is not None),
            foreign=lambda: self._life.after(0.0, self._check_subscription),
            released=self._wake_all,
        )
        self._upkeep = Upkeep(
            INPUT,
            database=self.database,
            folder=around.folder,
            pipeline=self._pipeline,
            clock=around.clock,
            bulletin=around.bulletin,
        )

    def receive(self, notification: Mapping[str, object]) -> None:
        """Commit a notification, as the listener does before it answers 200."""
        parsed = notification_from_json(json.dumps(notification))
        with self.database.write() as tx:
            arrival = inbox.add(tx, input=INPUT.name, notification=parsed, received_at=self._around.clock.now())
        log_of_commits.info(received_line(parsed, arrival, 0.0))
        self._wake_all()

    def settings_changed(self) -> None:
        """What the service does when it has read other settings than before."""
        self._upkeep.settings_changed(self._around.settings())
        self._wake_all()

    def look_for_work(self) -> None:
        """Look for work that another process has put into the store."""
        self.wake(self._timeline.now())

    # Its end.

    def stop(self, *, impatient: bool, stopped: Callable[[], None]) -> None:
        """Stop as the service does: after the jobs in hand, or, if they take too long, without waiting for them.

        Raises Killed in the latter case: the threads that are still at work go with the process.
        """
        if self._busy and not impatient:
            self._stopping = stopped
            return
        self._pipeline.worker.put_back(also_in_hand=True)
        self._pipeline.tokens.save_unsaved()
        self._life.kill()
        stopped()
        if self._busy:
            raise Killed

    # The loops.

    def _wake_all(self) -> None:
        self._arrived = True
        self.wake(self._timeline.now())

    def wake(self, when: float) -> None:
        """Look for work then, if not before."""
        if when < self._next_wake:
            self._next_wake = when
            self._life.at(when, self._woken)

    def _woken(self) -> None:
        if self._timeline.now() >= self._next_wake:
            self._next_wake = float("inf")
            self._work()

    def _work(self) -> None:
        """Dispatch and fetch until nothing is due, or until a call that waits further out is answered."""
        limit = self._timeline.awaited
        worker, clock = self._pipeline.worker, self._around.clock
        self._dispatch()
        while self._busy < MOST_WORKERS and self._stopping is None and self._timeline.now() < limit:
            # Asked first, because that costs less than a look for work in vain.
            due = worker.next_due()
            if due is None:
                return
            if due > clock.now():
                self.wake(due - clock.offset)
                return
            self._busy += 1
            try:
                did = worker.work()
            finally:
                self._busy -= 1
            self._dispatch()
            if not did:
                self.idle_wakes += 1
                self.wake(self._timeline.now() + SOON)
                return
        # Otherwise whoever waits further out goes on when its call is answered.
        if self._stopping is not None and not self._busy:
            self.stop(impatient=False, stopped=self._stopping)
        elif not self._busy:
            # Somebody else's, who does not care for our jobs.
            self.wake(self._timeline.afterwards)

    def _dispatch(self) -> None:
        """As the service's dispatcher, which sleeps until something wakes it."""
        while self._arrived:
            self._arrived = self._pipeline.dispatcher.dispatch() > 0

    def _look_after(self) -> None:
        self._pipeline.tokens.save_unsaved()
        more = self._upkeep.look(self._around.settings())
        self._pipeline.forget_departed()
        pause = _UPKEEP_WATCHED if self._around.is_watched else _UPKEEP_EVERY
        self._life.after(MORE if more else pause, self._look_after)
        if more:
            self._wake_all()

    def _look_around(self) -> None:
        """Profiles and gear. When the settings change, the service looks at once; that is soon enough here."""
        if self._stopping is None:
            pause = self._pipeline.around.look(self._around.settings())
            self._life.after(_AROUND_EVERY if pause is None else min(pause, _AROUND_EVERY), self._look_around)

    def _check_subscription(self) -> None:
        if self._stopping is None:
            pause = self._pipeline.check_subscription()
            if pause is not None:
                self._life.after(pause, self._check_subscription)
