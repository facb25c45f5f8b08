"""What several unit tests share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from sandbox.certificates import Certificates
from strava_collector.settings import WebhookInput
from strava_collector.store.database import Transaction
from strava_collector.store.subscriptions import MOST_CALLS
from strava_collector.transport import Answer
from tests.support.collecting import INPUT, Collect, Collecting
from tests.support.keeping import Keeping
from tests.support.store import database, quick_folder
from tests.support.streaming import STREAMING, Streaming
from tests.support.walking import Walk, Walking
from tools.debian import in_ci

# How long an example takes says more about who else uses the computer than about us. In CI the examples are the same
# each time, so that it says yes or no to a change, not to its luck; elsewhere new ones are tried.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=in_ci(), print_blob=True
)
settings.load_profile("patient")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder that is gone with the test: in memory, and no other test's folders have to be counted for its name."""
    with quick_folder() as folder:
        yield Path(folder)


@pytest.fixture
def collect(tmp_path: Path) -> Iterator[Collect]:
    """Makes a Collecting with the answers that Strava is to give, and closes it."""
    made: list[Collecting] = []

    def factory(*script: Answer, webhook_input: WebhookInput = INPUT) -> Collecting:
        made.append(Collecting(tmp_path / "store", *script, webhook_input=webhook_input))
        return made[-1]

    yield factory
    for collecting in made:
        collecting.close()


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Transaction]:
    """A write transaction on an empty store."""
    with closing(database(tmp_path)) as store, store.write() as tx:
        yield tx


@pytest.fixture
def k(tmp_path: Path) -> Iterator[Keeping]:
    """An input that keeps its subscription, with few calls in any hour."""
    keeping = Keeping(tmp_path)
    yield keeping
    keeping.close()
    assert keeping.calls_in_hour() <= MOST_CALLS


@pytest.fixture
def walking(tmp_path: Path, certificates: Certificates) -> Iterator[Walk]:
    """Makes inputs that list, with Strava's stand-in, and closes them."""
    made: list[Walking] = []

    def factory(**fields: Any) -> Walking:
        made.append(Walking(tmp_path / "store", certificates, **fields))
        return made[-1]

    yield factory
    for one in made:
        one.close()


@pytest.fixture
def streaming(collect: Collect) -> Streaming:
    """Makes a Collecting whose input collects samples."""

    def factory(*script: Answer, webhook_input: WebhookInput = STREAMING) -> Collecting:
        return collect(*script, webhook_input=webhook_input)

    return factory
