"""Each dashboard in Splunk's own framework, over the sample's training: what each panel shows, and that nothing fails.

The definitions are those of the sources, and searches are answered by the interpreter, so nothing has to be built but
the framework. A dashboard that fails leaves a picture in ``output/browser/``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, TimeoutError

from sandbox.certificates import Certificates
from sandbox.splunk_web.preview import Preview
from tests.browser import studio
from tests.search.catalogue import LENA, MARCUS
from tests.search.dashboards import definition, views
from tools import studio as framework

VIEWS = [file.stem for file in views()]
#: About the collector, not about an athlete.
OPERATIONS = "strava_operations"
#: About one activity; the newest of a cyclist is her way home from work, without a sensor.
ACTIVITY = "strava_activity"
ARTIFACTS = studio.ROOT / "output" / "browser"

#: What a panel has in it. A row of a table counts if one can see it, a chart if something is drawn in it.
_PANELS = """() => [...document.querySelectorAll('#dashboard [data-test="viz-item"]')].map((panel) => {
    const find = (name) => panel.querySelector(`[data-test="${name}"]`);
    const area = panel.getBoundingClientRect();
    const text = (element) => (element ? element.innerText.trim() : '');
    const row = panel.querySelector('tbody [data-test="row"]');
    const kind = () => {
        if (find('viz-waiting-for-input')) return text(find('viz-waiting-for-input-message')) ? 'empty' : 'nothing';
        if (find('markdown-container')) return text(find('markdown-container')) ? 'data' : 'nothing';
        if (find('SingleValueWrapper')) return text(find('majorValue')) ? 'data' : 'nothing';
        if (find('table')) {
            if (!row) return 'nothing';
            return row.getBoundingClientRect().top + 20 <= area.bottom ? 'data' : 'hidden';
        }
        // Many points are drawn as one shape, or as an image.
        const drawn = 'path, rect, circle, image'.split(', ').map((one) => `.highcharts-series-group ${one}`);
        return panel.querySelector(`${drawn.join(', ')}, canvas`) ? 'data' : 'nothing';
    };
    return { name: panel.dataset.id, kind: kind(), text: panel.innerText, left: area.left, right: area.right };
})"""
_ALL_SHOW_SOMETHING = f"""(but) => ({_PANELS})().every(
    (one) => ['data', 'empty'].includes(one.kind) || but.includes(one.name)
)"""


@dataclass(frozen=True)
class Panel:
    """What a panel of a dashboard shows."""

    name: str
    #: ``data``, ``empty`` (a sentence says that there is none), ``nothing``, ``hidden`` (data that one cannot see).
    kind: str
    text: str
    left: float
    right: float


@dataclass
class Shown:
    """A window with a dashboard, and what went wrong in it."""

    page: Page
    preview: Preview
    complaints: list[str]
    #: How often the stand-in itself had failed before.
    failed_before: int

    def open(
        self,
        view: str,
        case: str,
        theme: str = "light",
        tokens: Mapping[str, str] | None = None,
        *,
        nothing: tuple[str, ...] = (),
    ) -> dict[str, Panel]:
        """Show a dashboard; its panels by their names. There is something in each but in ``nothing``."""
        studio.show(self.page, self.preview, view, case, theme, tokens or {})
        return self.panels(view, nothing)

    def panels(self, view: str, nothing: tuple[str, ...] = ()) -> dict[str, Panel]:
        """What each panel shows, as soon as there is something in each but these; at the latest when patience ends."""
        with suppress(TimeoutError):
            self.page.wait_for_function(_ALL_SHOW_SOMETHING, arg=nothing, polling=250)
        found = {one["name"]: Panel(**one) for one in self.page.evaluate(_PANELS)}
        assert set(found) == set(definition(_file(view))["visualizations"])
        return found

    def check(self, panels: dict[str, Panel]) -> None:
        """Nothing went wrong, and each panel has something in it."""
        assert self.complaints == []
        assert self.preview.take_unknown() == []
        assert self.preview.failures[self.failed_before :] == []
        assert {name: one.kind for name, one in panels.items() if one.kind not in ("data", "empty")} == {}
        assert panels["panel_state"].kind == "data", "nothing says why panels are empty"


def _file(view: str) -> Path:
    return next(file for file in views() if file.stem == view)


@pytest.fixture(scope="module")
def preview(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preview]:
    certificates = Certificates(tmp_path_factory.mktemp("certificates"))
    with Preview(studio.PACKAGE, certificates, framework.ready(), studio.sample()) as started:
        yield started


@pytest.fixture
def shown(browser: Browser, preview: Preview, request: pytest.FixtureRequest) -> Iterator[Shown]:
    """A window; a test that fails leaves a picture of it."""
    with studio.window(browser) as context:
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(f"exception in the page: {error}"))
        page.on("request", lambda one: _note_foreign(one.url, complaints))
        preview.take_unknown()
        failed_before = request.session.testsfailed
        yield Shown(page, preview, complaints, len(preview.failures))
        if request.session.testsfailed > failed_before:
            ARTIFACTS.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=ARTIFACTS / f"{request.node.name}.png")


def _note_foreign(url: str, complaints: list[str]) -> None:
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and parts.hostname != "localhost":
        complaints.append(f"a request to {parts.hostname}, which leaves this computer")


def test_a_definition_that_the_framework_does_not_take_is_complained_about(shown: Shown, tmp_path: Path) -> None:
    """The framework checks each definition by its schema, and the tests below see what it says."""
    text = _file(OPERATIONS).read_text("utf-8")
    bad = tmp_path / "default" / "data" / "ui" / "views" / f"{OPERATIONS}.xml"
    bad.parent.mkdir(parents=True)
    bad.write_text(re.sub(r'"type": "splunk.table"', '"type": "splunk.tabel"', text, count=1), "utf-8")
    with (
        Preview(tmp_path, Certificates(tmp_path), framework.ready(), studio.sample()) as preview,
        # It complains when it has read the definition, and the browser tells of that a moment later.
        shown.page.expect_console_message(lambda message: message.type == "error"),
    ):
        shown.page.goto(preview.address(OPERATIONS, {}))
    assert shown.complaints != []


@pytest.mark.parametrize("view", VIEWS)
def test_a_year_of_two_athletes_light_dark_and_narrow(shown: Shown, view: str) -> None:
    """One rides with a power meter and one runs: each panel has data of one of them."""
    full: set[str] = set()
    for athlete, theme in ((LENA, "light"), (MARCUS, "dark")):
        panels = shown.open(view, "full", theme, _chosen(view, athlete))
        shown.check(panels)
        full |= {name for name, panel in panels.items() if panel.kind == "data"}
    assert set(panels) - full == set()

    shown.page.set_viewport_size({"width": studio.NARROW, "height": 1000})
    studio.settle(shown.page)
    narrow = shown.panels(view)
    shown.check(narrow)
    assert {name for name, one in narrow.items() if one.left < 0 or one.right > studio.NARROW} == set()


def _chosen(view: str, athlete: int) -> dict[str, str]:
    if view == OPERATIONS:
        return {}
    tokens = {"athlete": str(athlete)}
    if view == ACTIVITY and athlete == LENA:
        tokens["activity"] = str(studio.well_recorded())
    return tokens


@pytest.mark.parametrize("view", VIEWS)
def test_a_week(shown: Shown, view: str) -> None:
    shown.check(shown.open(view, "week"))


@pytest.mark.parametrize("case", ["empty", "wrong"])
@pytest.mark.parametrize("view", VIEWS)
def test_without_anything_to_show_it_says_why(shown: Shown, view: str, case: str) -> None:
    # Where nothing is chosen there is nothing to click; the panel beside it says that nothing is.
    nothing = ("panel_link",) if view == ACTIVITY else ()
    panels = shown.open(view, case, nothing=nothing)
    if view == ACTIVITY:
        assert "None" in panels["panel_what"].text
        del panels["panel_link"]
    shown.check(panels)
