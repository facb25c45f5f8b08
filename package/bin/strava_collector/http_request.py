"""HTTP requests, read strictly: whatever two programs could read differently is refused, not guessed.

The listener may stand behind a proxy. If the two disagreed about where a request ends, a stranger could hide one
request inside another (request smuggling). So there is one way to say a body's length, one spelling of a line end
and no second copy of a header that matters. Nothing here does I/O. The rules are those of RFC 9112.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Optional

from strava_collector.limits import SizeLimits


@dataclass(frozen=True)
class Head:
    """Everything before the body."""

    method: str
    #: As sent: not decoded, not normalised.
    path: str
    #: What follows the first question mark, as sent; that of a challenge has the verify token in it.
    query: str = field(repr=False)
    #: Whether the client wants to send another request on this connection.
    keep_alive: bool
    #: Bytes of the body.
    length: int
    #: The client waits for ``100 Continue`` before it sends the body.
    expects_continue: bool
    #: The header ``X-Forwarded-For``, as sent, the last one if there are several; anybody may have sent it.
    forwarded_for: str = ""


@dataclass(frozen=True)
class Request:
    """One complete request."""

    head: Head
    body: bytes


class Fault(Enum):
    """Why a request is refused: the name for the log, the answer's status and its ``detail``.

    The sentences are fixed, so that nothing of the request comes back in an answer.
    """

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        self.detail = detail

    REQUEST_LINE = 400, "The request line is malformed"
    TARGET = 400, "The request target must be a path"
    HEADER = 400, "A header is malformed"
    LINE_END = 400, "Lines must end with CR LF"
    HOST = 400, "One valid Host header is required"
    REPEATED = 400, "A header that must stand alone was repeated"
    LENGTH = 400, "Content-Length is not a number"
    TWO_LENGTHS = 400, "Content-Length and Transfer-Encoding must not come together"
    TIMEOUT = 408, "The request took too long"
    LENGTH_REQUIRED = 411, "A body must come with Content-Length"
    BODY_TOO_LARGE = 413, "The body is too large"
    TARGET_TOO_LONG = 414, "The request target is too long"
    EXPECTATION = 417, "Only 100-continue can be expected"
    HEAD_TOO_LARGE = 431, "The request head is too large"
    TRANSFER_CODING = 501, "This transfer coding is not supported"
    VERSION = 505, "Only HTTP/1.0 and HTTP/1.1 are supported"


class BadRequest(Exception):
    """The request is refused; the connection cannot be used any more, for nobody knows where a next one begins."""

    def __init__(self, fault: Fault, *, is_head: bool = False) -> None:
        super().__init__(fault.detail)
        self.fault = fault
        #: The method was HEAD, so that the answer must have no body.
        self.is_head = is_head


_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - RFC 9110's name for a word
_REQUEST_LINE = re.compile(rf"({_TOKEN}) ([!-~]+) HTTP/([0-9])\.([0-9])\Z")
#: Blanks around the value are not part of it; a blank before the colon or at the line's start (folding) is refused.
_HEADER = re.compile(rf"({_TOKEN}):[ \t]*([\t -~\x80-\xff]*)\Z")
_HOST = re.compile(r"(?:[A-Za-z0-9._~%!$&'()*+,;=\-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?\Z")
_LENGTH = re.compile(r"[0-9]+\Z")
#: More is above every limit. int() would refuse some thousand digits with an error of its own.
_MOST_DIGITS = 18

#: Headers that decide about framing, or that this server reads; a second copy is refused. All others are ignored.
_SINGLE = frozenset({"host", "content-length", "transfer-encoding", "expect"})

_END_OF_HEAD = b"\r\n\r\n"


class RequestReader:
    """Cuts one connection's bytes into requests.

    Feed it what arrives, then call :meth:`next_request` until it returns None. After :class:`BadRequest` it must
    not be used again.
    """

    __slots__ = ("_buffer", "_head", "_limits", "_searched")

    def __init__(self, limits: SizeLimits) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._head: Optional[Head] = None
        #: How much of the buffer is known to hold no end of head.
        self._searched = 0

    @property
    def may_send_ahead(self) -> bool:
        """Whether the client may send more before it has got the answer to its last request."""
        return len(self._buffer) < self._limits.ahead

    @property
    def in_request(self) -> bool:
        """Whether part of a request has arrived."""
        return self._head is not None or bool(self._buffer)

    @property
    def in_body(self) -> bool:
        """Whether the head is complete and the body is not."""
        return self._head is not None

    @property
    def wants_continue(self) -> bool:
        """Whether the client holds its body back until it is told to send it."""
        return self._head is not None and self._head.expects_continue and not self._buffer

    def feed(self, data: bytes) -> None:
        """Append what arrived."""
        self._buffer += data

    def next_request(self) -> Optional[Request]:
        """Return the next complete request, or None if there is none yet. Raises :class:`BadRequest`."""
        head = self._head
        if head is None:
            head = self._next_head()
            if head is None:
                return None
            self._head = head
        if len(self._buffer) < head.length:
            return None
        body = bytes(self._buffer[: head.length])
        del self._buffer[: head.length]
        self._head = None
        return Request(head, body)

    def _next_head(self) -> Optional[Head]:
        buffer = self._buffer
        if not buffer:
            return None
        end = buffer.find(_END_OF_HEAD, max(0, self._searched - len(_END_OF_HEAD) + 1))
        if end < 0:
            self._searched = len(buffer)
            self._check_unfinished_head()
            return None
        if end + len(_END_OF_HEAD) > self._limits.head:
            raise self._too_large()
        text = buffer[:end].decode("latin-1")
        del buffer[: end + len(_END_OF_HEAD)]
        self._searched = 0
        return parse_head(text, self._limits)

    def _check_unfinished_head(self) -> None:
        """Refuse at once what no further byte can mend, rather than after the time limit."""
        buffer = self._buffer
        if buffer.count(b"\n") != buffer.count(b"\r\n"):
            raise BadRequest(Fault.LINE_END)
        if len(buffer) >= self._limits.head:
            raise self._too_large()

    def _too_large(self) -> BadRequest:
        line_end = self._buffer.find(b"\r\n", 0, self._limits.target)
        return BadRequest(Fault.TARGET_TOO_LONG if line_end < 0 else Fault.HEAD_TOO_LARGE)


def parse_head(text: str, limits: SizeLimits) -> Head:
    """Parse request line and headers, without the empty line at their end. Raises :class:`BadRequest`."""
    lines = text.split("\r\n")
    method, target, minor = _parse_request_line(lines[0], limits)
    try:
        if len(lines) - 1 > limits.headers:
            raise BadRequest(Fault.HEAD_TOO_LARGE)
        headers, connection = _parse_headers(lines)
        length = _body_length(headers, method, minor)
        if length > limits.body:
            raise BadRequest(Fault.BODY_TOO_LARGE)
        host = headers.get("host")
        if (host is None and minor > 0) or (host is not None and not _HOST.match(host)):
            raise BadRequest(Fault.HOST)
        expect = headers.get("expect")
        if expect is not None and expect.lower() != "100-continue":
            raise BadRequest(Fault.EXPECTATION)
    except BadRequest as refusal:
        refusal.is_head = method == "HEAD"
        raise
    path, _, query = target.partition("?")
    return Head(
        method=method,
        path=path,
        query=query,
        # HTTP/1.0 would have to ask for it and be told so; closing is always right there.
        keep_alive=minor > 0 and "close" not in connection,
        length=length,
        expects_continue=expect is not None and minor > 0 and length > 0,
        forwarded_for=headers.get("x-forwarded-for", ""),
    )


def _parse_request_line(line: str, limits: SizeLimits) -> tuple[str, str, int]:
    """Return method, target and HTTP's minor version."""
    match = _REQUEST_LINE.match(line)
    if match is None:
        if "\r" in line or "\n" in line:
            raise BadRequest(Fault.LINE_END)
        raise BadRequest(Fault.REQUEST_LINE)
    method, target, major, minor = match.groups()
    if major != "1":
        raise BadRequest(Fault.VERSION)
    if len(target) > limits.target:
        raise BadRequest(Fault.TARGET_TOO_LONG)
    # The absolute form is for proxies, and this is none; a fragment never travels.
    if not target.startswith("/") or "#" in target:
        raise BadRequest(Fault.TARGET)
    # A higher minor version is spoken to in 1.1, which it understands.
    return method, target, int(minor)


def _parse_headers(lines: list[str]) -> tuple[dict[str, str], set[str]]:
    """Return the headers that this server reads, and the options of ``Connection``, which may come in pieces."""
    headers: dict[str, str] = {}
    connection: set[str] = set()
    for line in lines[1:]:
        match = _HEADER.match(line)
        if match is None:
            raise BadRequest(Fault.LINE_END if "\r" in line or "\n" in line else Fault.HEADER)
        name = match.group(1).lower()
        if name in _SINGLE:
            if name in headers:
                raise BadRequest(Fault.REPEATED)
            headers[name] = match.group(2).rstrip(" \t")
        elif name == "x-forwarded-for":
            headers[name] = match.group(2)
        elif name == "connection":
            connection.update(option.strip(" \t") for option in match.group(2).lower().split(","))
    return headers, connection


def _body_length(headers: dict[str, str], method: str, minor: int) -> int:
    coding = headers.get("transfer-encoding")
    length = headers.get("content-length")
    if coding is not None:
        # Such a message is how requests are smuggled, and in HTTP/1.0 the header has no meaning.
        if length is not None or minor == 0:
            raise BadRequest(Fault.TWO_LENGTHS)
        # RFC 9112 section 6.3 lets a server insist on Content-Length; Strava's notifications have it.
        raise BadRequest(Fault.LENGTH_REQUIRED if coding.lower() == "chunked" else Fault.TRANSFER_CODING)
    if length is None:
        if method == "POST":
            raise BadRequest(Fault.LENGTH_REQUIRED)
        return 0
    if not _LENGTH.match(length):
        raise BadRequest(Fault.LENGTH)
    if len(length) > _MOST_DIGITS:
        raise BadRequest(Fault.BODY_TOO_LARGE)
    return int(length)
