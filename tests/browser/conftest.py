"""The built add-on in a real browser: how a test is written, and what it gets.

    def test_a_wrong_secret_is_refused(sandbox: Sandbox, page: Page, complaints: Complaints) -> None:
        complaints.expect("status of 500")          # the browser logs every answer of 400 and above
        form = ConfigurationPage(page, sandbox.web).open("Applications").add()
        form.fill("name", "Club")
        …
        assert "client secret" in form.save_refused()

Fixtures: ``sandbox`` is an empty installation with Splunk Web (`sandbox.web`), splunkd and Strava, new for each test;
``make_sandbox`` makes one with other options (theme, advanced, web …); ``page`` and ``viewer_page`` are browser windows
logged in as admin and as viewer, ``open_page`` opens more; ``complaints`` takes what the test expects of the browser's
console. ``tests.browser.pages`` knows how UCC's pages are built: tables, forms, messages, Strava's consent.

Everything that is not expected fails the test: an error in the console, an exception in a page, a request to another
host or to an address that Splunk Web does not know, a call that Strava would frown at. No test waits for a fixed time:
Playwright's locators and ``expect`` wait for what has to happen in the browser, ``tests.support.waiting.until`` for the
rest, all of them for ``sandbox.sandbox.PATIENCE``, and longer on a busy host (``tests.browser.patience``). What the
browser tells of, its console say, arrives only while Playwright is waiting: ``page.expect_console_message`` sees it,
``until`` does not. A test that fails leaves screenshots and a trace in ``output/browser/<test>/``
(``.venv/browser/bin/playwright show-trace <trace>``).
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable
from urllib.parse import urlsplit

import pytest

from sandbox.sandbox import Sandbox
from sandbox.strava import Limits
from tools import chromium

if importlib.util.find_spec("playwright") is None:
    # `pytest tests` in one of the other environments; `make test` runs these in theirs.
    collect_ignore_glob = ["test_*.py"]
else:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

    from tests.browser.pages import log_in
    from tests.browser.patience import be_patient, milliseconds

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "output" / "browser"

GENEROUS = Limits(overall=(100_000, 1_000_000), read=(100_000, 1_000_000))

MakeSandbox = Callable[..., Sandbox]
OpenPage = Callable[..., "Page"]

_FAILED: pytest.StashKey[bool] = pytest.StashKey()
_SANDBOXES: pytest.StashKey[list[Sandbox]] = pytest.StashKey()


class Complaints:
    """What the browser complained about, and what of it the test expects."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._expected: list[re.Pattern[str]] = []

    def expect(self, *patterns: str) -> None:
        """Complaints that fit one of these regular expressions are all right."""
        self._expected += [re.compile(pattern) for pattern in patterns]

    @property
    def unexpected(self) -> list[str]:
        return [text for text in self._said if not any(pattern.search(text) for pattern in self._expected)]

    def watch(self, context: BrowserContext) -> None:
        """Listen to all pages of a window, popups included."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self._said.append(f"exception in a page: {error.error}"))
        context.on("request", lambda request: self._request(request.url))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._said.append(f"console: {message.text} ({message.location['url']})")

    def _request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in ("localhost", "127.0.0.1"):
            self._said.append(f"a request to {parts.hostname}, which leaves this computer")


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, once for all tests; each test has windows of its own."""
    executable = chromium.find()
    if executable is None:
        pytest.skip(chromium.HOW_TO_GET_IT)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=executable, args=list(chromium.FLAGS), timeout=milliseconds()
        )
        yield started
        started.close()


@pytest.fixture
def make_sandbox(built_app: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[MakeSandbox]:
    """Makes a running sandbox with Splunk Web; options are Sandbox's."""
    sandboxes: list[Sandbox] = []
    request.node.stash[_SANDBOXES] = sandboxes
    with ExitStack() as stack:

        def make(**options: Any) -> Sandbox:
            defaults: dict[str, Any] = {
                "app": built_app,
                "folder": tmp_path / f"sandbox-{len(sandboxes)}",
                "python": Path(sys.executable),
                "advanced": {"settle_time": 0, "retry_base": 1, "cooldown": 0},
                "retry_pause": 1.5,
                "limits": GENEROUS,
                "web": True,
            }
            sandboxes.append(stack.enter_context(Sandbox(**{**defaults, **options})))
            return sandboxes[-1]

        yield make
        if not request.node.stash.get(_FAILED, False):
            for sandbox in sandboxes:
                assert sandbox.web.unknown == [], "requests that Splunk Web does not know"
                assert sandbox.web.failures == [], "faults of the stand-in for Splunk Web"


@pytest.fixture
def sandbox(make_sandbox: MakeSandbox) -> Sandbox:
    """An empty installation: no application, no athlete, no input."""
    return make_sandbox()


@pytest.fixture
def open_page(
    browser: Browser, sandbox: Sandbox, complaints: Complaints, request: pytest.FixtureRequest
) -> Iterator[OpenPage]:
    """Opens a window of a browser of its own, logged in as ``user`` unless that is None."""
    contexts: list[BrowserContext] = []

    def open_one(user: str | None = "admin") -> Page:
        context = browser.new_context(
            ignore_https_errors=True,
            viewport={"width": 1280, "height": 900},
            locale="en-US",
            timezone_id="UTC",
            reduced_motion="reduce",
        )
        contexts.append(context)
        be_patient(context)
        # Without its film strip: Chromium draws it in software, and the pages as they were say more.
        context.tracing.start(screenshots=False, snapshots=True)
        complaints.watch(context)
        page = context.new_page()
        if user is not None:
            log_in(page, sandbox.web.url, user, sandbox.splunkd.sessions.passwords[user])
        return page

    yield open_one
    failed = request.node.stash.get(_FAILED, False) or bool(complaints.unexpected)
    folder = ARTIFACTS / re.sub(r"[^\w.-]+", "_", request.node.nodeid.rpartition("/")[2])
    shutil.rmtree(folder, ignore_errors=True)
    for number, context in enumerate(contexts, start=1):
        if failed:
            folder.mkdir(parents=True, exist_ok=True)
            for index, page in enumerate(context.pages, start=1):
                page.screenshot(path=folder / f"window-{number}-page-{index}.png", full_page=True)
            context.tracing.stop(path=folder / f"trace-{number}.zip")
        else:
            context.tracing.stop()
        context.close()
    assert complaints.unexpected == []


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """A window in which the administrator is logged in; it shows the list of apps."""
    return open_page("admin")


@pytest.fixture
def viewer_page(open_page: OpenPage) -> Page:
    """A window in which somebody without the add-on's capabilities is logged in."""
    return open_page("viewer")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Tell the fixtures that the test failed, and show what the add-on logged."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
        for sandbox in item.stash.get(_SANDBOXES, []):
            report.sections.append(("the add-on's log", "\n".join(sandbox.splunkd.log_lines()[-60:])))
    return report
