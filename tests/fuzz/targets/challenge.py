"""The query of a challenge, as Strava sends it and as anybody may.

Every query gets 200, 400 or 403, as a second decoder, the standard library's, says it must: 200 with exactly the
challenge that was sent to whoever knows the verify token, and to nobody else. No other answer has anything of the
query in it, and no answer breaks its own form.
"""

from __future__ import annotations

import hashlib
import json
import re
from urllib.parse import unquote_to_bytes

from strava_collector.callback import Met, decide
from strava_collector.http_answer import Answer, render
from strava_collector.http_request import Head, Request
from strava_collector.secret import Secret
from tests.fuzz.target import Target

_PATH = "/strava/path"
_TOKEN = "fuzz+tök&n"
_NAMES = ("hub.mode", "hub.verify_token", "hub.challenge")
_ANSWER = re.compile(rb"HTTP/1\.1 [1-5][0-9]{2} [A-Za-z ]+\r\n(?:[A-Za-z-]+: [ -~]*\r\n)+\r\n([ -~]*)\Z")


def _check(data: bytes) -> str:
    # A head with other characters is refused before (request_head).
    query = "".join(chr(byte if 0x21 <= byte <= 0x7E and byte != 0x23 else 0x21 + byte % 94) for byte in data)
    query = query.replace("#", "!")
    head = Head(method="GET", path=_PATH, query=query, keep_alive=True, length=0, expects_continue=False)
    decision = decide(Request(head, b""), callback_path=_PATH, verify_token=Secret(_TOKEN))
    status, challenge = _expected(query)
    if isinstance(decision, Met):
        assert status == 200
        assert json.loads(decision.answer.body) == {"hub.challenge": challenge}
        assert decision.digest == hashlib.sha256(challenge.encode("utf-8")).hexdigest()
        _check_form(decision.answer)
        return "answered"
    assert isinstance(decision, Answer)
    assert decision.status == status != 200, (decision.status, status)
    assert list(json.loads(decision.body)) == ["detail"]
    assert json.loads(decision.body)["detail"] in {
        "The query is malformed",
        "hub.mode, hub.verify_token and hub.challenge are required",
        "Invalid verify token",
        "Invalid mode",
    }
    _check_form(decision)
    return {400: "malformed", 403: "forbidden"}[status]


def _expected(query: str) -> tuple[int, str]:
    """What the query must get, and the challenge if that is 200. Splits first and decodes then, as a form is read."""
    pairs = [pair.replace("+", " ").split("=", 1) for pair in query.split("&")]
    try:
        decoded = [[unquote_to_bytes(part).decode("utf-8") for part in pair] for pair in pairs]
    except UnicodeDecodeError:
        return 400, ""
    names = [pair[0] for pair in decoded]
    if len(set(names)) != len(names):
        return 400, ""
    values = {pair[0]: pair[1] if len(pair) > 1 else "" for pair in decoded}
    if not set(_NAMES) <= set(values):
        return 400, ""
    if values["hub.verify_token"] != _TOKEN or values["hub.mode"] != "subscribe":
        return 403, ""
    return 200, values["hub.challenge"]


def _check_form(answer: Answer) -> None:
    rendered = render(answer, now=0.0, close=False, is_head=False)
    found = _ANSWER.match(rendered)
    assert found and found[1] == answer.body, rendered


TARGET = Target(
    name="challenge",
    check=_check,
    ends=frozenset({"answered", "malformed", "forbidden"}),
    words=(
        *(
            b"hub.mode=subscribe",
            b"hub.verify_token=fuzz%2Bt%C3%B6k%26n",
            b"hub.challenge=",
            b"hub.mode",
            b"hub%2Emode",
        ),
        *(b"subscribe", b"unsubscribe", b"&", b"&&", b"=", b"%26", b"%3D", b"%00", b"%C3", b"%ed%a0%80", b"%2", b"%zz"),
    ),
    longest=600,
)
