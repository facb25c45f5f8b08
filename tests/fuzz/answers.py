"""Strava's answers as inputs: a line with the status, lines of headers, an empty line, the body.

429
retry-after: 10

{"message": "Rate Limit Exceeded"}
"""

from __future__ import annotations

from strava_collector.transport import Answer

#: When the answers of these tests arrive.
NOW = 1_714_545_000.0


def answer_of(data: bytes) -> Answer:
    """Return the answer that the transport would make of it.

    Header names come in lower case, values in Latin-1 and without line ends, as ``http.client`` has them; redirects are
    the transport's matter.
    """
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    status = int(first) if first.isdigit() and len(first) == 3 else 200
    if not (200 <= status < 300 or 400 <= status < 600):
        status = 200
    headers = {}
    for line in lines:
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.replace("\r", "").strip()
    return Answer(status, headers, body, NOW)


def plain(status: int, body: bytes, **headers: str) -> bytes:
    """Return the input for an answer."""
    lines = [str(status), *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\n".join(lines).encode("latin-1") + b"\n\n" + body
