"""The way from the inbox to the queue and the index with the production modules: what the dispatcher decides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Optional

from strava_collector.dispatcher import Dispatcher
from strava_collector.job import Job, Kind, Outcome, Status
from strava_collector.settings import Advanced, Settings
from strava_collector.store import counters, inbox, ledger, queue, subscriptions
from strava_collector.store.database import Database
from strava_collector.store.inbox import Arrival
from strava_collector.writer import Writer
from tests.support.clock import VirtualClock
from tests.support.collecting import ANNA, APPLICATION, BEN, INPUT, Index, athletes
from tests.support.store import notification

#: The application's subscription, which the notifications name unless they say otherwise.
OURS = notification().subscription_id

START = "2026-06-01T05:00:00Z"


class Dispatching:
    """One input's dispatcher; the test plays listener and worker."""

    def __init__(self, folder: Path, *, adopted: bool = True) -> None:
        self.clock = VirtualClock()
        self.database = Database(folder, clock=self.clock)
        self.index = Index()
        self.settings: Optional[Settings] = Settings(
            applications={"App": APPLICATION},
            athletes={athlete.athlete_id: athlete for athlete in athletes(ANNA, BEN)},
            advanced=Advanced(),
        )
        #: How often the dispatcher told of an unknown athlete, and of a foreign subscription.
        self.strangers = 0
        self.foreigners = 0
        if adopted:
            self.adopt(OURS)
        self.begin()

    def begin(self) -> None:
        """Start anew, as a new process of the input does."""
        self.dispatcher = Dispatcher(
            INPUT,
            database=self.database,
            writer=Writer(self.index),
            clock=self.clock,
            settings=lambda: self.settings,
            stranger=self._stranger,
            foreign=self._foreign,
        )

    def _stranger(self) -> None:
        self.strangers += 1

    def _foreign(self) -> None:
        self.foreigners += 1

    def connect(self, *ids: int) -> None:
        """Let exactly these athletes be configured."""
        assert self.settings is not None
        known = {athlete.athlete_id: athlete for athlete in athletes(*ids)}
        self.settings = replace(self.settings, athletes=known)

    def advanced(self, advanced: Advanced) -> None:
        assert self.settings is not None
        self.settings = replace(self.settings, advanced=advanced)

    def adopt(self, subscription_id: int) -> None:
        with self.database.write() as tx:
            subscriptions.adopt(
                tx, client_id=APPLICATION.client_id, subscription_id=subscription_id, now=self.clock.now()
            )

    def receive(self, aspect: str = "create", activity: int = 1, *, owner: int = ANNA, **fields: object) -> Arrival:
        """A notification that the listener has just acknowledged."""
        fields = {"event_time": int(self.clock.now()), **fields}
        arrived = notification(activity, aspect_type=aspect, owner_id=owner, **fields)
        with self.database.write() as tx:
            return inbox.add(tx, input=INPUT.name, notification=arrived, received_at=self.clock.now())

    def dispatch(self) -> int:
        """Dispatch all that waits; return how many."""
        total = 0
        while True:
            number = self.dispatcher.dispatch()
            if number == 0:
                return total
            total += number

    def collect(self, activity: int = 1, *, owner: int = ANNA) -> None:
        """Let an activity be in the index, as a fetch from before would have left it."""
        with self.database.write() as tx:
            ledger.place_event(
                tx,
                activity_id=activity,
                athlete_id=owner,
                start_date=START,
                index=INPUT.index,
                input=INPUT.name,
                now=self.clock.now(),
                detailed=True,
                fingerprint="a-b",
            )

    def claim(self) -> Job:
        """Begin the next fetch."""
        self.clock.advance(5.0)
        with self.database.write() as tx:
            job = queue.claim(tx, input=INPUT.name, now=self.clock.now())
        assert job is not None
        return job

    def fetch(self) -> None:
        """Begin the next fetch and finish it."""
        job = self.claim()
        with self.database.write() as tx:
            queue.finish(tx, job, status=Status.DONE, outcome=Outcome.UNCHANGED, error=None, now=self.clock.now())

    def live_jobs(self, kind: Kind = Kind.ACTIVITY) -> list[tuple[int, int]]:
        """The objects that are to be fetched, each with the athlete."""
        with self.database.read() as tx:
            rows = tx.execute(
                "SELECT activity_id, athlete_id FROM job WHERE kind = ? AND status IN ('pending', 'working')"
                " ORDER BY activity_id, athlete_id",
                (kind.value,),
            ).fetchall()
        return [(row["activity_id"], row["athlete_id"]) for row in rows]

    def counted(self) -> dict[str, int]:
        """The counters that are not zero."""
        with self.database.read() as tx:
            return {name: value for name, value in counters.read(tx, INPUT.name).items() if value}

    def states(self) -> dict[str, int]:
        """How many notifications are in each state, those without any left out."""
        with self.database.read() as tx:
            return {state: number for state, number in inbox.counts(tx, INPUT.name).items() if number}

    def reasons(self) -> list[Optional[str]]:
        """Why notifications are held or given up, in the order of their arrival; None for the others."""
        with self.database.read() as tx:
            return [row["reason"] for row in tx.execute("SELECT reason FROM notification ORDER BY id").fetchall()]

    def close(self) -> None:
        self.database.close()
