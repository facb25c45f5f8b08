"""Servers that take their time, and bodies that are too large or broken."""

from __future__ import annotations

import gzip
import ssl
import time
import zlib

import pytest

from strava_collector.errors import TransportError, TransportFault
from strava_collector.transport import CallLimits
from tests.support.https_server import Script, Server, Visit, answering
from tests.support.transport_calls import Open, fault_of, get


class TestAServerThatTakesItsTime:
    #: One limit is short and the others are long, so that a busy host does not reach another one first.
    HANDSHAKE = CallLimits(connect=0.5, read=20, whole=30)
    SILENCE = CallLimits(connect=20, read=0.3, whole=30)
    WHOLE = CallLimits(connect=20, read=20, whole=0.6)
    #: For a first answer that is to come in time.
    SECOND_ANSWER = CallLimits(connect=20, read=1.5, whole=30)

    def call(self, client: Open, tls: ssl.SSLContext, script: Script, limits: CallLimits = WHOLE) -> TransportError:
        """Every one of these servers would hold a caller for at least 10 s."""
        with Server(script, tls) as server:
            began = time.monotonic()
            fault = fault_of(client(limits), get(server))
            assert time.monotonic() - began < 5
        assert fault.fault is TransportFault.TIMEOUT
        return fault

    def test_no_answer(self, client: Open, tls: ssl.SSLContext) -> None:
        fault = self.call(client, tls, Visit.until_closed, self.SILENCE)
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
            fault = fault_of(client(self.HANDSHAKE), get(server))
        assert fault.fault is TransportFault.TIMEOUT
        assert "TLS handshake" in str(fault)

    def test_a_handshake_that_drips(self, client: Open) -> None:
        def script(visit: Visit) -> None:
            visit.drip(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + b"\x00" * 5_000)

        with Server(script, None) as server:
            began = time.monotonic()
            fault = fault_of(client(self.HANDSHAKE), get(server))
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
            transport = client(self.SECOND_ANSWER)
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
            transport = client(self.SECOND_ANSWER)
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
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 1000, mtime=0)[:-9],
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
