"""The stand-in for Strava in virtual time, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.certificates import Certificates
from sandbox.strava import StravaStandIn
from tests.support.clock import VirtualClock
from tests.support.strava_client import Client


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def strava(certificates: Certificates, clock: VirtualClock) -> Iterator[StravaStandIn]:
    with StravaStandIn(certificates, clock=clock) as strava:
        yield strava


@pytest.fixture
def client(strava: StravaStandIn, certificates: Certificates) -> Iterator[Client]:
    client = Client(strava, certificates)
    yield client
    client.close()
