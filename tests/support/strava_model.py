"""Strava as a model: what it knows, what it announces, what it answers, without sockets and in virtual time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Optional
from urllib.parse import urlsplit

from strava_collector.errors import TransportError, TransportFault
from strava_collector.oauth import Tokens
from strava_collector.secret import Secret
from strava_collector.transport import Answer, Request
from tests.support.clock import START, VirtualClock
from tests.support.scripted_transport import answer, refusal

#: Access tokens live so long, in seconds.
ACCESS_SECONDS = 21_600
#: A status that stands for none: Strava has got the call, but its answer is lost.
NO_ANSWER = 999


@dataclass
class Ride:
    """An activity as Strava has it."""

    athlete_id: int
    name: str
    start_date: str
    #: Deleted, or hidden from an application with the smaller scope.
    visible: bool = True


@dataclass
class Account:
    """An athlete at Strava, and what was granted to the application."""

    athlete_id: int
    authorized: bool = True
    #: Counts consents and refreshes: in the names of the tokens that are good.
    serial: int = 0
    expires_at: float = 0.0


class StravaModel:
    """Implements Transport. ``during`` happens once, while the next call is under way."""

    def __init__(self, clock: VirtualClock, *athletes: int) -> None:
        self.clock = clock
        self._begin = clock.monotonic()
        self.rides: dict[int, Ride] = {}
        self.accounts = {athlete_id: Account(athlete_id) for athlete_id in athletes}
        #: So many of the next calls fail, and how.
        self.failing: list[int] = []
        self.during: list[Callable[[], None]] = []
        #: Whether the answer is from before that, as one is that takes its time on the way.
        self.answers_first = False
        #: Called with the athlete whose data is asked for.
        self.asked: Callable[[int], None] = lambda _: None
        self.calls = 0
        self.refused = 0
        self._used: dict[tuple[int, int], int] = {}

    def now(self) -> float:
        """Strava's clock, which nobody sets."""
        return START + self.clock.monotonic() - self._begin

    def consent(self, athlete_id: int) -> Tokens:
        """The athlete connects: new tokens, the old ones are dead."""
        account = self.accounts[athlete_id]
        account.authorized = True
        return self._new_tokens(account)

    def send(self, request: Request) -> Answer:
        self.calls += 1
        path = urlsplit(request.url).path
        athlete_id = self._bearer(request)
        if athlete_id is not None:
            self.asked(athlete_id)
        early = self._counted(self._try(request, path, athlete_id), path) if self.answers_first else None
        if self.during:
            self.during.pop(0)()
        given = early or self._counted(self._try(request, path, athlete_id), path)
        if given.status == NO_ANSWER:
            raise TransportError(TransportFault.TIMEOUT, "Strava did not answer in time.")
        return given

    def _try(self, request: Request, path: str, athlete_id: Optional[int]) -> Answer:
        if self.failing:
            return answer({"message": "error"}, self.failing.pop(0))
        return self._answer(request, path, athlete_id)

    def _answer(self, request: Request, path: str, athlete_id: Optional[int]) -> Answer:
        if path.endswith("/oauth/token"):
            return self._refresh(request)
        if athlete_id is None or not self._is_good(request, athlete_id):
            return refusal("Athlete", "access_token", "invalid", 401)
        if path.endswith("/athlete"):
            return answer({"id": athlete_id})
        activity_id = int(path.rsplit("/", 1)[1])
        ride = self.rides.get(activity_id)
        if ride is None or not ride.visible or ride.athlete_id != athlete_id:
            return refusal("Activity", "id", "invalid", 404)
        return answer(self.shown(activity_id))

    def shown(self, activity_id: int) -> dict[str, object]:
        """An activity as Strava gives it."""
        ride = self.rides[activity_id]
        return {"id": activity_id, "athlete": {"id": ride.athlete_id}, "start_date": ride.start_date, "name": ride.name}

    def _refresh(self, request: Request) -> Answer:
        sent = request.form["refresh_token"] if request.form else ""
        token = sent.reveal() if isinstance(sent, Secret) else sent
        account = self.accounts[int(token.split("-")[1])]
        if not account.authorized or token != f"refresh-{account.athlete_id}-{account.serial}":
            return refusal("RefreshToken", "refresh_token", "invalid", 400)
        new = self._new_tokens(account)
        return answer(
            {
                "token_type": "Bearer",
                "access_token": new.access_token.reveal(),
                "refresh_token": new.refresh_token.reveal(),
                "expires_at": new.expires_at,
                "expires_in": ACCESS_SECONDS,
            }
        )

    def _new_tokens(self, account: Account) -> Tokens:
        account.serial += 1
        account.expires_at = self.now() + ACCESS_SECONDS
        name = f"{account.athlete_id}-{account.serial}"
        return Tokens(Secret(f"access-{name}"), Secret(f"refresh-{name}"), int(self.clock.now()) + ACCESS_SECONDS)

    def _bearer(self, request: Request) -> Optional[int]:
        header = (request.headers or {}).get("Authorization", "")
        word = header.reveal() if isinstance(header, Secret) else header
        return int(word.split("-")[1]) if word.startswith("Bearer access-") else None

    def _is_good(self, request: Request, athlete_id: int) -> bool:
        header = (request.headers or {})["Authorization"]
        word = header.reveal() if isinstance(header, Secret) else header
        account = self.accounts[athlete_id]
        good = f"Bearer access-{athlete_id}-{account.serial}"
        return account.authorized and word == good and self.now() < account.expires_at

    def _counted(self, given: Answer, path: str) -> Answer:
        if "/oauth/" in path:
            return given
        windows = [(length, int(self.now() // length)) for length in (900, 86_400)]
        for window in windows:
            self._used[window] = self._used.get(window, 0) + 1
        quarter, day = (self._used[window] for window in windows)
        headers = {
            "date": formatdate(int(self.now()), usegmt=True),
            "x-ratelimit-limit": "200,2000",
            "x-ratelimit-usage": f"{quarter},{day}",
            "x-readratelimit-limit": "100,1000",
            "x-readratelimit-usage": f"{quarter},{day}",
        }
        if quarter > 100 or day > 1_000:
            self.refused += 1
            return Answer(429, headers, json.dumps({"message": "Rate Limit Exceeded"}).encode(), 0.0)
        return Answer(given.status, headers, given.body, 0.0)


@dataclass
class Announced:
    """A notification that Strava has to deliver, or has delivered."""

    object_type: str
    object_id: int
    aspect: str
    owner_id: int
    event_time: int
    updates: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, int, str, int, int, str]:
        """What tells it from another one."""
        updates = json.dumps(self.updates, sort_keys=True)
        return (self.object_type, self.object_id, self.aspect, self.owner_id, self.event_time, updates)
