"""JSON that is meant to hurt whoever reads it. How each rule cuts is in tests/unit/test_webhook.py."""

from __future__ import annotations

import json

import pytest

from sandbox.splunkd import Event
from tests.attack.conftest import Besiege
from tests.attack.victim import Victim


def filled(value: str) -> bytes:
    """A notification with a field of this JSON."""
    usual = '{"object_type":"activity","object_id":1,"aspect_type":"create","owner_id":1,"subscription_id":1,'
    return f'{usual}"event_time":1,"x":{value}}}'.encode()


def up_to_the_limit(unit: str) -> str:
    """A list of as many of these as a body may hold."""
    return f"[{','.join([unit] * (65_000 // (len(unit) + 1)))}]"


#: What is sent, and the status of its answer.
BOMBS: dict[str, tuple[bytes, int]] = {
    "a_million_keys": (filled(json.dumps(dict.fromkeys(map(str, range(1_000_000))))), 413),
    "as_many_keys_as_fit": (filled(json.dumps(dict.fromkeys(map(str, range(4_500))))), 400),
    "as_many_lists_as_fit": (filled(up_to_the_limit("[]")), 400),
    "as_many_objects_as_fit": (filled(up_to_the_limit("{}")), 400),
    "as_many_numbers_as_fit": (filled(up_to_the_limit("1e300")), 400),
    "depth_of_lists": (filled("[" * 30_000 + "]" * 30_000), 400),
    "depth_of_objects": (filled('{"a":' * 10_000 + "1" + "}" * 10_000), 400),
    "depth_without_an_end": (b"[" * 65_000, 400),
    "huge_integer": (filled("9" * 60_000), 400),
    "huge_exponent": (filled("1e" + "9" * 60_000), 400),
    # A number like another one: the notification is taken.
    "long_fraction": (filled("0." + "1" * 60_000), 200),
    "nan": (filled("NaN"), 400),
    "infinity": (filled("-Infinity"), 400),
    "the_same_key_twice": (filled('{"a":1,"a":2}'), 400),
    "byte_order_mark": (b"\xef\xbb\xbf" + filled("1"), 400),
    "utf_16": (filled("1").decode().encode("utf-16"), 400),
    "utf_32": (filled("1").decode().encode("utf-32"), 400),
    "broken_utf_8": (filled('"\xff"').decode().encode("latin-1"), 400),
    "raw_surrogates": (filled('"@"').replace(b"@", b"\xed\xa0\x80"), 400),
    "control_characters": (filled('"\x00\x1b"'), 400),
}


@pytest.mark.parametrize("bomb", list(BOMBS))
def test_a_json_bomb(victim: Victim, besiege: Besiege, bomb: str) -> None:
    body, status = BOMBS[bomb]
    # Who announces too much has got the answer before the body is sent.
    data = victim.delivery(body)[:200_000]
    with besiege() as siege:
        number = 0
        while siege.goes_on:
            answer = victim.ask(data)
            assert answer.status == status
            assert b"object_id" not in answer.body
            number += 1
        siege.got = f"{number} × {status}"


#: Texts that JSON allows and that others stumble over: each is kept as it came.
TEXTS = {
    "lone_surrogates": '"\\ud800 \\udfff"',
    "nul": '"\\u0000"',
    "line_separators": '"\\u2028\\u2029\\u0085"',
    "ansi": '"\\u001b[2J\\u001b]0;x\\u0007"',
    "line_ends": '"a\\r\\naction=owned key=value"',
    "xml": '"</data></event><event><data>forged</data></event>]]>"',
    "right_to_left": '"\\u202e\\u2066"',
    "numbers": "[1e300, -0.0, 9999999999999999999999999999999999999999, 5e-324]",
}


@pytest.mark.parametrize("text", list(TEXTS))
def test_a_text_that_is_odd_reaches_the_index_as_it_came(victim: Victim, text: str) -> None:
    body = victim.notification(object_type="athlete", aspect_type="update", object_id=victim.anna.id, odd=text)
    body = body.replace(b'"updates": {}', f'"updates": {{"title": {TEXTS[text]}}}'.encode())
    assert victim.post(body).status == 200
    sent = json.loads(body)

    def arrived(_events: list[Event]) -> bool:
        found = [event.json for event in victim.sandbox.splunkd.index.events(sourcetype="strava:webhook")]
        return any(sent.items() <= event.items() for event in found)

    assert victim.sandbox.splunkd.index.wait_for(arrived, 20)
    assert victim.sandbox.splunkd.errors == []
