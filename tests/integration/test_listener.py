"""How the listener lives among clients that are slow, silent, rude or gone, and how it begins and ends."""

from __future__ import annotations

import os
import resource
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from strava_collector.certificate import load_context
from strava_collector.clock import SystemClock
from strava_collector.errors import ConfigurationError
from strava_collector.limits import Limits, SizeLimits
from strava_collector.listener import Listener
from strava_collector.secret import Secret
from tests.support.https import Client, ServerFiles, issue
from tests.support.listening import (
    CALLBACK_PATH,
    TOKEN,
    MemoryStore,
    Running,
    listening,
    notification,
    post,
    request,
)
from tests.support.waiting import until

#: Time limits short enough to be waited for; a test that is not about time never reaches one of Limits' own.
BRIEF = 0.15


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> ServerFiles:
    return issue(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(files: ServerFiles) -> Iterator[Running]:
    with listening(files) as running:
        yield running


def make_listener(files: ServerFiles, *, port: int = 0, path: str = CALLBACK_PATH, token: str = TOKEN) -> Listener:
    return Listener(
        port=port,
        callback_path=path,
        verify_token=Secret(token),
        tls=load_context(str(files.cert_file), str(files.key_file)),
        store=MemoryStore(),
        clock=SystemClock(),
    )


# -- how requests are framed -----------------------------------------------------------------------------------


def test_a_connection_serves_many_requests(server: Running) -> None:
    with server.connect() as client:
        for number in range(5):
            assert client.ask(post(notification(number))).status == 200
            assert client.ask(request("GET", "/health")).status == 200


def test_pipelined_requests_are_answered_in_order(server: Running) -> None:
    with server.connect() as client:
        client.send(post(notification(1)) + request("GET", "/x") + post(notification(1)) + request("GET", "/health"))
        assert [client.answer().status for _ in range(4)] == [200, 404, 200, 200]


def test_pipelined_requests_wait_for_the_store(server: Running) -> None:
    server.store.hold()
    with server.connect() as client:
        client.send(post(notification(1)) + request("GET", "/x"))
        until(lambda: server.store.held == 1)
        server.store.release()
        assert [client.answer().status for _ in range(2)] == [200, 404]


def test_a_request_may_arrive_byte_by_byte(server: Running) -> None:
    with server.connect() as client:
        for byte in post(notification()):
            client.send(bytes([byte]))
        assert client.answer().status == 200


def test_a_client_may_send_a_body_of_64_kib_and_not_one_byte_more(server: Running) -> None:
    size = SizeLimits().body

    def padded(length: int) -> bytes:
        return notification(padding="x" * (length - len(notification(padding=""))))

    with server.connect() as client:
        assert client.ask(post(padded(size))).status == 200
    with server.connect() as client:
        assert client.ask(post(padded(size + 1))).status == 413
        assert client.is_closed_by_server()


def test_a_client_that_asks_first_is_told_to_go_on(server: Running) -> None:
    body = notification()
    with server.connect() as client:
        head, _ = post(body, "Expect: 100-continue").split(b"\r\n\r\n")
        assert client.ask(head + b"\r\n\r\n").status == 100
        assert client.ask(body).status == 200
    with server.connect() as client:
        client.send(request("POST", CALLBACK_PATH, b"x" * 70_000, "Expect: 100-continue")[:300])
        assert client.answer().status == 413


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nGET /h", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/1.1\nHost: h\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n", 400),
        (b"GET https://h/health HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: h\r\nExpect: miracles\r\n\r\n", 417),
    ],
)
def test_an_ambiguous_request_is_answered_and_nothing_after_it_is_read(
    server: Running, data: bytes, status: int
) -> None:
    with server.connect() as client:
        answer = client.ask(data + post(notification()))
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        assert client.is_closed_by_server()
    assert server.store.stored == []


def test_http_1_0_gets_one_answer_per_connection(server: Running) -> None:
    with server.connect() as client:
        answer = client.ask(b"GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert client.is_closed_by_server()


def test_the_client_can_ask_for_the_end(server: Running) -> None:
    with server.connect() as client:
        answer = client.ask(post(notification(), "Connection: close"))
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert client.is_closed_by_server()


def test_an_answer_is_one_tls_record_and_ends_with_tls_own_goodbye(server: Running) -> None:
    with server.connect() as client:
        client.send(post(notification(), "Connection: close"))
        received = client.socket.recv(65536)
        assert received.endswith(b'{"status":"accepted"}')
        assert client.socket.recv(65536) == b""


# -- time limits -----------------------------------------------------------------------------------------------


def test_a_silent_client_is_closed_when_the_handshake_takes_too_long(files: ServerFiles) -> None:
    with listening(files, Limits(handshake=BRIEF)) as server, plain(server.listener.port) as client:
        assert client.recv(1) == b""


def test_a_client_that_says_nothing_after_the_handshake_is_closed(files: ServerFiles) -> None:
    with listening(files, Limits(head=BRIEF)) as server, server.connect() as client:
        assert client.is_closed_by_server()


def test_an_unfinished_head_is_answered_408(files: ServerFiles) -> None:
    # Long enough for the first bytes to arrive in time on a busy machine: without any there is no answer.
    with listening(files, Limits(head=4 * BRIEF, farewell=BRIEF)) as server, server.connect() as client:
        assert client.ask(b"POST / HTTP/1.1\r\nHost:").status == 408
        assert client.is_closed_by_server()


def test_an_unfinished_body_is_answered_408(files: ServerFiles) -> None:
    with listening(files, Limits(body=BRIEF, farewell=BRIEF)) as server, server.connect() as client:
        assert client.ask(post(notification())[:-1]).status == 408
        assert client.is_closed_by_server()


def test_a_client_that_dribbles_runs_into_the_limit_of_the_whole_request(files: ServerFiles) -> None:
    with listening(files, Limits(request=BRIEF)) as server, server.connect() as client:
        data = iter(post(notification(padding="x" * 60_000)))
        client.socket.settimeout(0.005)

        def answered() -> bool:
            client.send(bytes([next(data)]))
            try:
                return client.answer().status == 408
            except socket.timeout:
                return False

        until(answered)


def test_a_kept_alive_connection_is_closed_when_nothing_follows(files: ServerFiles) -> None:
    with listening(files, Limits(idle=BRIEF)) as server, server.connect() as client:
        assert client.ask(post(notification())).status == 200
        assert client.is_closed_by_server()


def test_a_store_that_never_replies_does_not_keep_the_client(files: ServerFiles) -> None:
    with listening(files, Limits(request=BRIEF)) as server:
        server.store.hold()
        with server.connect() as client:
            assert client.ask(post(notification())).status == 503
            assert client.is_closed_by_server()


# -- many clients ----------------------------------------------------------------------------------------------


@contextmanager
def plain(port: int) -> Iterator[socket.socket]:
    """A TCP connection on which nobody speaks TLS."""
    client = socket.create_connection(("127.0.0.1", port), 10.0)
    try:
        yield client
    finally:
        client.close()


def test_a_hundred_silent_clients_do_not_delay_an_honest_one(server: Running) -> None:
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(plain(server.listener.port))
        for _ in range(20):
            half = stack.enter_context(plain(server.listener.port))
            half.sendall(b"\x16\x03\x01\x02\x00\x01")
        began = time.monotonic()
        with server.connect() as client:
            assert client.ask(post(notification())).status == 200
        # Far below the 5 s that one silent client in the way would cost, far above what the machine may stall.
        assert time.monotonic() - began < 2.0


def test_a_waiting_store_does_not_delay_other_answers(server: Running) -> None:
    server.store.hold()
    with server.connect() as waiting, server.connect() as other:
        waiting.send(post(notification()))
        until(lambda: server.store.held == 1)
        assert other.ask(request("GET", "/elsewhere")).status == 404
        server.store.release()
        assert waiting.answer().status == 200


def test_beyond_the_limit_the_oldest_unfinished_connection_gives_way(files: ServerFiles) -> None:
    with listening(files, Limits(connections=3)) as server, ExitStack() as stack:
        server.store.hold()
        waiting = stack.enter_context(server.connect())
        waiting.send(post(notification()))
        until(lambda: server.store.held == 1)
        first = stack.enter_context(plain(server.listener.port))
        stack.enter_context(plain(server.listener.port))
        newest = stack.enter_context(server.connect())
        assert newest.ask(request("GET", "/elsewhere")).status == 404
        assert first.recv(1) == b""
        server.store.release()
        assert waiting.answer().status == 200


def test_a_client_that_leaves_before_its_answer_breaks_nothing(server: Running) -> None:
    server.store.hold()
    for number in range(3):
        client = server.connect()
        client.send(post(notification(number)))
        until(lambda number=number: server.store.held == number + 1)  # type: ignore[misc] # a default binds the loop's value
        if number == 1:
            # A reset instead of an orderly end.
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    server.store.release()
    with server.connect() as client:
        assert client.ask(post(notification(9))).status == 200
    assert len(server.store.stored) == 4


def test_a_client_that_has_said_all_still_gets_its_answer(server: Running) -> None:
    server.store.hold()
    with server.connect() as client:
        client.send(post(notification()))
        until(lambda: server.store.held == 1)
        raw = client.socket
        os_level = socket.socket(fileno=os.dup(raw.fileno()))
        with os_level:
            os_level.shutdown(socket.SHUT_WR)
        server.store.release()
        answer = client.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")


def test_a_client_that_does_not_read_is_cut_off_and_others_are_served(files: ServerFiles) -> None:
    with listening(files, Limits(farewell=BRIEF)) as server, server.connect() as greedy:
        greedy.socket.setblocking(False)
        asked = request("GET", "/elsewhere") * 50

        def refused() -> bool:
            try:
                for _ in range(100):
                    greedy.socket.send(asked)
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return False
            except OSError:
                return True
            return False

        until(refused, 20.0)
        with server.connect() as client:
            assert client.ask(post(notification())).status == 200


def test_many_clients_at_once_are_all_answered(server: Running) -> None:
    failures: list[BaseException] = []

    def deliver(first: int) -> None:
        try:
            for number in range(first, first + 5):
                with server.connect() as client:
                    assert client.ask(post(notification(number))).status == 200
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=deliver, args=(10 * number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(server.store.stored) == 60


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """Take every number that a new file could get, for this process, which the listener shares."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = {int(path.name) for path in Path("/dev/fd").iterdir()}
    limit = max(taken) + 1
    spare = [os.dup2(0, number) for number in range(limit) if not is_open(number)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for number in spare:
            os.close(number)


def is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


@pytest.mark.parametrize("others", [0, 3])
def test_running_out_of_file_descriptors_is_survived_without_a_busy_loop(
    server: Running, others: int, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(plain(server.listener.port)) for _ in range(others)]
        with server.connect() as client:  # all before it have been accepted now
            client.ask(request("GET", "/elsewhere"))
        late = stack.enter_context(socket.socket())
        late.settimeout(10.0)
        with no_descriptor_left():
            began, used = time.monotonic(), time.process_time()
            late.connect(("127.0.0.1", server.listener.port))
            until(lambda: "kind=EMFILE" in caplog.text)
            if silent:
                assert silent[0].recv(1) == b""
            until(lambda: time.monotonic() - began > 0.5)
            assert time.process_time() - used < 0.25
        with server.connect() as honest:
            assert honest.ask(post(notification())).status == 200


def test_an_idle_listener_uses_no_processor_time(server: Running) -> None:
    with server.connect() as client:
        client.ask(post(notification()))
        began, used = time.monotonic(), time.process_time()
        until(lambda: time.monotonic() - began > 0.5)
        idle = time.process_time() - used
    # The waiting itself wakes 200 times a second; a busy loop would use the whole half second.
    assert idle < 0.1


# -- TLS -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(files: ServerFiles, version: ssl.TLSVersion) -> None:
    context = files.client_context()
    context.minimum_version = context.maximum_version = version
    with listening(files) as server, Client(server.listener.port, context) as client:
        assert client.socket.version() == version.name.replace("_", ".")
        assert client.ask(post(notification())).status == 200


def test_nothing_older_is_spoken(server: Running, files: ServerFiles, caplog: pytest.LogCaptureFixture) -> None:
    context = files.client_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        Client(server.listener.port, context)
    until(lambda: "kind=handshake" in caplog.text)


def test_weak_ciphers_are_refused(server: Running, files: ServerFiles) -> None:
    context = files.client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AES+SHA:AES+SHA:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        Client(server.listener.port, context)


def test_plain_http_and_garbage_are_closed(server: Running) -> None:
    for data in (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"\x00" * 100, b"\x16\x03\x01\xff\xff" + b"x" * 100):
        with plain(server.listener.port) as client:
            client.sendall(data)
            try:
                while client.recv(1000):
                    pass
            except ConnectionResetError:
                pass
    with server.connect() as client:
        assert client.ask(post(notification())).status == 200


# -- addresses -------------------------------------------------------------------------------------------------


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


# -- beginning and end -----------------------------------------------------------------------------------------


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
        ending.join(10.0)
        assert not ending.is_alive()


def test_the_end_comes_in_time_even_if_the_store_never_replies(files: ServerFiles) -> None:
    with listening(files) as server, server.connect() as client:
        server.store.hold()
        client.send(post(notification()))
        until(lambda: server.store.held == 1)
        began = time.monotonic()
        server.listener.stop(BRIEF)
        assert time.monotonic() - began < 2.0
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
        until(lambda: listener.failure is not None)
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
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert "Address already in use" in result.stderr


def test_the_certificate_may_be_served_from_a_path_with_blanks(tmp_path: Path) -> None:
    folder = tmp_path / "my certificates"
    folder.mkdir()
    with listening(issue(folder)) as server, server.connect() as client:
        assert client.ask(post(notification())).status == 200
