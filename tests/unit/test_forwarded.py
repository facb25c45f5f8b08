"""Who is behind a proxy, and how little of that can be forged."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strava_collector.forwarded import client_address, is_loopback

PEER = "127.0.0.1"


@pytest.mark.parametrize(
    ("header", "client"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("198.51.100.7, 203.0.113.9", "203.0.113.9"),
        ("forged, 203.0.113.9 ", "203.0.113.9"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("", PEER),
        ("unknown", PEER),
        ("203.0.113.9,", PEER),
        ("203.0.113.9, somebody", PEER),
        ("203.0.113.9:4711", PEER),
        ("203.0.113.9 10.0.0.1", PEER),
        ("fe80::1%a text of the client's", PEER),
        ("3405803785", PEER),
    ],
)
def test_the_last_address_is_the_client(header: str, client: str) -> None:
    assert client_address(header, PEER) == client


@given(st.text())
def test_whatever_is_sent_what_comes_out_is_an_address(header: str) -> None:
    ipaddress.ip_address(client_address(header, PEER))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_is_what_no_other_host_reaches(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "10.0.0.1", "192.0.2.1", "fe80::1"])
def test_nothing_else_is(address: str) -> None:
    assert not is_loopback(address)
