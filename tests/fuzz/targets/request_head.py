"""Bytes on a connection, read as HTTP requests.

Whatever arrives, and however it is cut: the same requests come out, each within the limits, and after them nothing, or
one refusal whose answer is well-formed and has nothing of the request in it. A head that is taken says the same to
another parser, Python's own: where the body ends, and who is asked.
"""

from __future__ import annotations

import http.client
import io
import json
import re
from collections.abc import Sequence
from typing import Optional

from strava_collector.callback import fault_answer
from strava_collector.http_answer import render
from strava_collector.http_request import BadRequest, Fault, Request, RequestReader
from strava_collector.limits import SizeLimits
from tests.fuzz.target import Target

#: Smaller than the real ones, so that inputs of a handy size reach them.
_LIMITS = SizeLimits(head=512, target=128, headers=8, body=256, ahead=512)

_TARGET = re.compile(r"/[!-~]*\Z")
_ANSWER = re.compile(rb"HTTP/1\.1 [1-5][0-9]{2} [A-Za-z -]+\r\n(?:[A-Za-z-]+: [ -~]*\r\n)+\r\n([ -~]*)\Z")

#: After so many bytes a cut after each would only be slow.
_MOST_SINGLE_BYTES = 600


def _check(data: bytes) -> str:
    requests, fault = _read([data])
    for request in requests:
        _check_request(request)
    if requests:
        _check_with_another_parser(data, requests[0])
    size = 1 if len(data) <= _MOST_SINGLE_BYTES else 7
    again, fault_again = _read([data[begin : begin + size] for begin in range(0, len(data), size)])
    assert again == requests, "cut into pieces, the bytes mean something else"
    assert (fault is None) == (fault_again is None), (fault, fault_again)
    if fault is not None:
        _check_refusal(fault)
        return "requests, then a refusal" if requests else "refused"
    return "requests" if requests else "unfinished"


def _read(pieces: Sequence[bytes]) -> tuple[list[Request], Optional[Fault]]:
    reader, requests = RequestReader(_LIMITS), []
    for piece in pieces:
        reader.feed(piece)
        try:
            while (request := reader.next_request()) is not None:
                requests.append(request)
        except BadRequest as refusal:
            return requests, refusal.fault
        # What the server asks between two pieces.
        assert reader.in_request or not reader.in_body
        assert not reader.wants_continue or reader.in_body
    return requests, None


def _check_request(request: Request) -> None:
    head = request.head
    assert len(request.body) == head.length <= _LIMITS.body
    assert _TARGET.match(f"{head.path}?{head.query}"), head
    assert "#" not in head.path + head.query
    assert "?" not in head.path
    assert len(head.path) + len(head.query) <= _LIMITS.target
    assert not re.search("[\r\n\0]", head.forwarded_for)


def _check_with_another_parser(data: bytes, request: Request) -> None:
    line, _, rest = data.partition(b"\r\n")
    method, target, version = line.decode("ascii").split(" ")
    headers = http.client.parse_headers(io.BytesIO(rest))
    length = headers.get_all("content-length", ["0"])
    path, _, query = target.partition("?")
    assert (method, path, query) == (request.head.method, request.head.path, request.head.query)
    assert [int(one) for one in length] == [request.head.length]
    assert "transfer-encoding" not in headers
    assert len(headers.get_all("host", [])) == 1 or (version == "HTTP/1.0" and "host" not in headers)


def _check_refusal(fault: Fault) -> None:
    rendered = render(fault_answer(fault), now=0.0, close=True, is_head=False)
    answer = _ANSWER.match(rendered)
    assert answer, rendered
    assert json.loads(answer[1]) == {"detail": fault.detail}


TARGET = Target(
    name="request_head",
    check=_check,
    ends=frozenset({"requests", "requests, then a refusal", "refused", "unfinished"}),
    words=(
        *(b"GET / HTTP/1.1\r\n", b"POST /a HTTP/1.1\r\n", b"HEAD / HTTP/1.0\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        *(b"Host: a\r\n", b"Content-Length: 4\r\n", b"Content-Length: +4\r\n", b"Content-Length: 4, 4\r\n"),
        *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n", b"Transfer-Encoding :chunked\r\n"),
        *(b"Connection: close\r\n", b"Connection: keep-alive, Upgrade\r\n", b"Expect: 100-continue\r\n"),
        *(
            b"X-Forwarded-For: 1.2.3.4\r\n",
            b"\r\n\r\n",
            b"\n\n",
            b"\r\n ",
            b"\r\n\t",
            b" HTTP/1.1",
            b"HTTP/0.9",
            b"#",
            b"?",
        ),
        *(b"http://a/", b"//", b"/%2e%2e/", b"\r\r\n", b": ", b":", b"0\r\n\r\n", b"\x00", b"X" * 130),
    ),
    longest=1500,
)
