"""From the inbox to events and jobs: records each notification and carries out what follows from it.

A batch goes in three steps: one transaction decides and enqueues, then the events are written, then a second
transaction notes that they are out. A crash in between repeats the events, it loses none.
"""

from __future__ import annotations

import logging
from typing import Callable, Optional

from strava_collector.clock import Clock
from strava_collector.errors import CollectorError
from strava_collector.events import Event, Tombstone, notification_event, tombstone_event
from strava_collector.job import Kind, Reason
from strava_collector.logfmt import line
from strava_collector.notification_rules import consequence, happened_at
from strava_collector.settings import Settings, WebhookInput
from strava_collector.store import inbox, ledger, queue
from strava_collector.store.database import Database, Transaction
from strava_collector.store.inbox import State, Stored
from strava_collector.writer import Writer

log = logging.getLogger(__name__)

#: Notifications that are dispatched together.
BATCH = 200


class Dispatcher:
    """Works through one input's inbox in the order of arrival."""

    def __init__(
        self,
        webhook_input: WebhookInput,
        *,
        database: Database,
        writer: Writer,
        clock: Clock,
        settings: Callable[[], Optional[Settings]],
        stranger: Callable[[], None] = lambda: None,
    ) -> None:
        """``stranger`` is called when a notification of an athlete arrives who is not in the settings."""
        self._input = webhook_input
        self._source = f"strava_webhook://{webhook_input.name}"
        self._database = database
        self._writer = writer
        self._clock = clock
        self._settings = settings
        self._stranger = stranger
        self._released: frozenset[int] = frozenset()

    def dispatch(self) -> int:
        """Dispatch one batch and return how many notifications it had.

        Does nothing until the settings have been read: who the athletes are decides what a notification means.
        Raises StoreUnavailable and OutputClosed; what was not finished is dispatched again.
        """
        settings = self._settings()
        if settings is None:
            return 0
        self._release_held(settings)
        with self._database.read() as tx:
            if not inbox.waiting(tx, self._input.name, limit=1):
                return 0
        try:
            return self._dispatch(settings, BATCH)
        except CollectorError:
            raise
        except Exception as error:
            log.exception(line("batch_failed_unexpectedly", error=type(error).__name__))
        return self._dispatch_first(settings)

    def _dispatch_first(self, settings: Settings) -> int:
        """Dispatch the oldest one alone; if it fails again, set it aside, so that the others get their turn."""
        try:
            return self._dispatch(settings, 1)
        except CollectorError:
            raise
        except Exception as error:
            with self._database.write() as tx:
                (stored,) = inbox.waiting(tx, self._input.name, limit=1)
                inbox.mark(tx, [stored.id], State.DISPATCHED, recorded=True, now=self._clock.now())
            log.exception(line("notification_set_aside", notification_id=stored.id, error=type(error).__name__))
        return 1

    def _dispatch(self, settings: Settings, limit: int) -> int:
        with self._writer.turn():
            with self._database.write() as tx:
                batch = inbox.waiting(tx, self._input.name, limit)
                tombstones = [grave for stored in batch for grave in self._decide(tx, stored, settings)]
            for stored in batch:
                if not stored.recorded:
                    self._writer.write(self._event(stored, settings))
            for grave in tombstones:
                self._writer.write(tombstone_event(grave, self._source))
            with self._database.write() as tx:
                self._conclude(tx, batch, tombstones, settings)
        return len(batch)

    def _decide(self, tx: Transaction, stored: Stored, settings: Settings) -> tuple[Tombstone, ...]:
        """Enqueue what follows from a notification and return the tombstones that have to be written."""
        notification = stored.notification
        activity_id, now = notification.object_id, self._clock.now()
        known = ledger.find(tx, activity_id)
        if stored.state is State.DISPATCHING:
            # Decided before a crash. Its tombstones are still marked as leaving; the job has joined already.
            return ledger.place_tombstones(tx, activity_id=activity_id, now=now) if known and known.deleted else ()
        if stored.recorded and queue.fetch_begun_since(tx, activity_id, notification.owner_id, stored.received_at):
            # A redelivery, or one released from being held, and the activity was looked at since.
            inbox.mark(tx, [stored.id], State.DISPATCHING, now=now)
            return ()
        event_time = happened_at(notification, stored.received_at)
        what = consequence(
            notification,
            event_time=event_time,
            athlete_known=self._is_ours(notification.owner_id, settings),
            newest_event_time=known.event_time if known else None,
        )
        inbox.mark(tx, [stored.id], State.DISPATCHING, now=now)
        log.info(
            line(
                "dispatched",
                notification_id=stored.id,
                activity_id=activity_id if notification.object_type == "activity" else None,
                athlete_id=notification.owner_id,
                aspect=notification.aspect_type,
                meaning=what.meaning,
                waited=max(0.0, now - stored.received_at),
            )
        )
        if what.fetch is None:
            return ()
        if known is not None and known.start_date is not None and known.athlete_id != notification.owner_id:
            # The ledger has it from Strava itself whose activity it is.
            log.warning(line("owner_contradicted", notification_id=stored.id, activity_id=activity_id))
            return ()
        ledger.note_event(
            tx,
            activity_id=activity_id,
            athlete_id=notification.owner_id,
            event_time=event_time,
            deletes=notification.aspect_type == "delete",
            announced_at=stored.received_at if notification.aspect_type == "create" else None,
            now=now,
        )
        queue.join(
            tx,
            kind=Kind.ACTIVITY,
            activity_id=activity_id,
            athlete_id=notification.owner_id,
            input=self._input.name,
            reason=Reason.WEBHOOK,
            priority=what.fetch,
            force=False,
            due_at=stored.received_at + settings.advanced.settle_time,
            now=now,
        )
        return ledger.place_tombstones(tx, activity_id=activity_id, now=now) if what.tombstone else ()

    def _conclude(self, tx: Transaction, batch: list[Stored], tombstones: list[Tombstone], settings: Settings) -> None:
        now = self._clock.now()
        ledger.left(tx, tombstones)
        held = [
            stored.id
            for stored in batch
            if stored.notification.object_type == "activity"
            and not self._is_ours(stored.notification.owner_id, settings)
        ]
        inbox.mark(tx, held, State.HELD, recorded=True, now=now)
        if held:
            self._stranger()
        others = [stored.id for stored in batch if stored.id not in set(held)]
        inbox.mark(tx, others, State.DISPATCHED, recorded=True, now=now)

    def _release_held(self, settings: Settings) -> None:
        """What was held for an athlete who has connected since is dispatched now."""
        ours = frozenset(athlete for athlete in settings.athletes if self._is_ours(athlete, settings))
        if ours - self._released:
            with self._database.write() as tx:
                released = inbox.release_held(tx, self._input.name, ours)
            if released:
                log.info(line("released_held", notifications=released))
        self._released = ours

    def _is_ours(self, athlete_id: int, settings: Settings) -> bool:
        athlete = settings.athletes.get(athlete_id)
        return athlete is not None and athlete.application == self._input.application

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
