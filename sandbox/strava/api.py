"""Which call does what, after tokens, scopes, limits and faults have had their say."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Callable

from sandbox.strava.accounts import Accounts, Application, refuse_inactive, summary_athlete
from sandbox.strava.activities import Activity, ActivityBook
from sandbox.strava.activity_json import detail, route_of
from sandbox.strava.consent_page import allowed_scopes, consent_page, logged_in, login_page
from sandbox.strava.exchange import (
    Answer,
    Call,
    JsonObject,
    Refused,
    bad_parameter,
    json_answer,
    not_found,
    refused,
    whole_number,
)
from sandbox.strava.faults import Fault, Faults
from sandbox.strava.gear import detailed_gear
from sandbox.strava.listing import Listing
from sandbox.strava.misuse import misuse_of
from sandbox.strava.oauth import Grant, OAuth, bad_access_token, missing_scope
from sandbox.strava.profile import detailed_athlete, zones
from sandbox.strava.rate_limits import RateLimits, too_many_calls
from sandbox.strava.readiness import StreamReadiness
from sandbox.strava.statistics import CallLog, CallRecord
from sandbox.strava.streams import STREAM_KEYS, streams
from sandbox.strava.subscriptions import Subscriptions
from strava_collector.clock import Clock


@dataclass
class _Visit:
    """One call being handled, with what is known about the caller so far."""

    call: Call
    #: Parts of the path that the endpoint's pattern caught.
    ids: tuple[str, ...]
    fault: Fault | None
    application: Application | None = None
    athlete_id: int | None = None


@dataclass(frozen=True)
class _Endpoint:
    method: str
    path: str
    handle: Callable[[_Visit], Answer]
    #: Calls that wait for somebody else must not keep Strava waiting too.
    takes_lock_itself: bool = False

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def match(self, call: Call) -> tuple[str, ...] | None:
        if call.method != self.method:
            return None
        pattern = self.path.replace("{id}", r"(\d{1,19})").replace("{gear}", r"([bg]\d{1,19})")
        found = re.fullmatch(
            f"(?:/api/v3)?{pattern}" if self.path.startswith("/oauth") else f"/api/v3{pattern}", call.path
        )
        return None if found is None else found.groups()


class Api:
    """Answers calls; knows nothing of sockets, so that a simulation can use it without any."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        oauth: OAuth,
        subscriptions: Subscriptions,
        activities: ActivityBook,
        readiness: StreamReadiness,
        rate_limits: RateLimits,
        faults: Faults,
        log: CallLog,
        misuse: list[str],
        clock: Clock,
        seed: int,
        lock: threading.RLock,
        deauthorized: Callable[[Grant], None],
    ) -> None:
        self._accounts = accounts
        self._oauth = oauth
        self._subscriptions = subscriptions
        self._activities = activities
        self._readiness = readiness
        self._listing = Listing(activities, seed)
        self._rate_limits = rate_limits
        self._faults = faults
        self._log = log
        self._misuse = misuse
        self._clock = clock
        self._seed = seed
        self._lock = lock
        self._deauthorized = deauthorized
        self._endpoints = (
            _Endpoint("GET", "/oauth/authorize", self._authorize),
            _Endpoint("POST", "/oauth/authorize", self._decide),
            _Endpoint("POST", "/oauth/token", self._token),
            _Endpoint("POST", "/oauth/revoke", self._revoke),
            _Endpoint("POST", "/oauth/deauthorize", self._deauthorize),
            _Endpoint("POST", "/push_subscriptions", self._create_subscription, takes_lock_itself=True),
            _Endpoint("GET", "/push_subscriptions", self._list_subscriptions),
            _Endpoint("DELETE", "/push_subscriptions/{id}", self._delete_subscription),
            _Endpoint("GET", "/athlete", self._athlete),
            _Endpoint("GET", "/athlete/zones", self._zones),
            _Endpoint("GET", "/gear/{gear}", self._gear),
            _Endpoint("GET", "/athlete/activities", self._list_activities),
            _Endpoint("GET", "/activities/{id}", self._activity),
            _Endpoint("GET", "/activities/{id}/streams", self._streams),
        )

    def answer(self, call: Call) -> Answer:
        """Answer one call and write it down."""
        with self._lock:
            endpoint, ids = self._find(call)
            self._misuse.extend(misuse_of(call, endpoint.name if endpoint else None))
            fault = self._faults.strike(call)
        visit = _Visit(call, ids, fault)
        answer = fault.instead() if fault else None
        if answer is None:
            answer = self._handled(endpoint, visit)
            if visit.application is not None and call.path.startswith("/api/"):
                with self._lock:
                    answer.headers.update(self._rate_limits.headers(visit.application, self._clock.now()))
            if fault:
                answer = fault.afterwards(answer)
        self._log.calls.append(
            CallRecord(
                at=self._clock.now(),
                method=call.method,
                endpoint=endpoint.name if endpoint else "unknown",
                path=call.path,
                status=answer.status,
                client_id=visit.application.client_id if visit.application else None,
                athlete_id=visit.athlete_id,
                fault=str(fault.what) if fault else None,
            )
        )
        return answer

    def current_detail(self, activity: Activity) -> JsonObject:
        """The activity as its owner would fetch it now."""
        return detail(activity, self._seed, route_of(activity, self._seed))

    def _find(self, call: Call) -> tuple[_Endpoint | None, tuple[str, ...]]:
        for endpoint in self._endpoints:
            ids = endpoint.match(call)
            if ids is not None:
                return endpoint, ids
        return None, ()

    def _handled(self, endpoint: _Endpoint | None, visit: _Visit) -> Answer:
        try:
            if endpoint is None:
                raise refused(404, "Resource Not Found", "resource", "path", "invalid")
            if endpoint.takes_lock_itself:
                return endpoint.handle(visit)
            with self._lock:
                return endpoint.handle(visit)
        except Refused as refusal:
            return refusal.answer

    # OAuth

    def _authorize(self, visit: _Visit) -> Answer:
        request = self._oauth.authorize_request(visit.call)
        visit.application = request.application
        decided = self._oauth.decided_by_browser(request)
        if decided is None:
            athlete = self._accounts.athletes.get(logged_in(visit.call) or 0)
            if athlete is None:
                return login_page(visit.call, self._accounts.athletes.values())
            decided = self._oauth.granted_before(request, athlete)
            if decided is None:
                return consent_page(visit.call, request, athlete)
        return Answer(302, headers={"Location": decided}, content_type="text/html; charset=utf-8")

    def _decide(self, visit: _Visit) -> Answer:
        """The forms of the log-in and of the consent."""
        request = self._oauth.authorize_request(visit.call)
        visit.application = request.application
        decision = visit.call.form.get("decision")
        if decision == "log out":
            return login_page(visit.call, self._accounts.athletes.values())
        location: str | None = None
        if decision in ("log in", "authorize"):
            athlete_id = whole_number(visit.call.form.get("athlete"), "Athlete", "id", 0)
            athlete = self._accounts.athletes.get(athlete_id)
            if athlete is None:
                raise not_found("Athlete")
            if decision == "authorize":
                location = self._oauth.consented(request, athlete, allowed_scopes(visit.call))
            else:
                location = self._oauth.granted_before(request, athlete)
                if location is None:
                    return consent_page(visit.call, request, athlete)
        if location is None:
            location = self._oauth.refused(request)
        return Answer(302, headers={"Location": location}, content_type="text/html; charset=utf-8")

    def _token(self, visit: _Visit) -> Answer:
        body = self._oauth.token(visit.call)
        visit.application = self._accounts.application(visit.call.parameter("client_id"))
        return json_answer(200, body)

    def _revoke(self, visit: _Visit) -> Answer:
        """An unknown token is answered 200 too: it is as dead as it was meant to be (RFC 7009)."""
        visit.application = self._accounts.authenticated(*visit.call.basic())
        grant = self._oauth.grant_to_revoke(visit.application, visit.call.form.get("token"))
        if grant is not None:
            visit.athlete_id = grant.athlete.id
            self._deauthorized(grant)
        return json_answer(200, {})

    def _deauthorize(self, visit: _Visit) -> Answer:
        token = visit.call.bearer()
        grant = self._oauth.grant_of(token)
        if grant is None:
            raise bad_access_token()
        visit.application, visit.athlete_id = grant.application, grant.athlete.id
        self._deauthorized(grant)
        return json_answer(200, {"access_token": token})

    # Subscriptions: on behalf of an application

    def _create_subscription(self, visit: _Visit) -> Answer:
        with self._lock:
            self._admit_application(visit)
        return json_answer(201, self._subscriptions.create(visit.call))

    def _list_subscriptions(self, visit: _Visit) -> Answer:
        self._admit_application(visit)
        return json_answer(200, self._subscriptions.list(visit.call))

    def _delete_subscription(self, visit: _Visit) -> Answer:
        self._admit_application(visit)
        self._subscriptions.delete(visit.call, int(visit.ids[0]))
        return Answer(204)

    def _admit_application(self, visit: _Visit) -> None:
        self._admit(visit, self._accounts.application(visit.call.parameter("client_id")))

    # Resources: on behalf of an athlete

    def _athlete(self, visit: _Visit) -> Answer:
        grant = self._admit_athlete(visit)
        if "profile:read_all" in grant.scope:
            athlete, book = grant.athlete, self._activities
            return json_answer(200, detailed_athlete(athlete, book.gear.of(athlete), book.distances(athlete)))
        if "read" not in grant.scope:
            raise missing_scope("read")
        return json_answer(200, summary_athlete(grant.athlete))

    def _zones(self, visit: _Visit) -> Answer:
        grant = self._admit_athlete(visit)
        if "profile:read_all" not in grant.scope:
            raise missing_scope("profile:read_all")
        return json_answer(200, zones(grant.athlete))

    def _gear(self, visit: _Visit) -> Answer:
        grant = self._admit_athlete(visit)
        if not grant.scope & {"read", "profile:read_all"}:
            raise missing_scope("read")
        gear = self._activities.gear.find(grant.athlete, visit.ids[0])
        if gear is None:
            raise not_found("Gear")
        gone = self._activities.distances(grant.athlete).get(gear.id, 0.0)
        return json_answer(200, detailed_gear(gear, gone))

    def _list_activities(self, visit: _Visit) -> Answer:
        return self._listing.page(visit.call, self._admit_reader_of_activities(visit))

    def _activity(self, visit: _Visit) -> Answer:
        activity = self._readable(visit)
        everything = visit.call.query.get("include_all_efforts") == "true"
        route = route_of(activity, self._seed)
        return json_answer(200, detail(activity, self._seed, route, all_efforts=everything))

    def _streams(self, visit: _Visit) -> Answer:
        activity = self._readable(visit)
        if activity.manual:
            raise not_found("Stream")
        by_type = visit.call.query.get("key_by_type") == "true"
        self._readiness.refuse_unready(activity, key_by_type=by_type)
        keys = visit.call.query.get("keys", "").split(",")
        if not set(keys) & set(STREAM_KEYS):
            raise bad_parameter("Stream", "keys")
        found = streams(activity, self._seed, route_of(activity, self._seed), keys)
        if by_type:
            return json_answer(200, found)
        return json_answer(200, [{"type": key, **stream} for key, stream in found.items()])

    def _readable(self, visit: _Visit) -> Activity:
        grant = self._admit_reader_of_activities(visit)
        activity = self._activities.for_reading(int(visit.ids[0]), grant)
        if activity is None:
            raise not_found("Activity")
        return activity

    def _admit_reader_of_activities(self, visit: _Visit) -> Grant:
        grant = self._admit_athlete(visit)
        if not grant.reads_activities:
            raise missing_scope("activity:read")
        return grant

    def _admit_athlete(self, visit: _Visit) -> Grant:
        """The permission behind the call's token. A dead token's calls count for its application as well."""
        token = visit.call.bearer()
        application = self._oauth.application_behind(token)
        if application is None:
            raise bad_access_token()
        self._admit(visit, application)
        grant = self._oauth.grant_of(token)
        if grant is None:
            raise bad_access_token()
        visit.athlete_id = grant.athlete.id
        return grant

    def _admit(self, visit: _Visit, application: Application) -> None:
        visit.application = application
        read = visit.call.method == "GET"
        admitted = self._rate_limits.admit(application, self._clock.now(), read=read)
        if not admitted or (visit.fault is not None and visit.fault.what == 429):
            raise Refused(too_many_calls())
        refuse_inactive(application)
