"""The dashboards of the sources in a browser, over the sample's training or what is given, without a built package.

Cases: `full` (a year, and a log of bad days), `week`, `empty` (nothing was ever indexed), `wrong` (the macro
strava_index points elsewhere), `quiet` (a log of good days), `hidden` (somebody who may not search `_internal`).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, TimeoutError

from sandbox.spl import Index
from sandbox.splunk_web.preview import Preview
from tests.browser.patience import be_patient
from tests.search.catalogue import LENA, TODAY
from tests.search.rest_answers import MACRO, SET_UP, answering
from tests.search.sample import logged, trained

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "package"
CASES = ("full", "week", "empty", "wrong", "quiet", "hidden")
#: What the window is as wide as, unless another width is asked for; and a narrow one.
WIDTH, NARROW = 1440, 800
#: And as high, before it is known how high the dashboard is.
HEIGHT = 1000

#: So many looks one after the other find a page calm before it is settled. The framework asks once a second how its
#: searches are, and between two questions nothing is under way: calm for less than that says nothing.
_CALM = 6
#: Says in `window.calm` how many looks have found that no answer is awaited, to its last byte, and nothing was drawn.
#: A look comes a quarter of a second after the last one and behind whatever the page had to do by then: its timers,
#: the next frame, and what it does when it is idle. So it counts what the page has come to, and not the time that has
#: passed on a host that lets it come to nothing.
_WATCHING = """(() => {
window.waiting = new Set();
window.calm = 0;
const ask = window.fetch;
window.fetch = async (...request) => {
    const one = { address: String(request[0]?.url ?? request[0]) };
    window.waiting.add(one);
    try {
        const answer = await ask(...request);
        await answer.clone().arrayBuffer();
        return answer;
    } finally {
        window.waiting.delete(one);
    }
};
let drawn = false;
new MutationObserver(() => { drawn = true; }).observe(
    document, { subtree: true, childList: true, characterData: true, attributes: true }
);
const look = () => setTimeout(() => requestAnimationFrame(() => requestIdleCallback(() => {
    window.calm = window.waiting.size === 0 && !drawn ? window.calm + 1 : 0;
    drawn = false;
    look();
})), 250);
look();
})();"""


def views(package: Path = PACKAGE) -> list[str]:
    """The names of the dashboards."""
    found = (package / "default" / "data" / "ui" / "views").glob("strava_*.xml")
    return sorted(file.stem for file in found)


def chosen(view: str) -> dict[str, str]:
    """For pictures in the documentation: the athlete with a power meter, and a ride of hers with all sensors."""
    if view not in ("strava_overview", "strava_activity", "strava_training"):
        return {}
    athlete = {"athlete": str(LENA)}
    return {**athlete, "activity": str(well_recorded())} if view == "strava_activity" else athlete


def well_recorded() -> int:
    """The newest of the cyclist's activities with samples, heart rate, power, laps and segments; most have less."""
    activities: list[dict[str, Any]] = [dict(trained().activities[one]) for one in trained().sampled]
    found: int = max(
        one["id"]
        for one in activities
        if one["athlete"]["id"] == LENA
        and one["has_heartrate"]
        and one.get("device_watts")
        and one["segment_efforts"]
        and len(one["laps"]) > 1
    )
    return found


@functools.cache
def _trained() -> Index:
    """What they left in the index, at the time at which the searches are tested."""
    index = Index.of(trained().events, now=TODAY.timestamp())
    index.rest = answering(SET_UP)
    return index


@functools.cache
def sample(*, bad: bool = True) -> Index:
    """The training, and what a collector's log says: of bad days or of good ones."""
    index = replace(_trained(), events=list(_trained().events))
    for source, lines in logged(bad=bad).items():
        index.add_log(lines, source=source, sourcetype="ta_strava_webhook:log")
    return index


def index_of(case: str) -> Index:
    """What is searched in a case."""
    full = sample(bad=case != "quiet")
    if case == "hidden":
        return replace(full, hidden=frozenset({"_internal"}))
    if case == "empty":
        return replace(full, events=[])
    if case == "wrong":
        elsewhere = {"definition": "index=elsewhere"}
        macros = {**full.macros, "strava_index": {**full.macros["strava_index"], **elsewhere}}
        return replace(full, macros=macros, rest=answering({**SET_UP, MACRO: [dict(elsewhere)]}))
    return full


def tokens_of(case: str) -> dict[str, str]:
    """What is in the address in a case."""
    return {"form.time.earliest": "-7d@d", "form.time.latest": "now"} if case == "week" else {}


def window(browser: Browser, width: int = WIDTH) -> BrowserContext:
    context = browser.new_context(
        ignore_https_errors=True,
        viewport={"width": width, "height": HEIGHT},
        locale="en-US",
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    be_patient(context)
    context.add_init_script(_WATCHING)
    return context


def show(page: Page, preview: Preview, view: str, case: str, theme: str, tokens: Mapping[str, str]) -> None:
    """Open a dashboard and wait until nothing is loading any more; the window becomes as high as the dashboard."""
    preview.index = index_of(case)
    be_patient(page.context)
    parameters = {**tokens_of(case), **{f"form.{name}": value for name, value in tokens.items()}}
    width = page.viewport_size["width"] if page.viewport_size else WIDTH
    # A page is never lower than its window, which the last one may have made high.
    page.set_viewport_size({"width": width, "height": HEIGHT})
    page.goto(preview.address(view, {"theme": theme, **parameters}))
    # It says what there is when an athlete has been chosen: then all else is searched.
    page.locator('[data-id="panel_state"] tbody [data-test="row"]').first.wait_for()
    settle(page)
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": int(height)})
    settle(page)


def settle(page: Page) -> None:
    """Wait until all is answered, and what was answered is drawn: charts are, piece by piece."""
    page.evaluate("window.calm = 0")
    try:
        page.wait_for_function("(looks) => window.calm >= looks", arg=_CALM, polling=250)
    except TimeoutError:
        awaited = page.evaluate("[...window.waiting].map((one) => one.address)")
        raise AssertionError(f"The page does not rest. It waits for {awaited or 'nothing, but it draws'}.") from None
