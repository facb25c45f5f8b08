"""HTTP answers as values, and as bytes."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Optional

#: Sent while a client holds its body back until it knows that it is wanted.
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True)
class Answer:
    """An answer before it becomes bytes."""

    status: int
    #: JSON in ASCII.
    body: bytes
    #: Further headers, each a complete line without its end.
    headers: tuple[str, ...] = ()
    #: What the log calls a request that was not what it should be; None if all was well.
    fault: Optional[str] = None


def render(answer: Answer, *, now: float, close: bool, is_head: bool) -> bytes:
    """Return the whole answer, so that it leaves in one ``send``.

    There is no ``Server`` header: what this is, and in which version, helps attackers only. ``now`` is in seconds
    since the epoch; an answer to HEAD has all headers and no body.
    """
    lines = [
        f"HTTP/1.1 {answer.status} {_REASONS[answer.status]}",
        f"Date: {_date(int(now))}",
        "Content-Type: application/json",
        f"Content-Length: {len(answer.body)}",
        "Cache-Control: no-store",
        *answer.headers,
    ]
    if close:
        lines.append("Connection: close")
    head = "\r\n".join(lines).encode("ascii") + b"\r\n\r\n"
    return head if is_head else head + answer.body


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
