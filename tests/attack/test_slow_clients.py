"""Clients who take their time, or a connection and nothing else."""

from __future__ import annotations

import pytest

from tests.attack.conftest import Besiege
from tests.attack.crowd import Crowd, Open, tcp, tls
from tests.attack.victim import Victim
from tests.support.listening import request

#: The beginning of a ClientHello whose rest never comes.
HALF_A_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


def kinds(victim: Victim) -> dict[str, tuple[Open, bytes]]:
    """How each kind begins, and what it goes on with."""
    head = request("POST", victim.path)[:-2] + b"X-Slow: "
    announced = request("POST", victim.path, b"x" * 60_000)[:-60_000]
    return {
        "silent": (lambda: tcp(victim), b""),
        "slow_handshake": (lambda: tcp(victim, HALF_A_HELLO), b"\x00"),
        "nothing_after_the_handshake": (lambda: tls(victim), b""),
        "slow_head": (lambda: tls(victim, head), b"x"),
        "slow_body": (lambda: tls(victim, announced), b"x"),
        "no_body": (lambda: tls(victim, announced), b""),
    }


#: What each kind gets after the listener's five seconds. Who has sent part of a request is told.
ENDS = {
    "silent": "closed",
    "slow_handshake": "closed",
    "nothing_after_the_handshake": "closed",
    "slow_head": "408",
    "slow_body": "408",
    "no_body": "408",
}


@pytest.mark.parametrize("kind", list(ENDS))
def test_many_clients_who_are_slow(victim: Victim, besiege: Besiege, kind: str) -> None:
    begin, drip = kinds(victim)[kind]
    with Crowd(begin, drip) as crowd, besiege() as siege:
        while siege.goes_on or not crowd.got:
            crowd.fill(siege.extent.connections)
            siege.await_answer()
            crowd.drip()
        siege.got = ", ".join(f"{count} × {what}" for what, count in crowd.got.items())
    assert set(crowd.got) == {ENDS[kind]}
