"""On no way into the index does anything get through that the user does not want, nor stay behind in the store.

The production modules, in virtual time, with the answers that Strava's stand-in invents. What must not be found is
looked for in the text of all events, in every byte of the store's files after every commit, and in the log.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Optional

import pytest

from sandbox.certificates import Certificates
from sandbox.strava.accounts import Accounts
from sandbox.strava.activities import ActivityBook
from sandbox.strava.activity_json import detail, route_of
from sandbox.strava.streams import streams
from strava_collector.privacy import KEEP_ALL, STREAMS, Privacy
from strava_collector.settings import EnabledActivities
from strava_collector.store import dead_letters, replay
from strava_collector.store.database import Database, Transaction
from strava_collector.transport import Answer, Request
from tests.support import collecting
from tests.support.clock import VirtualClock
from tests.support.collecting import ANNA, INPUT, Collecting
from tests.support.scripted_transport import answer, refusal, revealed
from tests.support.walking import Walking

SEED = 5
RIDE = 42
SAMPLES = 200
TITLE, DESCRIPTION, NICKNAME = "Breakfast with Zebedee", "Wrote to Xanthippe on the way", "Crème"
ALL = Privacy(location=True, text=True, health=True)
ONE, OTHERS = Privacy(location=True), Privacy(text=True, health=True)


class Strava:
    """One ride of Anna's, as a fetch would bring it."""

    def __init__(self) -> None:
        athlete = Accounts(SEED).add_athlete("Anna", "Lindqvist", athlete_id=ANNA, city="Lahti", country="Finland")
        self.activity = ActivityBook(VirtualClock(), SEED).record(
            athlete,
            "run",
            title=TITLE,
            start_date="2026-06-01T05:00:00Z",
            private=False,
            activity_id=RIDE,
            device_name=None,
            description=DESCRIPTION,
            not_found_requests=0,
            not_found_seconds=0.0,
        )
        self.route = route_of(self.activity, SEED)

    @property
    def content(self) -> dict[str, Any]:
        return detail(self.activity, SEED, self.route)

    def fetched(self, **changed: object) -> Answer:
        return answer({**self.content, **changed})

    def sampled(self) -> Answer:
        """All streams, whatever is asked for: what must not be kept must not depend on Strava's good will."""
        series: dict[str, Any] = streams(self.activity, SEED, self.route, STREAMS)
        return answer({key: {**one, "data": list(one["data"])[:SAMPLES]} for key, one in series.items()})

    @property
    def places(self) -> list[str]:
        """Coordinates and polylines, as they would stand in an event or a page of the store."""
        shown = json.dumps(self.content["map"]["polyline"])[1:-1]
        numbers = [str(number) for point in (self.route.points[0], self.route.points[-1]) for number in point]
        return [shown[:40], *numbers, "latlng", "Europe/Helsinki", "Finland", '"segment']

    @property
    def texts(self) -> list[str]:
        lap, effort = self.content["laps"][0]["name"], self.content["segment_efforts"][1]["name"]
        return ["Zebedee", "Xanthippe", "garmin_ping", "pictures.invalid", "Schnelle", effort, lap]

    bodily = ('heartrate"', "suffer_score", "calories", "exertion")


class World:
    """An input with its store, and everything that was ever seen in the store's files."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "store"
        self.clock = VirtualClock()
        self.strava = Strava()
        self.looked = 0
        #: Words that have been found on disk after some commit.
        self.seen: set[str] = set()
        self.requests: list[Request] = []
        #: What the next fetches bring, before the ride itself.
        self.answers: list[Answer] = []
        world = self

        class Watched(Database):
            """Looks at the files after each commit."""

            @contextmanager
            def write(self, patience: Optional[float] = None) -> Iterator[Transaction]:
                with super().write(patience) as tx:
                    yield tx
                world.look()

        patch.setattr(collecting, "Database", Watched)
        self.c: Collecting

    def start(self, privacy: Privacy, *, beside: Privacy = KEEP_ALL) -> Collecting:
        """Start the input, beside one that lists."""
        self.c = Collecting(self.folder, webhook_input=replace(INPUT, privacy=privacy, streams=True), clock=self.clock)
        self.tick_beside(beside)
        write = self.c.index.write

        def look_and_write(event: Any) -> None:
            if event.sourcetype != "strava:activities:stream" or '"offset":100,' in event.data:
                self.look()
            write(event)

        self.c.index.write = look_and_write  # type: ignore[method-assign]
        self.c.transport.send = self.send  # type: ignore[method-assign]
        return self.c

    def tick_beside(self, privacy: Privacy) -> None:
        """The settings are read again, with other boxes of the input that lists."""
        assert self.c.settings is not None
        lists = EnabledActivities("lists", INPUT.application, privacy=privacy)
        self.c.settings = replace(self.c.settings, enabled_activities=(lists,))

    def send(self, request: Request) -> Answer:
        self.requests.append(request)
        if request.url.endswith("/streams"):
            return self.strava.sampled()
        return self.answers.pop(0) if self.answers else self.strava.fetched()

    def run(self) -> None:
        """Long enough for everything that follows from a notification."""
        for _ in range(4):
            self.c.run(60.0)

    def look(self) -> None:
        self.looked += 1
        content = b"".join(path.read_bytes() for path in sorted(self.folder.iterdir()) if path.is_file())
        words = [*self.strava.places, *self.strava.texts, *self.strava.bodily]
        self.seen.update(word for word in words if word.encode() in content)

    def written(self, sourcetype: str = "") -> str:
        return "\n".join(event.data for event in self.c.index.events if event.sourcetype.startswith(sourcetype))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World(tmp_path, monkeypatch)
    yield world
    world.c.close()


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    caplog.set_level(logging.DEBUG)
    yield caplog


def live(world: World) -> None:
    """A ride is announced and fetched, then its samples."""
    world.c.receive(activity=RIDE)
    world.run()


def edited(world: World) -> None:
    """An update with a new title, which Strava's first answer contradicts."""
    world.answers.append(world.strava.fetched(name="Zebedee once more"))
    world.c.receive("update", RIDE, updates={"title": TITLE})
    world.run()


def retried_by_hand(world: World) -> None:
    """The permission is too small, so the job is given up; somebody retries it."""
    world.answers.append(refusal("AccessToken", "activity:read_permission", "missing", 401))
    world.c.receive(activity=RIDE)
    world.run()
    with world.c.database.write() as tx:
        (dead,) = dead_letters.dead_letters(tx, limit=5)
        dead_letters.retry_job(tx, dead.id, world.clock.now())
    world.run()


def replayed_by_hand(world: World) -> None:
    """Everything is repeated: notifications, the ride, its samples."""
    live(world)
    world.c.index.events.clear()
    world.clock.advance(3_600.0)
    cursor: Optional[replay.ReplayCursor] = replay.ReplayCursor()
    while cursor is not None:
        with world.c.database.write() as tx:
            cursor = replay.replay_since(tx, since=0.0, now=world.clock.now(), cursor=cursor).cursor
    world.run()


WAYS: list[Callable[[World], None]] = [live, edited, retried_by_hand, replayed_by_hand]


def found(text: str, words: object) -> list[str]:
    return [word for word in words if word in text]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("own", "beside"), [(ALL, KEEP_ALL), (KEEP_ALL, ALL), (ONE, OTHERS)])
@pytest.mark.parametrize("way", WAYS)
def test_nothing_that_was_to_be_left_out_gets_through(
    world: World, way: Callable[[World], None], own: Privacy, beside: Privacy, logged: pytest.LogCaptureFixture
) -> None:
    """Whichever of the athlete's inputs has the boxes."""
    world.start(own, beside=beside)

    way(world)

    unwanted = [*world.strava.places, *world.strava.texts, *world.strava.bodily]
    assert len(world.c.index.of("strava:activities:stream")) == SAMPLES
    assert world.c.index.activities
    assert found(world.written(), unwanted) == []
    assert found(world.written("strava:activities:stream"), ['"lat"', '"lon"']) == []
    assert found(logged.text, [*world.strava.texts, *world.strava.places[:5]]) == []
    assert world.seen == set()
    assert world.looked > 5


@pytest.mark.parametrize("way", WAYS)
def test_the_same_words_get_through_when_nothing_is_left_out(world: World, way: Callable[[World], None]) -> None:
    """So the test above looks for what is really there."""
    world.start(KEEP_ALL)
    way(world)
    unwanted = [*world.strava.places, *world.strava.texts, *world.strava.bodily]
    assert set(found(world.written(), unwanted)) == set(unwanted)
    assert found(world.written("strava:activities:stream"), ['"lat"', '"lon"', '"heartrate"'])


@pytest.mark.parametrize("way", [live, retried_by_hand, replayed_by_hand])
def test_no_part_of_an_activity_is_in_the_store_at_any_time(world: World, way: Callable[[World], None]) -> None:
    """Not even of those who keep everything, and not even while it is written."""
    world.start(KEEP_ALL)
    way(world)
    assert world.seen == set()
    assert world.looked > 10


def test_each_setting_leaves_out_its_own_and_nothing_else(world: World) -> None:
    words = {"location": world_places, "text": world_texts, "health": world_bodily}
    for one in words:
        world.start(Privacy(**{one: True}))
        with world.c.database.write() as tx:
            for table in ("job", "notification", "activity", "place"):
                tx.execute(f"DELETE FROM {table}")
        live(world)
        text = world.written()
        for other, get in words.items():
            assert bool(found(text, get(world))) == (other != one), (one, other)
        world.c.close()


def world_places(world: World) -> list[str]:
    return [*world.strava.places]


def world_texts(world: World) -> list[str]:
    # Segments have names, too, and go with the places.
    return [text for text in world.strava.texts if not re.search(r"\d$", text)]


def world_bodily(world: World) -> list[str]:
    return [*world.strava.bodily]


def test_streams_are_asked_for_by_name_and_what_is_left_out_is_not(world: World) -> None:
    world.start(ALL)
    live(world)
    (asked,) = [request for request in world.requests if request.url.endswith("/streams")]
    keys = revealed(asked.query)["keys"].split(",")
    assert set(STREAMS) - set(keys) == {"latlng", "heartrate"}


@pytest.mark.parametrize(
    ("fetches", "lists", "is_there"), [(ALL, KEEP_ALL, False), (KEEP_ALL, ALL, False), (KEEP_ALL, KEEP_ALL, True)]
)
def test_first_versions_from_lists_obey_the_input_that_fetches_and_the_one_that_lists(
    tmp_path: Path, fetches: Privacy, lists: Privacy, is_there: bool
) -> None:
    one = Walking(tmp_path / "store", Certificates(tmp_path / "certificates"), privacy=lists)
    owner = replace(one.settings.enabled_inputs[0], privacy=fetches)
    lister = replace(one.settings.enabled_activities[0], privacy=lists)
    one.settings = replace(one.settings, enabled_inputs=(owner,), enabled_activities=(lister,))
    ride = one.record(3_600.0)
    one.strava.edit(ride, title=TITLE, notify=False)
    one.list_all()
    unwanted = ["Zebedee", "latlng", "polyline", "Europe/Helsinki", "garmin_ping", 'heartrate"', "suffer_score"]
    written = "\n".join(event.data for event in one.events.events)
    stored = b"".join(path.read_bytes() for path in (tmp_path / "store").iterdir() if path.is_file())
    one.close()

    assert f'"id":{ride.id}' in written
    assert bool(found(written, unwanted)) == is_there
    assert [word for word in unwanted if word.encode() in stored] == []


def test_profiles_obey_all_inputs_that_have_the_athlete(tmp_path: Path) -> None:
    one = Walking(tmp_path / "store", Certificates(tmp_path / "certificates"))
    ticked = replace(one.settings.enabled_activities[0], privacy=ONE)
    one.settings = replace(one.settings, enabled_activities=(ticked,))
    one.clock.advance(86_400.0)
    while one.pipeline.around.look(one.settings) == 0.0:
        pass
    (profile,) = [event.data for event in one.events.events if event.sourcetype == "strava:athlete"]
    one.close()
    assert found(profile, ['"city"', '"country"']) == []
    assert '"firstname"' in profile


def test_samples_are_asked_for_again_when_another_input_no_longer_leaves_them_out(world: World) -> None:
    """As they are when the input's own boxes are changed: with the next version of the activity."""
    world.start(KEEP_ALL, beside=ONE)
    live(world)
    world.tick_beside(KEEP_ALL)
    edited(world)
    asked = [revealed(one.query)["keys"] for one in world.requests if one.url.endswith("/streams")]
    assert ["latlng" in keys for keys in asked] == [False, True]
