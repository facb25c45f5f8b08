"""The HTTP client through real proxies."""

from __future__ import annotations

import logging
import socket
import ssl
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from strava_collector.clock import SystemClock
from strava_collector.errors import TransportError, TransportFault
from strava_collector.secret import Secret
from strava_collector.transport import CallLimits, Request, RequestsTransport
from tests.support.https_server import Server, Visit, answering, server_context
from tests.support.proxy_servers import connect_proxy, socks_proxy
from tests.support.transport_calls import MARK, Open

USER, PASSWORD = "jürgen@example", "p@ss:wörd/é-marked-secret"
USER_IN_URL, PASSWORD_IN_URL = "j%C3%BCrgen%40example", "p%40ss%3Aw%C3%B6rd%2F%C3%A9-marked-secret"


@pytest.fixture(scope="module")
def tls(ca: trustme.CA) -> ssl.SSLContext:
    return server_context(ca.issue_cert("localhost"))


@pytest.fixture
def through(ca: trustme.CA, tmp_path: Path) -> Iterator[Open]:
    """Make transports that use the proxy on this port; they are closed after the test."""
    ca_file = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(ca_file))
    opened: list[RequestsTransport] = []

    def make(
        port: int, *, scheme: str = "http", password: str = PASSWORD_IN_URL, read: float = 10
    ) -> RequestsTransport:
        transport = RequestsTransport(
            clock=SystemClock(),
            ca_file=str(ca_file),
            proxy=Secret(f"{scheme}://{USER_IN_URL}:{password}@127.0.0.1:{port}"),
            limits=CallLimits(connect=read, read=read, whole=30),
        )
        opened.append(transport)
        return transport

    yield make
    for transport in opened:
        transport.close()


def request(server: Server) -> Request:
    return Request("GET", server.url + "/athlete", headers={"Authorization": Secret("Bearer " + MARK)})


def fault_of(transport: RequestsTransport, call: Request) -> TransportError:
    with pytest.raises(TransportError) as caught:
        transport.send(call)
    text = "".join(traceback.format_exception(caught.type, caught.value, caught.tb))
    assert MARK not in text
    assert USER not in text
    return caught.value


def test_calls_share_one_tunnel_and_the_proxy_sees_neither_token_nor_path(through: Open, tls: ssl.SSLContext) -> None:
    with Server(answering(b"ok"), tls) as server, Server(connect_proxy(USER, PASSWORD), None) as proxy:
        transport = through(proxy.port)
        assert [transport.send(request(server)).body for _ in range(3)] == [b"ok"] * 3
        assert (proxy.visits, server.visits) == (1, 1)
    assert [(seen.method, seen.target) for seen in proxy.received] == [("CONNECT", f"localhost:{server.port}")]
    assert "Bearer" not in repr(proxy.received)
    assert "proxy-authorization" not in server.received[0].headers


def test_a_tunnel_that_the_server_closed_is_replaced(through: Open, tls: ssl.SSLContext) -> None:
    def hangs_up_on_the_second(visit: Visit) -> None:
        visit.request()
        visit.answer()
        visit.request()

    with Server(hangs_up_on_the_second, tls) as server, Server(connect_proxy(USER, PASSWORD), None) as proxy:
        transport = through(proxy.port)
        assert [transport.send(request(server)).status for _ in range(2)] == [200, 200]
        assert len(proxy.received) == 2


def test_a_wrong_password_is_told_as_such(through: Open, tls: ssl.SSLContext) -> None:
    with Server(answering(), tls) as server, Server(connect_proxy(USER, PASSWORD), None) as proxy:
        fault = fault_of(through(proxy.port, password="wrong-" + MARK), request(server))
        assert server.accepted == 0
    assert fault.fault is TransportFault.PROXY
    assert f"The proxy 127.0.0.1:{proxy.port} refused the user name or the password (407)." in str(fault)
    assert "secret-in-reason" not in str(fault)


def test_a_proxy_that_may_not_connect_there(through: Open, tls: ssl.SSLContext) -> None:
    def script(visit: Visit) -> None:
        visit.request()
        visit.raw(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with Server(answering(), tls) as server, Server(script, None) as proxy:
        fault = fault_of(through(proxy.port), request(server))
    assert fault.fault is TransportFault.PROXY
    assert f"did not connect to localhost:{server.port} (status 403)" in str(fault)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_no_proxy_there(through: Open, scheme: str) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        fault = fault_of(through(port, scheme=scheme), Request("GET", "https://www.strava.com/"))
    assert fault.fault is TransportFault.PROXY
    assert f"through the proxy 127.0.0.1:{port}" in str(fault)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_says_nothing(through: Open, scheme: str) -> None:
    with Server(Visit.until_closed, None) as proxy:
        fault = fault_of(through(proxy.port, scheme=scheme, read=0.3), Request("GET", "https://www.strava.com/"))
    assert fault.fault is TransportFault.PROXY
    assert "did not answer within 0.3 s" in str(fault)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_something_else_than_a_proxy(through: Open, scheme: str) -> None:
    def script(visit: Visit) -> None:
        visit.raw(b"220 mail.example.com ESMTP " + MARK.encode() + b"\r\n")
        visit.until_closed()

    with Server(script, None) as proxy:
        fault = fault_of(through(proxy.port, scheme=scheme), Request("GET", "https://www.strava.com/"))
    assert fault.fault is TransportFault.PROXY


def test_a_proxy_that_drips_is_held_to_the_whole_time(ca: trustme.CA, through: Open) -> None:
    def script(visit: Visit) -> None:
        visit.request()
        visit.drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 5_000)

    with Server(script, None) as proxy:
        transport = RequestsTransport(
            clock=SystemClock(),
            proxy=Secret(f"http://127.0.0.1:{proxy.port}"),
            limits=CallLimits(connect=0.5, read=0.5, whole=0.6),
        )
        assert fault_of(transport, Request("GET", "https://www.strava.com/")).fault is TransportFault.PROXY
        transport.close()


def test_the_servers_certificate_is_checked_through_the_tunnel(through: Open, ca: trustme.CA) -> None:
    other_name = server_context(ca.issue_cert("www.strava.com"))
    with Server(answering(), other_name) as server, Server(connect_proxy(USER, PASSWORD), None) as proxy:
        fault = fault_of(through(proxy.port), request(server))
        assert server.received == []
    assert fault.fault is TransportFault.TLS


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_socks_proxy(through: Open, tls: ssl.SSLContext, scheme: str) -> None:
    with Server(answering(b"ok"), tls) as server, Server(socks_proxy(USER, PASSWORD), None) as proxy:
        transport = through(proxy.port, scheme=scheme)
        assert [transport.send(request(server)).body for _ in range(3)] == [b"ok"] * 3
        assert (proxy.visits, server.visits) == (1, 1)


def test_a_socks_proxy_that_refuses_the_password(through: Open, tls: ssl.SSLContext) -> None:
    with Server(answering(), tls) as server, Server(socks_proxy(USER, PASSWORD), None) as proxy:
        fault = fault_of(through(proxy.port, scheme="socks5", password="wrong"), request(server))
    assert fault.fault is TransportFault.PROXY


def test_credentials_appear_in_no_log(through: Open, tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Server(answering(), tls) as server, Server(connect_proxy(USER, PASSWORD), None) as proxy:
        through(proxy.port).send(request(server))
        for transport in (through(proxy.port, password=MARK), through(1)):
            try:
                transport.send(request(server))
            except TransportError:
                logging.getLogger("a.handler").exception("failed: %r", transport)
    assert "failed" in caplog.text
    assert MARK not in caplog.text
    assert USER not in caplog.text
