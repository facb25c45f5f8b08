"""Carries out, within one transaction, what follows from the notifications of a batch.

What they mean is decided by ``notification_rules``; here the store is asked for what those rules need to know, jobs
are enqueued, and everything is counted. What has to be written is returned, to be written after the commit.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Optional

from strava_collector import expectation
from strava_collector.events import Tombstone
from strava_collector.job import Kind, Priority, Reason
from strava_collector.logfmt import Value, line
from strava_collector.notification_rules import (
    Circumstances,
    Consequence,
    Hold,
    Meaning,
    consequence,
    happened_at,
)
from strava_collector.settings import CollectorInput, Settings
from strava_collector.store import athletes, confirmations, counters, inbox, ledger, misses, queue, subscriptions
from strava_collector.store.athletes import AthleteState
from strava_collector.store.counters import Counted
from strava_collector.store.inbox import State, Stored
from strava_collector.store.ledger import Known
from strava_collector.store.queue import Joined
from strava_collector.store.sqlite import Transaction

#: Anybody may send notifications in the name of any athlete, so only so many are held, for each reason.
MOST_HELD_PER_ATHLETE = 1_000
MOST_HELD = 10_000

#: By a notification's object: what a fetch has looked at.
_LOOKED_AT = {"activity": Kind.ACTIVITY, "athlete": Kind.ATHLETE}

#: After a claim that an athlete has left, and that Strava says is not so, the next one waits, in seconds; doubling.
SHORTEST_VAIN_PAUSE = 900.0
LONGEST_VAIN_PAUSE = 6 * 3600.0

_COUNTED = {
    Meaning.DELETED: Counted.DELETED,
    Meaning.SAME_SECOND_DELETE: Counted.SAME_SECOND_DELETE,
    Meaning.OUTDATED_DELETE: Counted.OUTDATED_DELETE,
    Meaning.NOT_FETCHED: Counted.RECORDED_ONLY,
    Meaning.RECORDED: Counted.RECORDED_ONLY,
    Meaning.DEAUTHORIZATION: Counted.DEAUTHORIZATION_CLAIMED,
    Meaning.CONTRADICTED: Counted.OWNER_CONTRADICTED,
}
_HELD = {Hold.UNKNOWN_ATHLETE: Counted.HELD, Hold.FOREIGN_SUBSCRIPTION: Counted.FOREIGN_HELD}


@dataclass(frozen=True)
class Effect:
    """What is to be written for a notification, and what becomes of it then."""

    stored: Stored
    #: Its own event is to be written.
    event: bool
    tombstones: tuple[Tombstone, ...] = ()
    hold: Optional[Hold] = None
    #: For the log, when all this is committed.
    log_line: Optional[str] = None


def known_athletes(tx: Transaction, settings: Settings, application: str) -> frozenset[int]:
    """Return the athletes who are connected to the application and have not withdrawn the permission since."""
    withdrawn = {
        found.athlete_id: found.connected_at
        for found in athletes.standings(tx)
        if found.state is AthleteState.DEAUTHORIZED
    }
    return settings.athletes_of(application) - {
        athlete_id
        for athlete_id, connected_at in withdrawn.items()
        if athlete_id in settings.athletes and settings.athletes[athlete_id].connected_at == connected_at
    }


class Effects:
    """The effects of one batch: give it the notifications in their order, then call :meth:`close`."""

    def __init__(self, tx: Transaction, *, collector_input: CollectorInput, settings: Settings, now: float) -> None:
        self._tx = tx
        self._input = collector_input
        self._settings = settings
        self._now = now
        self._athletes = known_athletes(tx, settings, collector_input.application)
        # An athlete may have moved here from another application, with notifications that were waiting there.
        self._subscriptions = subscriptions.all_known(tx)
        self._former = subscriptions.former(tx)
        self._counted: Counter[Counted] = Counter()
        self._begun: list[int] = []
        #: How many are held, for each reason, in all (None) and of each athlete who was asked for.
        self._held: dict[tuple[Hold, Optional[int]], int] = {}
        #: Notifications that were not held because too many are.
        self.dropped: Counter[Hold] = Counter()
        #: Those that name an owner whose the object is not.
        self.contradicted = 0

    def add(self, stored: Stored) -> Optional[Effect]:
        """Decide about one notification; None if it is dropped."""
        effect = self._decide(stored)
        if effect is not None and _is_new(stored):
            self._begun.append(stored.id)
        return effect

    def close(self) -> None:
        """Write what concerns the batch as a whole."""
        inbox.mark(self._tx, self._begun, State.DISPATCHING, now=self._now)
        counters.count_all(self._tx, input=self._input.name, counted=self._counted)

    def _decide(self, stored: Stored) -> Optional[Effect]:
        if stored.replay and not stored.again:
            return Effect(stored, event=True, log_line=_log_line(stored, meaning="replayed"))
        known = self._known(stored)
        what = self._consequence(stored, known)
        if what.hold is not None:
            return self._hold(stored, what.hold)
        if not _is_new(stored) and self._was_carried_out(stored, what):
            # Its tombstones are still marked as leaving.
            return Effect(stored, event=_unrecorded(stored), tombstones=self._tombstones(known))
        if self._was_looked_at(stored):
            return Effect(stored, event=_unrecorded(stored), log_line=_log_line(stored, meaning="seen already"))
        return self._carry_out(stored, what)

    def _known(self, stored: Stored) -> Optional[Known]:
        is_activity = stored.notification.object_type == "activity"
        return ledger.find(self._tx, stored.notification.object_id) if is_activity else None

    def _consequence(self, stored: Stored, known: Optional[Known]) -> Consequence:
        notification = stored.notification
        collected = known is not None and known.start_date is not None
        return consequence(
            notification,
            Circumstances(
                event_time=happened_at(notification, stored.received_at),
                genuine=self._is_genuine(stored),
                athlete_known=notification.owner_id in self._athletes,
                fetch_updates=self._settings.advanced.fetch_updates,
                newest_event_time=known.event_time if known else None,
                collected_for=known.athlete_id if known and collected else None,
                present=collected and known is not None and not known.deleted,
            ),
        )

    def _is_genuine(self, stored: Stored) -> bool:
        """Whether it names our subscription, or one that was ours when it was sent."""
        subscription_id = stored.notification.subscription_id
        if subscription_id in self._subscriptions:
            return True
        return stored.received_at <= self._former.get(subscription_id, float("-inf"))

    def _hold(self, stored: Stored, why: Hold) -> Optional[Effect]:
        """Keep it, unless too many are kept. One that a crash interrupted has been counted, and has its place."""
        if _is_new(stored):
            athlete_id = stored.notification.owner_id
            if not (self._has_room(why, None, MOST_HELD) and self._has_room(why, athlete_id, MOST_HELD_PER_ATHLETE)):
                inbox.drop(self._tx, stored.id)
                self._counted[Counted.DROPPED] += 1
                self.dropped[why] += 1
                return None
            self._held[why, None] += 1
            self._held[why, athlete_id] += 1
            self._counted[_HELD[why]] += 1
        log_line = _log_line(stored, meaning=Meaning.HELD.value, reason=why.value)
        return Effect(stored, event=_unrecorded(stored), hold=why, log_line=log_line)

    def _has_room(self, why: Hold, athlete_id: Optional[int], most: int) -> bool:
        if (why, athlete_id) not in self._held:
            self._held[why, athlete_id] = inbox.held_count(
                self._tx, input=self._input.name, why=why, athlete_id=athlete_id, limit=most
            )
        return self._held[why, athlete_id] < most

    def _was_carried_out(self, stored: Stored, what: Consequence) -> bool:
        """Whether the interrupted decision was this one; not so if it was to be held and its athlete connected since.

        A job joins in the transaction of its decision. So there is one, or a fetch has begun since.
        """
        if what.fetch is None:
            return not what.confirm_access
        activity_id, athlete_id = stored.notification.object_id, stored.notification.owner_id
        # One that was sent again may have been news, and what began before it was decided says nothing about that.
        since = stored.received_at if stored.deliveries == 1 else stored.updated_at
        return queue.live_trail(self._tx, activity_id, athlete_id) is not None or queue.fetch_begun_since(
            self._tx, activity_id, athlete_id, since, now=self._now
        )

    def _was_looked_at(self, stored: Stored) -> bool:
        """Whether this is a redelivery, or one released from being held, and its activity was looked at since."""
        notification = stored.notification
        if not stored.recorded or notification.object_type not in _LOOKED_AT:
            return False
        is_news = (stored.again or stored.deliveries > 1) and inbox.shares_its_second(self._tx, stored)
        # A fetch that began in the very moment in which news came may have been a little too early for it.
        since = math.nextafter(stored.updated_at, math.inf) if is_news else stored.received_at
        kind = _LOOKED_AT[notification.object_type]
        return queue.fetch_begun_since(
            self._tx, notification.object_id, notification.owner_id, since, kind=kind, now=self._now
        )

    def _carry_out(self, stored: Stored, what: Consequence) -> Effect:
        notification = stored.notification
        if _is_first_time(stored) and what.meaning in _COUNTED:
            self._counted[_COUNTED[what.meaning]] += 1
        if what.meaning is Meaning.CONTRADICTED:
            self.contradicted += 1
        if notification.object_type == "activity":
            misses.announced(self._tx, notification.object_id, self._now)
        if what.note:
            ledger.note_event(
                self._tx,
                activity_id=notification.object_id,
                athlete_id=notification.owner_id,
                event_time=happened_at(notification, stored.received_at),
                deletes=notification.aspect_type == "delete",
                announced_at=stored.received_at if notification.aspect_type == "create" else None,
                now=self._now,
            )
        joined = None
        if what.fetch is not None:
            joined = self._join(stored, Kind.ACTIVITY, what.fetch, self._expected(stored))
        elif what.confirm_access:
            joined = self._join(stored, Kind.ATHLETE, Priority.LIVE, None, not_before=self._may_be_asked(stored))
        tombstones: tuple[Tombstone, ...] = ()
        if what.tombstone:
            tombstones = ledger.place_tombstones(self._tx, activity_id=notification.object_id, now=self._now)
        log_line = _log_line(stored, meaning=what.meaning.value, **_about(joined, stored))
        return Effect(stored, event=_unrecorded(stored), tombstones=tombstones, log_line=log_line)

    def _may_be_asked(self, stored: Stored) -> float:
        """When Strava may be asked for the athlete's permission: claims that turned out false make it ever rarer."""
        athlete_id = stored.notification.owner_id
        vain, last = confirmations.in_vain(self._tx, athlete_id, self._now - 86_400.0)
        if not vain or last > self._now:
            return 0.0
        return last + min(SHORTEST_VAIN_PAUSE * (1 << min(vain - 1, 10)), LONGEST_VAIN_PAUSE)

    def _join(
        self, stored: Stored, kind: Kind, priority: Priority, expected: Optional[str], *, not_before: float = 0.0
    ) -> Joined:
        joined = queue.join(
            self._tx,
            kind=kind,
            activity_id=stored.notification.object_id,
            athlete_id=stored.notification.owner_id,
            input=self._input.name,
            reason=Reason.WEBHOOK,
            priority=priority,
            force=False,
            due_at=max(stored.received_at + self._settings.advanced.settle_time, not_before),
            now=self._now,
            trail=stored.trail,
            expected=expected,
        )
        if joined.merged and _is_first_time(stored):
            self._counted[Counted.MERGED] += 1
        return joined

    def _expected(self, stored: Stored) -> Optional[str]:
        """What is known of the activity's looks; None leaves what the job knows as it is."""
        notification = stored.notification
        if notification.aspect_type != "update":
            return None
        earlier = queue.live_expected(self._tx, notification.object_id, notification.owner_id)
        return expectation.merge(earlier, notification, happened_at(notification, stored.received_at))

    def _tombstones(self, known: Optional[Known]) -> tuple[Tombstone, ...]:
        if known is None or not known.deleted:
            return ()
        return ledger.place_tombstones(self._tx, activity_id=known.activity_id, now=self._now)


def _is_new(stored: Stored) -> bool:
    """Whether nothing has been decided yet, as far as the store knows; otherwise a crash has interrupted it."""
    return stored.state is State.PENDING


def _is_first_time(stored: Stored) -> bool:
    """Whether what follows from it is to be counted: not again for a redelivery or after a crash."""
    return _is_new(stored) and not stored.again


def _unrecorded(stored: Stored) -> bool:
    return stored.replay or not stored.recorded


def _about(joined: Optional[Joined], stored: Stored) -> dict[str, Value]:
    if joined is None:
        return {}
    return {
        "job": joined.job_id,
        "joined": joined.trail if joined.trail != stored.trail else None,
        "merged": True if joined.merged else None,
    }


def _log_line(stored: Stored, **fields: Value) -> str:
    return line("dispatched", trail=stored.trail, notification_id=stored.id, **fields)
