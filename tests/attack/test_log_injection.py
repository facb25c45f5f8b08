"""Texts of strangers that are to look like lines, fields or commands in the log."""

from __future__ import annotations

import ssl
from contextlib import suppress
from urllib.parse import quote

from strava_collector.logfmt import MAX_VALUE
from tests.attack.conftest import Besiege
from tests.attack.victim import Victim
from tests.support.listening import request

MARK = "planted-by-a-stranger"

#: Ends of lines, fields of our own form, a terminal's commands, a second event for splunkd.
TEXTS = (
    f"x\r\naction=fetched {MARK}=1",
    f'x" action=fetched {MARK}="1',
    f"\x1b[2J\x1b]0;{MARK}\x07",
    f"level=ERROR pid=1 {MARK}",
    f"\u2028action=fetched\u2029{MARK}\u0085",
    f"</data></event>{MARK}",
)


def attempts(victim: Victim, text: str) -> list[bytes]:
    """Requests that carry a text in each place that a request has."""
    encoded = quote(text, safe="")
    raw = text.encode("utf-8").decode("latin-1")
    return [
        request("GET", f"/{encoded}"),
        request("GET", f"/x?{encoded}={encoded}"),
        request("GET", f"{victim.path}?hub.mode={encoded}&hub.challenge={encoded}&hub.verify_token={encoded}"),
        request("GET", "/x", b"", f"User-Agent: {raw}", f"X-Forwarded-For: {raw}", f"{quote(text)}: x"),
        request("GET", "/x", host=raw),
        victim.delivery(text.encode()),
        victim.delivery(victim.notification(object_type=text)),
        victim.delivery(victim.notification(aspect_type=text, owner_id=text)),
        victim.delivery(victim.notification(object_type="athlete", aspect_type="update", updates={text: text})),
        f"{text} / HTTP/1.1\r\n\r\n".encode(),
    ]


def test_log_injection(victim: Victim, besiege: Besiege) -> None:
    sent = 0
    with besiege() as siege:
        while siege.goes_on:
            for text in TEXTS:
                for data in attempts(victim, text):
                    with suppress(ConnectionError, ssl.SSLError):
                        victim.ask(data)
                    sent += 1
        siege.got = f"{sent} × 400, 403 or 404; one 200"
    lines = victim.log().splitlines()
    assert not [line for line in lines if MARK in line]
    assert not [line for line in lines if not line.isprintable()]
    assert max(map(len, lines)) < 10 * MAX_VALUE


def test_a_server_name_and_protocols_of_strangers_are_not_logged(victim: Victim) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", f"x\r\n{MARK}"])
    with victim.plain() as plain, context.wrap_socket(plain, server_hostname=f"{MARK}.example.org") as client:
        client.sendall(request("GET", "/x"))
        assert client.recv(4096).startswith(b"HTTP/1.1 404")
    assert MARK not in victim.log()
