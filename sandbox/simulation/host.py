"""The host of the input: what outlives its process, and what becomes of the process."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Optional

from sandbox.simulation.case import DAY, HOUR, Case
from sandbox.simulation.index import Index, Version, content_of
from sandbox.simulation.input_process import INPUT, InputProcess, Killed, Surroundings
from sandbox.simulation.misfortunes import Misfortunes, Outage, Restart
from sandbox.simulation.timeline import Timeline, WrongClock
from sandbox.simulation.wire import API_URL, OAUTH_URL, Wire
from sandbox.simulation.world import World
from sandbox.strava import Fault, TokenPair
from strava_collector.errors import StoreUnavailable
from strava_collector.fetcher import Connection
from strava_collector.oauth import OAuth, Tokens
from strava_collector.secret import Secret
from strava_collector.settings import Advanced, Application, Athlete, Settings
from strava_collector.strava_api import StravaApi
from strava_collector.token_keeper import TokenStoreUnavailable

#: A crash that has not found its moment after so long happens while the process is at rest.
_CRASH_PATIENCE = 2 * HOUR
#: The service reads its settings every minute.
_SETTINGS_EVERY = 60.0
#: When an athlete connects again whose tokens a crash has lost.
_ATHLETE_PATIENCE = DAY


class Host:
    """Runs the input from one end to the next."""

    def __init__(self, case: Case, timeline: Timeline, world: World, plan: Misfortunes, folder: Path) -> None:
        self._case = case
        self._timeline = timeline
        self._world = world
        self.plan = plan
        self.clock = WrongClock(timeline, plan.clock_offset)
        self.process: Optional[InputProcess] = None
        #: From when to when no process ran.
        self.down: list[tuple[float, float]] = []
        self._down_since = timeline.now()
        self.idle_wakes = 0
        self._dies_in: Optional[int] = None
        self._comes_back_after = 60.0
        self.happened: Counter[str] = Counter()
        #: What the user was told, by topic, and how often.
        self.told: Counter[str] = Counter()
        self.tokens = _TokenStore(self, plan.token_store_errors, random.Random(f"tokens {case.seed}"))
        self.index = Index(timeline, self.touch, self._written)
        self.wire = Wire(
            timeline,
            world,
            self.clock,
            plan,
            random.Random(f"wire {case.seed}"),
            self._during_call,
            self.touch,
            self._fetched,
        )
        application = Application(
            INPUT.application, str(world.application.client_id), Secret(world.application.client_secret)
        )
        self._settings = Settings(applications={INPUT.application: application}, athletes={}, advanced=Advanced())
        self._around = Surroundings(
            timeline=timeline,
            clock=self.clock,
            folder=folder,
            tokens=self.tokens,
            sink=self.index,
            bulletin=self,
            connection=Connection(application, StravaApi(self.wire, API_URL), OAuth(self.wire, OAUTH_URL, self.clock)),
            settings=lambda: self._settings,
            jitter=random.Random(f"jitter {case.seed}"),
        )

    def begin(self) -> None:
        """Start the process, and put what will go wrong on the agenda."""
        for outage in self.plan.outages:
            self._timeline.at(outage.begin, partial(self._outage, outage))
        for restart in self.plan.restarts:
            self._timeline.at(restart.at, partial(self._restart, restart))
        self._start()

    def run_until(self, when: float) -> None:
        """Let everything happen until then, however often the process dies of it."""
        while self._timeline.now() < when:
            try:
                self._timeline.run_until(when)
            except Killed:
                self._bury()
            except StoreUnavailable:
                # On its way out after being killed, some code found the store closed before it saw the end coming.
                if self.process is not None and self.process.alive:
                    raise
                self._bury()

    def close(self) -> None:
        """The end of the simulation."""
        if self.process is not None:
            self.process.kill()

    def receive(self, notification: Mapping[str, object]) -> bool:
        """Strava posts a notification; whether it is stored when this returns. Raises Killed."""
        if self.process is None or not self.process.alive:
            return False
        self.touch()
        self.process.receive(notification)
        return True

    def connected(self, athlete: int, pair: TokenPair) -> None:
        """An athlete has given consent in Splunk Web: row and tokens are saved, the process reads them soon."""
        who = self._world.athletes[athlete]
        now = self.clock.now()
        left = pair.expires_at - self._timeline.now()
        self.tokens.tokens[who.id] = Tokens(Secret(pair.access_token), Secret(pair.refresh_token), int(now + left))
        row = Athlete(
            name=who.name,
            athlete_id=who.id,
            application=INPUT.application,
            scopes=frozenset(self._world.people[athlete].scope.split(",")),
            connected_at=f"{now:.3f}",
        )
        settings = self._settings
        self._settings = Settings(
            applications=settings.applications,
            athletes={**settings.athletes, who.id: row},
            advanced=settings.advanced,
        )
        if self.process is not None:
            self._timeline.after(_SETTINGS_EVERY / 2, self._settings_read)

    def touch(self) -> None:
        """The process touches the world around it. Raises Killed when its time has come."""
        if self._dies_in is None or self.process is None or not self.process.alive:
            return
        self._dies_in -= 1
        if self._dies_in <= 0:
            self._die()

    # The user's messages: a ``Problems``.

    def report(self, topic: str, text: str) -> None:
        """Count what the user is told."""
        self.told[topic.partition("_")[0]] += 1

    def resolved(self, topic: str) -> None:
        """Nobody reads them here."""

    # Ends and beginnings.

    def _start(self) -> None:
        self.down.append((self._down_since, self._timeline.now()))
        self.process = InputProcess(self._around)

    def _restart(self, restart: Restart) -> None:
        if self.process is None or not self.process.alive or self._dies_in is not None:
            return
        if restart.dies_after is None:
            self._comes_back_after = restart.down
            self.happened["clean restarts"] += 1
            self.process.stop(impatient=restart.impatient, stopped=self._bury)
        else:
            self._dies_in, self._comes_back_after = restart.dies_after, restart.down
            self._timeline.after(_CRASH_PATIENCE, partial(self._die_at_rest, self.process))

    def _die_at_rest(self, process: InputProcess) -> None:
        if self.process is process and process.alive and self._dies_in is not None:
            self.happened["crashes at rest"] += 1
            self._die()

    def _die(self) -> None:
        assert self.process is not None
        self._dies_in = None
        self.happened["crashes"] += 1
        self.process.kill()
        raise Killed

    def _bury(self) -> None:
        """The process is gone; splunkd starts another one after a while."""
        if self.process is None:
            return
        self._dies_in = None
        self.idle_wakes += self.process.idle_wakes
        self.process = None
        self._down_since = self._timeline.now()
        for athlete, newest in self._world.newest_tokens.items():
            stored = self.tokens.tokens.get(self._world.athletes[athlete].id)
            if (
                stored is not None
                and stored.refresh_token.reveal() != newest.refresh_token
                and not self._world.is_barred(athlete)
            ):
                # The one thing that a crash can lose: Strava had rotated the refresh token, and we had not saved it.
                self.happened["refresh tokens lost"] += 1
                self._world.bar(athlete, self._timeline.now())
                back = min(self._timeline.now() + _ATHLETE_PATIENCE, max(self._case.end, self._timeline.now() + HOUR))
                self._timeline.at(back, partial(self._world.connect, athlete))
        self._timeline.after(self._comes_back_after, self._start)

    # What happens meanwhile.

    def _during_call(self, seconds: float) -> None:
        assert self.process is not None
        self.process.during_call(seconds)

    def _settings_read(self) -> None:
        if self.process is not None and self.process.alive:
            self.process.settings_changed()

    def _outage(self, outage: Outage) -> None:
        self.happened["outages of Strava"] += 1
        fault: Fault = self._world.strava.faults.outage(outage.what, path=outage.path)
        self._timeline.at(outage.end, fault.end)

    def _fetched(self, activity_id: int, activity: Mapping[str, object]) -> None:
        """Note which notifications need no event, because the index shows already what Strava answers."""
        if self.index.shown(activity_id) == content_of(activity):
            for change in self._world.by_id[activity_id].changes:
                if change.parcel is not None and change.parcel.shown_at is None:
                    change.parcel.nothing_new = True

    def _written(self, version: Version) -> None:
        """Note which notifications are answered by an event."""
        recorded = self._world.by_id[version.activity_id]
        now = self._timeline.now()
        as_of = self.wire.seen_at.get(version.activity_id, 0.0)
        for change in recorded.changes:
            parcel = change.parcel
            if parcel is None or parcel.shown_at is not None or parcel.nothing_new:
                continue
            if version.content is None:
                if parcel.notification["aspect_type"] == "delete":
                    parcel.shown_at, parcel.by_tombstone = now, True
            elif change.at <= as_of:
                # Perhaps before the notification arrived: an earlier one had led to a fetch that shows the change too.
                parcel.shown_at = now


class _TokenStore:
    """splunkd's password storage."""

    def __init__(self, host: Host, errors: float, rng: random.Random) -> None:
        self._host = host
        self._errors = errors
        self._rng = rng
        self.tokens: dict[int, Tokens] = {}

    def load(self, athlete_id: int) -> Optional[Tokens]:
        self._try()
        return self.tokens.get(athlete_id)

    def save(self, athlete_id: int, tokens: Tokens) -> None:
        self._host.touch()
        self._try()
        self.tokens[athlete_id] = tokens

    def forget(self, athlete_id: int) -> None:
        self._try()
        self.tokens.pop(athlete_id, None)

    def _try(self) -> None:
        if self._rng.random() < self._errors:
            raise TokenStoreUnavailable("splunkd did not answer.")
