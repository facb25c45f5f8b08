"""The transport that leads to the stand-in without sockets. A call takes virtual time, in which other things happen."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Callable
from urllib.parse import urlencode, urlsplit

from sandbox.simulation.case import DAY, START
from sandbox.simulation.misfortunes import Misfortunes
from sandbox.simulation.timeline import Timeline
from sandbox.simulation.world import World
from sandbox.strava import TokenPair
from sandbox.strava.exchange import Answer as StandInAnswer
from sandbox.strava.exchange import Call, Transmission
from strava_collector.clock import Clock
from strava_collector.errors import TransportError, TransportFault
from strava_collector.secret import Secret
from strava_collector.transport import Answer, Request, Value

#: Addresses that lead here and nowhere else.
API_URL, OAUTH_URL = "https://strava.invalid/api/v3", "https://strava.invalid/oauth"

#: The shortest and the longest call that is answered, in seconds, and how long one waits that is not.
QUICKEST, SLOWEST, SILENCE = 0.15, 15.0, 20.0
#: The part of the calls that are slow, and how slow: time enough for a notification of what the answer does not have.
_SLOW, _SLOW_SECONDS = 0.08, (3.0, SLOWEST)


@dataclass
class Wire:
    """A ``Transport``."""

    timeline: Timeline
    world: World
    #: The host's clock.
    clock: Clock
    plan: Misfortunes
    #: Of the case.
    seed: int
    #: Lets time pass during a call.
    wait: Callable[[float], None]
    #: Called on both sides of what happens at Strava: the process may die here.
    touch: Callable[[], None]
    #: Told of each activity that Strava answers with, before the collector is.
    fetched: Callable[[int, Mapping[str, object]], None]
    #: Whether a call that is about to be made counts as history's, as the collector itself sees it.
    is_history: Callable[[Call], bool]
    #: Calls by day from the begin, and those of history.
    calls_of_day: Counter[int] = field(default_factory=Counter)
    history_of_day: Counter[int] = field(default_factory=Counter)
    #: Calls by kind and status; 0 when no answer came.
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    #: Calls so far, by what was asked: what becomes of a call depends on that and not on all calls before.
    asked: Counter[str] = field(default_factory=Counter)
    #: The refresh tokens that Strava has handed out to this process, the last one of each athlete.
    received: dict[int, str] = field(default_factory=dict)
    #: When Strava answered with an activity last, by its id; true time.
    seen_at: dict[int, float] = field(default_factory=dict)

    def send(self, request: Request) -> Answer:
        """See ``Transport``."""
        self.touch()
        call = _call(request)
        what = f"{call.method} {call.path}"
        self.asked[what] += 1
        rng = random.Random(f"wire {self.seed} {what} {self.asked[what]}")
        seconds = min(max(rng.lognormvariate(-0.9, 0.6), QUICKEST), SLOWEST)
        if rng.random() < _SLOW:
            seconds = rng.uniform(*_SLOW_SECONDS)
        # What Strava answers is decided early on; the rest of the time the answer is on its way.
        deciding = seconds * rng.uniform(0.05, 0.5)
        error = rng.random()
        self.wait(deciding)
        day = int((self.timeline.now() - START) // DAY)
        self.calls_of_day[day] += 1
        self.history_of_day[day] += self.is_history(call)
        if error < self.plan.single_errors / 3:
            answer = StandInAnswer(500, b'{"message":"Internal Server Error"}')
        elif error < self.plan.single_errors * 2 / 3:
            answer = StandInAnswer(0, transmission=Transmission.RESET)
        else:
            answer = self.world.strava.answer(call)
            if error < self.plan.single_errors and call.method == "GET":
                # Strava did its part; a refresh whose answer is lost would need the athlete, see the crashes.
                answer.transmission = Transmission.TRUNCATED
        self._note(call, answer)
        date = formatdate(self.timeline.now(), usegmt=True)
        self.wait(SILENCE if answer.transmission is Transmission.NEVER else seconds - deciding)
        self.touch()
        return _received(answer, date, self.clock.now())

    def _note(self, call: Call, answer: StandInAnswer) -> None:
        status = answer.status if answer.transmission is Transmission.WHOLE else 0
        parts = call.path.split("/")
        if call.path.startswith("/api/v3/activities/"):
            activity_id = int(parts[4])
            recorded = self.world.by_id.get(activity_id)
            self.answers["activity", status] += 1
            gone = status == 404 and (recorded is None or not self.world.is_readable(recorded))
            if gone or (status == 200 and answer.body.endswith(b"}")):
                self.seen_at[activity_id] = self.timeline.now()
                if status == 200:
                    self.fetched(activity_id, json.loads(answer.body))
            return
        if call.path == "/api/v3/athlete/activities" and status == 200 and answer.body.endswith(b"]"):
            for entry in json.loads(answer.body):
                self.seen_at[entry["id"]] = self.timeline.now()
        where = "gear" if "gear" in parts else "/".join(parts[-2:])
        self.answers[f"{call.method} {where}", status] += 1
        if call.path == "/oauth/token" and status == 200:
            content = json.loads(answer.body)
            pair = TokenPair(content["access_token"], content["refresh_token"], content["expires_at"])
            athlete = self.world.owner_of[call.form["refresh_token"]]
            self.world.handed_out(athlete, pair)
            self.received[athlete] = pair.refresh_token


def _call(request: Request) -> Call:
    form = urlencode(_revealed(request.form))
    headers = {name.lower(): value for name, value in _revealed(request.headers).items()}
    headers["user-agent"] = "TA_strava_webhook/simulation"
    if form:
        headers["content-type"] = "application/x-www-form-urlencoded"
    return Call(request.method, urlsplit(request.url).path, urlencode(_revealed(request.query)), headers, form.encode())


def _received(answer: StandInAnswer, date: str, now: float) -> Answer:
    """What ``RequestsTransport`` makes of an answer like this."""
    if answer.transmission is Transmission.NEVER:
        raise TransportError(TransportFault.TIMEOUT, "strava.invalid did not answer in time.")
    if answer.transmission is not Transmission.WHOLE:
        raise TransportError(TransportFault.INTERRUPTED, "strava.invalid broke off its answer.")
    if 300 <= answer.status < 400:
        raise TransportError(TransportFault.REDIRECTED, "strava.invalid answered with a redirect.")
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Answer(answer.status, {**headers, "content-type": answer.content_type, "date": date}, answer.body, now)


def _revealed(values: Mapping[str, Value]) -> dict[str, str]:
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in values.items()}
