"""Everything that goes wrong between a client and Strava, on demand."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from email.utils import formatdate
from fnmatch import fnmatchcase
from http import HTTPStatus
from types import TracebackType
from typing import Any, Callable

from sandbox.strava.exchange import Answer, Call, Transmission, json_answer
from strava_collector.clock import Clock

#: More than the add-on accepts (32 MiB).
HUGE = 40 * 1024 * 1024

_HTML = b"<html><head><title>Strava | Unavailable</title></head><body><h1>Be right back</h1></body></html>"
_WORDS = {
    "timeout",
    "reset",
    "lost_answer",
    "html",
    "html_200",
    "truncated",
    "not_json",
    "empty",
    "redirect",
    "wrong_activity",
    "huge",
    "slow",
    "not_a_list",
    "without_ids",
    "no_objects",
}


def _with_another_id(content: Any) -> object:
    return {**content, "id": content["id"] + 1} if isinstance(content, dict) and "id" in content else content


def _every_second(content: Any, alter: Callable[[dict[str, object]], object]) -> object:
    """The list with its first, third, fifth … entry altered."""
    if not isinstance(content, list):
        return content
    return [entry if number % 2 else alter(entry) for number, entry in enumerate(content)]


#: What becomes of the content of an answer 200.
_ALTERED: dict[int | str, Callable[[Any], object]] = {
    "wrong_activity": _with_another_id,
    "not_a_list": lambda content: {"entries": content},
    "without_ids": lambda content: _every_second(
        content, lambda entry: {key: value for key, value in entry.items() if key != "id"}
    ),
    "no_objects": lambda content: _every_second(content, lambda entry: None),
}


@dataclass(eq=False)
class Fault:
    """One fault that is in force; leaving its ``with`` block ends it."""

    what: int | str
    method: str | None
    path: str
    #: How many calls it still strikes; None: all.
    times: int | None
    #: The part of the matching calls that it strikes, 0 to 1.
    share: float
    seconds: float
    retry_after: str | None
    _forget: Callable[[Fault], None] = field(repr=False)
    #: How many calls it has struck.
    hits: int = 0

    def end(self) -> None:
        """Strike no more."""
        self._forget(self)

    def __enter__(self) -> Fault:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def instead(self) -> Answer | None:
        """The answer of something that stands before Strava; None when Strava itself handles the call."""
        if isinstance(self.what, int) and self.what != 429:
            return self._with_retry_after(
                json_answer(self.what, {"message": HTTPStatus(self.what).phrase, "errors": []})
            )
        if self.what == "timeout":
            if self.seconds:
                return Answer(0, transmission=Transmission.RESET, delay=self.seconds)
            return Answer(0, transmission=Transmission.NEVER)
        if self.what == "reset":
            return Answer(0, transmission=Transmission.RESET)
        if self.what in ("html", "html_200"):
            status = 503 if self.what == "html" else 200
            return self._with_retry_after(Answer(status, _HTML, content_type="text/html; charset=utf-8"))
        if self.what == "redirect":
            return Answer(302, headers={"Location": "https://elsewhere.invalid/login"}, content_type="text/html")
        return None

    def afterwards(self, answer: Answer) -> Answer:
        """What becomes of Strava's own answer."""
        if self.what == 429:
            return self._with_retry_after(answer)
        if self.what == "slow":
            answer.delay = self.seconds
        elif self.what == "lost_answer":
            answer.status, answer.transmission = 0, Transmission.RESET
        elif self.what == "truncated":
            answer.transmission = Transmission.TRUNCATED
        elif self.what == "not_json":
            answer.body = answer.body[: len(answer.body) // 2] + b'{"unfinished": '
        elif self.what == "empty":
            answer.body = b""
        elif self.what == "huge":
            answer.body = b" " * HUGE + answer.body
        elif answer.status == 200 and self.what in _ALTERED:
            answer.body = json_answer(200, _ALTERED[self.what](json.loads(answer.body))).body
        return answer

    def _with_retry_after(self, answer: Answer) -> Answer:
        if self.retry_after is not None:
            answer.headers["Retry-After"] = self.retry_after
        return answer


class Faults:
    """The faults in force; the oldest that matches a call strikes it."""

    def __init__(self, clock: Clock, seed: int) -> None:
        self._clock = clock
        self._random = random.Random(f"faults {seed}")
        self._faults: list[Fault] = []

    def outage(
        self,
        what: int | str = 503,
        *,
        method: str | None = None,
        path: str = "/api/v3/*",
        times: int | None = None,
        share: float = 1.0,
        seconds: float = 0.0,
        retry_after: float | str | None = None,
    ) -> Fault:
        """Begin a fault.

        ``what`` is a status, or one of ``timeout`` (never answers; with ``seconds``, the connection ends after
        that time), ``reset`` (before anything was done), ``lost_answer`` (done, then reset), ``html`` (503),
        ``html_200``, ``truncated``, ``not_json``, ``empty``, ``redirect``, ``wrong_activity``, ``huge``, ``slow``; of a
        list: ``not_a_list`` (an object), ``without_ids`` and ``no_objects`` (each for every second entry).
        ``path`` is a pattern (``"*"``: OAuth
        too). ``retry_after`` is seconds, or ``"date"`` for a minute from now written as a date.
        """
        if isinstance(what, str) and what not in _WORDS:
            raise ValueError(f"There is no fault {what!r}; there are {', '.join(sorted(_WORDS))}.")
        if retry_after == "date":
            retry_after = formatdate(self._clock.now() + 60, usegmt=True)
        fault = Fault(
            what=what,
            method=method,
            path=path,
            times=times,
            share=share,
            seconds=seconds,
            retry_after=None if retry_after is None else str(retry_after),
            _forget=self._forget,
        )
        self._faults.append(fault)
        return fault

    def slow(
        self,
        seconds: float,
        *,
        method: str | None = None,
        path: str = "/api/v3/*",
        times: int | None = None,
    ) -> Fault:
        """Answer as always, but ``seconds`` later."""
        return self.outage("slow", method=method, path=path, times=times, seconds=seconds)

    def rate_limited(
        self,
        retry_after: float | str | None = None,
        *,
        path: str = "/api/v3/*",
        times: int | None = None,
    ) -> Fault:
        """Answer 429 although the usage does not say so."""
        return self.outage(429, path=path, times=times, retry_after=retry_after)

    def clear(self) -> None:
        """End all faults."""
        self._faults.clear()

    def strike(self, call: Call) -> Fault | None:
        """The fault that strikes this call, if one does; counts it."""
        for fault in list(self._faults):
            if fault.method not in (None, call.method) or not fnmatchcase(call.path, fault.path):
                continue
            if fault.share < 1.0 and self._random.random() >= fault.share:
                continue
            fault.hits += 1
            if fault.times is not None and fault.hits >= fault.times:
                self._forget(fault)
            return fault
        return None

    def _forget(self, fault: Fault) -> None:
        if fault in self._faults:
            self._faults.remove(fault)
