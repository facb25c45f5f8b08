"""The fingerprint of an activity, as a list or the answer in full has it."""

from __future__ import annotations

import json

import pytest

from strava_collector.answers import read_answer
from strava_collector.fingerprint import fingerprint, silent_differ
from strava_collector.outcome import Fetched
from tests.support.claimed_job import JOB, NOW
from tests.support.scripted_transport import answer
from tests.unit.test_read_answer import RIDE


def test_the_same_thing_written_otherwise_is_the_same() -> None:
    one = {"name": "Ride", "distance": 12, "start_latlng": [], "end_latlng": [60.0, 24.5]}
    other = {"name": "Ride", "distance": 12.0, "start_latlng": None, "end_latlng": [60, 24.5]}
    assert fingerprint(one) == fingerprint(other)
    assert silent_differ(fingerprint(one), fingerprint({**one, "distance": 13}))


@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a":', "}")])
def test_what_is_nested_deeply_has_one_too(opens: str, closes: str) -> None:
    place = opens * 800 + "1" + closes * 800
    body = json.dumps({**RIDE, "start_latlng": "PLACE"}).replace('"PLACE"', place)

    fetched = read_answer(JOB, answer(body.encode()), NOW)

    assert isinstance(fetched, Fetched)
    assert len(fingerprint(fetched.activity)) == 17
