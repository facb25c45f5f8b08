"""The host of the input: what outlives its process, and what becomes of the process."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Callable, Optional

from sandbox.simulation.case import DAY, HOUR, START, Case
from sandbox.simulation.content import content_of
from sandbox.simulation.gaps import Gaps
from sandbox.simulation.index import Index, Sink, Version
from sandbox.simulation.input_process import INPUT, InputProcess, Surroundings
from sandbox.simulation.life import Life
from sandbox.simulation.listing_process import LISTS, ListingProcess
from sandbox.simulation.misfortunes import Misfortunes, Outage
from sandbox.simulation.runner import P, Runner
from sandbox.simulation.timeline import Timeline, WrongClock
from sandbox.simulation.wire import API_URL, OAUTH_URL, Wire
from sandbox.simulation.world import World
from sandbox.strava import Fault, TokenPair
from sandbox.strava.exchange import Call
from strava_collector.bulletin import Bulletin
from strava_collector.fetcher import Connection
from strava_collector.oauth import OAuth, Tokens
from strava_collector.secret import Secret
from strava_collector.settings import Application, Athlete, EnabledActivities, EnabledInput, Settings
from strava_collector.store.database import Database
from strava_collector.strava_api import StravaApi
from strava_collector.token_keeper import TokenStoreUnavailable

#: The service looks whether the store's bell has rung every second, and reads its settings every minute.
_BELL_EVERY = 1.0
_SETTINGS_EVERY = 60.0
#: When an athlete connects again whose tokens a crash has lost.
_ATHLETE_PATIENCE = DAY


class Host:
    """Runs the input from one end to the next."""

    def __init__(
        self,
        case: Case,
        timeline: Timeline,
        world: World,
        plan: Misfortunes,
        folder: Path,
        *,
        is_watched: bool = False,
    ) -> None:
        """``is_watched``: somebody reads the log, so it has what waits and what users are told as the service says it."""
        self._case = case
        self._is_watched = is_watched
        self._timeline = timeline
        self._world = world
        self.plan = plan
        self.clock = WrongClock(timeline, plan.clock_offset)
        self.idle_wakes = 0
        self.happened: Counter[str] = Counter()
        #: Of the process that fetches; each has its own.
        self._bulletin = Bulletin(_NoMessages(), INPUT.name)
        #: What the user was told, by topic, and how often.
        self.told: Counter[str] = Counter()
        self.collector: Runner[InputProcess] = Runner(
            timeline, self._make_collector, happened=self.happened, buried=self._collector_ended
        )
        #: Lists what there was before, and what no notification told; only if there is a history.
        self.lister: Runner[ListingProcess] = Runner(
            timeline, self._make_lister, happened=self.happened, buried=lambda process: self._miss_tokens(self._lists)
        )
        self.stored_tokens: dict[int, Tokens] = {}
        self.index = Index(timeline, self._written)
        self.gaps = Gaps(timeline, world, self.index)
        #: When an activity was first shown, and when Strava first answered with it in full; by its id.
        self.first_shown: dict[int, float] = {}
        self.first_fetch: dict[int, float] = {}
        #: How many of history's jobs could still be done at the end of each day from the begin.
        self.work_left: dict[int, int] = {}
        #: The judge's own look at the store.
        self.store = Database(folder, clock=self.clock)
        self.wire = Wire(
            timeline,
            world,
            self.clock,
            plan,
            case.seed,
            self.collector.wait,
            self.collector.touch,
            self._fetched,
            self._is_history,
        )
        # Counts what it counts together with the other one.
        self._lists = replace(self.wire, wait=self.lister.wait, touch=self.lister.touch, received={})
        self._application = Application(
            INPUT.application, str(world.application.client_id), Secret(world.application.client_secret)
        )
        self._settings = Settings(
            applications={INPUT.application: self._application},
            enabled_inputs=(EnabledInput(INPUT.name, INPUT.application, str(INPUT.port), INPUT.index),),
            enabled_activities=(EnabledActivities(LISTS.name, LISTS.application, index=LISTS.index),)
            if case.lists
            else (),
        )
        self._folder = folder
        self._collector_around = self._around(self.collector, self.wire, "")
        self._lister_around = self._around(self.lister, self._lists, "lists ")

    def _around(self, runner: Runner[P], wire: Wire, whose: str) -> Surroundings:
        """What a process finds on its host."""
        errors, rng = self.plan.token_store_errors, random.Random(f"{whose}tokens {self._case.seed}")
        api, oauth = StravaApi(wire, API_URL), OAuth(wire, OAUTH_URL, self.clock)
        return Surroundings(
            timeline=self._timeline,
            clock=self.clock,
            folder=self._folder,
            tokens=_TokenStore(self.stored_tokens, runner.touch, errors, rng),
            sink=Sink(self.index, runner.touch),
            bulletin=self,
            connection=Connection(self._application, api, oauth),
            settings=lambda: self._settings,
            jitter=random.Random(f"{whose}jitter {self._case.seed}"),
            looks_around=self._case.lists,
            is_watched=self._is_watched,
        )

    def begin(self) -> None:
        """Start the process, and put what will go wrong on the agenda."""
        for outage in self.plan.outages:
            self._timeline.at(outage.begin, partial(self._outage, outage))
        self.collector.begin(self.plan.restarts)
        if self._case.lists:
            self.lister.begin(self.plan.lister_restarts)
            self._timeline.after(DAY - 1.0, self._day_ends)

    def close(self) -> None:
        """The end of the simulation."""
        self.collector.close()
        self.lister.close()
        self.store.close()

    def receive(self, notification: Mapping[str, object]) -> bool:
        """Strava posts a notification; whether it is stored when this returns."""
        stored = False

        def store(process: InputProcess) -> None:
            nonlocal stored
            self.collector.touch()
            process.receive(notification)
            stored = True

        self.collector.enter(store)
        return stored

    def connected(self, athlete: int, pair: TokenPair) -> None:
        """An athlete has given consent in Splunk Web: row and tokens are saved, the process reads them soon."""
        who = self._world.athletes[athlete]
        now = self.clock.now()
        left = pair.expires_at - self._timeline.now()
        self.stored_tokens[who.id] = Tokens(Secret(pair.access_token), Secret(pair.refresh_token), int(now + left))
        row = Athlete(
            name=who.name,
            athlete_id=who.id,
            application=INPUT.application,
            scopes=frozenset(self._world.people[athlete].scope.split(",")),
            connected_at=f"{now:.3f}",
        )
        self._settings = replace(self._settings, athletes={**self._settings.athletes, who.id: row})
        if self.collector.process is not None:
            self._timeline.after(_SETTINGS_EVERY / 2, lambda: self.collector.enter(InputProcess.settings_changed))

    # The user's messages: a ``Problems``.

    def report(self, topic: str, text: str) -> None:
        """Count what the user is told, and say it in the log as the service does."""
        self.told[topic.partition("_")[0]] += 1
        if self._is_watched:
            self._bulletin.report(topic, text)

    def resolved(self, topic: str) -> None:
        """Nobody reads them here, but perhaps the log."""
        if self._is_watched:
            self._bulletin.resolved(topic)

    # Ends and beginnings.

    def _make_collector(self, life: Life) -> InputProcess:
        self._bulletin = Bulletin(_NoMessages(), INPUT.name)
        return InputProcess(self._collector_around, life)

    def _make_lister(self, life: Life) -> ListingProcess:
        return ListingProcess(self._lister_around, life, found=self._found)

    def _found(self, urgent: bool) -> None:
        """A list has been read: the owner's process is told by the bell, or finds what there is with its settings."""
        pause = _BELL_EVERY if urgent else _SETTINGS_EVERY
        self._timeline.after(pause, lambda: self.collector.enter(InputProcess.look_for_work))

    def _collector_ended(self, process: InputProcess) -> None:
        self.idle_wakes += process.idle_wakes
        self._miss_tokens(self.wire)

    def _miss_tokens(self, wire: Wire) -> None:
        """The one thing that a crash can lose: Strava had rotated a refresh token, and it was not saved yet."""
        for athlete, received in wire.received.items():
            newest = self._world.newest_tokens[athlete].refresh_token
            stored = self.stored_tokens.get(self._world.athletes[athlete].id)
            if (
                stored is not None
                and newest == received != stored.refresh_token.reveal()
                and not self._world.is_barred(athlete)
            ):
                self.happened["refresh tokens lost"] += 1
                self._world.bar(athlete, self._timeline.now())
                back = min(self._timeline.now() + _ATHLETE_PATIENCE, max(self._case.end, self._timeline.now() + HOUR))
                self._timeline.at(back, partial(self._world.connect, athlete))
        wire.received.clear()

    # What happens meanwhile.

    def _day_ends(self) -> None:
        barred = [
            self._world.athletes[who.number].id for who in self._world.people if self._world.is_barred(who.number)
        ]
        with self.store.read() as tx:
            row = tx.execute(
                "SELECT COUNT(*) AS n FROM job WHERE status = 'pending' AND priority = 2 AND athlete_id NOT IN"
                f" ({','.join(map(str, barred))})"
            ).fetchone()
        self.work_left[int((self._timeline.now() - START) // DAY)] = row["n"]
        self._timeline.after(DAY, self._day_ends)

    def _is_history(self, call: Call) -> bool:
        """As the reservation says under which the call is made."""
        with self.store.read() as tx:
            if call.path.startswith("/api/v3/activities/"):
                row = tx.execute(
                    "SELECT background FROM reservation JOIN job ON job.lease_id = reservation.lease_id"
                    " WHERE job.activity_id = ? AND job.status = 'working'",
                    (int(call.path.split("/")[4]),),
                ).fetchone()
            else:
                lists = call.path == "/api/v3/athlete/activities"
                row = tx.execute(
                    "SELECT background FROM reservation WHERE lease_id = ?",
                    (f"lists of {LISTS.name}" if lists else f"profiles of {INPUT.name}",),
                ).fetchone()
        return row is not None and bool(row["background"])

    def _outage(self, outage: Outage) -> None:
        self.happened["outages of Strava"] += 1
        fault: Fault = self._world.strava.faults.outage(outage.what, path=outage.path)
        self._timeline.at(outage.end, fault.end)

    def _fetched(self, activity_id: int, activity: Mapping[str, object]) -> None:
        """Note which notifications need no event, because the index shows already what Strava answers."""
        self.first_fetch.setdefault(activity_id, self._timeline.now())
        if self.index.shown(activity_id) == content_of(activity):
            for change in self._world.by_id[activity_id].changes:
                if change.parcel is not None and change.parcel.shown_at is None:
                    change.parcel.nothing_new = True

    def _written(self, version: Version) -> None:
        """Note which notifications are answered by an event."""
        recorded = self._world.by_id[version.activity_id]
        self.gaps.written(recorded)
        now = self._timeline.now()
        self.first_shown.setdefault(version.activity_id, now)
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


class _NoMessages:
    """Splunk Web's menu, which nobody opens."""

    def post(self, name: str, text: str, severity: str) -> None:
        """Nobody reads it."""

    def clear(self, name: str) -> None:
        """Nobody has read it."""


class _TokenStore:
    """splunkd's password storage, as a process reaches it."""

    def __init__(self, tokens: dict[int, Tokens], touch: Callable[[], None], errors: float, rng: random.Random) -> None:
        self._tokens = tokens
        self._touch = touch
        self._errors = errors
        self._rng = rng

    def load(self, athlete_id: int) -> Optional[Tokens]:
        self._try()
        return self._tokens.get(athlete_id)

    def save(self, athlete_id: int, tokens: Tokens) -> None:
        self._touch()
        self._try()
        self._tokens[athlete_id] = tokens

    def forget(self, athlete_id: int) -> None:
        self._try()
        self._tokens.pop(athlete_id, None)

    def _try(self) -> None:
        if self._rng.random() < self._errors:
            raise TokenStoreUnavailable("splunkd did not answer.")
