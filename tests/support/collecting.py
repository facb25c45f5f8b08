"""The way from the inbox to the index with the production modules, virtual time and a scripted Strava."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional, Union

from strava_collector.errors import TransportError
from strava_collector.events import Event
from strava_collector.fetcher import Connection
from strava_collector.job import Job
from strava_collector.oauth import OAuth, Tokens
from strava_collector.pipeline import Equipment
from strava_collector.secret import Secret
from strava_collector.settings import Advanced, Application, Athlete, Settings, WebhookInput
from strava_collector.store import counters, inbox, queue, subscriptions
from strava_collector.store.athletes import Standing
from strava_collector.store.athletes import standings as list_standings
from strava_collector.store.database import Database
from strava_collector.strava_api import StravaApi
from strava_collector.transport import Answer
from strava_collector.upkeep import Upkeep
from strava_collector.webhook_pipeline import WebhookPipeline
from strava_collector.writer import Writer
from tests.support.clock import VirtualClock
from tests.support.scripted_transport import ScriptedTransport, answer, refusal
from tests.support.store import job_counts, notification

ANNA, BEN, STRANGER = 134815, 227615, 999

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
APPLICATION = Application("App", "4711", Secret("client-secret"))


def athletes(*ids: int) -> list[Athlete]:
    return [Athlete(f"athlete-{number}", number, "App", frozenset({"activity:read_all"})) for number in ids]


NOT_FOUND = answer({"message": "Resource Not Found", "errors": []}, 404)
BAD_TOKEN = refusal("Athlete", "access_token", "invalid", 401)
REVOKED = refusal("RefreshToken", "refresh_token", "invalid", 400)
BROKEN = answer(b"<html>", 503)


def renewal(number: int) -> Answer:
    """Strava's answer with new tokens."""
    return answer(
        {
            "token_type": "Bearer",
            "access_token": f"new-access-{number}",
            "refresh_token": f"new-refresh-{number}",
            "expires_at": 1_900_000_000,
            "expires_in": 21_600,
        }
    )


class Index:
    """An EventSink that keeps what is written."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.closed = False
        #: An event that holds this text fails as only a fault of ours can.
        self.poison: Optional[str] = None

    def write(self, event: Event) -> None:
        if self.closed:
            raise BrokenPipeError
        if self.poison is not None and self.poison in event.data:
            raise KeyError("a fault of ours")
        self.events.append(event)

    def write_all(self, events: Sequence[Event]) -> None:
        for event in events:
            self.write(event)

    def of(self, sourcetype: str) -> list[dict[str, Any]]:
        return [json.loads(event.data) for event in self.events if event.sourcetype == sourcetype]

    @property
    def activities(self) -> list[dict[str, Any]]:
        return self.of("strava:activities")

    @property
    def samples(self) -> list[dict[str, Any]]:
        return self.of("strava:activities:stream")

    @property
    def notifications(self) -> list[dict[str, Any]]:
        return self.of("strava:webhook")

    def latest(self) -> dict[object, dict[str, Any]]:
        """The latest version of each activity that is not deleted, as ``collected_at`` says."""
        newest: dict[object, dict[str, Any]] = {}
        for version in sorted(self.activities, key=lambda event: float(event["collected_at"])):
            newest[version["id"]] = version
        return {key: version for key, version in newest.items() if "deleted" not in version}


class Problems:
    """What the user has been told and not been told to forget, by topic."""

    def __init__(self) -> None:
        self.told: dict[str, str] = {}

    def report(self, topic: str, text: str) -> None:
        self.told[topic] = text

    def resolved(self, topic: str) -> None:
        self.told.pop(topic, None)


class MemoryTokens:
    """A TokenStore in memory."""

    def __init__(self, clock: VirtualClock) -> None:
        self.tokens = {
            athlete: Tokens(Secret(f"access-{athlete}"), Secret(f"refresh-{athlete}"), int(clock.now()) + 21_600)
            for athlete in (ANNA, BEN)
        }

    def load(self, athlete_id: int) -> Optional[Tokens]:
        return self.tokens.get(athlete_id)

    def save(self, athlete_id: int, tokens: Tokens) -> None:
        self.tokens[athlete_id] = tokens

    def forget(self, athlete_id: int) -> None:
        self.tokens.pop(athlete_id, None)


class Collecting:
    """One process of one input, without threads: the test says when what happens."""

    def __init__(
        self,
        folder: Path,
        *script: Union[Answer, TransportError],
        webhook_input: WebhookInput = INPUT,
        clock: Optional[VirtualClock] = None,
    ) -> None:
        self.input = webhook_input
        self.clock = clock or VirtualClock()
        self.database = Database(folder, clock=self.clock)
        self.index = Index()
        self.problems = Problems()
        self.transport = ScriptedTransport(*script)
        self.settings: Optional[Settings] = None
        self.connect(*athletes(ANNA, BEN))
        self.tokens = MemoryTokens(self.clock)
        self.connection = connection = Connection(
            APPLICATION,
            StravaApi(self.transport, "https://strava.example/api/v3"),
            OAuth(self.transport, "https://strava.example/oauth", self.clock),
        )
        self.pipeline = WebhookPipeline(
            webhook_input,
            Equipment(
                database=self.database,
                writer=Writer(self.index),
                token_store=self.tokens,
                clock=self.clock,
                settings=lambda: self.settings,
                connection=lambda: connection,
                bulletin=self.problems,
                jitter=random.Random(1),
            ),
        )
        self.dispatcher = self.pipeline.dispatcher
        self.worker = self.pipeline.worker
        self.upkeep = Upkeep(
            webhook_input,
            database=self.database,
            folder=folder,
            pipeline=self.pipeline,
            clock=self.clock,
            bulletin=self.problems,
        )
        with self.database.write() as tx:
            subscriptions.adopt(
                tx, client_id=APPLICATION.client_id, subscription_id=notification().subscription_id, now=0.0
            )

    def connect(self, *known: Athlete, advanced: Optional[Advanced] = None) -> None:
        """Let exactly these athletes be configured, as the settings loop would find it."""
        self.settings = Settings(
            applications={"App": APPLICATION},
            athletes={athlete.athlete_id: athlete for athlete in known},
            advanced=advanced or Advanced(),
        )

    def receive(self, aspect: str = "create", activity: int = 1, *, owner: int = ANNA, **fields: object) -> None:
        """A notification that the listener has just acknowledged."""
        fields = {"event_time": int(self.clock.now()), **fields}
        arrived = notification(activity, aspect_type=aspect, owner_id=owner, **fields)
        with self.database.write() as tx:
            kept = arrived.without(self.pipeline.left_out.of_all())
            inbox.add(tx, input=INPUT.name, notification=kept, received_at=self.clock.now())

    def run(self, seconds: float = 10.0) -> None:
        """Let time pass and everything happen that is due."""
        self.dispatcher.dispatch()
        self.clock.advance(seconds)
        while self.dispatcher.dispatch() or self.worker.work():
            pass

    def reconnect(self, athlete_id: int) -> None:
        """The athlete consents once more: new tokens, and the settings loop finds the row changed."""
        assert self.settings is not None
        mark = str(self.clock.now())
        self.tokens.tokens[athlete_id] = Tokens(
            Secret(f"access-{mark}"), Secret(f"refresh-{mark}"), int(self.clock.now()) + 21_600
        )
        row = self.settings.athletes[athlete_id]
        again = {**self.settings.athletes, athlete_id: replace(row, connected_at=mark)}
        self.settings = replace(self.settings, athletes=again)
        self.upkeep.settings_changed(self.settings)

    def counted(self) -> Mapping[str, int]:
        """The counters of the input."""
        with self.database.read() as tx:
            return counters.read(tx, INPUT.name)

    def standings(self) -> list[Standing]:
        """The athletes who are not in good standing."""
        with self.database.read() as tx:
            return list_standings(tx)

    def jobs(self) -> list[Job]:
        """All jobs, in the order in which they are due."""
        with self.database.read() as tx:
            rows = tx.execute("SELECT id FROM job ORDER BY next_run_at, id").fetchall()
            return [job for row in rows if (job := queue.find(tx, row["id"])) is not None]

    def during_call(self, number: int, action: Callable[[], None]) -> None:
        """Let something happen while Strava answers the call of this number, counted from 1."""
        self.transport.before[number] = action

    def close(self) -> None:
        self.database.close()


def ride(activity: int = 1, *, owner: int = ANNA, start: str = "2026-06-01T05:00:00Z", **fields: object) -> Answer:
    """Strava's answer with an activity."""
    return answer({"id": activity, "athlete": {"id": owner}, "start_date": start, "name": "Ride", **fields})


#: What the fixture ``collect`` gives.
Collect = Callable[..., Collecting]


def counts(collecting: Collecting) -> dict[str, int]:
    """How many jobs there are of each status that there is one of."""
    with collecting.database.read() as tx:
        return {status: number for status, number in job_counts(tx, INPUT.name).items() if number}
