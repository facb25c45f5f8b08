"""The stand-in as its users see it: what people do at Strava. The package's docstring is the manual."""

from __future__ import annotations

import threading
from collections.abc import Collection
from datetime import datetime
from types import TracebackType

from sandbox.certificates import Certificates
from sandbox.strava.accounts import Accounts, Application, Athlete
from sandbox.strava.activities import Activity, ActivityBook
from sandbox.strava.api import Api
from sandbox.strava.call_out import CallOut
from sandbox.strava.delivery import DeliveryService
from sandbox.strava.exchange import Answer, Call, JsonObject
from sandbox.strava.faults import Faults
from sandbox.strava.gear import Gear
from sandbox.strava.oauth import AtBrowser, Grant, OAuth, TokenPair
from sandbox.strava.profile import edit as edit_profile
from sandbox.strava.rate_limits import Limits, RateLimitControls, RateLimits
from sandbox.strava.readiness import StreamReadiness
from sandbox.strava.server import Server
from sandbox.strava.statistics import Statistics
from sandbox.strava.subscriptions import Subscriptions
from strava_collector.clock import Clock, SystemClock

#: What an application asks for that wants everything an add-on of this kind can use.
EVERYTHING = ("read", "activity:read", "activity:read_all")


class StravaMisused(AssertionError):
    """The client did what a well-behaved one does not do; the message lists it."""


class StravaStandIn:
    """Strava on loopback. See the docstring of the package ``sandbox.strava``.

    ``retry_pause`` and ``delivery_time_limit`` are seconds; ``seed`` fixes ids, tokens and content.
    """

    def __init__(
        self,
        certificates: Certificates,
        *,
        clock: Clock | None = None,
        seed: int = 1,
        limits: Limits | None = None,
        retry_pause: float = 60.0,
        delivery_time_limit: float = 2.0,
        delivery_threads: int = 8,
        strict: bool = True,
    ) -> None:
        clock = clock or SystemClock()
        self._clock = clock
        self._strict = strict
        self._lock = threading.RLock()
        self._accounts = Accounts(seed)
        self._oauth = OAuth(self._accounts, clock, seed)
        self._book = ActivityBook(clock, seed)
        self._call_out = CallOut(certificates.client_context())
        self.subscriptions = Subscriptions(self._accounts, self._call_out, clock, seed, self._lock)
        self.delivery = DeliveryService(
            self.subscriptions,
            self._call_out,
            clock,
            retry_pause=retry_pause,
            time_limit=delivery_time_limit,
            threads=delivery_threads,
        )
        self._limits = RateLimits(limits or Limits())
        self.rate_limits = RateLimitControls(self._limits, clock, self._lock)
        #: When streams are there after an upload.
        self.streams = StreamReadiness(clock)
        self.faults = Faults(clock, seed)
        self.statistics = Statistics(self.delivery.summary)
        #: Sentences about what the client should not have done.
        self.misuse: list[str] = []
        self._api = Api(
            accounts=self._accounts,
            oauth=self._oauth,
            subscriptions=self.subscriptions,
            activities=self._book,
            readiness=self.streams,
            rate_limits=self._limits,
            faults=self.faults,
            log=self.statistics,
            misuse=self.misuse,
            clock=clock,
            seed=seed,
            lock=self._lock,
            deauthorized=self._end_grant,
        )
        self._server = Server(certificates.server_context("strava"), self._api.answer, clock)

    # Life

    def start(self) -> None:
        self._server.start()
        self.delivery.start()

    def stop(self) -> None:
        """Close everything; nothing of the stand-in is left running."""
        self._call_out.stop()
        self._server.stop()
        self.delivery.stop()

    def check_misuse(self) -> None:
        """Raise :class:`StravaMisused` if there is anything in ``misuse``."""
        if self.misuse:
            raise StravaMisused("Strava was misused:\n" + "\n".join(self.misuse))

    def __enter__(self) -> StravaStandIn:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if kind is not None:
            return
        for failure in self._server.failures:
            raise RuntimeError("The stand-in for Strava failed.") from failure
        if self._strict:
            self.check_misuse()

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/v3"

    @property
    def oauth_url(self) -> str:
        return f"{self.url}/oauth"

    def answer(self, call: Call) -> Answer:
        """Answer a call without sockets, for those who live in virtual time."""
        return self._api.answer(call)

    # Who exists

    def add_application(
        self,
        name: str,
        *,
        callback_domain: str = "localhost",
        client_id: int | None = None,
        client_secret: str | None = None,
        limits: Limits | None = None,
    ) -> Application:
        with self._lock:
            application = self._accounts.add_application(
                name, callback_domain=callback_domain, client_id=client_id, client_secret=client_secret
            )
            if limits is not None:
                self._limits.set_limits(application, overall=limits.overall, read=limits.read)
            return application

    def add_athlete(
        self,
        first_name: str,
        last_name: str,
        *,
        athlete_id: int | None = None,
        city: str | None = None,
        country: str | None = None,
    ) -> Athlete:
        with self._lock:
            return self._accounts.add_athlete(first_name, last_name, athlete_id=athlete_id, city=city, country=country)

    def set_inactive(self, application: Application, inactive: bool = True) -> None:
        """Switch an application off (403 on everything) or on again."""
        with self._lock:
            application.inactive = inactive

    # Consent and tokens

    def sign_in(self, athlete: Athlete, *, untick: Collection[str] = (), refuse: bool = False) -> None:
        """Seat an athlete at the browser who answers every authorize request at once in this way."""
        with self._lock:
            self._oauth.at_browser = AtBrowser(athlete, frozenset(untick), refuse)

    def sign_out(self) -> None:
        """From now on ``/oauth/authorize`` shows a page."""
        with self._lock:
            self._oauth.at_browser = None

    def connect(
        self, application: Application, athlete: Athlete, scope: str | Collection[str] = EVERYTHING
    ) -> TokenPair:
        """Consent and code exchange in one step; ``scope`` is a collection or text with commas."""
        with self._lock:
            scopes = scope.split(",") if isinstance(scope, str) else scope
            return self._oauth.connect(application, athlete, frozenset(scopes)).tokens

    def granted_scope(self, application: Application, athlete: Athlete) -> frozenset[str]:
        """What the athlete allows; empty when not connected."""
        with self._lock:
            return self._oauth.granted_scope(application, athlete)

    def tokens_given_out(self) -> frozenset[str]:
        """Every access and refresh token so far, dead ones too: what must not be found in a log."""
        with self._lock:
            return self._oauth.tokens_given_out()

    def expire_access_token(self, athlete: Athlete) -> None:
        """The athlete's access tokens have run out as of now; the next refresh gives new ones."""
        with self._lock:
            for grant in self._oauth.grants(athlete):
                self._oauth.expire_access_tokens(grant)

    def revoke_refresh_token(self, athlete: Athlete) -> None:
        """The athlete's refresh token is dead, and nobody is told."""
        with self._lock:
            for grant in self._oauth.grants(athlete):
                self._oauth.revoke_refresh_token(grant)

    def deauthorize(self, athlete: Athlete, application: Application | None = None, *, notify: bool = True) -> None:
        """The athlete disconnects one application, or all."""
        with self._lock:
            for grant in self._oauth.grants(athlete):
                if application in (None, grant.application):
                    self._end_grant(grant, notify=notify)

    @property
    def dead_refresh_tokens_presented(self) -> int:
        """How often a refresh token came that had been rotated away: a client that lost the new one."""
        return self._oauth.dead_refresh_tokens_presented

    # What athletes do

    def record(
        self,
        athlete: Athlete,
        *,
        kind: str = "ride",
        title: str | None = None,
        start_date: datetime | str | None = None,
        private: bool = False,
        activity_id: int | None = None,
        device_name: str | None = None,
        description: str | None = None,
        not_found_requests: int = 0,
        not_found_seconds: float = 0.0,
        seconds: int | None = None,
        notify: bool = True,
    ) -> Activity:
        """Save a new activity; fetches may find nothing at first."""
        with self._lock:
            activity = self._book.record(
                athlete,
                kind,
                title=title,
                start_date=start_date,
                private=private,
                activity_id=activity_id,
                device_name=device_name,
                description=description,
                not_found_requests=not_found_requests,
                not_found_seconds=not_found_seconds,
                seconds=seconds,
            )
            if notify:
                self._announce(activity, "create", {})
            return activity

    def edit(
        self,
        activity: Activity,
        *,
        title: str | None = None,
        type: str | None = None,
        start_date: datetime | str | None = None,
        description: str | None = None,
        gear: Gear | None = None,
        seconds: int | None = None,
        notify: bool = True,
    ) -> None:
        """Change an activity; ``seconds`` crops it. Strava tells of a new title or type, and of nothing else."""
        with self._lock:
            updates = self._book.edit(
                activity,
                title=title,
                type=type,
                start_date=start_date,
                description=description,
                gear=gear,
                seconds=seconds,
            )
            if notify and updates:
                self._announce(activity, "update", dict(updates))

    def delete(self, activity: Activity, *, notify: bool = True) -> None:
        with self._lock:
            self._book.delete(activity)
            if notify:
                self._announce(activity, "delete", {})

    def hide(self, activity: Activity, *, notify: bool = True) -> None:
        """Make it visible to its owner only: gone, for an application that may not see hidden ones."""
        self._set_private(activity, True, notify)

    def show(self, activity: Activity, *, notify: bool = True) -> None:
        """Make it visible again: new, for an application that could not see it."""
        self._set_private(activity, False, notify)

    def refuse_detail(self, activity: Activity, status: int | None = 404) -> None:
        """Answer fetches of an activity with 404 or 403 for ever, while lists show it; None: no longer."""
        with self._lock:
            activity.refused_with = status

    def unlist(self, activity: Activity, unlisted: bool = True) -> None:
        """Leave an activity out of all lists, while a fetch brings it; or show it again."""
        with self._lock:
            self._book.unlist(activity, unlisted)

    def gear(self, athlete: Athlete) -> list[Gear]:
        """The athlete's bikes and shoes; the first one is the primary bike."""
        with self._lock:
            return list(self._book.gear.of(athlete))

    def add_gear(self, athlete: Athlete, name: str, *, bike: bool = True) -> Gear:
        """Another bike, or another pair of shoes."""
        with self._lock:
            return self._book.gear.add(athlete, name, bike=bike)

    def edit_profile(self, athlete: Athlete, **fields: object) -> None:
        """Change what :class:`~sandbox.strava.accounts.Profile` has: ``city``, ``weight``, ``ftp`` and so on."""
        with self._lock:
            edit_profile(athlete.profile, fields)

    def detail(self, activity: Activity) -> JsonObject:
        """What a fetch by its owner would answer now."""
        with self._lock:
            return self._api.current_detail(activity)

    def activities(self, athlete: Athlete) -> list[Activity]:
        """Those that exist, oldest start first."""
        with self._lock:
            return self._book.of(athlete)

    def wait_until_delivered(self, seconds: float) -> bool:
        """Wait until no notification waits or is being sent; False when that takes longer."""
        return self.delivery.wait_until_idle(seconds)

    def _set_private(self, activity: Activity, private: bool, notify: bool) -> None:
        with self._lock:
            if not self._book.set_private(activity, private) or not notify:
                return
            for grant in self._oauth.grants(activity.athlete):
                if grant.reads_hidden_activities:
                    self._notify(grant, activity.id, "update", {"private": "true" if private else "false"})
                elif grant.reads_activities:
                    self._notify(grant, activity.id, "delete" if private else "create", {})

    def _announce(self, activity: Activity, aspect: str, updates: JsonObject) -> None:
        for grant in self._oauth.grants(activity.athlete):
            if grant.reads_hidden_activities or (grant.reads_activities and not activity.private):
                self._notify(grant, activity.id, aspect, updates)

    def _end_grant(self, grant: Grant, *, notify: bool = True) -> None:
        self._oauth.end_grant(grant)
        if notify:
            self._notify(grant, None, "update", {"authorized": "false"})

    def _notify(self, grant: Grant, activity_id: int | None, aspect: str, updates: JsonObject) -> None:
        """Send a notification about an activity, or about the athlete when ``activity_id`` is None."""
        subscription = self.subscriptions.of(grant.application)
        if subscription is None:
            return
        self.delivery.send(
            grant.application,
            {
                "aspect_type": aspect,
                "event_time": int(self._clock.now()),
                "object_id": grant.athlete.id if activity_id is None else activity_id,
                "object_type": "athlete" if activity_id is None else "activity",
                "owner_id": grant.athlete.id,
                "subscription_id": subscription.id,
                "updates": updates,
            },
        )
