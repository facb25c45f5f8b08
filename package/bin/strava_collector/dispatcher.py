"""From the inbox to events and jobs: records each notification and carries out what follows from it.

A batch goes in three steps: one transaction decides and enqueues, then the events are written, then a second
transaction notes that they are out. A crash in between repeats the events, it loses none.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Callable, Optional

from strava_collector.clock import Clock
from strava_collector.errors import CollectorError
from strava_collector.events import Event, Tombstone, notification_event, tombstone_event
from strava_collector.log_file import info_together
from strava_collector.logfmt import line
from strava_collector.notification_effects import Effect, Effects, known_athletes
from strava_collector.notification_rules import Hold
from strava_collector.ownership import LeftOut
from strava_collector.settings import CollectorInput, Settings
from strava_collector.store import counters, inbox, ledger, replay, subscriptions
from strava_collector.store.counters import Counted
from strava_collector.store.database import Database, Transaction
from strava_collector.store.inbox import State, Stored
from strava_collector.writer import Writer

log = logging.getLogger(__name__)

#: Notifications that are dispatched together. As long as that transaction takes, none is answered
#: (docs/decisions/0014-short-transactions.md).
TOGETHER = 20

#: Rows that another transaction writes.
BATCH = 200

#: Seconds between two lines in the log about the same thing that strangers do.
TOLD_EVERY = 60.0


class Dispatcher:
    """Works through one input's inbox in the order of arrival."""

    def __init__(
        self,
        collector_input: CollectorInput,
        *,
        database: Database,
        writer: Writer,
        clock: Clock,
        settings: Callable[[], Optional[Settings]],
        stranger: Callable[[], None] = lambda: None,
        foreign: Callable[[], None] = lambda: None,
        left_out: Optional[LeftOut] = None,
    ) -> None:
        """``stranger`` is called when a notification of an athlete arrives who is not connected.

        ``foreign`` is called when one is held because its subscription is not known to be the application's.
        """
        self._input = collector_input
        self._source = collector_input.source
        self._left_out = left_out or LeftOut(collector_input, settings)
        self._database = database
        self._writer = writer
        self._clock = clock
        self._settings = settings
        self._stranger = stranger
        self._foreign = foreign
        self._released: frozenset[int] = frozenset()
        self._subscription: Optional[int] = None
        #: Of each thing that strangers do: how many have not been told yet, and when it was told last (monotonic).
        self._untold: Counter[str] = Counter()
        self._told_at: dict[str, float] = {}

    def dispatch(self) -> int:
        """Dispatch one batch and return how many notifications and repeated tombstones it had.

        Does nothing until the settings have been read and have the input's application: who the athletes are, and
        which subscription is ours, decides what a notification means. Raises StoreUnavailable and OutputClosed; what
        was not finished is dispatched again.
        """
        settings = self._settings()
        if settings is None or self._input.application not in settings.applications:
            return 0
        self._release_held(settings)
        with self._database.read() as tx:
            is_any = bool(inbox.waiting(tx, self._input.name, limit=1))
            is_replay = bool(replay.tombstones_to_replay(tx, input=self._input.name, limit=1))
        return (self._dispatch_batch(settings) if is_any else 0) + (self._replay_tombstones() if is_replay else 0)

    def _dispatch_batch(self, settings: Settings) -> int:
        try:
            return self._dispatch(settings, lambda tx: inbox.waiting(tx, self._input.name, TOGETHER))
        except CollectorError:
            raise
        except Exception as error:
            log.exception(line("batch_failed_unexpectedly", error=type(error).__name__))
        return self._dispatch_singly(settings)

    def _dispatch_singly(self, settings: Settings) -> int:
        """Dispatch a batch one by one, until one fails again: that is set aside, so that the others get their turn."""
        with self._database.read() as tx:
            ids = [stored.id for stored in inbox.waiting(tx, self._input.name, TOGETHER)]
        for number, one in enumerate(ids, start=1):
            try:
                self._dispatch(settings, partial(inbox.waiting_one, notification_id=one))
            except CollectorError:
                raise
            except Exception as error:
                self._set_aside(one, error)
                return number
        return len(ids)

    def _set_aside(self, notification_id: int, error: Exception) -> None:
        name = type(error).__name__
        log.exception(line("notification_set_aside", notification_id=notification_id, error=name))
        reason = (
            f"The add-on failed twice to dispatch this notification ({name}), so it was set aside. Look for "
            "notification_set_aside in the log; when the cause is gone, retry it."
        )
        with self._database.write() as tx:
            inbox.mark(tx, [notification_id], State.DEAD_LETTER, reason=reason, now=self._clock.now())
            counters.count(tx, input=self._input.name, name=Counted.SET_ASIDE)

    def _dispatch(self, settings: Settings, read: Callable[[Transaction], list[Stored]]) -> int:
        with self._writer.turn():
            with self._database.write() as tx:
                now = self._clock.now()
                decided = Effects(tx, collector_input=self._input, settings=settings, now=now)
                batch = [self._as_it_may_be_kept(stored) for stored in read(tx)]
                effects = [effect for effect in map(decided.add, batch) if effect is not None]
                decided.close()
            self._log(decided, effects)
            written: list[Effect] = []
            try:
                for effect in effects:
                    self._write(effect, settings)
                    written.append(effect)
            finally:
                # Also those before one that fails: they need not be repeated because of it.
                self._conclude(written)
        held = {effect.hold for effect in effects}.union(decided.dropped)
        if Hold.UNKNOWN_ATHLETE in held:
            self._stranger()
        if Hold.FOREIGN_SUBSCRIPTION in held:
            self._foreign()
        return len(batch)

    def _as_it_may_be_kept(self, stored: Stored) -> Stored:
        """It may have arrived before the user wanted something to be left out, or at another input."""
        return replace(stored, notification=stored.notification.without(self._left_out.of_all()))

    def _log(self, decided: Effects, effects: list[Effect]) -> None:
        info_together(log, [effect.log_line for effect in effects if effect.log_line is not None])
        dropped = self._to_be_told("dropped", sum(decided.dropped.values()))
        if dropped:
            log.warning(
                line(
                    "dropped",
                    input=self._input.name,
                    notifications=dropped,
                    hint="Too many notifications are held of athletes who are not connected, or of a subscription "
                    "that is not the application's. These were not kept.",
                )
            )
        contradicted = self._to_be_told("contradicted", decided.contradicted)
        if contradicted:
            log.warning(
                line(
                    "owner_contradicted",
                    input=self._input.name,
                    notifications=contradicted,
                    hint="They name an owner whose the object is not. Somebody may be forging notifications.",
                )
            )

    def _to_be_told(self, what: str, notifications: int) -> int:
        """Add these to those that have not been told yet, and return how many to tell of now.

        None, if others were told of within the minute: strangers must not be able to fill the log. The counters have
        all.
        """
        self._untold[what] += notifications
        now = self._clock.monotonic()
        if not self._untold[what] or now < self._told_at.get(what, float("-inf")) + TOLD_EVERY:
            return 0
        self._told_at[what] = now
        return self._untold.pop(what)

    def _write(self, effect: Effect, settings: Settings) -> None:
        if effect.event:
            self._writer.write(self._event(effect.stored, settings))
        for grave in effect.tombstones:
            self._writer.write(tombstone_event(grave, self._source))
        # Not confirmed yet: should the delete turn out to be forged, the index has a newer version at that place.

    def _conclude(self, effects: list[Effect]) -> None:
        if not effects:
            return
        now = self._clock.now()
        with self._database.write() as tx:
            for effect in effects:
                ledger.left(tx, effect.tombstones)
            for why in Hold:
                held = [effect.stored.id for effect in effects if effect.hold is why]
                inbox.mark(tx, held, State.HELD, recorded=True, reason=why.value, now=now)
            others = [effect.stored.id for effect in effects if effect.hold is None]
            inbox.mark(tx, others, State.DISPATCHED, recorded=True, now=now)

    def _release_held(self, settings: Settings) -> None:
        """What was held for an athlete who has connected since, or for our subscription, is dispatched now."""
        name, application, now = self._input.name, settings.applications[self._input.application], self._clock.now()
        with self._database.read() as tx:
            ours = known_athletes(tx, settings, application.name)
            subscription = subscriptions.known(tx, application.client_id)
        if ours - self._released:
            self._release(
                lambda tx: inbox.release_held(tx, name, sorted(ours), now=now, limit=BATCH), "unknown athlete"
            )
        self._released = ours
        if subscription is not None and subscription != self._subscription:
            self._release(
                lambda tx: inbox.release_foreign(tx, name, subscription, now=now, limit=BATCH), "foreign subscription"
            )
        self._subscription = subscription

    def _release(self, release: Callable[[Transaction], int], why: str) -> None:
        released, last = 0, BATCH
        while last == BATCH:
            with self._database.write() as tx:
                last = release(tx)
            released += last
        if released:
            log.info(line("released_held", notifications=released, reason=why))

    def _replay_tombstones(self) -> int:
        """Write tombstones again that an operator has asked for, with the times that they had."""
        with self._writer.turn():
            with self._database.read() as tx:
                tombstones = replay.tombstones_to_replay(tx, input=self._input.name, limit=BATCH)
            written: list[Tombstone] = []
            try:
                for grave in tombstones:
                    self._replay(grave)
                    written.append(grave)
            finally:
                with self._database.write() as tx:
                    replay.tombstones_replayed(tx, written)
        log.info(line("tombstones_replayed", input=self._input.name, tombstones=len(tombstones)))
        return len(tombstones)

    def _replay(self, grave: Tombstone) -> None:
        try:
            self._writer.write(tombstone_event(grave, self._source))
        except CollectorError:
            raise
        except Exception as error:
            # It was written once, so nothing depends on this one.
            log.exception(line("tombstone_not_replayed", activity_id=grave.activity_id, error=type(error).__name__))

    def _event(self, stored: Stored, settings: Settings) -> Event:
        notification = stored.notification
        athlete = settings.athletes.get(notification.owner_id)
        return notification_event(
            notification.body,
            event_time=notification.event_time,
            received_at=stored.received_at,
            index=(athlete.index if athlete else None) or self._input.index,
            source=self._source,
        )
