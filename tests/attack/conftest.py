"""One built input for all attacks, and the table of what they came to."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Callable

import pytest

from sandbox.sandbox import Sandbox
from tests.attack.extent import Extent, chosen
from tests.attack.siege import Row, Siege, besieged
from tests.attack.table import table
from tests.attack.victim import Victim
from tests.integration.conftest import GENEROUS

_ROWS: pytest.StashKey[list[Row]] = pytest.StashKey()

Besiege = Callable[[], AbstractContextManager[Siege]]


@pytest.fixture(scope="session")
def extent() -> Extent:
    return chosen()


@pytest.fixture(scope="session")
def sandbox(built_app: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    made = Sandbox(
        app=built_app,
        folder=tmp_path_factory.mktemp("attack"),
        python=Path(sys.executable),
        # The cooldown is what keeps a flood in one athlete's name from the others' turns; its default is 15 s.
        advanced={"settle_time": 0, "retry_base": 1, "cooldown": 2},
        limits=GENEROUS,
    )
    with made:
        yield made


@pytest.fixture(scope="session")
def victim(sandbox: Sandbox) -> Victim:
    return Victim(sandbox)


@pytest.fixture
def besiege(victim: Victim, extent: Extent, request: pytest.FixtureRequest) -> Besiege:
    """Honest traffic while the context lasts; at its end all of it has been served, by the same process as before."""

    @contextmanager
    def besiege() -> Iterator[Siege]:
        before = victim.starts
        with besieged(victim, extent) as siege:
            yield siege
        assert victim.starts == before, "the input's process has been started anew"
        assert victim.sandbox.splunkd.errors == []
        row = siege.row(request.node.name.removeprefix("test_"))
        request.config.stash.setdefault(_ROWS, []).append(row)
        if extent.p99 is not None:
            assert row.p99 < extent.p99, f"p99 of the honest was {row.p99:.3f} s"

    return besiege


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """An attack that did harm shows what the add-on logged."""
    report = yield
    victim = getattr(item, "funcargs", {}).get("victim")
    if report.when == "call" and report.failed and victim is not None:
        report.sections.append(("the add-on's log", "\n".join(victim.log().splitlines()[-60:])))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash.get(_ROWS, [])
    if rows and chosen().p99 is not None:
        terminalreporter.write_line("\n" + table(rows))
