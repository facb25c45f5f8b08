"""What Strava's answers about subscriptions are taken for."""

from __future__ import annotations

import pytest

from strava_collector.subscription_answers import created_in, listed_in
from strava_collector.subscription_rules import Listed
from tests.support.scripted_transport import answer

URL = "https://strava.example/club"


@pytest.mark.parametrize("number", [None, "1", True, 1.0, 0, -1, 2**63, 10**400])
def test_what_the_store_cannot_hold_is_no_id(number: object) -> None:
    assert listed_in(answer([{"id": 1}, {"id": number}])) is None
    assert created_in(answer({"id": number}, 201), URL) is None


def test_half_a_character_is_replaced_for_the_store_cannot_hold_it() -> None:
    told = {"id": 2**63 - 1, "callback_url": "https://a.example/\ud800", "created_at": "\udfff"}

    assert listed_in(answer([told])) == (Listed(2**63 - 1, "https://a.example/?", "?"),)
