"""What people are told of an input's lists: how far history has come, and what the webhook has missed."""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import datetime, timezone

from strava_collector import ownership
from strava_collector.allowance import Allowance
from strava_collector.clock import Clock
from strava_collector.fetcher import Connection
from strava_collector.logfmt import line
from strava_collector.ports import Problems
from strava_collector.progress import COMPLETE, Progress, estimate, progress
from strava_collector.settings import Settings
from strava_collector.store import misses, walks
from strava_collector.store.database import Database
from strava_collector.store.misses import Day
from strava_collector.store.sqlite import Transaction

log = logging.getLogger(__name__)

#: Between two looks, in seconds.
LOOK_EVERY = 60.0
#: The state of each athlete's history is told so often while it changes, in seconds; sooner until it is complete.
TELL_EVERY = 3600.0
TELL_EVERY_UNTIL_COMPLETE = 300.0

WEBHOOK_DEAD = (
    "Strava's webhook seems dead: lists have shown at least 3 activities or changes that it should have announced to "
    "the input “{owner}”, and no notification has arrived since {since}. Lists find what it misses, only later. Run "
    "the set-up check (Configuration → Set-up check): its lines “callback” and “subscription” say what is in the way."
)


class ListWatch:
    """Looks at what the lister of one input has done."""

    def __init__(self, input_name: str, *, database: Database, clock: Clock, bulletin: Problems) -> None:
        self._input = input_name
        self._database = database
        self._clock = clock
        self._bulletin = bulletin
        self._allowance = Allowance(clock)
        self._due = self._tell_due = float("-inf")
        #: By athlete, what was told last, and how far the lists had come.
        self._told: dict[int, Progress] = {}
        #: By owner, the day that was looked at last, and what had been missed.
        self._missed: dict[str, tuple[float, Day]] = {}

    def look(self, settings: Settings, connection: Connection) -> None:
        """Tell what is new. Raises StoreUnavailable."""
        if self._clock.monotonic() < self._due:
            return
        self._due = self._clock.monotonic() + LOOK_EVERY
        with self._database.write() as tx:
            misses.settle(tx, self._clock.now())
        with self._database.read() as tx:
            self._tell_misses(tx, settings)
        if self._clock.monotonic() >= self._tell_due:
            is_complete = self._tell_progress(settings, connection)
            self._tell_due = self._clock.monotonic() + (TELL_EVERY if is_complete else TELL_EVERY_UNTIL_COMPLETE)

    def has_moved(self, athlete_id: int, *, complete: bool) -> None:
        """A page of the athlete's list has been taken in; ``complete`` if a walk through window or history ended.

        What is told changes much with the first page and with the last, so it is told at the next look.
        """
        told = self._told.get(athlete_id)
        if told is None or (complete and told.lists != COMPLETE):
            self._tell_due = float("-inf")

    def _tell_progress(self, settings: Settings, connection: Connection) -> bool:
        """Tell what has changed; return whether nothing is left to do."""
        now = self._clock.now()
        is_complete = True
        said: dict[int, str] = {}
        with self._database.read() as tx:
            for one in walks.listed(tx):
                if one.about.input != self._input or one.athlete_id not in settings.athletes:
                    continue
                found = progress(tx, one)
                is_complete = is_complete and found.lists == COMPLETE and not found.waiting
                words = ""
                if found.waiting:
                    client_id = connection.application.client_id
                    words = estimate(tx, self._allowance, client_id, settings.advanced, one.about.owner, now)
                said[one.athlete_id] = words
                if self._told.get(one.athlete_id) != found:
                    self._told[one.athlete_id] = found
                    log.info(line("history", athlete_id=one.athlete_id, **asdict(found), estimate=words or None))
        with self._database.write() as tx:
            for athlete_id, words in said.items():
                walks.say(tx, athlete_id, words, now)
        return is_complete

    def _tell_misses(self, tx: Transaction, settings: Settings) -> None:
        now = self._clock.now()
        silent = []
        for owner in self._webhooks(settings):
            today = misses.on_day(tx, now, input=owner)
            before = self._missed.get(owner)
            if before is not None and now // 86_400 > before[0] // 86_400:
                self._say(owner, before[0], misses.on_day(tx, before[0], input=owner))
                before = None
            if today.all and (before is None or before[1] != today):
                self._say(owner, now, today)
            self._missed[owner] = (now, today)
            since = misses.silent_since(tx, owner, now)
            if since <= now:
                silent.append(WEBHOOK_DEAD.format(owner=owner, since=_utc(since)))
        if silent:
            self._bulletin.report("missed", " ".join(silent))
        else:
            self._bulletin.resolved("missed")

    def _say(self, owner: str, at: float, day: Day) -> None:
        log.info(
            line(
                "missed_by_webhook",
                input=owner,
                day=_utc(at)[:10],
                n=day.all,
                new=day.new,
                changed=day.changed,
                deleted=day.deleted,
            )
        )

    def _webhooks(self, settings: Settings) -> list[str]:
        """The owners that hear of changes, among those of the athletes who are listed here."""
        owners = (ownership.owner_of(athlete, settings) for athlete in ownership.listed_by(self._input, settings))
        return sorted({owner.name for owner in owners if owner is not None and owner.hears_of_changes})


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
