"""Strava's answer to the question for an activity, or for the athlete.

It is one of the few results that the error table knows, and the table has an answer to each. An activity goes all the
way to splunkd and arrives as Strava sent it, with its own time in front, for every choice of what is left out.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace

from strava_collector.answers import read_answer, read_any
from strava_collector.events import activity_digest, activity_event, epoch
from strava_collector.expectation import contradicts
from strava_collector.fingerprint import fingerprint
from strava_collector.job import Kind
from strava_collector.outcome import (
    Decision,
    Fetched,
    Finish,
    Granted,
    Refused,
    Renew,
    Result,
    Strangers,
    TryAgain,
    Unusable,
    Write,
    decide,
    decide_departure,
)
from strava_collector.privacy import KEEP_ALL, Privacy, of_activity
from strava_collector.streams import is_recorded, stream_key
from strava_collector.transport import Answer
from tests.fuzz.answers import NOW, answer_of
from tests.fuzz.reading import written
from tests.fuzz.target import Target
from tests.support.claimed_job import JOB
from tests.support.judging import FRESH

_JOB = replace(
    JOB, athlete_id=8, expected=json.dumps({"title": ["Morning Ride", 1], "private": [False, 1], "type": ["Ride", 1]})
)
_AT = replace(
    FRESH, now=NOW, attempts=1, collected=True, announced_at=NOW - 60, quota_frees_at=NOW + 60, created_at=NOW - 120
)
_CHOICES = (KEEP_ALL, Privacy(location=True), Privacy(text=True), Privacy(location=True, text=True, health=True))
_OURS = frozenset({"start_date", "collected_at", "collected_by", "input", "deleted", "strava_deleted"})
_DEEPEST = 60


def _check(data: bytes) -> str:
    answer = answer_of(data)
    _check_others(answer)
    result = read_answer(_JOB, answer, NOW)
    if isinstance(result, Fetched):
        contradicted = contradicts(_JOB.expected, result.activity)
        _check_decision(decide(result, replace(_AT, contradicted=contradicted)), result)
        for privacy in _CHOICES:
            _check_activity(result, privacy)
        return "activity"
    assert isinstance(result, (Refused, Unusable, Strangers))
    for circumstances in (_AT, replace(_AT, renewed=True, attempts=5), replace(_AT, collected=False)):
        _check_decision(decide(result, circumstances), result)
    if isinstance(result, Refused):
        _check_refused(result)
        return "refused"
    return "unusable"


def _check_others(answer: Answer) -> None:
    """What an answer is to those who asked for something else."""
    for result in (read_any(answer, NOW), read_answer(replace(_JOB, kind=Kind.ATHLETE), answer, NOW)):
        assert isinstance(result, (Refused, Unusable, Granted))
        decide_departure(result, _AT, refused_before=False, begun=False)


def _check_refused(result: Refused) -> None:
    assert result.retry_after is None or 0 <= result.retry_after <= 86_400
    assert all(len(fault) <= 161 for fault in result.faults)


def _check_decision(decision: Decision, result: Result) -> None:
    assert isinstance(decision, (Write, Finish, TryAgain, Renew)), decision
    assert isinstance(decision, Write) == isinstance(result, Fetched)
    if isinstance(decision, TryAgain):
        assert math.isfinite(decision.at) and NOW <= decision.at <= NOW + 7 * 86_400


def _check_activity(fetched: Fetched, privacy: Privacy) -> None:
    kept = of_activity(fetched.activity, privacy)
    assert len(activity_digest(kept)) == 64
    assert len(fingerprint(fetched.activity)) == 17
    assert len(stream_key(fetched.activity, privacy, "strava")) == 32
    is_recorded(fetched.activity)
    event = activity_event(
        kept,
        start=fetched.start,
        collected_at=NOW + 0.25,
        reason="webhook",
        input_name="club",
        index="strava",
        source="strava_webhook://club",
    )
    assert event.data.startswith(f'{{"start_date":"{fetched.start}"')
    assert event.time == epoch(fetched.start)
    content = json.loads(event.data)
    assert {key: content[key] for key in content.keys() - _OURS} == {key: kept[key] for key in kept.keys() - _OURS}
    assert content.get("strava_deleted") == kept.get("deleted", kept.get("strava_deleted"))
    assert (content["collected_at"], content["collected_by"], content["input"]) == (NOW + 0.25, "webhook", "club")
    if privacy is KEEP_ALL:
        assert kept == fetched.activity or _depth(fetched.activity) > _DEEPEST
    else:
        assert of_activity(kept, privacy) == kept
    assert written(event) == [event]


def _depth(tree: object) -> int:
    depth, level = 0, [tree]
    while level:
        depth += 1
        level = [
            child
            for one in level
            if isinstance(one, (dict, list))
            for child in (one.values() if isinstance(one, dict) else one)
        ]
    return depth


TARGET = Target(
    name="activity",
    check=_check,
    ends=frozenset({"activity", "refused", "unusable"}),
    words=(
        *(b'"id": 7', b'"athlete": {"id": 8}', b'"start_date": "2024-05-01T06:30:00Z"', b'"map"', b'"polyline"'),
        *(b'"start_latlng"', b'"segment_efforts"', b'"type"', b'"sport_type"', b'"heartrate"', b'"deleted": true'),
        *(
            b'"collected_at"',
            b'"input"',
            b'"strava_deleted"',
            b'"best_efforts"',
            b'"timezone"',
            b'"errors"',
            b'"field"',
        ),
        *(b'"code"', b"404", b"429", b"401", b"403", b"500", b"retry-after: ", b"date: Wed, 01 May 2024 06:30:00 GMT"),
        *(b'"(GMT+02:00) Europe/Helsinki"', b'"manual": true', b"+00:00", b".5Z", b'"missing"', b'"private": true'),
    ),
)
