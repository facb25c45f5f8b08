"""The log that the collector writes in some days of virtual time, as it would stand in ``_internal``.

Its lines are those of the production modules. What the simulation has no part of, the listener with its certificate and
the keeper of the subscription, is said here by the same function and with the same fields.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from sandbox.simulation.case import DAY, START, Case
from sandbox.simulation.input_process import INPUT
from sandbox.simulation.misfortunes import Misfortunes, Outage, misfortunes
from sandbox.simulation.run import begun
from sandbox.simulation.timeline import Timeline
from strava_collector.logfmt import Value, line
from strava_collector.subscription_rules import State

#: Some people who ride often, with a few old activities, so that lists are read.
QUIET = Case(seed=3, days=10, athletes=10, faults=0.0, history=60, lost=0.0)
#: The same with what can go wrong: outages, restarts, lost notifications, and athletes who withdraw the permission.
BAD = replace(QUIET, seed=7, athletes=16, faults=1.0, history=160, lost=0.08)

#: For so long, in seconds, the last outage of the bad days has lasted.
_OUTAGE = 5 * 3_600.0

_PREFIX = "/opt/splunk/var/log/splunk/ta_strava_webhook"
_CERTIFICATE = "/opt/splunk/etc/auth/rides.pem"


def operation_log(now: float, *, bad: bool = False) -> dict[str, list[str]]:
    """The lines of a host's log files until ``now``, of some days: quiet ones, or such as one does not want to have."""
    case = BAD if bad else QUIET
    timeline = Timeline(START)
    with _listening(timeline) as heard, begun(case, timeline, _plan(case, now), is_watched=True):
        timeline.run_until(now)
    files: dict[str, list[str]] = {}
    for one in sorted([*heard.lines, *_beside(now, bad)], key=lambda one: one.at):
        if one.at <= now:
            files.setdefault(one.source, []).append(one.text)
    return files


def _plan(case: Case, now: float) -> Misfortunes:
    """The bad days end with an outage that is not over."""
    plan = replace(misfortunes(case), clock_offset=0.0)
    if not case.faults:
        return plan
    return replace(plan, outages=(*plan.outages, Outage(now - _OUTAGE, now + DAY, 503, "/api/v3/*")))


@dataclass(frozen=True)
class _Said:
    at: float
    source: str
    text: str


@dataclass
class _Handler(logging.Handler):
    timeline: Timeline
    lines: list[_Said] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(logging.INFO)

    def __hash__(self) -> int:
        return id(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(_said(self.timeline.now(), record.getMessage(), record.levelname))


def _said(at: float, message: str, level: str = "INFO", file: str = INPUT.name) -> _Said:
    """As solnlib's logger writes it."""
    time = datetime.fromtimestamp(at, timezone.utc)
    stamp = f"{time:%Y-%m-%d %H:%M:%S},{time.microsecond // 1000:03d} +0000"
    text = f"{stamp} log_level={level} pid=4711 tid=worker-1 file=conclusion.py:conclude:120 | {message}"
    return _Said(at, f"{_PREFIX}_{file}.log", text)


@contextmanager
def _listening(timeline: Timeline) -> Iterator[_Handler]:
    log = logging.getLogger("strava_collector")
    before = log.level, log.propagate
    handler = _Handler(timeline)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield handler
    finally:
        log.removeHandler(handler)
        log.level, log.propagate = before


def _beside(now: float, bad: bool) -> Iterator[_Said]:
    """The listener's and the subscription's lines."""

    def said(at: float, action: str, level: str = "INFO", /, **fields: Value) -> _Said:
        return _said(at, line(action, **fields), level)

    yield said(START + 2.0, "started", input=INPUT.name, version="1.0.0", port=8443)
    yield said(START + 3.0, "subscription_created", application=INPUT.application, subscription_id=270171, why="none")
    ends = now + (9 if bad else 58) * DAY
    for day in range(int((now - START) // DAY) + 1):
        at = START + day * DAY + 60.0
        yield said(at, "certificate", days=int((ends - at) // DAY), cert_file=_CERTIFICATE)
    yield said(now - 5 * DAY, "subscription_kept", application=INPUT.application, subscription_id=270171)
    if bad:
        yield said(
            now - 3_000.0,
            "subscription_trouble",
            "WARNING",
            application=INPUT.application,
            state=State.NOT_200.value,
            error="Strava answered 400: callback url GET to verify callback does not return 200.",
            failures=4,
            next_in=1_800.0,
        )
