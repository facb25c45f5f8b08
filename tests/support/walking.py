"""An input that lists, the input that fetches, and Strava's stand-in, in virtual time and without threads."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Optional

from sandbox.certificates import Certificates
from sandbox.strava import Activity, Limits, StravaStandIn
from strava_collector.athlete_calls import AthleteCalls
from strava_collector.due_lists import wanted_of
from strava_collector.events import Event
from strava_collector.fetcher import Connection, Fetcher
from strava_collector.job import Job
from strava_collector.lister import Lister
from strava_collector.oauth import OAuth, Tokens
from strava_collector.pipeline import Equipment, Pipeline
from strava_collector.secret import Secret
from strava_collector.settings import (
    ActivitiesInput,
    Advanced,
    Application,
    Athlete,
    EnabledActivities,
    EnabledInput,
    Settings,
)
from strava_collector.store import counters, crashed_jobs, inbox, ledger, queue, subscriptions, walks
from strava_collector.store.counters import Counted
from strava_collector.store.database import Database
from strava_collector.strava_api import StravaApi
from strava_collector.transport import Answer, Request
from strava_collector.walk import pass_due
from strava_collector.writer import Writer
from tests.support.clock import START, Elsewhere, VirtualClock
from tests.support.collecting import INPUT, MemoryTokens, Problems
from tests.support.scripted_transport import revealed
from tests.support.stand_in_transport import StandInTransport
from tests.support.store import notification

DAY = 86_400.0
#: So that a test need not wait for days, unless it is about that.
PLENTY = Limits(overall=(100_000, 1_000_000), read=(100_000, 1_000_000))
SUBSCRIPTION = 120475


class Killed(BaseException):
    """SIGKILL: nothing of the process runs any more."""


class Events:
    """An EventSink; the process may be killed just before or after one of the events."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        #: So many events from now, and whether that one still gets out.
        self.kill: Optional[tuple[int, bool]] = None

    def write(self, event: Event) -> None:
        if self.kill is not None:
            left, gets_out = self.kill
            self.kill = (left - 1, gets_out)
            if left == 0:
                self.kill = None
                if gets_out:
                    self.events.append(event)
                raise Killed
        self.events.append(event)

    def write_all(self, events: Sequence[Event]) -> None:
        for event in events:
            self.write(event)

    def latest(self) -> dict[int, dict[str, Any]]:
        """What a search shows: the latest version of each activity that is not deleted."""
        newest: dict[int, dict[str, Any]] = {}
        for event in self.events:
            data = json.loads(event.data)
            if event.sourcetype == "strava:activities":
                before = newest.get(data["id"])
                if before is None or data["collected_at"] >= before["collected_at"]:
                    newest[data["id"]] = data
        return {number: data for number, data in newest.items() if not data.get("deleted")}


class Lists(StandInTransport):
    """The way to the stand-in; its lists may be made worse on the way."""

    #: Answer the lists of the athlete with this first token in another way.
    garble: Optional[tuple[str, bytes]] = None
    #: Add these to each list.
    add_entries: tuple[object, ...] = ()

    def send(self, request: Request) -> Answer:
        found = super().send(request)
        if not request.url.endswith("/athlete/activities") or found.status != 200:
            return found
        token = revealed(request.headers)["Authorization"]
        if self.garble is not None and token.endswith(self.garble[0]):
            return replace(found, body=self.garble[1])
        if self.add_entries:
            return replace(found, body=json.dumps([*json.loads(found.body), *self.add_entries]).encode())
        return found


class Walking:
    """One lister and one owner in one process, unless a test makes it several."""

    def __init__(
        self,
        folder: Path,
        certificates: Certificates,
        *,
        athletes: int = 1,
        limits: Limits = PLENTY,
        advanced: Optional[Advanced] = None,
        webhook: bool = True,
        **fields: Any,
    ) -> None:
        self.clock = VirtualClock()
        self.folder = folder
        elsewhere = Elsewhere(self.clock)
        self.strava = StravaStandIn(certificates, clock=elsewhere, limits=limits, strict=False)
        self.transport = Lists(self.strava, self.clock, elsewhere)
        app = self.strava.add_application("App", callback_domain="example.org")
        self.application = Application("App", str(app.client_id), Secret(app.client_secret))
        self.people = [self.strava.add_athlete(f"Anna{number}", "Bergström") for number in range(athletes)]
        self.tokens = MemoryTokens(self.clock)
        for one in self.people:
            pair = self.strava.connect(app, one)
            expires = int(self.clock.now()) + 21_600
            self.tokens.save(one.id, Tokens(Secret(pair.access_token), Secret(pair.refresh_token), expires))
        self.input = ActivitiesInput(name="lists", index="strava", application="App", **fields)
        self.settings = Settings(
            applications={"App": self.application},
            athletes={
                one.id: Athlete(
                    f"anna{number}", one.id, "App", frozenset({"activity:read_all"}), connected_at=str(START - DAY)
                )
                for number, one in enumerate(self.people)
            },
            advanced=advanced or Advanced(cooldown=0.0, history_mb_per_day=0.0),
            enabled_inputs=(EnabledInput("club", "App", "8443", index="strava"),) if webhook else (),
            enabled_activities=(EnabledActivities("lists", "App", index="strava"),),
        )
        #: What is known by the time that a list has come; None for the same as before.
        self.newest: Optional[Settings] = None
        self.events = Events()
        self.problems = Problems()
        self.found: list[str] = []
        self._begin()
        with self.database.write() as tx:
            subscriptions.adopt(tx, client_id=str(app.client_id), subscription_id=SUBSCRIPTION, now=START - DAY)

    def _begin(self) -> None:
        self.database = Database(self.folder, clock=self.clock)
        connection = Connection(
            self.application,
            StravaApi(self.transport, "https://strava.example/api/v3"),
            OAuth(self.transport, "https://strava.example/oauth", self.clock),
        )
        self.connection: Optional[Connection] = connection
        writer = Writer(self.events)
        self.pipeline = Pipeline(
            INPUT,
            Equipment(
                database=self.database,
                writer=writer,
                token_store=self.tokens,
                clock=self.clock,
                settings=lambda: self.settings,
                connection=lambda: self.connection,
                bulletin=self.problems,
                jitter=random.Random(1),
            ),
        )
        allowance = self.pipeline.allowance
        self.lister = Lister(
            self.input,
            database=self.database,
            writer=writer,
            calls=AthleteCalls(
                database=self.database,
                fetcher=Fetcher(tokens=self.pipeline.tokens, allowance=allowance, clock=self.clock),
                allowance=allowance,
                clock=self.clock,
                bulletin=self.problems,
            ),
            clock=self.clock,
            connection=lambda: self.connection,
            bulletin=self.problems,
            found=self.found.append,
            newest=lambda: self.newest or self.settings,
        )

    def restart(self, **fields: Any) -> None:
        """Another process, perhaps with other settings of the input."""
        self.database.close()
        self.input = replace(self.input, **fields)
        self._begin()
        with self.database.write() as tx:
            self.lister.take_over(tx)
            crashed_jobs.take_over(tx, input=INPUT.name, now=self.clock.now())

    def record(self, age: float, *, person: int = 0, **more: Any) -> Activity:
        """An activity that began so many seconds ago, behind the webhook's back."""
        at = self.iso(self.clock.now() - age)
        return self.strava.record(self.people[person], **{"kind": "manual", "start_date": at, "notify": False, **more})

    def announce(
        self, activity: Activity, aspect: str = "create", *, event_time: Optional[int] = None, **updates: str
    ) -> None:
        """A notification that the listener has just acknowledged."""
        told = notification(
            activity.id,
            aspect_type=aspect,
            owner_id=activity.athlete.id,
            event_time=int(self.clock.now()) if event_time is None else event_time,
            updates=updates,
            subscription_id=SUBSCRIPTION,
        )
        with self.database.write() as tx:
            inbox.add(tx, input=INPUT.name, notification=told, received_at=self.clock.now())
            counters.count(tx, input=INPUT.name, name=Counted.RECEIVED)

    def list_all(self, most: int = 500) -> int:
        """List until nothing is due; return how many looks that took."""
        for number in range(most):
            wait = self.lister.look(self.settings)
            if wait is None or wait > 0:
                return number
        raise AssertionError("The lister does not come to rest.")

    def fetch_all(self) -> None:
        """Fetch and dispatch all that is due."""
        while self.pipeline.dispatcher.dispatch() or self.pipeline.worker.work():
            pass

    def run(self, seconds: float, *, step: float = 900.0) -> None:
        """Let time pass, and everything happen that is due."""
        end = self.clock.now() + seconds
        while True:
            self.list_all()
            self.fetch_all()
            left = end - self.clock.now()
            if left <= 0:
                return
            self.clock.advance(min(step, left))

    def until_slow_walk(self, person: int = 0) -> float:
        """Seconds until the next slow walk of this one begins."""
        athlete = self.settings.athletes[self.people[person].id]
        with self.database.read() as tx:
            covered = walks.covered(tx, athlete.athlete_id, athlete.connected_at)
        due = pass_due(athlete.athlete_id, covered, wanted_of(self.input), self.clock.now())
        assert due is not None
        return due - self.clock.now()

    def jobs(self) -> list[Job]:
        with self.database.read() as tx:
            rows = tx.execute("SELECT id FROM job ORDER BY id").fetchall()
            return [job for row in rows if (job := queue.find(tx, row["id"])) is not None]

    def calls(self, endpoint: str) -> int:
        """How often Strava was asked for something: ``GET /athlete/activities``."""
        return self.strava.statistics.count(endpoint=endpoint)

    @property
    def lists(self) -> int:
        return self.calls("GET /athlete/activities")

    @property
    def fetches(self) -> int:
        return self.calls("GET /activities/{id}")

    def knows(self, activity: Activity) -> bool:
        """Whether the ledger has an event of it."""
        with self.database.read() as tx:
            known = ledger.find(tx, activity.id)
        return known is not None and known.start_date is not None

    def is_whole(self, only: Optional[set[int]] = None) -> None:
        """The index shows what Strava has, in full; or these activities of it."""
        there = {one.id: one for person in self.people for one in self.strava.activities(person)}
        there = {number: one for number, one in there.items() if only is None or number in only}
        shown = self.events.latest()
        assert shown.keys() == there.keys()
        for number, activity in there.items():
            expected = self.strava.detail(activity)
            assert {key: shown[number].get(key) for key in expected} == expected

    def close(self) -> None:
        self.database.close()
        self.strava.stop()

    @staticmethod
    def iso(at: float) -> str:
        return datetime.fromtimestamp(int(at), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


#: Makes one; the options are Walking's.
Walk = Callable[..., Walking]
