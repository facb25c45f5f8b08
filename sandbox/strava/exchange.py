"""One call and its answer, as values, with Strava's way of writing errors."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from enum import Enum
from functools import cached_property
from urllib.parse import parse_qsl

JsonObject = dict[str, object]


@dataclass(frozen=True)
class Call:
    """What a client asked."""

    method: str
    #: Without the query.
    path: str
    #: As it stood in the URL.
    query_string: str = ""
    #: Names in lower case.
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @cached_property
    def query(self) -> Mapping[str, str]:
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @cached_property
    def form(self) -> Mapping[str, str]:
        """The fields of the body: URL-encoded, or multipart as ``curl -F`` sends it."""
        content_type = self.headers.get("content-type", "")
        if content_type.startswith("multipart/form-data"):
            return _multipart_fields(content_type, self.body)
        if content_type.startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))
        return {}

    def parameter(self, name: str) -> str | None:
        """A parameter from the body or else from the query; Strava takes either."""
        return self.form.get(name, self.query.get(name))

    def bearer(self) -> str | None:
        """The access token of the ``Authorization`` header."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" and token.strip() else None

    def basic(self) -> tuple[str | None, str | None]:
        """User and password of HTTP Basic authentication."""
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None, None
        try:
            user, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None, None
        return (user, password) if colon else (None, None)


class Transmission(Enum):
    """How an answer goes over the wire."""

    WHOLE = "whole"
    #: The head announces more bytes than follow before the connection ends.
    TRUNCATED = "truncated"
    #: The connection is reset instead.
    RESET = "reset"
    #: Nothing is ever sent; the connection stays open until the fault or the stand-in ends.
    NEVER = "never"


@dataclass
class Answer:
    """What the stand-in answers."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"
    transmission: Transmission = Transmission.WHOLE
    #: Seconds to wait before sending.
    delay: float = 0.0


class Refused(Exception):
    """Ends the handling of a call with an answer that is an error."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status} {answer.body.decode()}")
        self.answer = answer


def json_answer(status: int, value: object) -> Answer:
    """An answer with a JSON body, compact and in UTF-8 as Strava writes it."""
    return Answer(status, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def error_body(message: str, resource: str, field: str, code: str) -> JsonObject:
    """Strava's error object."""
    return {"message": message, "errors": [{"resource": resource, "field": field, "code": code}]}


def refused(status: int, message: str, resource: str, field: str, code: str) -> Refused:
    """An exception that answers with Strava's error object."""
    return Refused(json_answer(status, error_body(message, resource, field, code)))


def not_found(resource: str) -> Refused:
    """404 for a thing that does not exist, or that the caller may not know to exist."""
    return refused(404, "Resource Not Found", resource, "id", "invalid")


def bad_parameter(resource: str, field: str) -> Refused:
    """400 for a parameter that makes no sense."""
    return refused(400, "Bad Request", resource, field, "invalid")


def whole_number(text: str | None, resource: str, field: str, default: int) -> int:
    """A decimal parameter, or ``default`` when it is not given."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise bad_parameter(resource, field)
    return int(text)


def _multipart_fields(content_type: str, body: bytes) -> Mapping[str, str]:
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    fields: dict[str, str] = {}
    for part in message.iter_parts():
        name: object | None = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            fields[name] = payload.decode("utf-8", "replace")
    return fields
