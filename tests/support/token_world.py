"""A Strava that rotates tokens, a password store, and keepers as processes have them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Callable, Optional

from strava_collector.oauth import OAuth, Tokens
from strava_collector.secret import Secret
from strava_collector.settings import Application, Athlete
from strava_collector.store.database import Database
from strava_collector.token_keeper import TokenKeeper
from strava_collector.transport import Answer, Request
from tests.support.clock import VirtualClock
from tests.support.scripted_transport import answer, refusal, revealed

APPLICATION = Application("mine", "4711", Secret("marked-client-secret"))

ANNE = Athlete("Anne", 1, "mine")

BEN = Athlete("Ben", 2, "mine")

HOUR = 3600


class Strava:
    """Strava's token endpoint: rotates on each refresh, and the old refresh token dies at once."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        #: By refresh token, which is alive.
        self._alive: dict[str, Tokens] = {}
        self._issued = 0
        #: Refresh tokens that were sent.
        self.asked: list[str] = []
        #: Called for each refresh before it is answered.
        self.meanwhile: Callable[[], None] = lambda: None
        #: Instead of an answer.
        self.fails: Optional[Exception] = None
        self.answers: Optional[Answer] = None

    def connect(self, seconds: int = 6 * HOUR) -> Tokens:
        """Issue tokens as for a new consent."""
        with self._lock:
            self._issued += 1
            number = self._issued
            tokens = Tokens(
                Secret(f"marked-access-{number}"),
                Secret(f"marked-refresh-{number}"),
                int(self._clock.now()) + seconds,
            )
            self._alive[tokens.refresh_token.reveal()] = tokens
        return tokens

    def send(self, request: Request) -> Answer:
        sent = revealed(request.form)["refresh_token"]
        self.asked.append(sent)
        self.meanwhile()
        if self.fails is not None:
            raise self.fails
        if self.answers is not None:
            return self.answers
        with self._lock:
            current = self._alive.get(sent)
            if current is None:
                return refusal("RefreshToken", "refresh_token", "invalid", 400)
            rotates = current.expires_at - self._clock.now() <= HOUR
            if rotates:
                del self._alive[sent]
        tokens = self.connect() if rotates else current
        return answer(
            {
                "access_token": tokens.access_token.reveal(),
                "refresh_token": tokens.refresh_token.reveal(),
                "expires_at": tokens.expires_at,
                "expires_in": tokens.expires_at - int(self._clock.now()),
            }
        )


class Passwords:
    """Splunk's password store in memory. Shared by all processes, so keepers share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[int, Tokens] = {}
        self.saves = 0
        self.save_fails: Optional[Exception] = None
        self.load_fails: Optional[Exception] = None
        self.fails_after_saving = False

    def load(self, athlete_id: int) -> Optional[Tokens]:
        if self.load_fails is not None:
            raise self.load_fails
        with self._lock:
            return self._tokens.get(athlete_id)

    def save(self, athlete_id: int, tokens: Tokens) -> None:
        if self.save_fails is not None and not self.fails_after_saving:
            raise self.save_fails
        with self._lock:
            self._tokens[athlete_id] = tokens
            self.saves += 1
        if self.save_fails is not None:
            raise self.save_fails

    def forget(self, athlete_id: int) -> None:
        with self._lock:
            self._tokens.pop(athlete_id, None)


class World:
    """Strava, the password store, a clock, and as many keepers as there are processes."""

    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock()
        self.strava = Strava(self.clock)
        self.passwords = Passwords()
        self.oauth = OAuth(self.strava, "https://strava.example/oauth", self.clock)
        self._folder = folder
        self._databases: list[Database] = []

    def keeper(self) -> TokenKeeper:
        """A keeper as another process would have it: with its own connection to the store."""
        database = Database(self._folder, clock=self.clock)
        self._databases.append(database)
        return TokenKeeper(database, self.passwords, self.clock)

    def connect(self, athlete: Athlete, seconds: int = 6 * HOUR) -> Tokens:
        tokens = self.strava.connect(seconds)
        self.passwords.save(athlete.athlete_id, tokens)
        self.passwords.saves = 0
        return tokens

    def close(self) -> None:
        for database in self._databases:
            database.close()


def token(world: World, keeper: TokenKeeper, athlete: Athlete = ANNE) -> str:
    return keeper.access_token(athlete, APPLICATION, world.oauth).reveal()


def renewed(world: World, keeper: TokenKeeper, rejected: Tokens, athlete: Athlete = ANNE) -> str:
    return keeper.renewed(athlete, APPLICATION, world.oauth, rejected.access_token).reveal()
