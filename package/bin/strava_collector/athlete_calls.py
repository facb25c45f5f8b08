"""Calls in an athlete's name that belong to no job: lists, the profile, gear.

They keep to the same permission, quota and circuit as those of jobs, and the same follows from how they end. Whoever
asks gets Strava's answer, or until when to wait; what the answer is about is the asker's matter.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Optional, Protocol, Union

from strava_collector import outcome, settlement
from strava_collector.allowance import Allowance
from strava_collector.circuit import Circuit
from strava_collector.clock import Clock
from strava_collector.fetcher import Attempt, Connection, Fetcher, Question
from strava_collector.job import Priority
from strava_collector.logfmt import line
from strava_collector.outcome import Barred, Granted, Obstacle, Postponed, Result
from strava_collector.secret import Secret
from strava_collector.settings import Advanced, Athlete
from strava_collector.store import applications, athletes
from strava_collector.store.athletes import AthleteState
from strava_collector.store.database import Database
from strava_collector.store.sqlite import Transaction
from strava_collector.transport import Answer

log = logging.getLogger(__name__)

#: What has only calls under way in its way is asked again after this, in seconds.
SOON = 1.0


class Bulletin(Protocol):
    """The part of the bulletin that is used here."""

    def report(self, topic: str, text: str) -> None: ...

    def resolved(self, topic: str) -> None: ...


@dataclass(frozen=True)
class Later:
    """There is no answer; asking again before ``until`` would bring none either."""

    #: Epoch seconds by our clock.
    until: float
    #: What is in the way, for people.
    why: str


class AthleteCalls:
    """Makes such calls for one process; may be used by several threads."""

    def __init__(
        self, *, database: Database, fetcher: Fetcher, allowance: Allowance, clock: Clock, bulletin: Bulletin
    ) -> None:
        self._database = database
        self._fetcher = fetcher
        self._allowance = allowance
        self._clock = clock
        self._bulletin = bulletin
        #: How often in a row calls in an athlete's name have failed.
        self._failures: dict[int, int] = {}

    def ask(
        self,
        athlete: Athlete,
        connection: Connection,
        advanced: Advanced,
        question: Question,
        *,
        name: str,
        priority: Priority,
    ) -> Union[Answer, Later]:
        """Make a call if one of this priority may be made now.

        The answer is one that Strava gave to this athlete's question: 200 with JSON, or a refusal that is about the
        question (403, 404, 401 for a missing scope and other 4xx). ``name`` stands for the call's lease: no two calls
        may be under way under the same one, and :meth:`take_over` counts what a dead process had under way. Raises
        StoreUnavailable and SessionExpired.
        """
        call = _Call(athlete, connection, advanced, question, name, priority)
        later = self._reserve(call)
        if later is not None:
            return later
        attempt, circuit = self._attempt(call, rejected=None)
        if outcome.wants_renewal(attempt.result):
            log.info(line("token_refused", name=name, athlete_id=athlete.athlete_id))
            with self._database.write() as tx:
                permission = self._allowance.reserve_if_allowed(tx, call.client_id, name, advanced, priority)
            if not permission.allows(priority):
                return Later(permission.until or self._clock.now() + SOON, outcome.UNAUTHORIZED_ONCE)
            attempt, circuit = self._attempt(call, rejected=attempt.token)
        return self._conclude(call, attempt, circuit)

    def take_over(self, tx: Transaction, name: str) -> None:
        """Count what a dead process had under way under this name as a call that was made."""
        applications.abandon(tx, name, self._clock.now())

    def _reserve(self, call: _Call) -> Optional[Later]:
        now, athlete_id = self._clock.now(), call.athlete.athlete_id
        with self._database.write() as tx:
            applications.abandon(tx, call.name, now)
            standing = athletes.standing(tx, athlete_id)
            if standing is not None and athlete_id in athletes.blocked(tx, now):
                is_gone = standing.state is AthleteState.DEAUTHORIZED
                return Later(now + athletes.PROBE_AFTER if is_gone else standing.probe_at, standing.reason)
            if athletes.has_withdrawn(tx, athlete_id, call.athlete.connected_at):
                return Later(now + athletes.PROBE_AFTER, athletes.ROW_DELETED)
            permission = self._allowance.reserve_if_allowed(tx, call.client_id, call.name, call.advanced, call.priority)
            if permission.allows(call.priority):
                athletes.probing(tx, athlete_id, now, athletes.PROBE_AFTER)
                return None
        if permission.until is None:
            return Later(now + SOON, "Other calls are under way.")
        return Later(permission.until, f"No call may be made now ({permission.why}).")

    def _attempt(self, call: _Call, *, rejected: Optional[Secret]) -> tuple[Attempt, Circuit]:
        """Make the call, account for it and learn from how it ended."""
        started, athlete_id = self._clock.monotonic(), call.athlete.athlete_id
        attempt = self._fetcher.ask(call.athlete, call.connection, call.question, rejected=rejected)
        with self._database.write() as tx:
            used = settlement.account(tx, self._allowance, call.client_id, call.name, attempt)
            circuit = settlement.learn(
                tx,
                self._allowance,
                call.client_id,
                attempt.result,
                athlete_id=athlete_id,
                subject=-athlete_id,  # no activity's id
                retry_base=call.advanced.retry_base,
            )
        log.info(
            line(
                "asked",
                name=call.name,
                athlete_id=athlete_id,
                result=outcome.describe(attempt.result),
                seconds=self._clock.monotonic() - started,
                quota_after=str(used),
            )
        )
        return attempt, circuit

    def _conclude(self, call: _Call, attempt: Attempt, circuit: Circuit) -> Union[Answer, Later]:
        """Return what the end of the call is for who asked."""
        athlete, result, now = call.athlete, attempt.result, self._clock.now()
        refusal = _refusal(result)
        if refusal is not None:
            with self._database.write() as tx:
                settlement.note_refusal(tx, athlete, refusal, now)
            settlement.tell_refusal(self._bulletin, athlete, refusal)
            return Later(now + athletes.PROBE_AFTER, refusal)
        if isinstance(result, Postponed):
            return Later(result.until, result.why)
        opens = circuit.waits_until(now)
        if outcome.is_outage(result):
            failures = self._failures.get(athlete.athlete_id, 0)
            self._failures[athlete.athlete_id] = failures + 1
            pause = outcome.backoff(failures, call.advanced.retry_base)
            return Later(now + pause if opens is None else opens, outcome.sentence(result))
        if opens is not None or attempt.answer is None:
            return Later(now + SOON if opens is None else opens, circuit.why)
        if attempt.answer.status == 429:
            with self._database.read() as tx:
                limit = self._allowance.pause(tx, call.client_id, call.advanced, call.priority)
            return Later(now + SOON if limit is None else limit.until, outcome.LIMIT_USED_UP)
        self._failures.pop(athlete.athlete_id, None)
        if isinstance(result, Granted):
            self._bulletin.resolved(settlement.topic(athlete))
        return attempt.answer


@dataclass(frozen=True)
class _Call:
    """What is asked, and for whom."""

    athlete: Athlete
    connection: Connection
    advanced: Advanced
    question: Question
    name: str
    priority: Priority

    @property
    def client_id(self) -> str:
        return self.connection.application.client_id


def _refusal(result: Result) -> Optional[str]:
    """Why only the athlete can help; None if that is not so."""
    if isinstance(result, Barred) and result.obstacle in (Obstacle.NO_TOKENS, Obstacle.RECONNECT):
        return result.why
    return outcome.UNAUTHORIZED if outcome.wants_renewal(result) else None
