"""One call to Strava in an athlete's name: quota counted, token at hand, every ending a value.

What follows from the ending is ``outcome``'s decision; this module only finds out what happened.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Optional

from strava_collector.clock import Clock
from strava_collector.errors import TransportError
from strava_collector.events import NoStartDate, encode, start_date
from strava_collector.job import Job
from strava_collector.oauth import OAuth, OAuthRefused, OAuthUnavailable, Refusal
from strava_collector.outcome import Barred, Fetched, NoAnswer, Obstacle, Postponed, Refused, Result, Unusable
from strava_collector.quota import Quota
from strava_collector.secret import Secret
from strava_collector.settings import Application, Athlete
from strava_collector.store import windows
from strava_collector.store.database import Database, Transaction
from strava_collector.strava_api import StravaApi
from strava_collector.token_keeper import NotConnected, RefreshBusy, TokenKeeper, TokenStoreUnavailable
from strava_collector.transport import Answer

#: Pause before a fetch is tried again whose tokens splunkd could not give or keep, in seconds.
SPLUNKD_PAUSE = 15.0


@dataclass(frozen=True)
class Connection:
    """Strava as one application reaches it; made anew when a setting changes."""

    application: Application
    api: StravaApi
    oauth: OAuth


@dataclass(frozen=True)
class Attempt:
    """How one call ended, and the token that it was made with, if it came to that."""

    result: Result
    token: Optional[Secret]


class Fetcher:
    """Fetches activities; shared by the worker's threads."""

    def __init__(self, *, database: Database, tokens: TokenKeeper, clock: Clock) -> None:
        self._database = database
        self._tokens = tokens
        self._clock = clock

    def fetch(
        self, job: Job, athlete: Athlete, connection: Connection, *, rejected: Optional[Secret] = None
    ) -> Attempt:
        """Fetch the job's activity; ``rejected`` is the token that Strava refused, when a new one has to be got first.

        Raises StoreUnavailable, and SessionExpired when splunkd does not give the tokens any more.
        """
        token: Optional[Secret] = None
        try:
            token = self._token(athlete, connection, rejected)
            answer = connection.api.activity(job.activity_id, token)
        except TransportError as error:
            return Attempt(NoAnswer(str(error)), token)
        except TokenStoreUnavailable as error:
            return Attempt(Postponed(self._clock.now() + SPLUNKD_PAUSE, str(error)), token)
        except RefreshBusy as busy:
            return Attempt(Postponed(busy.retry_at, str(busy)), token)
        except NotConnected as error:
            return Attempt(Barred(Obstacle.RECONNECT, str(error)), token)
        except OAuthRefused as refusal:
            return Attempt(_barred(refusal), token)
        except OAuthUnavailable as error:
            if error.status == 429 or error.status >= 500:
                retry_after = _retry_after(error.headers.get("retry-after"), self._clock.now())
                return Attempt(Refused(error.status, retry_after), token)
            return Attempt(NoAnswer(str(error)), token)
        self._learn(connection.application, answer)
        return Attempt(read_answer(job, answer, self._clock.now()), token)

    def _token(self, athlete: Athlete, connection: Connection, rejected: Optional[Secret]) -> Secret:
        if rejected is None:
            return self._tokens.access_token(athlete, connection.application, connection.oauth)
        return self._tokens.renewed(athlete, connection.application, connection.oauth, rejected)

    def _learn(self, application: Application, answer: Answer) -> None:
        now = self._clock.now()
        with self._database.write() as tx:
            quota = Quota.from_json(windows.load(tx, application.client_id)).learn(answer.headers, now)
            if answer.status == 429:
                quota = quota.refuse(now)
            windows.save(tx, application.client_id, quota.to_json(), now)


def reserve(tx: Transaction, application: Application, now: float) -> Optional[float]:
    """Count a read that is about to be made, or return until when to wait, in epoch seconds."""
    quota = Quota.from_json(windows.load(tx, application.client_id))
    until = quota.waits_until(now)
    if until is None:
        windows.save(tx, application.client_id, quota.spend(now).to_json(), now)
    return until


def read_answer(job: Job, answer: Answer, now: float) -> Result:
    """Say what an answer to a job's call is."""
    if answer.status != 200:
        return Refused(answer.status, _retry_after(answer.headers.get("retry-after"), now), _faults(answer))
    try:
        activity = answer.json()
        if not isinstance(activity, dict) or activity.get("id") != job.activity_id:
            return Unusable("Strava answered 200, but not with the activity that was asked for.")
        owner = activity.get("athlete")
        if not isinstance(owner, dict) or owner.get("id") != job.athlete_id:
            return Unusable("Strava answered 200, but with an activity of another athlete.")
        encode(activity)
        return Fetched(activity, start_date(activity))
    except NoStartDate:
        return Unusable("Strava's activity has no start_date that can be read, so it has no place in the index.")
    except (ValueError, RecursionError):
        return Unusable("Strava answered 200, but with something that is not JSON.")


def _barred(refusal: OAuthRefused) -> Result:
    if refusal.kind is Refusal.REFRESH_TOKEN:
        return Barred(Obstacle.RECONNECT, str(refusal))
    if refusal.kind is Refusal.INACTIVE:
        return Barred(Obstacle.INACTIVE, str(refusal))
    return Barred(Obstacle.APPLICATION, str(refusal))


def _faults(answer: Answer) -> frozenset[str]:
    """Strava's ``errors`` as ``field:code``; empty for an answer in any other form."""
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return frozenset()
    errors = body.get("errors") if isinstance(body, dict) else None
    if not isinstance(errors, list):
        return frozenset()
    return frozenset(_fault(error) for error in errors if isinstance(error, dict))


def _fault(error: Mapping[str, object]) -> str:
    return f"{str(error.get('field'))[:80]}:{str(error.get('code'))[:80]}"


def _retry_after(header: Optional[str], now: float) -> Optional[float]:
    """Seconds from ``Retry-After``, which may be a number or a date; None if it is neither."""
    if header is None:
        return None
    try:
        seconds = float(header) if not header.strip()[:1].isalpha() else parsedate_to_datetime(header).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), 86_400.0) if math.isfinite(seconds) else None
