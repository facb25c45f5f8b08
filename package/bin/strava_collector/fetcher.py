"""One call to Strava in an athlete's name: token at hand, every ending a value.

What follows from the ending is ``outcome``'s decision; this module only finds out what happened.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Optional

from strava_collector.allowance import Allowance
from strava_collector.clock import Clock
from strava_collector.errors import TransportError, TransportFault
from strava_collector.events import NoStartDate, encode, start_date
from strava_collector.job import Job, Kind
from strava_collector.oauth import OAuth, OAuthRefused, OAuthUnavailable, Refusal
from strava_collector.outcome import (
    Barred,
    Fetched,
    Granted,
    NoAnswer,
    Obstacle,
    Postponed,
    Refused,
    Result,
    Sampled,
    Strangers,
    Unusable,
)
from strava_collector.privacy import KEEP_ALL, Privacy
from strava_collector.secret import Secret
from strava_collector.settings import Application, Athlete
from strava_collector.strava_api import StravaApi
from strava_collector.strava_time import epoch_of
from strava_collector.streams import NoStreams, asked_for, read_streams
from strava_collector.token_keeper import NotConnected, RefreshBusy, TokenKeeper, TokenStoreUnavailable
from strava_collector.transport import Answer

#: Pause before a fetch is tried again whose tokens splunkd could not give or keep, in seconds.
SPLUNKD_PAUSE = 15.0
#: Pause after a 429 of the OAuth service that does not say how long, in seconds.
OAUTH_PAUSE = 60.0

#: After these faults Strava has not got the call, so it does not count.
_NEVER_ARRIVED = (TransportFault.RESOLVE, TransportFault.CONNECT, TransportFault.TLS, TransportFault.BLOCKED)


@dataclass(frozen=True)
class Connection:
    """Strava as one application reaches it; made anew when a setting changes."""

    application: Application
    api: StravaApi
    oauth: OAuth


@dataclass(frozen=True)
class Attempt:
    """How one call ended."""

    result: Result
    #: The token that it was made with, if it came to that.
    token: Optional[Secret] = None
    #: Strava's answer, for its headers; None if there was none.
    answer: Optional[Answer] = None
    #: Whether Strava may have got the call, and counts it.
    made: bool = False


class Fetcher:
    """Makes the calls of jobs; shared by the worker's threads."""

    def __init__(self, *, tokens: TokenKeeper, allowance: Allowance, clock: Clock, privacy: Privacy = KEEP_ALL) -> None:
        """``privacy`` says which streams are asked for."""
        self._privacy = privacy
        self._tokens = tokens
        self._allowance = allowance
        self._clock = clock

    def fetch(
        self, job: Job, athlete: Athlete, connection: Connection, *, rejected: Optional[Secret] = None
    ) -> Attempt:
        """Make the job's call; ``rejected`` is the token that Strava refused, when a new one has to be got first.

        Raises StoreUnavailable, and SessionExpired when splunkd does not give the tokens any more.
        """
        try:
            token = self._token(athlete, connection, rejected)
        except TransportError as error:
            return Attempt(NoAnswer(str(error)))
        except TokenStoreUnavailable as error:
            return Attempt(Postponed(self._clock.now() + SPLUNKD_PAUSE, str(error), for_all=True))
        except RefreshBusy as busy:
            return Attempt(Postponed(busy.retry_at, str(busy)))
        except NotConnected as error:
            return Attempt(Barred(Obstacle.NO_TOKENS, str(error)))
        except OAuthRefused as refusal:
            return Attempt(_barred(refusal))
        except OAuthUnavailable as error:
            return Attempt(self._unavailable(error))
        sent = self._clock.monotonic()
        try:
            answer = self._call(job, connection, token)
        except TransportError as error:
            return Attempt(NoAnswer(str(error)), token, made=error.fault not in _NEVER_ARRIVED)
        self._allowance.observe(answer, sent=sent, received=self._clock.monotonic())
        result = read_answer(job, answer, self._clock.now(), privacy=self._privacy)
        # Without the body, of which a long activity's streams would keep some megabytes while they are written.
        return Attempt(result, token, replace(answer, body=b""), made=True)

    def _token(self, athlete: Athlete, connection: Connection, rejected: Optional[Secret]) -> Secret:
        if rejected is None:
            return self._tokens.access_token(athlete, connection.application, connection.oauth)
        return self._tokens.renewed(athlete, connection.application, connection.oauth, rejected)

    def _call(self, job: Job, connection: Connection, token: Secret) -> Answer:
        if job.kind is Kind.ATHLETE:
            return connection.api.athlete(token)
        if job.kind is Kind.STREAMS:
            return connection.api.streams(job.activity_id, token, asked_for(self._privacy))
        return connection.api.activity(job.activity_id, token)

    def _unavailable(self, error: OAuthUnavailable) -> Result:
        if error.status == 429:
            # The OAuth service has limits of its own; those of the API say nothing about them.
            seconds = retry_after(error.headers, self._clock.now())
            return Postponed(
                self._clock.now() + (OAUTH_PAUSE if seconds is None else seconds), str(error), for_all=True
            )
        return Refused(error.status) if error.status >= 500 else NoAnswer(str(error))


def read_answer(job: Job, answer: Answer, now: float, *, privacy: Privacy = KEEP_ALL) -> Result:
    """Say what an answer to a job's call is; of streams only those are read that ``privacy`` allows."""
    if answer.status != 200:
        return Refused(answer.status, retry_after(answer.headers, now), _faults(answer))
    try:
        if job.kind is Kind.STREAMS:
            return Sampled(read_streams(answer.body, privacy))
        activity = answer.json()
        if job.kind is Kind.ATHLETE:
            return _read_athlete(job, activity)
        if not isinstance(activity, dict) or activity.get("id") != job.activity_id:
            return Unusable("Strava answered 200, but not with the activity that was asked for.", own_matter=True)
        owner = activity.get("athlete")
        owner_id = owner.get("id") if isinstance(owner, dict) else None
        if type(owner_id) is not int:
            return Unusable("Strava's activity does not say whose it is.", own_matter=True)
        if owner_id != job.athlete_id:
            return Strangers()
        encode(activity)
        return Fetched(activity, start_date(activity))
    except NoStartDate:
        why = "Strava's activity has no start_date that can be read, so it has no place in the index."
        return Unusable(why, own_matter=True)
    except NoStreams:
        return Unusable("Strava answered 200, but not with the samples of an activity.", own_matter=True)
    except (ValueError, RecursionError):
        return Unusable("Strava answered 200, but with something that is not JSON.")


def _read_athlete(job: Job, athlete: object) -> Result:
    if isinstance(athlete, dict) and athlete.get("id") == job.athlete_id:
        return Granted()
    return Unusable("Strava answered 200, but not with the athlete who was asked for.")


def _barred(refusal: OAuthRefused) -> Result:
    if refusal.kind is Refusal.REFRESH_TOKEN:
        return Barred(Obstacle.RECONNECT, str(refusal))
    if refusal.kind is Refusal.INACTIVE:
        return Barred(Obstacle.INACTIVE, str(refusal))
    if refusal.kind is Refusal.OTHER:
        # Nothing says that it concerns the application. If it does, others will fail too.
        return NoAnswer(str(refusal))
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


def retry_after(headers: Mapping[str, str], now: float) -> Optional[float]:
    """Seconds from ``Retry-After`` (headers in lower case), which may be a number or a date; None if it is neither.

    A date is Strava's, so it is compared with Strava's own ``Date``: our clock may differ by minutes.
    """
    header = headers.get("retry-after", "").strip()
    date = epoch_of(header) if header[:1].isalpha() else None
    if date is not None:
        at_strava = epoch_of(headers.get("date"))
        seconds = date - (now if at_strava is None else at_strava)
    else:
        try:
            seconds = float(header)
        except ValueError:
            return None
    return min(max(seconds, 0.0), 86_400.0) if math.isfinite(seconds) else None
