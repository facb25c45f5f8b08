"""Calls through the HTTP client, and what its tests ask of them."""

from __future__ import annotations

from typing import Callable

import pytest

from strava_collector.errors import TransportError
from strava_collector.transport import CallLimits, Request, RequestsTransport
from tests.support.https_server import Server

MARK = "marked-secret"

#: Short enough for a test, long enough for a busy machine; only tests of time limits use shorter ones.
PATIENT = CallLimits(connect=10, read=10, whole=30)

Open = Callable[..., RequestsTransport]


def get(server: Server) -> Request:
    return Request("GET", server.url + "/api/v3/athlete")


def fault_of(transport: RequestsTransport, request: Request) -> TransportError:
    with pytest.raises(TransportError) as caught:
        transport.send(request)
    return caught.value
