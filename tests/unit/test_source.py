"""Who counts as one source, and in which order sources take turns."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from strava_collector.source import in_turn, source_of


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("::1", "::"),
        ("fe80::1%eth0", "fe80::"),
    ],
)
def test_an_ipv4_address_is_a_source_and_so_is_an_ipv6_network(address: str, source: str) -> None:
    assert source_of(address) == source


@dataclass(frozen=True)
class From:
    source: str


def order(*items: str) -> str:
    """The items in turn; a letter is a source."""
    return " ".join(item for _, item in in_turn([(From(item[0]), item) for item in items]))


def test_the_first_of_each_source_comes_before_the_second_of_any() -> None:
    assert order("a1", "a2", "a3", "b1", "a4", "b2", "c1") == "a1 b1 c1 a2 b2 a3 a4"


def test_of_one_source_the_order_stays() -> None:
    assert order("a1", "a2", "a3") == "a1 a2 a3"
    assert order() == ""
