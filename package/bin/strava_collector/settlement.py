"""What a call in an athlete's name means for the calls to come: the quota, the circuit, the athlete's standing.

The same for the calls of jobs and for those that belong to none.
"""

from __future__ import annotations

from typing import Protocol

from strava_collector import outcome
from strava_collector.allowance import Allowance, Usage
from strava_collector.circuit import Breach, Circuit
from strava_collector.fetcher import Attempt
from strava_collector.outcome import Barred, Fetched, Granted, Obstacle, Refused, Result, Sampled, Strangers
from strava_collector.settings import Athlete
from strava_collector.store import athletes
from strava_collector.store.sqlite import Transaction


class Bulletin(Protocol):
    """The part of the bulletin that is used here."""

    def report(self, topic: str, text: str) -> None: ...


def account(tx: Transaction, allowance: Allowance, client_id: str, lease_id: str, attempt: Attempt) -> Usage:
    """Account for the call that was reserved under the lease, as it ended; return the reads used since."""
    if attempt.answer is not None:
        retry_after = attempt.result.retry_after if isinstance(attempt.result, Refused) else None
        return allowance.answered(tx, client_id, lease_id, attempt.answer, retry_after=retry_after)
    if attempt.made:
        allowance.unanswered(tx, lease_id)
    else:
        allowance.release(tx, lease_id)
    return allowance.usage(tx, client_id)


def learn(
    tx: Transaction,
    allowance: Allowance,
    client_id: str,
    result: Result,
    *,
    athlete_id: int,
    subject: int,
    retry_base: float,
) -> Circuit:
    """Note what a result says about the way to Strava, and return the circuit as it is now.

    ``subject`` is the activity that was asked for, or another number for something else: several different ones have
    to fail before the way to Strava is blamed.
    """
    if outcome.is_inactive(result):
        return allowance.is_refused(tx, client_id, Breach.INACTIVE, outcome.INACTIVE)
    if isinstance(result, Barred) and result.obstacle is Obstacle.APPLICATION:
        return allowance.is_refused(tx, client_id, Breach.REFUSED, result.why)
    if outcome.is_outage(result):
        return allowance.is_failing(tx, client_id, subject, outcome.sentence(result), base=retry_base)
    answers = (Fetched, Sampled, Granted, Strangers)
    if isinstance(result, answers) or (isinstance(result, Refused) and result.status != 429):
        if not (isinstance(result, Refused) and result.status == 401):
            athletes.clear_if_reconnecting(tx, athlete_id)
        return allowance.is_well(tx, client_id)
    return allowance.says_nothing(tx, client_id)


def note_refusal(tx: Transaction, athlete: Athlete, why: str, now: float) -> None:
    """The athlete's tokens are refused, or there are none: nothing is asked in this name until that is mended."""
    athletes.mark_reconnect(
        tx,
        athlete_id=athlete.athlete_id,
        reason=why,
        connected_at=athlete.connected_at,
        now=now,
        probe_after=athletes.PROBE_AFTER,
    )


def tell_refusal(bulletin: Bulletin, athlete: Athlete, why: str) -> None:
    """Tell people of it."""
    bulletin.report(topic(athlete), f"Athlete “{athlete.name}”: {why}")


def topic(athlete: Athlete) -> str:
    """Return what the bulletin files the athlete's access under."""
    return f"athlete_{athlete.athlete_id}"
