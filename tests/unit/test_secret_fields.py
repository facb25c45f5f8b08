"""No value of the collector shows a secret that it holds, however it is printed."""

from __future__ import annotations

import dataclasses
import importlib
import json
import pkgutil
import pprint
import re
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

import strava_collector
from strava_collector.configuration import parse_settings
from strava_collector.http_request import Head, RequestReader
from strava_collector.input_stanza import parse_webhook_input
from strava_collector.limits import SizeLimits
from strava_collector.oauth import Grant, Tokens
from strava_collector.proxy import parse_proxy
from strava_collector.secret import Secret
from strava_collector.token_store import Consent
from strava_collector.transport import Answer, Request

MARK = "marked-4711"
SECRET = Secret(MARK)
TOKENS = Tokens(SECRET, SECRET, 1)

#: Names of fields that a secret may stand behind.
TELLING = re.compile(r"token|secret|passw|credential|(^|_)code$|(^|_)key$|^query$|^form$|authoriz")
#: What has such a name and no secret in it.
HARMLESS = {
    ("Configured", "no_secrets"): "why there are none",
    ("Facts", "no_secrets"): "why there are none",
    ("AthleteFacts", "has_tokens"): "yes or no",
    ("Known", "token_changed"): "yes or no",
    ("Known", "stream_key"): "a digest of what samples depend on",
    ("Watch", "token_digest"): "a salted, slow digest",
    ("Host", "token_store"): "where the tokens are, not one of them",
    ("Equipment", "token_store"): "where the tokens are, not one of them",
}


def settings() -> Any:
    return parse_settings(
        applications={"club": {"client_id": "1"}},
        application_secrets={"club": Secret(json.dumps({"client_secret": MARK}))},
        accounts={},
        settings={
            "proxy": {"proxy_enabled": "1", "proxy_url": "p", "proxy_port": "1", "proxy_username": "user"},
        },
        settings_secrets={"proxy": Secret(json.dumps({"proxy_password": MARK}))},
    )


def webhook_input() -> Any:
    stanza = {"application": "club", "index": "strava", "port": "8443", "callback_url": "https://a.example/x"}
    return parse_webhook_input("club", {**stanza, "in_front": "local_proxy"}, SECRET)


def challenge() -> Head:
    reader = RequestReader(SizeLimits())
    reader.feed(b"GET /x?hub.verify_token=" + MARK.encode() + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    request = reader.next_request()
    assert request is not None
    return request.head


VALUES = {
    "settings": settings(),
    "application": settings().applications["club"],
    "proxy": parse_proxy(settings().proxy),
    "input": webhook_input(),
    "tokens": TOKENS,
    "grant": Grant(TOKENS, 1, "Anna", {"email": MARK}),
    "consent": Consent(client_id="1", athlete_id=1, athlete_name="Anna", granted_scope="read", tokens=TOKENS),
    "call": Request("GET", "https://a.example/", {"Authorization": SECRET}, {"client_secret": SECRET}, {"code": MARK}),
    "answer": Answer(200, {"set-cookie": MARK}, MARK.encode(), 1.0),
    "challenge": challenge(),
}


@pytest.mark.parametrize("name", VALUES)
def test_no_way_of_printing_a_value_shows_its_secrets(name: str) -> None:
    value = VALUES[name]
    shown = [repr(value), str(value), f"{value}", f"{value!r:>9}", pprint.pformat(value), pprint.pformat([value])]
    try:
        raise ValueError(value)
    except ValueError as error:
        shown.append("".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()))
    assert [text for text in shown if MARK in text] == []


def test_the_values_do_hold_what_is_not_shown() -> None:
    assert VALUES["settings"].applications["club"].client_secret.reveal() == MARK
    assert MARK in VALUES["settings"].proxy.reveal()
    assert VALUES["input"].verify_token.reveal() == MARK
    assert MARK in VALUES["challenge"].query
    assert MARK in VALUES["answer"].body.decode()


def fields() -> Iterator[tuple[str, str, str, bool]]:
    """Class, name, type and whether it is shown, of each field of each dataclass of the collector."""
    for module in pkgutil.walk_packages(strava_collector.__path__, "strava_collector."):
        for thing in vars(importlib.import_module(module.name)).values():
            if isinstance(thing, type) and dataclasses.is_dataclass(thing) and thing.__module__ == module.name:
                for field in dataclasses.fields(thing):
                    yield thing.__name__, field.name, str(field.type), field.repr


def test_a_field_that_is_named_like_a_secret_is_one_or_is_not_shown() -> None:
    telling = {(owner, name): (kind, shown) for owner, name, kind, shown in fields() if TELLING.search(name)}
    hidden = {key for key, (kind, shown) in telling.items() if not shown or re.search(r"\b(Secret|Tokens)\b", kind)}
    assert telling.keys() - hidden == HARMLESS.keys()
    assert {("Application", "client_secret"), ("Tokens", "refresh_token"), ("Head", "query")} <= hidden
