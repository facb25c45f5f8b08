"""What the set-up check asks Strava: one list per application, and whose the token is, of a few athletes.

Each call is counted in the application's quota like every other read. Nothing is tried again, and no token is
refreshed: that is for the running input, one at a time.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Callable, Optional, Union

from strava_collector.allowance import Allowance
from strava_collector.answers import retry_after
from strava_collector.check_facts import Access, QuotaFacts, Standing
from strava_collector.clock import Clock
from strava_collector.errors import CollectorError, StoreUnavailable
from strava_collector.oauth import Refusal, Tokens, refusal_of
from strava_collector.settings import Application, Athlete
from strava_collector.store import applications
from strava_collector.store.applications import Reservation
from strava_collector.store.database import Database
from strava_collector.strava_api import StravaApi
from strava_collector.strava_time import epoch_of
from strava_collector.subscription_answers import listed_in
from strava_collector.subscription_rules import Listed, shown
from strava_collector.transport import Answer

#: So many athletes are asked for at most.
MOST_ATHLETES = 10
#: And only while less than this share of each window is used, so that the check never stands in a fetch's way.
SPARE = 0.5


@dataclass(frozen=True)
class Told:
    """What Strava says of an application."""

    standing: Standing
    why: str
    subscriptions: Optional[tuple[Listed, ...]] = None
    #: Strava's clock minus ours, in seconds.
    ahead: Optional[float] = None


class StravaQuestions:
    """Asks; may be used by several threads."""

    def __init__(self, api: StravaApi, database: Optional[Database], allowance: Allowance, clock: Clock) -> None:
        """``database`` is where calls are counted; without one they are made uncounted."""
        self._api = api
        self._database = database
        self._allowance = allowance
        self._clock = clock

    def about(self, application: Application) -> Told:
        """Ask for the application's subscription."""
        result = self._counted(
            application.client_id, lambda: self._api.subscriptions(application.client_id, application.client_secret)
        )
        if isinstance(result, CollectorError):
            return Told(Standing.UNKNOWN, str(result))
        date = epoch_of(result.headers.get("date"))
        # The header has whole seconds, cut off: half a second more is the best guess.
        ahead = None if date is None else date + 0.5 - result.received_at
        standing, why = _standing(result, application)
        return Told(standing, why, _listed(result) if standing is Standing.VERIFIED else None, ahead)

    def whose(self, athlete: Athlete, application: Application, tokens: Tokens) -> tuple[Access, str]:
        """Ask whose the token is."""
        if tokens.expires_at <= self._clock.now():
            return Access.NOT_ASKED, "The access token has expired; it is renewed with the next fetch."
        result = self._counted(application.client_id, lambda: self._api.athlete(tokens.access_token))
        if isinstance(result, CollectorError):
            return Access.NOT_ASKED, str(result)
        if result.status == 401:
            return Access.REFUSED, ""
        told = _object(result) if result.status == 200 else None
        if told is None or type(told.get("id")) is not int:
            return Access.NOT_ASKED, f"Strava did not answer the question (status {result.status})."
        return (Access.GOOD if told["id"] == athlete.athlete_id else Access.ANOTHER), ""

    def _counted(self, client_id: str, call: Callable[[], Answer]) -> Union[Answer, CollectorError]:
        lease = f"set-up check {uuid.uuid4().hex}"
        reserved = self._reserve(client_id, lease)
        try:
            answer = call()
        except CollectorError as error:
            if reserved:
                self._account(client_id, lease, None)
            return error
        if reserved:
            self._account(client_id, lease, answer)
        return answer

    def _reserve(self, client_id: str, lease: str) -> bool:
        if self._database is None:
            return False
        try:
            with self._database.write() as tx:
                now = self._clock.now()
                made_at = now + applications.quota(tx, client_id).ahead
                applications.reserve(tx, lease, Reservation(client_id, False, made_at))
        except StoreUnavailable:
            return False
        return True

    def _account(self, client_id: str, lease: str, answer: Optional[Answer]) -> None:
        database = self._database
        if database is None:
            return
        try:
            with database.write() as tx:
                if answer is None:
                    self._allowance.unanswered(tx, lease)
                else:
                    wait = retry_after(answer.headers, self._clock.now())
                    self._allowance.answered(tx, client_id, lease, answer, retry_after=wait)
        except StoreUnavailable:
            return  # a running input counts it as a call that was made


def has_spare(quota: Optional[QuotaFacts]) -> bool:
    """Whether there is quota to ask for athletes; what is not known may be all right."""
    if quota is None:
        return True
    return (
        quota.pause is None
        and quota.quarter_used + MOST_ATHLETES <= SPARE * quota.quarter_allowed
        and quota.day_used + MOST_ATHLETES <= SPARE * quota.day_allowed
    )


def _standing(answer: Answer, application: Application) -> tuple[Standing, str]:
    refusal = refusal_of(answer) if 400 <= answer.status < 404 else None
    if refusal is Refusal.CLIENT_ID:
        return Standing.REFUSED, f"Strava knows no application with the client ID {application.client_id}."
    if refusal is Refusal.CLIENT_SECRET:
        return (
            Standing.REFUSED,
            f"Strava knows the client ID {application.client_id}, but the client secret does not belong to it.",
        )
    if refusal is Refusal.INACTIVE:
        return Standing.INACTIVE, "Strava has switched this application off."
    if listed_in(answer) is not None:
        return Standing.VERIFIED, ""
    if answer.status == 429:
        return Standing.UNKNOWN, "Strava's rate limit for this application is used up (status 429)."
    return Standing.UNKNOWN, f"Strava did not answer the question (status {answer.status})."


def _listed(answer: Answer) -> Optional[tuple[Listed, ...]]:
    found = listed_in(answer)
    if found is None:
        return None
    return tuple(replace(one, callback_url=_harmless(one.callback_url)) for one in found)


def _harmless(url: str) -> str:
    """A callback URL as Strava has it, which anybody who knows the client secret may have set."""
    return shown(url.partition("?")[0])


def _object(answer: Answer) -> Optional[Mapping[str, object]]:
    try:
        parsed = answer.json()
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None
