"""A listener of which one source wants more than the others."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from sandbox.patience import patience
from strava_collector import selector_server
from strava_collector.client_connection import Connection
from strava_collector.limits import Limits
from strava_collector.webhook_server import WebhookServer
from tests.support.https import ServerFiles, issue
from tests.support.listening import Running, listening, notification, post, request
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has several addresses on loopback")

HONEST, ATTACKER = "127.0.0.1", "127.0.0.66"
ROOM = 20


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> ServerFiles:
    return issue(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(files: ServerFiles) -> Iterator[Running]:
    with listening(files, Limits(connections=ROOM)) as running:
        yield running


def connected(server: Running, source: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.listener.port), 10.0, (source, 0))


def test_a_slow_handshake_outlives_whoever_opens_connections_faster(server: Running, files: ServerFiles) -> None:
    with ExitStack() as stack:
        slow = stack.enter_context(connected(server, HONEST))
        many = [stack.enter_context(connected(server, ATTACKER)) for _ in range(3 * ROOM)]
        assert many[0].recv(1) == b""  # there is no room any more
        client = stack.enter_context(files.client_context().wrap_socket(slow, server_hostname="localhost"))
        client.sendall(post(notification()))
        assert client.recv(4096).startswith(b"HTTP/1.1 200")


def test_the_one_source_of_all_still_gets_in(server: Running) -> None:
    # As behind something that hides where connections come from.
    with ExitStack() as stack:
        many = [stack.enter_context(connected(server, HONEST)) for _ in range(3 * ROOM)]
        assert many[0].recv(1) == b""
        assert stack.enter_context(server.connect()).ask(post(notification())).status == 200


def test_one_of_each_source_is_heard_before_the_second_of_any(
    server: Running, files: ServerFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    waits, all_have_sent = threading.Event(), threading.Event()
    real = WebhookServer._read

    def read(self: WebhookServer, connection: Connection) -> None:
        heard.append(connection.peer)
        waits.set()
        all_have_sent.wait(10.0)
        real(self, connection)

    with ExitStack() as stack:
        clients = []
        for source in [ATTACKER] * 5 + [HONEST]:
            plain = stack.enter_context(connected(server, source))
            client = stack.enter_context(files.client_context().wrap_socket(plain, server_hostname="localhost"))
            client.sendall(request("GET", "/elsewhere"))
            assert client.recv(4096).startswith(b"HTTP/1.1 404")  # the server is through with the handshake
            clients.append(client)
        monkeypatch.setattr(WebhookServer, "_read", read)
        monkeypatch.setattr(selector_server, "_ROUND", 10.0)
        first, *others = clients
        first.sendall(request("GET", "/elsewhere"))
        assert waits.wait(patience(10.0))
        for client in others:
            client.sendall(request("GET", "/elsewhere"))
        all_have_sent.set()
        assert all(client.recv(4096).startswith(b"HTTP/1.1 404") for client in clients)
    assert heard[:6] == [ATTACKER, ATTACKER, HONEST, ATTACKER, ATTACKER, ATTACKER]


def test_who_waited_for_a_turn_has_not_been_too_slow(files: ServerFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a host that stands still for longer than a client may take."""
    monkeypatch.setattr(selector_server, "_ROUND", 0.001)
    waits, goes_on = threading.Event(), threading.Event()
    real = WebhookServer._read

    def read(self: WebhookServer, connection: Connection) -> None:
        waits.set()
        goes_on.wait(10.0)
        real(self, connection)

    with listening(files, Limits(handshake=0.3)) as server, ExitStack() as stack:
        first = stack.enter_context(server.connect())
        lines = [stack.enter_context(connected(server, HONEST)) for _ in range(20)]
        assert first.ask(request("GET", "/elsewhere")).status == 404  # all are accepted
        monkeypatch.setattr(WebhookServer, "_read", read)
        first.send(request("GET", "/elsewhere"))
        assert waits.wait(patience(10.0))
        ends: list[str] = []

        def shake_hands(line: socket.socket) -> None:
            with files.client_context().wrap_socket(line, server_hostname="localhost") as client:
                ends.append(str(client.version()))

        threads = [threading.Thread(target=shake_hands, args=(line,)) for line in lines]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        until(lambda: time.monotonic() - began > 0.6)
        goes_on.set()
        for thread in threads:
            thread.join(patience(10.0))
        assert len(ends) == len(lines)


def test_a_round_without_time_for_all_forgets_nobody(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    for constant in ("_ROUND", "_ACCEPTING"):
        monkeypatch.setattr(selector_server, constant, 0.0)
    with ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(10)]
        for number, client in enumerate(clients):
            client.send(post(notification(number)) + request("GET", "/elsewhere"))
        assert all([client.answer().status for _ in range(2)] == [200, 404] for client in clients)
