"""Whether a call to Strava may be made now, and what each call says about the next ones.

One application's quota and circuit, as all threads and processes share them through the store. ``quota`` and
``circuit`` decide; here is when they are asked and what is kept.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from strava_collector.circuit import Breach, Circuit
from strava_collector.clock import Clock
from strava_collector.job import Priority
from strava_collector.logfmt import line
from strava_collector.quota import DAY, Pause, Quota, Terms, UnderWay
from strava_collector.settings import Advanced
from strava_collector.store import applications, volume
from strava_collector.store.applications import Reservation
from strava_collector.store.sqlite import Transaction
from strava_collector.strava_time import StravaTime
from strava_collector.transport import Answer

log = logging.getLogger(__name__)

#: After a reset, calls begin again within so many seconds.
MOST_JITTER = 15.0


@dataclass(frozen=True)
class Permission:
    """What may be called now; times in epoch seconds by our clock."""

    #: The lowest priority that may be called for; None is none at all.
    lowest: Optional[Priority]
    #: When more than that may be called; None if nothing but calls under way is in the way.
    until: Optional[float] = None
    #: Which limit or outage is in the way of the next priority, for people.
    why: Optional[str] = None
    #: Whether live activities may be fetched that count as history, because an athlete has had so many lately.
    backlog: bool = True

    def allows(self, priority: Priority) -> bool:
        """Whether a call of this priority may be made."""
        return self.lowest is not None and priority <= self.lowest


@dataclass(frozen=True)
class Usage:
    """Reads in the quarter hour and on the day, for the log."""

    quarter: int
    day: int

    def __str__(self) -> str:
        return f"{self.quarter}/{self.day}"


class Allowance:
    """One process's view of what its application may do."""

    def __init__(self, clock: Clock, *, jitter: Optional[random.Random] = None) -> None:
        self._clock = clock
        self._time = StravaTime(clock)
        self._random = jitter or random.Random()  # noqa: S311 - to spread load, nothing secret

    def permission(self, tx: Transaction, client_id: str, advanced: Advanced) -> Permission:
        """Return what may be called now. Looks only."""
        now = self._clock.now()
        circuit = applications.circuit(tx, client_id)
        opens = circuit.waits_until(now)
        if opens is not None:
            return Permission(None, opens, circuit.why)
        under_way = applications.under_way(tx, client_id)
        most = 1 if circuit.breach is not None else advanced.concurrency
        if under_way.calls >= most:
            return Permission(None)
        quota = applications.quota(tx, client_id)
        lowest: Optional[Priority] = None
        for priority in Priority:
            pause = self._pause(tx, quota, under_way, advanced, priority)
            if pause is not None:
                backlog = lowest is None or self._takes_backlog(quota, under_way, advanced)
                return Permission(lowest, pause.until, pause.why, backlog)
            if priority is Priority.HISTORY and under_way.calls >= max(most - 1, 1):
                # Of several calls at once history leaves one free, so that what is live waits for none of its answers.
                return Permission(lowest)
            lowest = priority
        return Permission(lowest)

    def _takes_backlog(self, quota: Quota, under_way: UnderWay, advanced: Advanced) -> bool:
        now = self._time.now(quota.ahead)
        pause = quota.pause(now, priority=Priority.HISTORY, under_way=under_way, terms=terms(advanced), backlog=True)
        return pause is None

    def pause(
        self, tx: Transaction, client_id: str, advanced: Advanced, priority: Priority = Priority.LIVE
    ) -> Optional[Pause]:
        """Return what the quota makes a call wait for, with ``until`` by our clock; None if it need not wait.

        History waits too when it has written as much as it may on a day.
        """
        quota, under_way = applications.quota(tx, client_id), applications.under_way(tx, client_id)
        return self._pause(tx, quota, under_way, advanced, priority)

    def _pause(
        self, tx: Transaction, quota: Quota, under_way: UnderWay, advanced: Advanced, priority: Priority
    ) -> Optional[Pause]:
        now = self._time.now(quota.ahead)
        pause = quota.pause(now, priority=priority, under_way=under_way, terms=terms(advanced))
        if pause is not None:
            pause = Pause(pause.until - self._time.ahead(quota.ahead), pause.why)
        if priority is not Priority.HISTORY:
            return pause
        full_until = volume.frees_at(tx, self._clock.now(), advanced.history_mb_per_day)
        full = None if full_until is None else Pause(full_until, "history volume of the day")
        return max((one for one in (pause, full) if one is not None), key=lambda one: one.until, default=None)

    def reserve(self, tx: Transaction, client_id: str, lease_id: str, *, background: bool) -> Usage:
        """Count a call that is about to be made under this lease; the permission was asked in this transaction."""
        now = self._clock.now()
        circuit = applications.circuit(tx, client_id)
        if circuit.breach is not None:
            applications.save_circuit(tx, client_id, circuit.probing(now), now)
        quota = applications.quota(tx, client_id)
        made_at = self._time.now(quota.ahead)
        applications.reserve(tx, lease_id, Reservation(client_id, background, made_at))
        return _usage(quota, made_at)

    def release(self, tx: Transaction, lease_id: str) -> None:
        """The call was not made after all."""
        applications.take_back(tx, lease_id)

    def unanswered(self, tx: Transaction, lease_id: str) -> None:
        """No answer came: Strava may have counted the call."""
        applications.abandon(tx, lease_id, self._clock.now())

    def answered(
        self, tx: Transaction, client_id: str, lease_id: str, answer: Answer, *, retry_after: Optional[float]
    ) -> Usage:
        """Learn from an answer. The call of a lease that was taken over is counted; its 429 counts all the same."""
        now = self._clock.now()
        reservation = applications.take_back(tx, lease_id)
        quota = applications.quota(tx, client_id)
        at = self._time.now(quota.ahead)
        if reservation is not None:
            quota = quota.answered(
                answer.headers, reserved_at=reservation.made_at, now=at, background=reservation.background
            )
        if answer.status == 429:
            quota = quota.refuse(at, retry_after=retry_after, jitter=self._random.uniform(1.0, MOST_JITTER))
            log.error(
                line(
                    "rate_limited",
                    seconds=quota.closed_until - at,
                    refusals=quota.refusals,
                    why="Strava refused a call although the add-on believed that it was allowed (429).",
                )
            )
        applications.save_quota(tx, client_id, quota.knowing(self._time.ahead(quota.ahead)), now)
        return _usage(quota, at)

    def usage(self, tx: Transaction, client_id: str) -> Usage:
        """Return the reads used now."""
        quota = applications.quota(tx, client_id)
        return _usage(quota, self._time.now(quota.ahead))

    def limits(self, tx: Transaction, client_id: str, advanced: Advanced) -> Usage:
        """Return the reads that may be used, by Strava's limits and the user's own."""
        quota = applications.quota(tx, client_id)
        current = quota.at(self._time.now(quota.ahead))
        return Usage(
            current.reads_quarter.allows(advanced.own_quarter_limit), current.reads_day.allows(advanced.own_day_limit)
        )

    def reserve_if_allowed(
        self, tx: Transaction, client_id: str, lease_id: str, advanced: Advanced, priority: Priority
    ) -> Permission:
        """Count a call that is about to be made under this lease, if the permission that is returned allows it."""
        permission = self.permission(tx, client_id, advanced)
        if permission.allows(priority):
            self.reserve(tx, client_id, lease_id, background=priority is Priority.HISTORY)
        return permission

    def reserve_one(self, tx: Transaction, client_id: str, name: str, advanced: Advanced) -> bool:
        """Count a live call that belongs to no job, if one may be made now; ``name`` stands for its lease."""
        applications.abandon(tx, name, self._clock.now())
        return self.reserve_if_allowed(tx, client_id, name, advanced, Priority.LIVE).allows(Priority.LIVE)

    def reserve_beside(self, tx: Transaction, client_id: str, name: str) -> None:
        """Count a call that is made whatever the circuit says, because it asks about the application itself.

        ``name`` stands for its lease.
        """
        applications.abandon(tx, name, self._clock.now())
        made_at = self._time.now(applications.quota(tx, client_id).ahead)
        applications.reserve(tx, name, Reservation(client_id, False, made_at))

    def done_at(self, tx: Transaction, client_id: str, advanced: Advanced, waiting: Mapping[Priority, int]) -> float:
        """Estimate when so many calls of each priority will have been made, in epoch seconds by our clock.

        Each priority comes after the higher ones, within what it may use itself.
        """
        quota = applications.quota(tx, client_id)
        at_strava = self._time.now(quota.ahead)
        done = at_strava
        for priority in Priority:
            calls = sum(number for one, number in waiting.items() if priority <= one)
            own = quota.terms_of(priority, terms(advanced))
            done = max(done, quota.done_at(at_strava, calls, terms=own))
        done -= self._time.ahead(quota.ahead)
        return max(done, self._written_at(tx, advanced, waiting.get(Priority.HISTORY, 0)))

    def history_per_day(self, tx: Transaction, client_id: str, advanced: Advanced) -> int:
        """Return how many calls a day history can make at present, by its share and by what it may write."""
        by_quota = applications.quota(tx, client_id).per_day(Priority.HISTORY, terms(advanced))
        by_volume = volume.calls_per_day(tx, advanced.history_mb_per_day)
        return by_quota if by_volume is None else min(by_quota, by_volume)

    def _written_at(self, tx: Transaction, advanced: Advanced, calls: int) -> float:
        """Estimate when the events of so many calls for history will have been written, within its volume."""
        now = self._clock.now()
        per_day = volume.calls_per_day(tx, advanced.history_mb_per_day)
        if per_day is None or not calls:
            return now
        left = 1.0 - volume.used(tx, now) / (advanced.history_mb_per_day * volume.MEGABYTE)
        days = math.ceil(calls / per_day - max(left, 0.0))
        return now if days <= 0 else float((now // DAY + days) * DAY)

    def observe(self, answer: Answer, *, sent: float, received: float) -> None:
        """Learn Strava's time from an answer; ``sent`` and ``received`` are monotonic."""
        self._time.observe(answer.headers.get("date"), sent=sent, received=received)

    # What an attempt says about the way to Strava. Each returns the circuit as it is now.

    def is_well(self, tx: Transaction, client_id: str) -> Circuit:
        """Strava answered, and has nothing against the application."""
        circuit = applications.circuit(tx, client_id)
        return circuit if circuit == Circuit() else self._save(tx, client_id, circuit.answered())

    def has_failed_since(self, tx: Transaction, client_id: str, activity_id: int) -> bool:
        """Whether the activity has failed before, and no call of anybody's has succeeded since."""
        return activity_id in applications.circuit(tx, client_id).failed

    def is_failing(self, tx: Transaction, client_id: str, activity_id: int, why: str, *, base: float) -> Circuit:
        """The call failed as it does in an outage."""
        before = applications.circuit(tx, client_id)
        return self._save(
            tx, client_id, before.failing(activity_id, why, now=self._clock.now(), base=base), before=before
        )

    def is_refused(self, tx: Transaction, client_id: str, breach: Breach, why: str) -> Circuit:
        """Strava refuses the application itself."""
        before = applications.circuit(tx, client_id)
        return self._save(tx, client_id, before.breached(breach, why, now=self._clock.now()), before=before)

    def says_nothing(self, tx: Transaction, client_id: str) -> Circuit:
        """What happened was somebody's own matter. If it was the probe, another one is made."""
        before = applications.circuit(tx, client_id)
        return before if before.breach is None else self._save(tx, client_id, before.undecided(self._clock.now()))

    def hurry(self, tx: Transaction, client_id: str) -> None:
        """Let the next probe be made now."""
        self._save(tx, client_id, applications.circuit(tx, client_id).hurried(self._clock.now()))

    def _save(self, tx: Transaction, client_id: str, after: Circuit, *, before: Optional[Circuit] = None) -> Circuit:
        applications.save_circuit(tx, client_id, after, self._clock.now())
        if before is not None and before.breach is not after.breach and after.breach is not None:
            log.error(line("circuit_opened", breach=after.breach.value, why=after.why))
        return after


def terms(advanced: Advanced) -> Terms:
    """Return the user's own limits."""
    return Terms(advanced.own_quarter_limit, advanced.own_day_limit, advanced.history_share)


def _usage(quota: Quota, now: float) -> Usage:
    current = quota.at(now)
    return Usage(current.reads_quarter.used, current.reads_day.used)
