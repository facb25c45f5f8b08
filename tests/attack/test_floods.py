"""As much as one attacker can send, from one address; and from many."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import cycle

import pytest

from tests.attack.conftest import Besiege
from tests.attack.crowd import Crowd, tcp, tls
from tests.attack.victim import Victim
from tests.support.https import Client
from tests.support.listening import request

#: The honest ones come from another address than the attacker. Linux has all of 127.0.0.0/8 for that.
ATTACKER = "127.0.0.66"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has several addresses on loopback")


def client_hello(context: ssl.SSLContext) -> bytes:
    """What a client begins with; sent again and again it costs the server a handshake, and its sender nothing."""
    sent = ssl.MemoryBIO()
    session = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="localhost")
    with suppress(ssl.SSLWantReadError):
        session.do_handshake()
    return sent.read()


@pytest.mark.parametrize("sources", [1, 40], ids=["one_address", "forty_addresses"])
def test_connections_are_opened_and_left(victim: Victim, besiege: Besiege, sources: int) -> None:
    addresses = cycle(f"127.0.1.{number + 1}" for number in range(sources))
    with ExitStack() as stack, besiege() as siege:
        crowd = stack.enter_context(Crowd(lambda: tcp(victim, source=next(addresses))))
        while siege.goes_on:
            crowd.fill(siege.extent.too_many)
            crowd.drip()
        siege.got = f"{crowd.got['closed']} × closed"
    assert set(crowd.got) == {"closed"}


def test_a_slow_line_is_not_cut_by_who_opens_connections_faster(victim: Victim, besiege: Besiege) -> None:
    def begun() -> Iterator[ssl.SSLSocket]:
        """The handshake's first half, and when the attacker has opened all others, its second one."""
        with victim.plain() as plain, Crowd(lambda: tcp(victim, source=ATTACKER)) as crowd:
            crowd.fill(siege.extent.too_many)
            with victim.tls.wrap_socket(plain, server_hostname="localhost") as client:
                yield client

    served = 0
    with besiege() as siege:
        while siege.goes_on or not served:
            for client in begun():
                client.sendall(request("GET", "/elsewhere"))
                assert client.recv(4096).startswith(b"HTTP/1.1 404")
                served += 1
        siege.got = f"{served} × nothing, for {siege.extent.too_many} connections"


def test_handshakes_without_end(victim: Victim, besiege: Besiege) -> None:
    hello = client_hello(victim.tls)
    begun = 0
    with besiege() as siege:
        while siege.goes_on:
            with Crowd(lambda: tcp(victim, hello, source=ATTACKER)) as crowd:
                crowd.fill(siege.extent.connections)
                begun += siege.extent.connections
        siege.got = f"{begun} × a half handshake"


@pytest.mark.parametrize("kind", ["requests", "bodies", "bombs"])
def test_kept_alive_connections_ask_without_end(victim: Victim, besiege: Besiege, kind: str) -> None:
    asked = {
        "requests": request("GET", "/elsewhere") * 100,
        "bodies": request("POST", "/elsewhere", b"x" * 65_536),
        "bombs": victim.delivery(b'{"x":[' + b",".join([b"{}"] * 21_000) + b"]}"),
    }[kind]
    with besiege() as siege, Crowd(lambda: tls(victim, source=ATTACKER)) as crowd:
        crowd.fill(siege.extent.connections)
        while siege.goes_on:
            crowd.send(asked)
        siege.got = "404, 404, 404 …" if kind != "bombs" else "400, 400, 400 …"


def test_requests_one_connection_after_the_other(victim: Victim, besiege: Besiege) -> None:
    number = 0
    with besiege() as siege:
        while siege.goes_on:
            with Client(victim.port, victim.tls) as client:
                assert client.ask(request("GET", "/elsewhere")).status == 404
            number += 1
        siege.got = f"{number} × 404"
