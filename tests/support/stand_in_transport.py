"""The way to Strava's stand-in and back without sockets, in virtual time."""

from __future__ import annotations

import json
from collections.abc import Callable
from email.utils import formatdate
from typing import Optional
from urllib.parse import parse_qs, urlencode, urlsplit

from sandbox.strava import StravaStandIn
from sandbox.strava.call_out import CallOutcome
from sandbox.strava.exchange import Call, Transmission
from strava_collector.clock import Clock
from strava_collector.errors import TransportError, TransportFault
from strava_collector.transport import Answer, Request
from tests.support.clock import VirtualClock
from tests.support.scripted_transport import revealed


class StandInTransport:
    """Answers as the stand-in does, and remembers what was asked."""

    def __init__(self, strava: StravaStandIn, clock: VirtualClock, there: Optional[Clock] = None) -> None:
        """``there`` is Strava's clock, if it is another one."""
        self._strava = strava
        self._clock = clock
        self._there = there or clock
        self.requests: list[Request] = []
        #: When each was made.
        self.times: list[float] = []
        #: Let this happen before the next call is answered, once.
        self.before: Optional[Callable[[], None]] = None

    def send(self, request: Request) -> Answer:
        self.requests.append(request)
        self.times.append(self._clock.now())
        before, self.before = self.before, None
        if before is not None:
            before()
        answer = self._strava.answer(_call(request))
        if answer.transmission is not Transmission.WHOLE:
            raise TransportError(TransportFault.INTERRUPTED, "strava.invalid broke off its answer.")
        headers = {name.lower(): value for name, value in answer.headers.items()}
        date = formatdate(self._there.now(), usegmt=True)
        return Answer(answer.status, {**headers, "date": date}, answer.body, self._clock.now())

    @property
    def methods(self) -> list[str]:
        """What was asked, in order: ``GET`` lists, ``POST`` creates, ``DELETE`` deletes."""
        return [request.method for request in self.requests]


class Door:
    """What Strava finds at a callback URL: a listener that knows the verify token, or something else."""

    def __init__(self, callback_url: str, verify_token: str) -> None:
        self.callback_url = callback_url
        self.verify_token = verify_token
        #: None: nobody answers.
        self.status: Optional[int] = 200
        self.body: Optional[bytes] = None

    def send(self, method: str, url: str, *, body: dict[str, object] | None, time_limit: float) -> CallOutcome:
        asked, _, query = url.partition("?")
        given = {name: values[0] for name, values in parse_qs(query).items()}
        if self.status is None or asked != self.callback_url:
            return CallOutcome(None, b"", time_limit, "no answer")
        if self.status != 200 or given["hub.verify_token"] != self.verify_token:
            return CallOutcome(self.status if self.status != 200 else 403, b"{}", 0.01, None)
        echo = json.dumps({"hub.challenge": given["hub.challenge"]}).encode()
        return CallOutcome(200, echo if self.body is None else self.body, 0.01, None)


def _call(request: Request) -> Call:
    form = urlencode(revealed(request.form))
    headers = {name.lower(): value for name, value in revealed(request.headers).items()}
    headers["user-agent"] = "TA_strava_webhook/test"
    if form:
        headers["content-type"] = "application/x-www-form-urlencoded"
    return Call(request.method, urlsplit(request.url).path, urlencode(revealed(request.query)), headers, form.encode())
