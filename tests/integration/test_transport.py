"""The HTTP client against real TLS servers that behave, misbehave and attack."""

from __future__ import annotations

import datetime
import gzip
import json
import logging
import socket
import ssl
import threading
import time
import traceback
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
import trustme

from strava_collector.call import Call, working_for
from strava_collector.clock import SystemClock
from strava_collector.connection import direct_pools
from strava_collector.errors import ConfigurationError, TransportError, TransportFault
from strava_collector.secret import Secret
from strava_collector.transport import CallLimits, Request, RequestsTransport
from strava_collector.trust import client_context
from strava_collector.version import version
from tests.support.https_server import Script, Server, Visit, answering, server_context
from tests.support.waiting import until

MARK = "marked-secret"
#: Short enough for a test, long enough for a busy machine; only tests of time limits use shorter ones.
PATIENT = CallLimits(connect=10, read=10, whole=30)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(ca: trustme.CA) -> ssl.SSLContext:
    return server_context(ca.issue_cert("localhost", "127.0.0.1"))


@pytest.fixture(scope="module")
def ca_file(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return str(path)


Open = Callable[..., RequestsTransport]


@pytest.fixture
def client(ca_file: str) -> Iterator[Open]:
    """Make transports that are closed after the test."""
    opened: list[RequestsTransport] = []

    def make(limits: CallLimits = PATIENT, **settings: object) -> RequestsTransport:
        settings.setdefault("ca_file", ca_file)
        transport = RequestsTransport(clock=SystemClock(), limits=limits, **settings)  # type: ignore[arg-type]  # checked by its callers
        opened.append(transport)
        return transport

    yield make
    for transport in opened:
        transport.close()


def get(server: Server) -> Request:
    return Request("GET", server.url + "/api/v3/athlete")


def fault_of(transport: RequestsTransport, request: Request) -> TransportError:
    with pytest.raises(TransportError) as caught:
        transport.send(request)
    return caught.value


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
                thread.join(30)
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
                thread.join(30)
            assert transport.send(get(server)).status == 200
            assert server.visits == 3

    def test_the_new_connection_is_new_even_if_another_worker_has_just_returned_one(
        self, tls: ssl.SSLContext, ca_file: str
    ) -> None:
        """The pool itself would hand out what was returned last."""
        with Server(answering(), tls) as server:
            pools: Any = direct_pools(client_context(ca_file), connections=3)
            pool = pools.connection_from_url(server.url)
            call = Call(seconds=30, ceiling=1_000_000)
            with working_for(call):
                pool.urlopen("GET", "/", timeout=10)
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


class TestAServerThatTakesItsTime:
    QUICK = CallLimits(connect=0.5, read=0.3, whole=0.6)

    def call(self, client: Open, tls: ssl.SSLContext, script: Script) -> TransportError:
        """Every one of these servers would hold a caller for at least 10 s."""
        with Server(script, tls) as server:
            began = time.monotonic()
            fault = fault_of(client(self.QUICK), get(server))
            assert time.monotonic() - began < 5
        assert fault.fault is TransportFault.TIMEOUT
        return fault

    def test_no_answer(self, client: Open, tls: ssl.SSLContext) -> None:
        fault = self.call(client, tls, Visit.until_closed)
        assert "sent nothing for 0.3 s" in str(fault)

    def test_a_dripping_head(self, client: Open, tls: ssl.SSLContext) -> None:
        def script(visit: Visit) -> None:
            visit.request()
            visit.drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 5_000)

        assert "longer than 0.6 s" in str(self.call(client, tls, script))

    def test_a_dripping_body(self, client: Open, tls: ssl.SSLContext) -> None:
        def script(visit: Visit) -> None:
            visit.request()
            visit.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
            visit.drip(b"x" * 5_000)

        assert "longer than 0.6 s" in str(self.call(client, tls, script))

    def test_dripping_chunks(self, client: Open, tls: ssl.SSLContext) -> None:
        def script(visit: Visit) -> None:
            visit.request()
            visit.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            visit.drip(b"1\r\nx\r\n" * 1_000)

        assert "longer than 0.6 s" in str(self.call(client, tls, script))

    def test_a_body_of_endless_interim_answers(self, client: Open, tls: ssl.SSLContext) -> None:
        def script(visit: Visit) -> None:
            visit.request()
            visit.drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 200)

        assert "longer than 0.6 s" in str(self.call(client, tls, script))

    @pytest.mark.parametrize("greet", [True, False])
    def test_silence_beyond_the_whole_time(self, client: Open, tls: ssl.SSLContext, greet: bool) -> None:
        with Server(Visit.until_closed, tls if greet else None) as server:
            began = time.monotonic()
            fault = fault_of(client(CallLimits(connect=20, read=20, whole=0.5)), get(server))
            assert time.monotonic() - began < 5
        assert fault.fault is TransportFault.TIMEOUT
        assert "longer than 0.5 s" in str(fault)

    def test_a_handshake_that_never_begins(self, client: Open) -> None:
        with Server(Visit.until_closed, None) as server:
            fault = fault_of(client(self.QUICK), get(server))
        assert fault.fault is TransportFault.TIMEOUT
        assert "TLS handshake" in str(fault)

    def test_a_handshake_that_drips(self, client: Open) -> None:
        def script(visit: Visit) -> None:
            visit.drip(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + b"\x00" * 5_000)

        with Server(script, None) as server:
            began = time.monotonic()
            fault = fault_of(client(self.QUICK), get(server))
            assert time.monotonic() - began < 5
        assert fault.fault in (
            TransportFault.TIMEOUT,
            TransportFault.TLS,
        )  # TLS if OpenSSL refuses the bytes first

    def test_a_get_on_a_kept_connection_that_times_out_is_not_sent_again(
        self, client: Open, tls: ssl.SSLContext
    ) -> None:
        def script(visit: Visit) -> None:
            visit.request()
            visit.answer()
            visit.request()
            visit.until_closed()

        with Server(script, tls) as server:
            transport = client(self.QUICK)
            transport.send(get(server))
            assert fault_of(transport, get(server)).fault is TransportFault.TIMEOUT
            assert server.visits == 1

    def test_afterwards_the_transport_is_as_good_as_new(self, client: Open, tls: ssl.SSLContext) -> None:
        def script(visit: Visit) -> None:
            while visit.request() is not None:
                if visit.number == 1:
                    visit.until_closed()
                    return
                visit.answer()

        with Server(script, tls) as server:
            transport = client(self.QUICK)
            fault_of(transport, get(server))
            assert transport.send(get(server)).status == 200


class TestABodyThatIsTooLargeOrBroken:
    SMALL = CallLimits(connect=10, read=10, whole=30, body=100_000)

    @pytest.mark.parametrize("size", [99_999, 100_000])
    def test_a_body_up_to_the_limit_is_taken(self, client: Open, tls: ssl.SSLContext, size: int) -> None:
        with Server(answering(b"x" * size), tls) as server:
            assert len(client(self.SMALL).send(get(server)).body) == size

    def test_one_byte_more_is_not(self, client: Open, tls: ssl.SSLContext) -> None:
        with Server(answering(b"x" * 100_001), tls) as server:
            fault = fault_of(client(self.SMALL), get(server))
        assert fault.fault is TransportFault.TOO_LARGE
        assert str(fault) == f"The answer of localhost:{server.port} is larger than 100000 bytes and was dropped."

    def test_a_body_that_is_announced_as_too_large_is_not_waited_for(self, client: Open, tls: ssl.SSLContext) -> None:
        def script(visit: Visit) -> None:
            visit.request()
            visit.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n")
            visit.until_closed()

        with Server(script, tls) as server:
            assert fault_of(client(self.SMALL), get(server)).fault is TransportFault.TOO_LARGE

    def test_the_limit_holds_for_what_is_decompressed(self, client: Open, tls: ssl.SSLContext) -> None:
        bomb = gzip.compress(b"\0" * 50_000_000)
        assert len(bomb) < 100_000
        with Server(answering(bomb, headers={"Content-Encoding": "gzip"}), tls) as server:
            assert fault_of(client(self.SMALL), get(server)).fault is TransportFault.TOO_LARGE

    def test_a_bomb_in_a_bomb_is_not_even_opened(self, client: Open, tls: ssl.SSLContext) -> None:
        bomb = gzip.compress(gzip.compress(b"\0" * 50_000_000))
        with Server(answering(bomb, headers={"Content-Encoding": "gzip, gzip"}), tls) as server:
            assert fault_of(client(self.SMALL), get(server)).fault is TransportFault.INTERRUPTED

    def test_a_body_without_end_and_length_stops_at_the_limit(self, client: Open, tls: ssl.SSLContext) -> None:
        def script(visit: Visit) -> None:
            visit.request()
            visit.raw(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                visit.raw(b"x" * 65_536)

        with Server(script, tls) as server:
            assert fault_of(client(self.SMALL), get(server)).fault is TransportFault.TOO_LARGE

    def test_a_chunk_line_without_end_stops_too(self, client: Open, tls: ssl.SSLContext) -> None:
        def script(visit: Visit) -> None:
            visit.request()
            visit.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                visit.raw(b"0" * 65_536)

        with Server(script, tls) as server:
            assert fault_of(client(self.SMALL), get(server)).fault is TransportFault.TOO_LARGE

    @pytest.mark.parametrize(
        "raw",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabcde\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 1000)[:-9],
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!",
            b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\nabc",
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
            b"SSH-2.0-OpenSSH_9.9\r\n",
            b"",
        ],
    )
    def test_an_answer_that_breaks_off_or_is_no_http(self, client: Open, tls: ssl.SSLContext, raw: bytes) -> None:
        def script(visit: Visit) -> None:
            visit.request()
            visit.raw(raw)

        with Server(script, tls) as server:
            assert fault_of(client(), get(server)).fault is TransportFault.INTERRUPTED

    def test_deflate_was_not_asked_for(self, client: Open, tls: ssl.SSLContext) -> None:
        with Server(answering(zlib.compress(b"{}"), headers={"Content-Encoding": "deflate"}), tls) as server:
            assert "was not asked for" in str(fault_of(client(), get(server)))


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308])
    def test_none_is_followed_and_only_its_status_is_told(self, client: Open, tls: ssl.SSLContext, status: int) -> None:
        with Server(answering(), tls) as elsewhere:
            location = f"{elsewhere.url}/{MARK}"
            with Server(answering(b"", status, {"Location": location}), tls) as server:
                request = Request("GET", server.url + "/", headers={"Authorization": Secret("Bearer x")})
                fault = fault_of(client(), request)
            assert elsewhere.accepted == 0
        assert fault.fault is TransportFault.REDIRECTED
        assert f"status {status}" in str(fault)
        assert MARK not in str(fault)

    def test_the_body_of_a_redirect_is_not_read(self, client: Open, tls: ssl.SSLContext) -> None:
        def script(visit: Visit) -> None:
            visit.request()
            visit.raw(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 1000000\r\n\r\n")
            visit.until_closed()

        with Server(script, tls) as server:
            assert fault_of(client(), get(server)).fault is TransportFault.REDIRECTED


class TestCertificates:
    def refused(self, client: Open, context: ssl.SSLContext, **settings: object) -> str:
        with Server(answering(), context) as server:
            request = Request("GET", server.url + "/", headers={"Authorization": Secret("Bearer x")})
            fault = fault_of(client(**settings), request)
            assert server.received == [], "something was sent to a server that is not trusted"
        assert fault.fault is TransportFault.TLS
        return str(fault)

    def test_another_name(self, client: Open, ca: trustme.CA) -> None:
        assert "another name" in self.refused(client, server_context(ca.issue_cert("www.strava.com")))

    def test_another_address(self, client: Open, ca: trustme.CA) -> None:
        with Server(answering(), server_context(ca.issue_cert("localhost"))) as server:
            fault = fault_of(client(), Request("GET", f"https://127.0.0.1:{server.port}/"))
        assert fault.fault is TransportFault.TLS
        assert "another name" in str(fault)

    def test_a_common_name_does_not_count(self, client: Open, ca: trustme.CA) -> None:
        certificate = ca.issue_cert("www.strava.com", common_name="localhost")
        assert "another name" in self.refused(client, server_context(certificate))

    def test_expired(self, client: Open, ca: trustme.CA) -> None:
        then = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
        certificate = ca.issue_cert("localhost", not_before=then, not_after=then + datetime.timedelta(days=30))
        assert "has expired" in self.refused(client, server_context(certificate))

    def test_not_yet_valid(self, client: Open, ca: trustme.CA) -> None:
        then = datetime.datetime(2035, 1, 1, tzinfo=datetime.timezone.utc)
        certificate = ca.issue_cert("localhost", not_before=then, not_after=then + datetime.timedelta(days=30))
        assert "not valid yet" in self.refused(client, server_context(certificate))

    def test_an_authority_that_nobody_knows(self, client: Open) -> None:
        stranger = trustme.CA().issue_cert("localhost")
        assert "name its certificate as CA file" in self.refused(client, server_context(stranger))

    def test_a_private_authority_is_not_trusted_unless_it_is_named(self, client: Open, tls: ssl.SSLContext) -> None:
        assert "name its certificate as CA file" in self.refused(client, tls, ca_file="")

    def test_signed_by_itself(self, client: Open, tmp_path: Path) -> None:
        self_signed = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with self_signed.private_key_pem.tempfile() as key, self_signed.cert_pem.tempfile() as certificate:
            context.load_cert_chain(certificate, key)
        assert "not signed by an authority" in self.refused(client, context)

    @pytest.mark.parametrize("old", ["TLSv1", "TLSv1_1"])
    def test_tls_before_1_2(self, client: Open, tls: ssl.SSLContext, ca: trustme.CA, old: str) -> None:
        context = server_context(ca.issue_cert("localhost"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that these versions are deprecated is the point
            context.minimum_version = context.maximum_version = ssl.TLSVersion[old]
        context.set_ciphers("ALL:@SECLEVEL=0")
        assert "TLS 1.2 or newer" in self.refused(client, context)

    def test_tls_1_2_is_enough(self, client: Open, ca: trustme.CA) -> None:
        context = server_context(ca.issue_cert("localhost"))
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with Server(answering(), context) as server:
            assert client().send(get(server)).status == 200

    def test_a_server_without_tls(self, client: Open) -> None:
        def script(visit: Visit) -> None:
            visit.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            visit.until_closed()

        with Server(script, None) as server:
            fault = fault_of(client(), get(server))
        assert fault.fault is TransportFault.TLS
        assert "wrong version number" in str(fault) or "record layer failure" in str(fault)

    def test_a_server_that_hangs_up_in_the_handshake(self, client: Open) -> None:
        with Server(lambda visit: None, None) as server:
            fault = fault_of(client(), get(server))
        assert fault.fault is TransportFault.TLS
        assert "closed the connection during the TLS handshake" in str(fault)

    def test_a_ca_file_that_cannot_be_used_is_reported_before_any_call(self, tmp_path: Path) -> None:
        empty = tmp_path / "empty.pem"
        empty.write_text("nothing")
        for path, sentence in [
            (tmp_path / "missing.pem", "does not exist"),
            (empty, "holds no certificate in PEM form"),
            (tmp_path, "is a folder"),
        ]:
            with pytest.raises(ConfigurationError, match=sentence):
                RequestsTransport(clock=SystemClock(), ca_file=str(path))


class TestNoServer:
    def test_connection_refused(self, client: Open) -> None:
        with socket.socket() as reserved:  # bound, but not listening
            reserved.bind(("127.0.0.1", 0))
            port = reserved.getsockname()[1]
            fault = fault_of(client(), Request("GET", f"https://localhost:{port}/"))
        assert fault.fault is TransportFault.CONNECT
        assert f"No connection to localhost:{port} (connection refused)." in str(fault)

    def test_a_name_that_does_not_exist(self, client: Open) -> None:
        fault = fault_of(client(), Request("GET", "https://strava.invalid/api/v3/athlete"))
        assert fault.fault is TransportFault.RESOLVE
        assert str(fault).startswith("The name of strava.invalid could not be resolved.")

    def test_an_exception_that_is_being_handled_elsewhere_is_not_mixed_in(self, client: Open) -> None:
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            try:
                raise socket.gaierror("another call's failure")
            except socket.gaierror:
                fault = fault_of(client(), Request("GET", f"https://localhost:{reserved.getsockname()[1]}/"))
        assert fault.fault is TransportFault.CONNECT

    @pytest.mark.parametrize(
        "url",
        [
            "http://www.strava.com/",
            "https://user:pw@www.strava.com/",
            "https://www.strava.com/?token=x",
            "https://www.strava.com/#x",
            "https://",
            "https://[::1/",
            "https://www.strava.com:http/",
            "file:///etc/passwd",
            "",
        ],
    )
    def test_an_address_that_could_leak_or_means_nothing_is_not_called(self, client: Open, url: str) -> None:
        assert fault_of(client(), Request("GET", url)).fault is TransportFault.BLOCKED

    def test_a_header_that_could_smuggle_another_one_is_not_sent(self, client: Open, tls: ssl.SSLContext) -> None:
        with Server(answering(), tls) as server:
            for value in ("Bearer a\r\nX: y", "Bearer ü→"):
                request = Request("GET", server.url + "/", headers={"Authorization": Secret(value)})
                assert fault_of(client(), request).fault in (
                    TransportFault.BLOCKED,
                    TransportFault.INTERRUPTED,
                )
        assert server.received == []


class TestSecrets:
    """Whatever goes wrong, nothing that was marked appears in an error, a traceback or a log."""

    @staticmethod
    def broken_head(visit: Visit) -> None:
        visit.request()
        visit.raw(b"HTTP/1.1 200 OK\r\nnot a header\r\n folded\r\nContent-Length: 2\r\n\r\n{}")

    @staticmethod
    def hang_up(visit: Visit) -> None:
        visit.request()

    @staticmethod
    def silence(visit: Visit) -> None:
        visit.until_closed()

    @staticmethod
    def truncated(visit: Visit) -> None:
        visit.request()
        visit.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + MARK.encode())

    @pytest.mark.parametrize("script", [broken_head, hang_up, silence, truncated, None, "unknown", "refused", "header"])
    def test_of_a_call_that_fails(
        self, client: Open, tls: ssl.SSLContext, script: object, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        play: Script = getattr(script, "__func__", answering(MARK.encode()))
        context = server_context(trustme.CA().issue_cert("localhost")) if script is None else tls
        with Server(play, context) as server, socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            url = {
                "unknown": "https://strava.invalid/x",
                "refused": f"https://localhost:{reserved.getsockname()[1]}/x",
            }.get(str(script), server.url + "/x")
            value = f"Bearer {MARK}" + ("\r\n" if script == "header" else "")
            request = Request(
                "GET",
                url,
                headers={"Authorization": Secret(value)},
                query={"client_secret": Secret(MARK)},
                form={"refresh_token": Secret(MARK)},
            )
            transport = client(CallLimits(connect=10, read=0.3, whole=30))
            logging.getLogger().error("request: %r %s", request, request)
            try:
                answer = transport.send(request)
                logging.getLogger().error("answer: %r %s", answer, answer)
            except TransportError as error:
                logging.getLogger("a.handler").exception("failed")
                assert error.__cause__ is None
                assert error.__context__ is None
                assert MARK not in "".join(traceback.format_exception(type(error), error, error.__traceback__))
                assert MARK not in repr(error) + str(error)
        assert "request:" in caplog.text
        assert MARK not in caplog.text

    def test_of_a_call_that_succeeds_even_if_the_host_logs_everything(
        self, client: Open, tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        with Server(answering(), tls) as server:
            client().send(Request("GET", server.url + "/", query={"client_secret": Secret(MARK)}))
        assert MARK in server.received[0].target
        assert MARK not in caplog.text
        assert [record.name for record in caplog.records if record.name.startswith("urllib3")] == []


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
