"""How far history has come, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from strava_collector.progress import about, lists_of
from strava_collector.store.walks import About, Listed
from strava_collector.walk import BEGINNING, Covered, Spans

NOW = 1_780_293_600
DAY = 86_400
LISTED = Listed(
    1,
    About("ada", "App", "lists", "club", 14_400.0, BEGINNING),
    Covered(Spans().plus(NOW - 7 * DAY, NOW), float(NOW), float(NOW)),
    since=float(NOW),
    said="",
    said_at=None,
    trouble="",
)


def covering(*spans: tuple[int, int], wanted_from: int = BEGINNING) -> Listed:
    found = Spans()
    for low, high in spans:
        found = found.plus(low, high)
    wanted = replace(LISTED.about, wanted_from=wanted_from)
    return replace(LISTED, about=wanted, covered=replace(LISTED.covered, spans=found))


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        (replace(LISTED, covered=Covered()), "not begun"),
        (LISTED, "back to 2026-05-25"),
        (covering((BEGINNING, NOW)), "complete"),
        (covering((NOW - 50 * DAY, NOW), wanted_from=NOW - 40 * DAY), "complete"),
        (covering((0, 90 * DAY), (NOW - DAY, NOW), wanted_from=0), "not yet from 1970-04-01 to 2026-05-31"),
    ],
)
def test_how_far_the_lists_are(listed: Listed, said: str) -> None:
    assert lists_of(listed) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (12 * DAY, "12 days"),
        (DAY, "1 day"),
        (5 * 3600, "5 hours"),
        (600, "10 minutes"),
        (5, "a minute"),
        (-9, "a minute"),
    ],
)
def test_a_time_is_said_roughly(seconds: float, said: str) -> None:
    assert about(seconds) == said
