"""Whether an athlete has withdrawn the permission, by what Strava answers when it is asked."""

from __future__ import annotations

import pytest

from strava_collector.job import Outcome
from strava_collector.outcome import (
    Barred,
    Decision,
    Depart,
    Finish,
    Granted,
    Obstacle,
    Refused,
    Renew,
    Result,
    TryAgain,
)
from tests.support.judging import (
    FRESH,
    LIMIT,
    NOT_WITHDRAWN,
    NOW,
    departure,
    end,
)


@pytest.mark.parametrize(
    ("result", "decision"),
    [
        (Barred(Obstacle.RECONNECT, "Refused."), Depart("Refused.")),
        (Refused(401, faults=frozenset({"profile:read_permission:missing"})), Finish(Outcome.UNCHANGED, NOT_WITHDRAWN)),
        (Refused(401), Renew()),
        (Refused(503), TryAgain(NOW + 30, "Strava answered 503.", counts=True)),
        (Refused(429, 5.0), TryAgain(NOW + 5, LIMIT, counts=False)),
    ],
)
def test_only_stravas_refusal_of_the_tokens_confirms_a_departure(result: Result, decision: Decision) -> None:
    assert departure(result, FRESH) == decision


def test_a_refusal_of_old_confirms_no_departure_that_is_announced_today() -> None:
    decision = end(departure(Barred(Obstacle.RECONNECT, "Refused."), FRESH, refused_before=True))
    assert decision.outcome is Outcome.DEAD_LETTER
    assert decision.why == (
        "A notification said that the athlete has withdrawn the permission. That cannot be told, because Strava "
        "refused the athlete's tokens before. Connect the athlete again, or delete the athlete's row."
    )
    # Whoever still grants access has not left, whatever was before.
    assert end(departure(Granted(), FRESH, refused_before=True)).outcome is Outcome.UNCHANGED


def test_a_departure_that_was_interrupted_is_ended_without_tokens() -> None:
    decision = departure(Barred(Obstacle.NO_TOKENS, "There are none."), FRESH, begun=True)
    assert decision == Depart("The athlete has withdrawn the permission, as Strava confirmed before.")
    assert end(departure(Granted(), FRESH, begun=True)).outcome is Outcome.UNCHANGED


def test_without_tokens_nobody_can_ask_whether_an_athlete_has_left() -> None:
    decision = end(departure(Barred(Obstacle.NO_TOKENS, "There are none."), FRESH))
    assert decision.outcome is Outcome.DEAD_LETTER
    assert decision.why is not None
    assert decision.why.endswith("There are none.")
    assert not decision.tombstone
