"""What the listener lets a client take: bytes, seconds, connections."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SizeLimits:
    """How large a request may be, in bytes unless said otherwise."""

    #: Request line and headers together. Strava's are below 500.
    head: int = 16 * 1024
    #: Path and query.
    target: int = 8 * 1024
    #: Lines of headers.
    headers: int = 100
    #: A notification has about 200; its title is the user's.
    body: int = 64 * 1024
    #: What a client may send ahead of an answer; then it is not read from until it has got that.
    ahead: int = 64 * 1024


@dataclass(frozen=True)
class Limits:
    """How long a client may take, in seconds, and how many there may be.

    Strava's own limit for an answer is 2 s, so whoever needs longer than these is not Strava.
    """

    #: From the connection to the end of the TLS handshake.
    handshake: float = 5.0
    #: From a request's first byte to the end of its head; also from the handshake to the first byte.
    head: float = 5.0
    #: From the end of the head to the end of the body.
    body: float = 5.0
    #: From a request's first byte to its answer.
    request: float = 10.0
    #: Between an answer and the next request.
    idle: float = 30.0
    #: For the client to take its last answer, and again for it to stop sending after that.
    farewell: float = 2.0
    #: Connections at once; the next one takes the place of the oldest that is not waiting for the store.
    connections: int = 1000
    sizes: SizeLimits = SizeLimits()
