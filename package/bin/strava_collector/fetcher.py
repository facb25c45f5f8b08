"""One call to Strava in an athlete's name: token at hand, every ending a value.

What follows from the ending is ``outcome``'s decision; this module only finds out what happened.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Optional

from strava_collector.allowance import Allowance
from strava_collector.answers import read_answer, read_any, retry_after
from strava_collector.clock import Clock
from strava_collector.errors import TransportError, TransportFault
from strava_collector.job import Job, Kind
from strava_collector.oauth import OAuth, OAuthRefused, OAuthUnavailable, Refusal
from strava_collector.outcome import (
    Barred,
    NoAnswer,
    Obstacle,
    Postponed,
    Refused,
    Result,
)
from strava_collector.ownership import LeftOut
from strava_collector.privacy import KEEP_ALL, Privacy, stream_keys
from strava_collector.secret import Secret
from strava_collector.settings import Application, Athlete
from strava_collector.strava_api import StravaApi
from strava_collector.token_keeper import NotConnected, RefreshBusy, TokenKeeper, TokenStoreUnavailable
from strava_collector.transport import Answer

#: Pause before splunkd is asked again to give, keep or delete tokens, in seconds.
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


#: A call to the API with an athlete's token. Raises TransportError.
Question = Callable[[StravaApi, Secret], Answer]


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

    def __init__(
        self, *, tokens: TokenKeeper, allowance: Allowance, clock: Clock, left_out: Optional[LeftOut] = None
    ) -> None:
        """``left_out`` says which streams are asked for; without it all are."""
        self._left_out = left_out
        self._tokens = tokens
        self._allowance = allowance
        self._clock = clock

    def fetch(
        self, job: Job, athlete: Athlete, connection: Connection, *, rejected: Optional[Secret] = None
    ) -> Attempt:
        """Make the job's call, see :meth:`ask`; of the answer status and headers are left when it has been read."""
        privacy = KEEP_ALL if self._left_out is None else self._left_out.of(athlete)
        attempt = self.ask(
            athlete,
            connection,
            lambda api, token: _call(job, api, token, privacy),
            lambda answer, now: read_answer(job, answer, now, privacy),
            rejected=rejected,
        )
        # A long activity's streams are some megabytes, which would stay while the samples are written.
        return attempt if attempt.answer is None else replace(attempt, answer=replace(attempt.answer, body=b""))

    def ask(
        self,
        athlete: Athlete,
        connection: Connection,
        question: Question,
        read: Callable[[Answer, float], Result] = read_any,
        *,
        rejected: Optional[Secret] = None,
    ) -> Attempt:
        """Make a call in the athlete's name; ``rejected`` is the token that Strava refused, when a new one has to be
        got first. ``read`` says what the answer is, given the time now.

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
            answer = question(connection.api, token)
        except TransportError as error:
            return Attempt(NoAnswer(str(error)), token, made=error.fault not in _NEVER_ARRIVED)
        self._allowance.observe(answer, sent=sent, received=self._clock.monotonic())
        return Attempt(read(answer, self._clock.now()), token, answer, made=True)

    def _token(self, athlete: Athlete, connection: Connection, rejected: Optional[Secret]) -> Secret:
        if rejected is None:
            return self._tokens.access_token(athlete, connection.application, connection.oauth)
        return self._tokens.renewed(athlete, connection.application, connection.oauth, rejected)

    def _unavailable(self, error: OAuthUnavailable) -> Result:
        if error.status == 429:
            # The OAuth service has limits of its own; those of the API say nothing about them.
            seconds = retry_after(error.headers, self._clock.now())
            return Postponed(
                self._clock.now() + (OAUTH_PAUSE if seconds is None else seconds), str(error), for_all=True
            )
        return Refused(error.status) if error.status >= 500 else NoAnswer(str(error))


def _call(job: Job, api: StravaApi, token: Secret, privacy: Privacy) -> Answer:
    if job.kind is Kind.ATHLETE:
        return api.athlete(token)
    if job.kind is Kind.STREAMS:
        return api.streams(job.activity_id, token, stream_keys(privacy))
    return api.activity(job.activity_id, token)


def _barred(refusal: OAuthRefused) -> Result:
    if refusal.kind is Refusal.REFRESH_TOKEN:
        return Barred(Obstacle.RECONNECT, str(refusal))
    if refusal.kind is Refusal.INACTIVE:
        return Barred(Obstacle.INACTIVE, str(refusal))
    if refusal.kind is Refusal.OTHER:
        # Nothing says that it concerns the application. If it does, others will fail too.
        return NoAnswer(str(refusal))
    return Barred(Obstacle.APPLICATION, str(refusal))
