"""Plain HTTP for a reverse proxy on the same host: reached by nobody else, and believing next to nothing."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Optional

import pytest

from strava_collector.clock import SystemClock
from strava_collector.errors import ConfigurationError
from strava_collector.limits import Limits
from strava_collector.listener import Listener
from strava_collector.secret import Secret
from strava_collector.selector_server import SelectorServer
from tests.support.https import Answer
from tests.support.listening import CALLBACK_PATH, TOKEN, MemoryStore, notification, post, request
from tests.support.plain_client import PlainClient


class Plain:
    """A listener without TLS."""

    def __init__(self, port: int = 0) -> None:
        self.store = MemoryStore()
        self.listener = Listener(
            port=port,
            callback_path=CALLBACK_PATH,
            verify_token=Secret(TOKEN),
            tls=None,
            store=self.store,
            clock=SystemClock(),
        )

    def connect(self, host: str = "127.0.0.1", *, source: Optional[str] = None) -> PlainClient:
        return PlainClient(host, self.listener.port, source=source)


@pytest.fixture
def plain() -> Iterator[Plain]:
    made = Plain()
    made.listener.bind()
    made.listener.start()
    yield made
    made.listener.stop()
    assert made.listener.failure is None


def own_address() -> str:
    """An address of this host that other hosts can reach; the test is skipped if there is none."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent: the system only chooses the way
        except OSError:
            pytest.skip("this host has no network besides its own loopback")
        return str(probe.getsockname()[0])


def ask(plain: Plain, data: bytes, host: str = "127.0.0.1") -> Answer:
    with plain.connect(host) as client:
        return client.ask(data)


def test_requests_are_answered_as_with_tls(plain: Plain) -> None:
    with plain.connect() as client:
        assert client.ask(request("GET", "/health")).json() == {"status": "ok", "service": "strava-webhooks"}
        for number in range(3):
            assert client.ask(post(notification(number))).json() == {"status": "accepted"}
        assert client.ask(post(notification(0))).json() == {"status": "duplicate"}
        challenge = f"{CALLBACK_PATH}?hub.mode=subscribe&hub.challenge=15f7d1&hub.verify_token={TOKEN}"
        assert client.ask(request("GET", challenge)).json() == {"hub.challenge": "15f7d1"}
        assert client.ask(request("GET", "/elsewhere")).status == 404
    assert len(plain.store.stored) == 3


def test_http_1_0_as_nginx_speaks_it_by_default_is_answered_and_closed(plain: Plain) -> None:
    body = notification(1)
    lines = f"POST {CALLBACK_PATH} HTTP/1.0", "Host: a", "Connection: close", f"Content-Length: {len(body)}", "", ""
    with plain.connect() as client:
        assert client.ask("\r\n".join(lines).encode() + body).status == 200
        assert client.is_closed_by_server()


def test_a_request_in_pieces_and_several_at_once_are_understood(plain: Plain) -> None:
    data = post(notification(1)) + post(notification(2))
    with plain.connect() as client:
        for byte in data[:-1]:
            client.send(bytes([byte]))
        client.send(data[-1:])
        assert [client.answer().status for _ in range(2)] == [200, 200]


def test_both_loopback_addresses_answer(plain: Plain) -> None:
    assert ask(plain, request("GET", "/health")).status == 200
    if not socket.has_ipv6:
        pytest.skip("this host has no IPv6")
    assert ask(plain, request("GET", "/health"), "::1").status == 200


def test_no_other_address_answers(plain: Plain) -> None:
    with pytest.raises(ConnectionRefusedError), plain.connect(own_address()):
        pass


def test_who_comes_from_another_address_is_sent_away(plain: Plain, caplog: pytest.LogCaptureFixture) -> None:
    """As where the host routes the packets of others to its loopback addresses."""
    source = own_address()
    try:
        client = plain.connect(source=source)
    except OSError:
        pytest.skip("this system lets nobody come to 127.0.0.1 from another address")
    with client:
        assert client.is_closed_by_server()
    assert f"action=bad_request kind=not_this_host client={source}" in caplog.text


def test_plain_http_on_another_address_cannot_even_be_programmed() -> None:
    class Server(SelectorServer):
        on_input = on_deadline = on_reply = None  # type: ignore[assignment]  # never served

    for host, also in (("0.0.0.0", ()), ("127.0.0.1", (("::", socket.AF_INET6),))):
        with pytest.raises(ValueError, match="loopback"):
            Server((host, 0), socket.AF_INET, tls=None, also=also, clock=SystemClock(), limits=Limits())


def test_tls_is_answered_with_an_error_and_the_end(plain: Plain) -> None:
    with plain.connect() as client:
        client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x0a" * 8)
        assert client.answer().status == 400
        assert client.is_closed_by_server()


def test_a_port_that_another_program_has_at_one_of_the_addresses_is_named() -> None:
    families = [(socket.AF_INET, "127.0.0.1")] + ([(socket.AF_INET6, "::1")] if socket.has_ipv6 else [])
    for family, host in families:
        with closing(socket.socket(family)) as program:
            program.bind((host, 0))
            program.listen()
            port = program.getsockname()[1]
            with pytest.raises(ConfigurationError, match=f"port {port} is in use by another program"):
                Plain(port).listener.bind()


def test_a_stopped_listener_leaves_both_addresses(plain: Plain) -> None:
    port = plain.listener.port
    plain.listener.stop()
    again = Plain(port)
    again.listener.bind()
    again.listener.stop()


def test_an_idle_connection_is_closed_when_the_listener_stops(plain: Plain) -> None:
    with plain.connect() as client:
        assert client.ask(post(notification(1))).status == 200
        plain.listener.stop()
        assert client.is_closed_by_server()


# -- what a proxy says ------------------------------------------------------------------------------------------------


def refused_clients(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The clients of the log's lines about refused requests, in their order."""
    words = [record.message.split() for record in caplog.records if "action=bad_request" in record.message]
    return [word.partition("=")[2] for line in words for word in line if word.startswith("client=")]


def test_the_last_forwarded_address_is_the_logs_client(plain: Plain, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with plain.connect() as client:
        forged = ["X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: 198.51.100.2, 203.0.113.9"]
        assert client.ask(request("GET", "/elsewhere", b"", *forged)).status == 404
        # The next request on this connection is another client's.
        assert client.ask(request("POST", CALLBACK_PATH, b"{}")).status == 400
    assert refused_clients(caplog) == ["203.0.113.9", "127.0.0.1"]


def test_what_no_parser_agrees_on_is_nobodys(plain: Plain, caplog: pytest.LogCaptureFixture) -> None:
    with plain.connect() as client:
        assert client.ask(post(notification(1), "X-Forwarded-For: 203.0.113.9")).status == 200
        assert client.ask("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n").status == 400
    assert refused_clients(caplog) == ["127.0.0.1"]


@pytest.mark.parametrize(
    "header",
    [
        "X-Forwarded-For: 203.0.113.9\x01",
        "X-Forwarded-Host: strava.example.org",
        "X-Forwarded-Proto: https",
        "X-Real-IP: 203.0.113.9",
        "Forwarded: for=203.0.113.9;host=example.org;proto=https",
        "X-Original-URL: " + CALLBACK_PATH,
        "X-HTTP-Method-Override: GET",
    ],
)
def test_nothing_else_that_a_proxy_could_say_changes_an_answer(
    plain: Plain, caplog: pytest.LogCaptureFixture, header: str
) -> None:
    assert ask(plain, request("GET", "/elsewhere", b"", header)).status in (400, 404)
    assert refused_clients(caplog) == ["127.0.0.1"]
