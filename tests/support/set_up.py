"""A set-up in which everything is right, and the lines that the check makes of one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from strava_collector.callback_probe import Probe
from strava_collector.check import judge
from strava_collector.check_facts import (
    Access,
    ApplicationFacts,
    AthleteFacts,
    Facts,
    InputFacts,
    Queue,
    QuotaFacts,
    Standing,
)
from strava_collector.check_line import TOPICS, Line, Status
from strava_collector.store.heartbeats import Heartbeat
from strava_collector.subscription_rules import Listed
from tests.support.clock import START

DAY = 86_400.0

URL = "https://rides.example.org/strava/5f0c9e"

PASS, WARN, FAIL = Status.PASS, Status.WARN, Status.FAIL

#: What stands for a topic that has no line of its own.
WORDS = {
    "listener": "listener",
    "certificate": "certificate",
    "callback": "callback url",
    "subscription": "subscription",
    "worker": "workers",
    "queue": "queue",
    "quota": "rate limit",
    "index": "index",
    "macro": "search macro",
    "clock": "clock",
}

HOME = InputFacts(
    name="home",
    application="Club",
    index="strava",
    callback_url=URL,
    runs=True,
    heartbeats={part: Heartbeat(START - 30) for part in ("listener", "worker", "dispatcher", "subscription")},
    certificate_valid=(START - 30 * DAY, START + 60 * DAY),
    probe=Probe(PASS, "rides.example.org leads to this listener."),
    queue=Queue(),
)

CLUB = ApplicationFacts(
    name="Club",
    standing=Standing.VERIFIED,
    subscriptions=(Listed(7, URL),),
    known=7,
    ahead=0.4,
    quota=QuotaFacts(3, 100, 40, 1000),
)

ADA = AthleteFacts(
    name="ada",
    athlete_id=1,
    application="Club",
    scopes=frozenset({"read", "activity:read_all"}),
    wanted="read,activity:read_all",
    has_tokens=True,
    access=Access.GOOD,
)

GOOD = Facts(
    now=START,
    inputs=(HOME,),
    applications=(CLUB,),
    athletes=(ADA,),
    has_store=True,
    indexes=frozenset({"strava", "main"}),
    macro="index=strava",
    disk_free=90_000_000_000,
    folder="/opt/splunk/store",
    dead_letters=0,
)


def with_input(**changes: Any) -> Facts:
    return replace(GOOD, inputs=(replace(HOME, **changes),))


def lines_of(facts: Facts) -> dict[str, Line]:
    lines = judge(facts)
    named = {line.name: line for line in lines}
    assert len(named) == len(lines), "two lines have one name"
    for line in lines:
        assert line.seen.endswith((".", "!")), line
        assert (line.status is PASS) == (line.to_do == ""), line
    told = " ".join(line.seen.lower() for line in lines if line.topic in ("application", "process"))
    of_lists: set[str] = set() if facts.lists else {"history", "missed", "listing"}
    of_several: set[str] = set() if len(facts.inputs or ()) > 1 else {"privacy"}
    for topic in set(TOPICS) - {line.topic for line in lines} - of_lists - of_several:
        assert WORDS[topic] in told, f"{topic} has no line, and no other says so"
    assert [line.topic for line in lines] == sorted((line.topic for line in lines), key=TOPICS.index)
    return named


HISTORY = InputFacts(
    name="history",
    listens=False,
    application="Club",
    index="strava",
    runs=True,
    heartbeats={part: Heartbeat(START - 30) for part in ("lister", "worker", "dispatcher", "around")},
    queue=Queue(),
)
