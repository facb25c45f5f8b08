"""Push subscriptions: one per application, made only after the callback URL has proved itself."""

from __future__ import annotations

import json
import random
import threading
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from sandbox.strava.accounts import Accounts, Application, refuse_inactive
from sandbox.strava.activities import iso
from sandbox.strava.call_out import CallOutcome
from sandbox.strava.exchange import Call, JsonObject, Refused, not_found, refused
from strava_collector.clock import Clock

CALLBACK_URL_LIMIT = 255


@dataclass(frozen=True)
class Subscription:
    """Where an application wants its notifications."""

    id: int
    application: Application
    callback_url: str
    #: With nine digits of fraction, as recorded answers have them.
    created_at: str

    def as_json(self) -> JsonObject:
        return {
            "id": self.id,
            "resource_state": 2,
            "application_id": self.application.client_id,
            "callback_url": self.callback_url,
            "created_at": self.created_at,
            "updated_at": self.created_at,
        }


class Caller(Protocol):
    """Who sends the challenge: :class:`~sandbox.strava.call_out.CallOut`, or something without sockets."""

    def send(self, method: str, url: str, *, body: dict[str, object] | None, time_limit: float) -> CallOutcome: ...


class Subscriptions:
    """All subscriptions, by application."""

    def __init__(self, accounts: Accounts, caller: Caller, clock: Clock, seed: int, lock: threading.RLock) -> None:
        self._accounts = accounts
        #: May be replaced by those who live in virtual time.
        self.caller: Caller = caller
        self._clock = clock
        self._lock = lock
        self._random = random.Random(f"subscriptions {seed}")
        self._by_application: dict[int, Subscription] = {}
        self._last_id = 270_000
        #: Seconds that a callback URL has to answer the challenge.
        self.time_limit = 2.0
        #: How each callback URL answered its challenge.
        self.call_backs: list[CallOutcome] = []

    def of(self, application: Application) -> Subscription | None:
        return self._by_application.get(application.client_id)

    def create(self, call: Call) -> JsonObject:
        """``POST /push_subscriptions``: calls the callback URL back before it answers.

        The lock is free meanwhile, so that the rest of Strava goes on.
        """
        with self._lock:
            application = self._authenticated(call)
            callback_url = call.form.get("callback_url") or ""
            verify_token = call.form.get("verify_token") or ""
            if len(callback_url) > CALLBACK_URL_LIMIT:
                raise _refused("callback url", "too long")
            if not callback_url.startswith(("https://", "http://")):
                raise _refused("callback url", "invalid")
            if not verify_token:
                raise _refused("verify token", "invalid")
            if self.of(application) is not None:
                raise _refused("", "already exists")
            challenge = f"{self._random.getrandbits(128):032x}"
        self._verify(callback_url, verify_token, challenge)
        with self._lock:
            if self.of(application) is not None:
                raise _refused("", "already exists")
            return self.add(application, callback_url).as_json()

    def list(self, call: Call) -> list[JsonObject]:
        """``GET /push_subscriptions``."""
        subscription = self.of(self._authenticated(call))
        return [] if subscription is None else [subscription.as_json()]

    def delete(self, call: Call, subscription_id: int) -> None:
        """``DELETE /push_subscriptions/{id}``."""
        application = self._authenticated(call)
        subscription = self.of(application)
        if subscription is None or subscription.id != subscription_id:
            raise not_found("PushSubscription")
        del self._by_application[application.client_id]

    def add(self, application: Application, callback_url: str) -> Subscription:
        """Make a subscription without asking its callback URL anything."""
        self._last_id += self._random.randrange(1, 500)
        now = self._clock.now()
        fraction = f"{self._random.randrange(10**9):09d}"
        created_at = f"{iso(now)[:-1]}.{fraction}Z"
        subscription = Subscription(self._last_id, application, callback_url, created_at)
        self._by_application[application.client_id] = subscription
        return subscription

    def remove(self, application: Application) -> None:
        """Let the application's subscription be gone, without a call of the application's."""
        with self._lock:
            del self._by_application[application.client_id]

    def _authenticated(self, call: Call) -> Application:
        application = self._accounts.authenticated(call.parameter("client_id"), call.parameter("client_secret"))
        refuse_inactive(application)
        return application

    def _verify(self, callback_url: str, verify_token: str, challenge: str) -> None:
        query = urlencode({"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token})
        separator = "&" if urlsplit(callback_url).query else "?"
        outcome = self.caller.send("GET", f"{callback_url}{separator}{query}", body=None, time_limit=self.time_limit)
        self.call_backs.append(outcome)
        if outcome.status is None:
            raise _refused("callback url", "not verifiable")
        if outcome.status != 200:
            raise _refused("callback url", "GET to callback URL does not return 200")
        try:
            echoed = json.loads(outcome.body)
        except ValueError:
            echoed = None
        if not isinstance(echoed, dict) or echoed.get("hub.challenge") != challenge:
            raise _refused("callback url", "not verifiable")


def _refused(field: str, code: str) -> Refused:
    return refused(400, "Bad Request", "PushSubscription", field, code)
