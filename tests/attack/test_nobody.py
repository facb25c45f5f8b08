"""What honest traffic is like when nobody attacks: what the rows of the table are to be compared with."""

from __future__ import annotations

from tests.attack.conftest import Besiege


def test_nobody_attacks(besiege: Besiege) -> None:
    with besiege() as siege:
        while siege.goes_on:
            siege.await_answer()
        siege.got = "–"
