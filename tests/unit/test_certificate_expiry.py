"""At which distance from its end a certificate is worth a word."""

from __future__ import annotations

from typing import Optional

import pytest

from strava_collector.certificate_expiry import WARN_AT_DAYS, expiry_warning, stage

END = 1_800_000_000.0
DAY = 86_400.0
VALID = (END - 90 * DAY, END)


@pytest.mark.parametrize(
    ("left", "reached"),
    [
        (90 * DAY, None),
        (21 * DAY + 1, None),
        (21 * DAY, 21),
        (7 * DAY + 1, 21),
        (7 * DAY, 7),
        (DAY + 1, 7),
        (DAY, 1),
        (1, 1),
        (0, 0),
        (-DAY, 0),
    ],
)
def test_the_stages_are_21_7_and_1_days_and_the_end(left: float, reached: Optional[int]) -> None:
    assert WARN_AT_DAYS == (21, 7, 1)
    assert stage(VALID, END - left) == reached


def test_the_text_is_the_same_from_one_stage_to_the_next() -> None:
    texts = [expiry_warning("/c.pem", VALID, END - hours * 3600.0) for hours in range(24 * 30, -48, -1)]
    assert list(dict.fromkeys(texts)) == [
        None,
        *(
            f"The certificate in /c.pem ends on 2027-01-15, within {within}: renew it, or see why the program that "
            "renews it has not done so. The new one is used as soon as it is in its file."
            for within in ("21 days", "7 days", "one day")
        ),
        "The certificate in /c.pem expired on 2027-01-15: get a new one from its authority.",
    ]


@pytest.mark.parametrize(
    ("life", "stages"), [(90, [21, 7, 1, 0]), (63, [21, 7, 1, 0]), (47, [7, 1, 0]), (6, [1, 0]), (2, [0])]
)
def test_a_short_life_is_not_one_long_warning(life: int, stages: list[int]) -> None:
    valid = (END - life * DAY, END)
    reached = [stage(valid, END - hours * 3600.0) for hours in range(24 * life, -48, -1)]
    assert list(dict.fromkeys(reached)) == [None, *stages]
