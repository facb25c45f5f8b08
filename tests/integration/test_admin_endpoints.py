"""The REST endpoints of what operators do, over the stand-in for splunkd."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.sandbox import Sandbox

APP = Path(__file__).resolve().parents[2] / "output" / "TA_strava_webhook"

pytestmark = pytest.mark.skipif(not APP.is_dir(), reason="the add-on is not built: make package")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(app=APP, folder=tmp_path_factory.mktemp("sandbox"), python=Path(sys.executable)) as running:
        yield running


@pytest.mark.parametrize("endpoint", ["strava_jobs", "strava_subscriptions", "strava_check"])
def test_an_administrator_reaches_the_endpoints(sandbox: Sandbox, endpoint: str) -> None:
    status, answer = sandbox.splunkd.request("GET", sandbox.splunkd.path(endpoint))
    assert (status, answer.get("messages")) == (200, [])
