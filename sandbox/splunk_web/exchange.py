"""A request to Splunk Web and its answer, as values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """One request, taken apart."""

    method: str
    #: As it came: still encoded, without the query.
    path: str
    query: str
    #: Names in lower case.
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    body: bytes

    def parameter(self, name: str) -> str:
        """The first value of a parameter of the query; "" without."""
        return parse_qs(self.query, keep_blank_values=True).get(name, [""])[0]

    def field(self, name: str) -> str:
        """The first value of a field of the form; "" without."""
        return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True).get(name, [""])[0]

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Complete `Set-Cookie` values.
    cookies: tuple[str, ...] = ()


def request_of(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
    """Take a request apart; `headers` have names in lower case."""
    parts = urlsplit(target)
    return Request(method, parts.path, parts.query, headers, _cookies(headers.get("cookie", "")), body)


def page(text: str, status: int = 200, cookies: tuple[str, ...] = ()) -> Answer:
    """An HTML page; never kept by the browser, because it depends on who is logged in."""
    return Answer(status, text.encode(), "text/html; charset=utf-8", {"Cache-Control": "no-store"}, cookies)


def script(text: str) -> Answer:
    """A script that is made at each request."""
    return Answer(200, text.encode(), "text/javascript; charset=utf-8", {"Cache-Control": "no-store"})


def redirect(address: str, cookies: tuple[str, ...] = ()) -> Answer:
    """Send the browser elsewhere, with GET."""
    return Answer(303, headers={"Location": address, "Cache-Control": "no-store"}, cookies=cookies)


def as_json(value: object, status: int = 200) -> Answer:
    """JSON that is made at each request."""
    return Answer(status, json.dumps(value).encode(), "application/json; charset=utf-8", {"Cache-Control": "no-store"})


def message(status: int, text: str) -> Answer:
    """A fault as splunkd words one, for the pages' scripts."""
    return as_json({"messages": [{"type": "ERROR", "text": text}]}, status)


def _cookies(header: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}
