"""What the callback URL and its few neighbours answer, decided without any I/O.

Why a bad request gets its 4xx and a failing store its 503, instead of the 200 to everything that some guides
advise: docs/decisions/0001-answers-that-are-not-200.md.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Union
from urllib.parse import unquote_to_bytes

from strava_collector.callback_url import HEALTH_PATH
from strava_collector.http_answer import Answer
from strava_collector.http_request import Fault, Request
from strava_collector.secret import Secret
from strava_collector.sink import HealthQuestion, Question
from strava_collector.webhook import NotANotification, Notification, Receipt, parse_notification

#: Seconds after which a client that was refused may come again. Strava has its own schedule; monitors read it.
RETRY_AFTER = 10


def _json(**fields: object) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode("ascii")


def _refusal(status: int, detail: str, fault: str, *headers: str) -> Answer:
    return Answer(status, _json(detail=detail), headers, fault)


_ACCEPTED = Answer(200, _json(status=Receipt.ACCEPTED.value))
_DUPLICATE = Answer(200, _json(status=Receipt.DUPLICATE.value))
_RETRY = f"Retry-After: {RETRY_AFTER}"
_HEALTHY = Answer(200, _json(status="ok", service="strava-webhooks"))
_UNHEALTHY = Answer(503, _json(status="unavailable", service="strava-webhooks"), (_RETRY,))
_NOT_FOUND = _refusal(404, "Not found", "path")
_WRONG_TOKEN = _refusal(403, "Invalid verify token", "verify_token")
_WRONG_MODE = _refusal(403, "Invalid mode", "mode")

#: The notification is not on disk: Strava must send it again.
REFUSED = _refusal(503, "The notification could not be stored", "store", _RETRY)


def receipt_answer(receipt: Receipt) -> Answer:
    """The answer to a notification that is safe on disk."""
    return _ACCEPTED if receipt is Receipt.ACCEPTED else _DUPLICATE


def health_answer(healthy: bool) -> Answer:
    """The answer to a :class:`HealthQuestion`."""
    return _HEALTHY if healthy else _UNHEALTHY


def fault_answer(fault: Fault) -> Answer:
    """The answer to bytes that are no acceptable HTTP request."""
    return _refusal(fault.status, fault.detail, fault.name.lower())


@dataclass(frozen=True)
class Met:
    """A challenge that is answered at once; that it was answered here is noted afterwards, if that can be had."""

    answer: Answer
    #: SHA-256 of the challenge, in hexadecimal digits.
    digest: str


def decide(
    request: Request, *, callback_path: str, verify_token: Secret, former_paths: Collection[str] = ()
) -> Union[Answer, Met, Question]:
    """Say what a request gets: an answer, or what has to be asked of the store before there is one.

    On ``former_paths``, those of callback URLs that were the input's before, notifications are taken and nothing else.
    """
    head = request.head
    # The path is compared as sent, so that no two spellings of it mean the same; and in constant time, because an
    # unguessable path is the best that keeps strangers from sending notifications.
    if hmac.compare_digest(head.path, callback_path):
        if head.method == "POST":
            return _notification(request.body)
        if head.method in ("GET", "HEAD"):
            return _challenge(head.query, verify_token)
        return _not_allowed("GET, HEAD, POST")
    if head.method == "POST" and any(hmac.compare_digest(head.path, path) for path in former_paths):
        return _notification(request.body)
    if head.path == HEALTH_PATH:
        if head.method in ("GET", "HEAD"):
            return HealthQuestion()
        return _not_allowed("GET, HEAD")
    return _NOT_FOUND


def _not_allowed(allowed: str) -> Answer:
    return _refusal(405, "Method not allowed", "method", f"Allow: {allowed}")


def _notification(body: bytes) -> Union[Answer, Notification]:
    """The Content-Type is not asked for: the body proves itself, and a wrong label must not cost a notification."""
    try:
        return parse_notification(body)
    except NotANotification as error:
        return _refusal(400, str(error).rstrip("."), "notification")


def _challenge(query: str, verify_token: Secret) -> Union[Answer, Met]:
    """Strava's question, asked while a subscription is made, whether this URL wants its notifications."""
    try:
        parameters = _parse_query(query)
    except ValueError:
        return _refusal(400, "The query is malformed", "query")
    mode, token, challenge = (parameters.get(f"hub.{name}") for name in ("mode", "verify_token", "challenge"))
    if mode is None or token is None or challenge is None:
        return _refusal(400, "hub.mode, hub.verify_token and hub.challenge are required", "query")
    if not verify_token.matches(token):
        return _WRONG_TOKEN
    if mode != "subscribe":
        return _WRONG_MODE
    digest = hashlib.sha256(challenge.encode("utf-8", "surrogatepass")).hexdigest()
    return Met(Answer(200, _json(**{"hub.challenge": challenge})), digest)


def _parse_query(query: str) -> dict[str, str]:
    """Decode a form-encoded query.

    Written out because ``urllib.parse.parse_qs`` splits at ``;`` in some releases of Python 3.9 and not in others.
    Raises ValueError for a name that comes twice and for bytes that are not UTF-8.
    """
    parameters: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = (part.replace("+", " ") for part in pair.partition("="))
        name = unquote_to_bytes(name).decode("utf-8")
        if name in parameters:
            raise ValueError("repeated")
        parameters[name] = unquote_to_bytes(value).decode("utf-8")
    return parameters
