"""How a listener begins and ends, and at which addresses it is there."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from sandbox.patience import patience
from strava_collector.certificate import load_context
from strava_collector.clock import SystemClock
from strava_collector.errors import ConfigurationError
from strava_collector.listener import Listener
from strava_collector.secret import Secret
from tests.support.https import ServerFiles, issue
from tests.support.listening import (
    BRIEF,
    CALLBACK_PATH,
    TOKEN,
    MemoryStore,
    Running,
    listening,
    notification,
    plain,
    post,
    request,
)
from tests.support.waiting import until


def make_listener(files: ServerFiles, *, port: int = 0, path: str = CALLBACK_PATH, token: str = TOKEN) -> Listener:
    return Listener(
        port=port,
        callback_path=path,
        verify_token=Secret(token),
        tls=load_context(str(files.cert_file), str(files.key_file)),
        store=MemoryStore(),
        clock=SystemClock(),
    )


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this host has no IPv6")
def test_ipv6_and_ipv4_are_served_on_one_port(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    for host in ("::1", "127.0.0.1"):
        with server.connect(host=host) as client:
            assert client.ask(request("GET", "/elsewhere")).status == 404
        assert f"client={host} " in caplog.text


def test_a_host_without_ipv6_is_served_with_ipv4(files: ServerFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.socket.bind

    def bind(self: socket.socket, address: tuple[object, ...]) -> None:
        if self.family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        real(self, address)

    monkeypatch.setattr(socket.socket, "bind", bind)
    with listening(files) as server, server.connect() as client:
        assert client.ask(post(notification())).status == 200


def test_all_faults_of_the_settings_are_reported_together(files: ServerFiles) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make_listener(files, port=70_000, path="no slash", token="")
    assert len(caught.value.faults) == 3
    with pytest.raises(ConfigurationError, match="health check"):
        make_listener(files, path="/health")


def test_a_port_in_use_is_named(files: ServerFiles, server: Running) -> None:
    second = make_listener(files, port=server.listener.port)
    with pytest.raises(ConfigurationError, match=f"port {server.listener.port} is in use"):
        second.bind()
    second.stop()


def test_a_port_that_needs_privileges_is_explained(files: ServerFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    def bind(self: socket.socket, address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", bind)
    with pytest.raises(ConfigurationError, match="above 1023"):
        make_listener(files, port=443).bind()


def test_a_listener_can_be_stopped_at_any_stage(files: ServerFiles) -> None:
    unbound = make_listener(files)
    unbound.stop()
    bound = make_listener(files)
    bound.bind()
    bound.stop()
    bound.stop()


def test_a_port_is_free_again_after_the_end(files: ServerFiles) -> None:
    with listening(files) as server, server.connect() as client:
        client.ask(post(notification()))
        port = server.listener.port
        server.listener.stop()
        again = make_listener(files, port=port)
        again.bind()
        again.stop()


def test_at_the_end_requests_in_progress_are_answered_and_idle_connections_closed(files: ServerFiles) -> None:
    with listening(files) as server, ExitStack() as stack:
        idle = stack.enter_context(server.connect())
        assert idle.ask(request("GET", "/x")).status == 404
        silent = stack.enter_context(plain(server.listener.port))
        half = stack.enter_context(server.connect())
        body = notification(2)
        half.send(post(body)[:-5])
        waiting = stack.enter_context(server.connect())
        server.store.hold()
        waiting.send(post(notification(1)))
        until(lambda: server.store.held == 1)

        ending = threading.Thread(target=server.listener.stop)
        ending.start()
        assert idle.is_closed_by_server()
        assert silent.recv(1) == b""
        with pytest.raises(OSError, match=r"refused|reset"):
            server.connect()
        server.store.release()
        answer = waiting.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert half.ask(body[-5:]).status == 200
        ending.join(patience(10.0))
        assert not ending.is_alive()


def test_the_end_comes_in_time_even_if_the_store_never_replies(files: ServerFiles) -> None:
    with listening(files) as server, server.connect() as client:
        server.store.hold()
        client.send(post(notification()))
        until(lambda: server.store.held == 1)
        began = time.monotonic()
        server.listener.stop(BRIEF)
        assert time.monotonic() - began < 10.0
        server.store.release()  # too late, and harmless
        assert client.is_closed_by_server()


def test_a_thread_that_dies_is_noticed_and_its_port_closed(
    files: ServerFiles, caplog: pytest.LogCaptureFixture
) -> None:
    class BrokenClock(SystemClock):
        broken = False

        def monotonic(self) -> float:
            if self.broken:
                raise MemoryError
            return super().monotonic()

    clock = BrokenClock()
    listener = Listener(
        port=0,
        callback_path=CALLBACK_PATH,
        verify_token=Secret(TOKEN),
        tls=load_context(str(files.cert_file), str(files.key_file)),
        store=MemoryStore(),
        clock=clock,
    )
    listener.bind()
    listener.start()
    port = listener.port
    clock.broken = True
    with suppress(ConnectionResetError), plain(port):  # it dies before it takes this one
        pass
    until(lambda: listener.failure is not None)
    assert isinstance(listener.failure, MemoryError)
    until(lambda: "action=listener_died" in caplog.text)
    listener.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1.0)


def test_no_other_process_can_share_the_port(files: ServerFiles, server: Running) -> None:
    script = """
import socket, sys
with socket.socket(socket.AF_INET6) as other:
    other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    other.bind(("::", int(sys.argv[1])))
    other.listen()
"""
    command = [sys.executable, "-c", script, str(server.listener.port)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=patience(30), check=False)
    assert "Address already in use" in result.stderr


def test_the_certificate_may_be_served_from_a_path_with_blanks(tmp_path: Path) -> None:
    folder = tmp_path / "my certificates"
    folder.mkdir()
    with listening(issue(folder)) as server, server.connect() as client:
        assert client.ask(post(notification())).status == 200
