"""How the listener lives among clients that are slow, silent, rude or gone."""

from __future__ import annotations

import os
import resource
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from strava_collector.limits import Limits
from tests.support.https import Client, ServerFiles
from tests.support.listening import (
    BRIEF,
    Running,
    listening,
    notification,
    plain,
    post,
    request,
)
from tests.support.waiting import until

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
        assert time.monotonic() - began < 4.5


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

        until(refused)
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
