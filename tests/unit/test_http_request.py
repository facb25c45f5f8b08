"""Requests are cut from bytes strictly: what two programs could read differently is refused."""

from __future__ import annotations

from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strava_collector.http_request import BadRequest, Fault, Request, RequestReader
from strava_collector.limits import SizeLimits

SMALL = SizeLimits(head=200, target=60, headers=5, body=50)

GET = b"GET /hook?a=1 HTTP/1.1\r\nHost: example.org\r\n\r\n"
POST = b"POST /hook HTTP/1.1\r\nHost: example.org\r\nContent-Length: 5\r\n\r\nhello"


def read(data: bytes, limits: Optional[SizeLimits] = None) -> Optional[Request]:
    reader = RequestReader(limits or SizeLimits())
    reader.feed(data)
    return reader.next_request()


def fault(data: bytes, limits: Optional[SizeLimits] = None) -> Fault:
    with pytest.raises(BadRequest) as caught:
        read(data, limits)
    return caught.value.fault


def with_headers(*lines: str, method: str = "POST", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} /hook HTTP/{version}", "Host: example.org", *lines, "", ""]).encode("latin-1")


def test_a_request_is_read() -> None:
    request = read(POST)
    assert request is not None
    assert (request.head.method, request.head.path, request.body) == ("POST", "/hook", b"hello")
    assert request.head.keep_alive


@given(st.lists(st.integers(0, len(GET + POST + GET)), max_size=10))
def test_requests_are_the_same_however_the_bytes_are_cut(cuts: list[int]) -> None:
    data = GET + POST + GET
    places = [0, *sorted(cuts), len(data)]
    reader = RequestReader(SizeLimits())
    methods = []
    for begin, end in zip(places, places[1:]):
        reader.feed(data[begin:end])
        request = reader.next_request()
        while request is not None:
            methods.append(request.head.method)
            request = reader.next_request()
    assert methods == ["GET", "POST", "GET"]
    assert not reader.in_request


@given(st.binary(max_size=300))
def test_no_bytes_make_anything_but_a_request_or_a_refusal(data: bytes) -> None:
    for prefix in (b"", b"POST /hook HTTP/1.1\r\n", with_headers()[:-2]):
        reader = RequestReader(SMALL)
        reader.feed(prefix + data)
        try:
            while reader.next_request() is not None:
                pass
        except BadRequest:
            pass


def test_path_and_query_are_left_as_they_were_sent() -> None:
    request = read(b"GET /a/../%68ook//?x=%41&y=?z HTTP/1.1\r\nHost: h\r\n\r\n")
    assert request is not None
    assert (request.head.path, request.head.query) == ("/a/../%68ook//", "x=%41&y=?z")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"GET /hook", Fault.REQUEST_LINE),
        (b"GET  /hook HTTP/1.1", Fault.REQUEST_LINE),
        (b"GET /hook  HTTP/1.1", Fault.REQUEST_LINE),
        (b"GET\t/hook HTTP/1.1", Fault.REQUEST_LINE),
        (b" GET /hook HTTP/1.1", Fault.REQUEST_LINE),
        (b"GET /hook HTTP/1.1 ", Fault.REQUEST_LINE),
        (b"GET /ho\x00ok HTTP/1.1", Fault.REQUEST_LINE),
        (b"GET /h\xc3\xa4 HTTP/1.1", Fault.REQUEST_LINE),
        (b"GET /hook HTTP/1.10", Fault.REQUEST_LINE),
        (b"GET /hook http/1.1", Fault.REQUEST_LINE),
        (b"G\x7fT /hook HTTP/1.1", Fault.REQUEST_LINE),
        (b"GET /hook\rHost: h HTTP/1.1", Fault.LINE_END),
        (b"GET /hook HTTP/2.0", Fault.VERSION),
        (b"GET /hook HTTP/0.9", Fault.VERSION),
        (b"PRI * HTTP/2.0", Fault.VERSION),
        (b"GET https://example.org/hook HTTP/1.1", Fault.TARGET),
        (b"CONNECT example.org:443 HTTP/1.1", Fault.TARGET),
        (b"OPTIONS * HTTP/1.1", Fault.TARGET),
        (b"GET hook HTTP/1.1", Fault.TARGET),
        (b"GET /hook#part HTTP/1.1", Fault.TARGET),
    ],
)
def test_a_request_line_has_one_form(line: bytes, expected: Fault) -> None:
    assert fault(line + b"\r\nHost: h\r\n\r\n") is expected


@pytest.mark.parametrize(
    "line",
    [
        "Content-Length : 5",
        " Content-Length: 5",
        "X: a\r\n  folded",
        "\tX: a",
        ": empty",
        "no colon",
        "X: a\x00b",
        "X: a\x1bb",
        "X: a\x7fb",
        "X(1): a",
        "",
    ],
)
def test_a_header_has_one_form(line: str) -> None:
    assert fault(with_headers("A: b", line, "Content-Length: 0")) in (Fault.HEADER, Fault.LENGTH_REQUIRED)


@pytest.mark.parametrize(
    "data",
    [
        b"GET /hook HTTP/1.1\nHost: h\n\n",
        b"GET /hook HTTP/1.1\r\nHost: h\n\r\n",
        b"GET /hook HTTP/1.1\r\nHost: h\r\nX: a\nContent-Length: 5\r\n\r\n",
        b"GET /hook HTTP/1.1\r\nHost: h\r\nX: a\rContent-Length: 5\r\n\r\n",
        b"\n",
    ],
)
def test_a_line_ends_with_both_characters(data: bytes) -> None:
    assert fault(data) is Fault.LINE_END


def test_a_bare_line_feed_is_refused_before_the_head_is_complete() -> None:
    assert fault(b"GET /hook HTTP/1.1\nHost: h") is Fault.LINE_END


@pytest.mark.parametrize("value", ["+5", "-1", "5,5", "5, 5", "0x5", "5 5", "", "five", "٥"])
def test_a_length_is_digits(value: str) -> None:
    line = f"Content-Length: {value}".encode()
    assert fault(b"POST /hook HTTP/1.1\r\nHost: h\r\n" + line + b"\r\n\r\n") is Fault.LENGTH


@pytest.mark.parametrize(
    "line", ["Content-Length: 5", "content-length: 5", "Host: example.org", "Expect: 100-continue"]
)
def test_a_header_that_decides_stands_alone(line: str) -> None:
    assert fault(with_headers("Content-Length: 5", "Expect: 100-continue", line)) is Fault.REPEATED


@pytest.mark.parametrize("coding", ["chunked", "identity", "gzip, chunked", "x"])
def test_length_and_transfer_coding_never_come_together(coding: str) -> None:
    assert fault(with_headers("Content-Length: 5", f"Transfer-Encoding: {coding}")) is Fault.TWO_LENGTHS


@pytest.mark.parametrize(
    ("coding", "expected"),
    [
        ("chunked", Fault.LENGTH_REQUIRED),
        ("Chunked", Fault.LENGTH_REQUIRED),
        ("gzip", Fault.TRANSFER_CODING),
        ("chunked, chunked", Fault.TRANSFER_CODING),
        ("\x0bchunked", Fault.HEADER),
        ("", Fault.TRANSFER_CODING),
    ],
)
def test_a_body_needs_a_length(coding: str, expected: Fault) -> None:
    assert fault(with_headers(f"Transfer-Encoding: {coding}")) is expected


def test_a_transfer_coding_in_http_1_0_is_refused() -> None:
    assert fault(with_headers("Transfer-Encoding: chunked", version="1.0")) is Fault.TWO_LENGTHS


def test_a_post_without_length_is_refused_and_a_get_has_no_body() -> None:
    assert fault(with_headers()) is Fault.LENGTH_REQUIRED
    request = read(with_headers(method="GET"))
    assert request is not None
    assert request.body == b""


@pytest.mark.parametrize("host", ["example.org", "example.org:8443", "[::1]:443", "1.2.3.4", "xn--ab.example"])
def test_hosts_are_accepted(host: str) -> None:
    assert read(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()) is not None


@pytest.mark.parametrize("host", ["", "a b", "a/b", "a@b", "user:pass@h", "[::1", "h:port", "h:123456"])
def test_other_hosts_are_refused(host: str) -> None:
    assert fault(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()) is Fault.HOST


def test_a_host_is_required_from_http_1_1_on() -> None:
    assert fault(b"GET / HTTP/1.1\r\n\r\n") is Fault.HOST
    assert read(b"GET / HTTP/1.0\r\n\r\n") is not None


@pytest.mark.parametrize(
    ("version", "line", "expected"),
    [
        ("1.1", "A: b", True),
        ("1.1", "Connection: close", False),
        ("1.1", "Connection: Keep-Alive, Close", False),
        ("1.1", "Connection: keep-alive\r\nConnection: close", False),
        ("1.0", "A: b", False),
        ("1.0", "Connection: keep-alive", False),
    ],
)
def test_when_a_connection_stays_open(version: str, line: str, expected: bool) -> None:
    request = read(with_headers(line, method="GET", version=version))
    assert request is not None
    assert request.head.keep_alive is expected


def test_a_client_that_asks_whether_to_go_on_is_noticed() -> None:
    reader = RequestReader(SizeLimits())
    reader.feed(with_headers("Content-Length: 5", "Expect: 100-Continue"))
    assert reader.next_request() is None
    told = [reader.wants_continue]
    reader.feed(b"hel")
    assert reader.next_request() is None
    told.append(reader.wants_continue)
    assert told == [True, False]
    assert fault(with_headers("Content-Length: 5", "Expect: a miracle")) is Fault.EXPECTATION


def test_sizes_up_to_the_limit_are_taken_and_one_more_is_not() -> None:
    def body(size: int) -> bytes:
        return with_headers(f"Content-Length: {size}") + b"x" * size

    def target(size: int) -> bytes:
        return b"GET /" + b"x" * (size - 1) + b" HTTP/1.1\r\nHost: h\r\n\r\n"

    def head(size: int) -> bytes:
        start = b"GET / HTTP/1.1\r\nHost: h\r\nX: "
        return start + b"x" * (size - len(start) - 4) + b"\r\n\r\n"

    def count(lines: int) -> bytes:
        return with_headers(*["A: b"] * (lines - 1), method="GET")

    assert read(body(50), SMALL) is not None
    assert fault(body(51), SMALL) is Fault.BODY_TOO_LARGE
    assert read(target(60), SMALL) is not None
    assert fault(target(61), SMALL) is Fault.TARGET_TOO_LONG
    assert read(head(200), SMALL) is not None
    assert fault(head(201), SMALL) is Fault.HEAD_TOO_LARGE
    assert read(count(5), SMALL) is not None
    assert fault(count(6), SMALL) is Fault.HEAD_TOO_LARGE


def test_what_can_only_become_too_large_is_refused_at_once() -> None:
    assert fault(b"GET /" + b"x" * 300, SMALL) is Fault.TARGET_TOO_LONG
    assert fault(b"GET / HTTP/1.1\r\nX: " + b"x" * 300, SMALL) is Fault.HEAD_TOO_LARGE
    assert fault(with_headers("Content-Length: 999999999"), SMALL) is Fault.BODY_TOO_LARGE


@pytest.mark.parametrize("digits", [18, 19, 20, 5000])
def test_a_length_of_any_number_of_digits_is_too_large(digits: int) -> None:
    assert fault(with_headers(f"Content-Length: {'9' * digits}")) is Fault.BODY_TOO_LARGE


def test_a_refused_head_request_is_known_as_one() -> None:
    with pytest.raises(BadRequest) as caught:
        read(b"HEAD / HTTP/1.1\r\n\r\n")
    assert caught.value.is_head
