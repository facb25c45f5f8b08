"""What several integration tests share: the built add-on between both stand-ins, and a listener by itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sandbox.sandbox import Sandbox
from sandbox.strava import Limits
from tests.support.https import ServerFiles, issue
from tests.support.listening import Running, listening

#: More than any test uses: the tests that are about limits set their own.
GENEROUS = Limits(overall=(100_000, 1_000_000), read=(100_000, 1_000_000))

MakeSandbox = Callable[..., Sandbox]

SANDBOXES: pytest.StashKey[list[Sandbox]] = pytest.StashKey()


@pytest.fixture
def make_sandbox(built_app: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[MakeSandbox]:
    """Makes a running sandbox; options are Sandbox's, with waiting times short."""
    sandboxes = request.node.stash[SANDBOXES] = []
    with ExitStack() as stack:

        def make(**options: Any) -> Sandbox:
            defaults: dict[str, Any] = {
                "app": built_app,
                "folder": tmp_path / "sandbox",
                "python": Path(sys.executable),
                "advanced": {"settle_time": 0, "retry_base": 1, "cooldown": 0},
                "retry_pause": 1.5,
                "limits": GENEROUS,
            }
            sandboxes.append(stack.enter_context(Sandbox(**{**defaults, **options})))
            return sandboxes[-1]

        yield make


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> ServerFiles:
    """The certificate and key of a listener."""
    return issue(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(files: ServerFiles) -> Iterator[Running]:
    """A listener by itself, with a store in memory."""
    with listening(files) as running:
        yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """A failed test shows what the add-on logged."""
    report = yield
    sandboxes: list[Sandbox] = item.stash.get(SANDBOXES, [])
    if report.when == "call" and report.failed:
        for sandbox in sandboxes:
            report.sections.append(("the add-on's log", "\n".join(sandbox.splunkd.log_lines()[-60:])))
    return report
