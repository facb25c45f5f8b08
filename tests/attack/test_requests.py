"""Requests that two programs could read differently, that are too large, or that are none.

How each rule cuts is in tests/unit/test_http_request.py and tests/integration/test_listener.py. Here each comes on and
on, and behind each a genuine notification, which must not be taken for a request of its own: so would one be that was
smuggled past a proxy.
"""

from __future__ import annotations

import re
import ssl
from contextlib import suppress
from itertools import count
from typing import Callable

import pytest

from tests.attack.conftest import Besiege
from tests.attack.victim import Victim
from tests.support.listening import request

#: Ids of activities that only smuggled notifications name.
SMUGGLED = count(9_100_000_000)

HOST = b"Host: localhost\r\n"

#: What is sent (``@`` is the callback URL's path), and the status of the only answer.
FORMS: dict[str, tuple[bytes, int]] = {
    "two_lengths": (b"POST @ HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
    "two_lengths_in_one": (b"POST @ HTTP/1.1\r\n" + HOST + b"Content-Length: 5, 5\r\n\r\nhello", 400),
    "length_and_chunked": (
        b"POST @ HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "chunked": (b"POST @ HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
    "chunked_with_a_disguise": (b"POST @ HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: \x0bchunked\r\n\r\n", 400),
    "coding_after_a_blank": (b"POST @ HTTP/1.1\r\n" + HOST + b"Transfer-Encoding : chunked\r\n\r\n", 400),
    "bare_line_feeds": (b"POST @ HTTP/1.1\nHost: localhost\nContent-Length: 0\n\n", 400),
    "bare_carriage_return": (b"POST @ HTTP/1.1\r\nHost: localhost\rContent-Length: 0\r\n\r\n", 400),
    "obsolete_folding": (b"POST @ HTTP/1.1\r\n" + HOST + b"X: a\r\n Content-Length: 5\r\n\r\n", 400),
    "absolute_uri": (b"POST https://localhost@ HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n", 400),
    "connect": (b"CONNECT localhost:8089 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "http_0_9": (b"GET @\r\n\r\n", 400),
    "http_2_preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", 505),
    "no_host": (b"POST @ HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 400),
    "two_hosts": (b"POST @ HTTP/1.1\r\n" + HOST + HOST + b"Content-Length: 0\r\n\r\n", 400),
    "nul_in_a_header": (b"POST @ HTTP/1.1\r\n" + HOST + b"X: \x00\r\nContent-Length: 0\r\n\r\n", 400),
    "long_target": (b"GET @" + b"a" * 9_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "many_headers": (b"GET @ HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 101 + b"\r\n", 431),
    "long_header": (b"GET @ HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 20_000 + b"\r\n\r\n", 431),
    "large_body": (b"POST @ HTTP/1.1\r\n" + HOST + b"Content-Length: 65537\r\n\r\n" + b"x" * 65_537, 413),
    "endless_length": (b"POST @ HTTP/1.1\r\n" + HOST + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n", 413),
}

#: Spellings of the path that other servers would take for it, or for a way out of it.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "encoded": lambda path: path.replace("s", "%73", 1),
    "encoded_twice": lambda path: path.replace("s", "%2573", 1),
    "encoded_slash": lambda path: path.replace("/", "%2f", 2).replace("%2f", "/", 1),
    "overlong_utf8": lambda path: path.replace("/", "/%c0%af", 1),
    "dots": lambda path: f"/x/..{path}",
    "encoded_dots": lambda path: f"/x/%2e%2e{path}",
    "one_dot": lambda path: f"/.{path}",
    "two_slashes": lambda path: f"/{path}",
    "parameter": lambda path: f"{path};x=y",
    "nul": lambda path: f"{path}%00",
    "line_end": lambda path: f"{path}%0d%0aX:%20y",
    "upper_case": lambda path: path.upper(),
    "backslash": lambda path: path.replace("/", "\\").replace("\\", "/", 1),
    "files": lambda path: "/../../../../etc/passwd",
}


def answers(client: ssl.SSLSocket) -> list[int]:
    """The statuses of all that the server still sends, up to its end."""
    received = b""
    with suppress(ConnectionError, ssl.SSLError):
        while block := client.recv(65_536):
            received += block
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


@pytest.mark.parametrize("form", list(FORMS))
def test_a_request_that_is_none(victim: Victim, besiege: Besiege, form: str) -> None:
    data, status = FORMS[form]
    smuggled: list[int] = []
    with besiege() as siege:
        while siege.goes_on or len(smuggled) < siege.extent.requests // 10:
            smuggled.append(next(SMUGGLED))
            behind = victim.delivery(victim.notification(object_id=smuggled[-1]))
            with victim.connect() as client:
                with suppress(ConnectionError, ssl.SSLError):  # it may have had enough before all is sent
                    client.send(data.replace(b"@", victim.path.encode()) + behind)
                assert answers(client.socket) == [status]
        siege.got = f"{len(smuggled)} × {status}, closed"
    indexed = {event.json.get("object_id") for event in victim.sandbox.splunkd.index.events()}
    assert not indexed & set(smuggled)


@pytest.mark.parametrize("spelling", list(SPELLINGS))
def test_another_spelling_of_the_path(victim: Victim, spelling: str) -> None:
    target = SPELLINGS[spelling](victim.path)
    answer = victim.ask(request("POST", target, victim.notification()))
    assert (answer.status, answer.json()) == (404, {"detail": "Not found"})


def test_pipelining_without_end(victim: Victim, besiege: Besiege) -> None:
    asked = request("GET", "/elsewhere") * 200
    with besiege() as siege, victim.connect() as client:
        number = 0
        while siege.goes_on or number < siege.extent.requests:
            client.send(asked)
            number += 200
            assert {client.answer().status for _ in range(200)} == {404}
        siege.got = f"{number} × 404 in order"


def test_plain_http_to_tls(victim: Victim, besiege: Besiege) -> None:
    data = victim.delivery(victim.notification(object_id=next(SMUGGLED)))
    with besiege() as siege:
        number = 0
        while siege.goes_on:
            with victim.plain() as client:
                client.sendall(data)
                with suppress(ConnectionResetError):
                    assert client.recv(4096)[:1] in (b"", b"\x15")  # nothing, or TLS's alert
            number += 1
        siege.got = f"{number} × closed with an alert of TLS"


def test_tls_records_of_one_byte(victim: Victim, besiege: Besiege) -> None:
    data = request("GET", "/elsewhere", b"", "X: " + "y" * 2_000)
    with besiege() as siege:
        number = 0
        while siege.goes_on:
            with victim.connect() as client:
                for byte in data:
                    client.send(bytes([byte]))
                assert client.answer().status == 404
            number += 1
        siege.got = f"{number} × 404"
