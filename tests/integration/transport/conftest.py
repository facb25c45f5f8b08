"""Transports, and an authority whose servers they believe."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest
import trustme

from strava_collector.clock import SystemClock
from strava_collector.transport import CallLimits, RequestsTransport
from tests.support.https_server import server_context
from tests.support.transport_calls import PATIENT, Open


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(ca: trustme.CA) -> ssl.SSLContext:
    return server_context(ca.issue_cert("localhost", "127.0.0.1"))


@pytest.fixture(scope="module")
def ca_file(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def client(ca_file: str) -> Iterator[Open]:
    """Make transports that are closed after the test."""
    opened: list[RequestsTransport] = []

    def make(limits: CallLimits = PATIENT, **settings: object) -> RequestsTransport:
        settings.setdefault("ca_file", ca_file)
        transport = RequestsTransport(clock=SystemClock(), limits=limits, **settings)  # type: ignore[arg-type]  # checked by its callers
        opened.append(transport)
        return transport

    yield make
    for transport in opened:
        transport.close()
