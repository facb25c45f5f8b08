"""How the listener tells requests from each other on one connection."""

from __future__ import annotations

import pytest

from strava_collector.limits import SizeLimits
from tests.support.listening import CALLBACK_PATH, Running, notification, post, request
from tests.support.waiting import until


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
