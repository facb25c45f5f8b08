"""Samples, profiles and gear as Strava's stand-in tells them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sandbox.certificates import Certificates
from sandbox.strava import StravaStandIn
from sandbox.strava.activities import Activity
from strava_collector.job import Kind, Priority, Reason
from strava_collector.oauth import Tokens
from strava_collector.secret import Secret
from strava_collector.settings import Athlete
from strava_collector.store import queue
from tests.support.collecting import ANNA, INPUT, Collecting
from tests.support.stand_in_transport import StandInTransport

DAY = 86_400.0
OPEN = frozenset({"read", "activity:read_all", "profile:read_all"})


@dataclass
class Setting:
    """The collector and Strava, with one athlete."""

    c: Collecting
    strava: StravaStandIn
    transport: StandInTransport

    def connect(self, scopes: frozenset[str] = OPEN) -> None:
        """Anna grants these scopes."""
        (application,) = self.applications
        tokens = self.strava.connect(application, self.anna, scopes)
        self.c.tokens.tokens[ANNA] = Tokens(
            Secret(tokens.access_token), Secret(tokens.refresh_token), int(self.c.clock.now() + 365 * DAY)
        )
        self.c.connect(Athlete("anna", ANNA, "App", scopes))

    def __post_init__(self) -> None:
        self.applications = [self.strava.add_application("App", client_id=4711, client_secret="client-secret")]
        self.anna = self.strava.add_athlete("Anna", "Muster", athlete_id=ANNA, city="Zürich")
        self.connect()

    def collect(self, activity: Activity) -> None:
        with self.c.database.write() as tx:
            queue.join(
                tx,
                kind=Kind.ACTIVITY,
                activity_id=activity.id,
                athlete_id=ANNA,
                input=INPUT.name,
                reason=Reason.MANUAL,
                priority=Priority.RECONCILIATION,
                force=False,
                due_at=self.c.clock.now(),
                now=self.c.clock.now(),
                trail="trail",
            )
        self.c.run()

    def look(self, days: float = 0.0) -> None:
        self.c.clock.advance(days * DAY)
        while self.c.pipeline.around.look(self.c.settings) == 0.0:
            pass


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setting]:
    collecting = Collecting(tmp_path / "store", webhook_input=replace(INPUT, streams=True))
    strava = StravaStandIn(Certificates(tmp_path / "ca"), clock=collecting.clock, seed=1)
    transport = StandInTransport(strava, collecting.clock)
    monkeypatch.setattr(collecting.transport, "send", transport.send)
    yield Setting(collecting, strava, transport)
    strava.check_misuse()
    strava.stop()
    collecting.close()


def test_a_ride_comes_with_its_samples(setting: Setting) -> None:
    ride = setting.strava.record(setting.anna, kind="ride", seconds=700, notify=False)
    setting.collect(ride)

    samples = setting.c.index.samples
    assert [sample["offset"] for sample in samples] == list(range(700))
    assert {"lat", "lon", "altitude", "heartrate", "watts", "moving", "grade_smooth"} <= samples[0].keys()
    assert samples[0]["activity_id"] == ride.id


def test_samples_that_are_late_are_waited_for(setting: Setting) -> None:
    ride = setting.strava.record(setting.anna, kind="ride", seconds=60, notify=False)
    setting.strava.streams.hold_back(ride, requests=2)
    setting.collect(ride)
    setting.c.run(301)
    assert setting.c.index.samples == []
    setting.c.run(901)
    assert len(setting.c.index.samples) == 60


def test_a_cropped_ride_gets_its_samples_again(setting: Setting) -> None:
    ride = setting.strava.record(setting.anna, kind="ride", seconds=60, notify=False)
    setting.collect(ride)
    setting.strava.edit(ride, title="Short", notify=False)
    setting.collect(ride)
    setting.strava.edit(ride, seconds=30, notify=False)
    setting.collect(ride)
    by_collection: dict[float, int] = {}
    for sample in setting.c.index.samples:
        by_collection[sample["collected_at"]] = by_collection.get(sample["collected_at"], 0) + 1
    assert list(by_collection.values()) == [60, 30], "the new title asked for none"


def test_a_profile_comes_with_zones_and_gear(setting: Setting) -> None:
    setting.look()
    (profile,) = setting.c.index.of("strava:athlete")
    assert profile["city"] == "Zürich"
    assert profile["zones"].keys() >= {"heart_rate"}
    shown = {gear["id"] for gear in (*profile["bikes"], *profile["shoes"])}
    assert {gear["id"] for gear in setting.c.index.of("strava:gear")} == shown
    assert {gear["athlete_id"] for gear in setting.c.index.of("strava:gear")} == {ANNA}


def test_a_day_without_news_writes_nothing_and_a_ride_writes_its_bike(setting: Setting) -> None:
    setting.look()
    before = len(setting.c.index.events)
    setting.look(days=2)
    assert len(setting.c.index.events) == before
    setting.strava.record(setting.anna, kind="ride", notify=False)
    setting.strava.edit_profile(setting.anna, city="Bern")
    setting.look(days=2)
    assert [event.sourcetype for event in setting.c.index.events[before:]] == ["strava:athlete", "strava:gear"]


def test_without_the_scope_the_profile_is_short_and_gear_comes_from_rides(setting: Setting) -> None:
    setting.connect(frozenset({"read", "activity:read_all"}))
    setting.look()
    (profile,) = setting.c.index.of("strava:athlete")
    assert profile.keys() & {"zones", "bikes", "ftp"} == set()
    ride = setting.strava.record(setting.anna, kind="ride", seconds=60, notify=False)
    setting.collect(ride)
    setting.look()
    calls = [request.url.rpartition("/api/v3")[2] for request in setting.transport.requests]
    assert [call for call in calls if call.startswith("/gear/")] == [f"/gear/{setting.strava.gear(setting.anna)[0].id}"]
