"""The tab Set-up check: with nothing set up, with a good set-up, with a broken one; in both themes; without a mouse."""

from __future__ import annotations

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from sandbox.sandbox import PATIENCE, Input, Sandbox
from tests.browser.conftest import Complaints, OpenPage
from tests.browser.pages import CheckTab, ConfigurationPage
from tests.browser.test_accessibility import IMPACTS, press
from tests.support.waiting import until


def good(sandbox: Sandbox) -> Input:
    application = sandbox.add_application("Club")
    sandbox.connect(sandbox.strava.add_athlete("Ada", "Berg"), "ada", application)
    # Who is killed stays so for as long as anybody looks.
    made = sandbox.add_input("home", application, interval=3600)
    sandbox.wait_until_healthy(made)
    sandbox.subscribe(application, made)

    def all_is_well() -> bool:
        status, answer = sandbox.splunkd.request("GET", sandbox.splunkd.path("strava_check"), {"count": -1})
        return status == 200 and {entry["content"]["status"] for entry in answer["entry"]} == {"pass"}

    until(all_is_well, PATIENCE)
    return made


def test_an_empty_installation_reads_what_to_do_first(sandbox: Sandbox, page: Page) -> None:
    tab = CheckTab(page, sandbox.web)
    assert tab.summary.startswith("3 faults")
    headings = tab.root.locator("thead th").all_inner_texts()
    assert headings == ["Status", "What", "Seen", "What to do"]
    assert "Configuration → Applications" in tab.row("application").inner_text()
    assert list(tab.statuses().items()) == [
        ("configuration", "Pass"),
        ("application", "Fault"),
        ("athlete", "Fault"),
        ("process", "Fault"),
        ("dead_letters", "Pass"),
        ("disk", "Pass"),
    ]


def test_a_good_set_up_becomes_a_broken_one(sandbox: Sandbox, page: Page) -> None:
    made = good(sandbox)
    tab = CheckTab(page, sandbox.web)
    assert set(tab.statuses().values()) == {"Pass"}
    assert tab.summary.startswith("All is well")
    assert made.verify_token not in json.dumps(page.content())
    sandbox.splunkd.inputs.kill("home")
    tab.again()
    assert tab.statuses()["process:home"] == "Fault"
    assert "Input process home" in tab.row("process:home").inner_text()
    assert tab.summary.startswith("1 fault and")


def test_the_check_is_made_when_the_tab_is_looked_at_and_not_before(sandbox: Sandbox, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "strava_check" in request.url else None)
    ConfigurationPage(page, sandbox.web).open("Applications")
    assert asked == []
    CheckTab(page, sandbox.web)
    assert len(asked) == 1


def test_a_check_that_cannot_be_made_says_why(sandbox: Sandbox, page: Page, complaints: Complaints) -> None:
    complaints.expect("status of 5")
    tab = CheckTab(page, sandbox.web)
    page.route("**/strava_check?*", lambda route: route.fulfill(status=503, body='{"messages":[{"text":"Busy."}]}'))
    tab.again()
    assert tab.summary == "The check could not be made. Busy."
    expect(tab.root.locator("table")).to_have_count(0)


def test_what_somebody_else_wrote_is_text_and_no_markup(sandbox: Sandbox, page: Page) -> None:
    line = {"status": "fail", "topic": "x", "subject": "<b>y</b>", "seen": "<img src=x onerror=alert(1)>", "to_do": ""}
    body = json.dumps({"entry": [{"content": {**line, "position": "001", "summary": "<i>bad</i>"}}]})
    page.route("**/strava_check?*", lambda route: route.fulfill(status=200, body=body))
    tab = CheckTab(page, sandbox.web)
    expect(tab.root.locator("tbody img, tbody b, i")).to_have_count(0)
    assert "<img src=x" in tab.root.inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nobody_is_kept_out(sandbox: Sandbox, open_page: OpenPage, theme: str) -> None:
    good(sandbox)
    sandbox.splunkd.configuration.write("outputs", "system", "tcpout:indexers", {"server": "indexer.example:9997"})
    sandbox.splunkd.inputs.kill("home")
    sandbox.web.theme = theme
    page = open_page()
    tab = CheckTab(page, sandbox.web)
    assert set(tab.statuses().values()) == {"Pass", "Warning", "Fault"}
    found = Axe().run(page, context=".strava-check", options={"resultTypes": ["violations"]}).response
    assert [rule["id"] for rule in found["violations"] if rule["impact"] in IMPACTS] == []
    press(page, tab.button)
    tab.wait()
    expect(tab.button).to_be_focused()
