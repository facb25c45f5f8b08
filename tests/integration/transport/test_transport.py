"""The HTTP client against real TLS servers that behave, misbehave and attack."""

from __future__ import annotations

import gzip
import json
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.patience import patience
from strava_collector.call import Call, working_for
from strava_collector.connection import direct_pools
from strava_collector.errors import TransportFault
from strava_collector.secret import Secret
from strava_collector.transport import Request
from strava_collector.trust import client_context
from strava_collector.version import version
from tests.support.https_server import Server, Visit, answering
from tests.support.transport_calls import MARK, Open, fault_of, get
from tests.support.waiting import until


class TestAProperCall:
    def test_it_carries_what_was_asked_for_and_brings_back_what_was_answered(
        self, client: Open, tls: ssl.SSLContext
    ) -> None:
        before = time.time()
        with Server(answering(b'{"id": 1}', 401, {"X-RateLimit-Usage": "1,2"}), tls) as server:
            answer = client().send(
                Request(
                    "GET",
                    server.url + "/api/v3/activities/1",
                    headers={"Authorization": Secret("Bearer " + MARK)},
                    query={"include_all_efforts": "true"},
                )
            )
        request = server.received[0]
        assert (request.method, request.target) == ("GET", "/api/v3/activities/1?include_all_efforts=true")
        assert request.headers["authorization"] == "Bearer " + MARK
        assert request.headers["user-agent"] == f"TA_strava_webhook/{version()}"
        assert answer.status == 401
        assert answer.headers["x-ratelimit-usage"] == "1,2"
        assert answer.json() == {"id": 1}
        assert before <= answer.received_at <= time.time()

    def test_a_form_travels_in_the_body_only(self, client: Open, tls: ssl.SSLContext) -> None:
        with Server(answering(), tls) as server:
            client().send(Request("POST", server.url + "/oauth/token", form={"code": Secret("a&b=ü"), "x": "1"}))
        request = server.received[0]
        assert (request.method, request.target, request.body) == (
            "POST",
            "/oauth/token",
            b"code=a%26b%3D%C3%BC&x=1",
        )
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"

    def test_calls_share_one_connection(self, client: Open, tls: ssl.SSLContext) -> None:
        with Server(answering(), tls) as server:
            transport = client()
            for _ in range(5):
                transport.send(get(server))
            assert server.visits == 1

    def test_an_error_that_is_read_to_its_end_keeps_the_connection(self, client: Open, tls: ssl.SSLContext) -> None:
        with Server(answering(b"x" * 5_000, 500), tls) as server:
            transport = client()
            assert [transport.send(get(server)).status for _ in range(3)] == [500, 500, 500]
            assert server.visits == 1

    def test_three_workers_at_once_each_get_their_own_answer(self, client: Open, tls: ssl.SSLContext) -> None:
        def echo(visit: Visit) -> None:
            while (request := visit.request()) is not None:
                visit.answer(request.target.encode())

        wrong: list[str] = []
        with Server(echo, tls) as server:
            transport = client()

            def worker(name: str) -> None:
                for number in range(30):
                    target = f"/{name}/{number}"
                    if transport.send(Request("GET", server.url + target)).body != target.encode():
                        wrong.append(target)

            threads = [threading.Thread(target=worker, args=(name,)) for name in "abc"]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(patience(30))
            assert server.visits <= 3
            assert len(server.received) == 90
        assert wrong == []

    def test_an_address_may_be_a_number_if_the_certificate_names_it(self, client: Open, tls: ssl.SSLContext) -> None:
        with Server(answering(), tls) as server:
            assert client().send(Request("GET", f"https://127.0.0.1:{server.port}/")).status == 200

    def test_gzip_is_asked_for_and_understood(self, client: Open, tls: ssl.SSLContext) -> None:
        body = json.dumps({"points": list(range(100_000))}).encode()
        with Server(answering(gzip.compress(body), headers={"Content-Encoding": "gzip"}), tls) as server:
            answer = client().send(get(server))
        assert server.received[0].headers["accept-encoding"] == "gzip"
        assert answer.body == body

    def test_chunks_are_put_together(self, client: Open, tls: ssl.SSLContext) -> None:
        def chunks(visit: Visit) -> None:
            while visit.request() is not None:
                visit.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

        with Server(chunks, tls) as server:
            transport = client()
            assert [transport.send(get(server)).body for _ in range(2)] == [b"abcde", b"abcde"]
            assert server.visits == 1

    def test_cookies_are_not_kept(self, client: Open, tls: ssl.SSLContext) -> None:
        with Server(answering(headers={"Set-Cookie": "a=b"}), tls) as server:
            transport = client()
            transport.send(get(server))
            transport.send(get(server))
        assert all("cookie" not in request.headers for request in server.received)

    def test_the_environment_does_not_matter(
        self, client: Open, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine localhost login somebody password something\n")
        netrc.chmod(0o600)
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
            monkeypatch.setenv(name, "/does/not/exist.pem")
        monkeypatch.setenv("NETRC", str(netrc))
        with Server(answering(), tls) as server:
            assert client().send(get(server)).status == 200
        assert "authorization" not in server.received[0].headers


class TestAKeptAliveConnectionThatTheServerClosed:
    @staticmethod
    def answers_once_then_hangs_up(visit: Visit) -> None:
        """On the first connection: answer one request, take the next one and close. Then behave."""
        visit.request()
        visit.answer()
        while visit.request() is not None:
            if visit.number == 1:
                return
            visit.answer()

    def test_a_get_is_sent_once_more_on_a_new_connection(self, client: Open, tls: ssl.SSLContext) -> None:
        with Server(self.answers_once_then_hangs_up, tls) as server:
            transport = client()
            transport.send(get(server))
            assert transport.send(get(server)).status == 200
            assert (server.visits, len(server.received)) == (2, 3)

    def test_a_post_is_not(self, client: Open, tls: ssl.SSLContext) -> None:
        with Server(self.answers_once_then_hangs_up, tls) as server:
            transport = client()
            transport.send(get(server))
            fault = fault_of(transport, Request("POST", server.url + "/oauth/token", form={"a": "b"}))
            assert fault.fault is TransportFault.INTERRUPTED
            assert len(server.received) == 2

    def test_a_get_that_fails_on_the_new_connection_too_is_given_up(self, client: Open, tls: ssl.SSLContext) -> None:
        def only_the_first(visit: Visit) -> None:
            visit.request()
            if visit.number == 1:
                visit.answer()
                visit.request()

        with Server(only_the_first, tls) as server:
            transport = client()
            transport.send(get(server))
            assert fault_of(transport, get(server)).fault is TransportFault.INTERRUPTED
            assert server.visits == 2

    def test_the_new_connection_is_new_even_if_others_are_kept(self, client: Open, tls: ssl.SSLContext) -> None:
        """Two kept connections that the server closes at their next request: the second try uses neither."""
        both_open = threading.Barrier(2)

        def two_stale_ones(visit: Visit) -> None:
            while visit.request() is not None:
                if visit.number <= 2:
                    both_open.wait(10)
                    visit.answer()
                    visit.request()
                    return
                visit.answer()

        with Server(two_stale_ones, tls) as server:
            transport = client()
            threads = [threading.Thread(target=transport.send, args=(get(server),)) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(patience(30))
            assert transport.send(get(server)).status == 200
            assert server.visits == 3

    def test_the_new_connection_is_new_even_if_another_worker_has_just_returned_one(
        self, tls: ssl.SSLContext, ca_file: str
    ) -> None:
        """The pool itself would hand out what was returned last."""
        with Server(answering(), tls) as server:
            pools: Any = direct_pools(client_context(ca_file), connections=3)
            pool = pools.connection_from_url(server.url)
            call = Call(seconds=patience(30), ceiling=1_000_000)
            with working_for(call):
                pool.urlopen("GET", "/", timeout=patience(10))
                kept = pool._get_conn()
                assert kept.sock is not None
                pool._put_conn(kept)
                call.begin_again()
                assert pool._get_conn().sock is None
            pools.clear()

    def test_a_get_whose_answer_has_begun_is_not_sent_again(self, client: Open, tls: ssl.SSLContext) -> None:
        def breaks_off(visit: Visit) -> None:
            visit.request()
            visit.answer()
            visit.request()
            visit.raw(b"HTTP/1.")

        with Server(breaks_off, tls) as server:
            transport = client()
            transport.send(get(server))
            assert fault_of(transport, get(server)).fault is TransportFault.INTERRUPTED
            assert len(server.received) == 2

    def test_a_connection_seen_to_be_closed_is_not_used_even_for_a_post(
        self, client: Open, tls: ssl.SSLContext
    ) -> None:
        hung_up = threading.Event()

        def one_answer(visit: Visit) -> None:
            visit.request()
            visit.answer()
            if visit.number == 1:
                visit.close()
                hung_up.set()

        with Server(one_answer, tls) as server:
            transport = client()
            transport.send(get(server))
            assert hung_up.wait(10)
            assert transport.send(Request("POST", server.url + "/", form={"a": "b"})).status == 200


def test_a_closed_transport_leaves_no_connection_open(client: Open, tls: ssl.SSLContext) -> None:
    gone = threading.Event()

    def script(visit: Visit) -> None:
        visit.request()
        visit.answer()
        visit.until_closed()
        gone.set()

    with Server(script, tls) as server:
        transport = client()
        transport.send(get(server))
        transport.close()
        until(gone.is_set)
