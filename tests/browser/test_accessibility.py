"""Every page, tab and form, in both themes: what axe finds; and that a keyboard is enough."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from sandbox.sandbox import Sandbox
from tests.browser.conftest import OpenPage
from tests.browser.pages import ConfigurationPage, InputsPage

#: Violations of these impacts count.
IMPACTS = ("serious", "critical")

#: What UCC's components (6.6.0) bring with them, so that no add-on can do without it: rule, which elements, and why.
INHERENT = (
    (
        "button-name",
        '[data-test="switch"] button[role="switch"]',
        "UCC's table gives the switch that enables an input no name; the text beside it says Active or Inactive.",
    ),
    (
        "color-contrast",
        '[data-test-children-disabled="true"] *',
        "Splunk's components print the help of a field that cannot be changed as pale as its value.",
    ),
    (
        "color-contrast",
        'div:has(+ div > [data-test="control-group"]) > span',
        "In the light theme UCC's heading of a group of fields has 4.33 instead of 4.5.",
    ),
    (
        "aria-input-field-name",
        '[data-test="multiselect"] [role="listbox"], [role="listbox"][aria-multiselectable="true"]',
        "Splunk's field that takes several choices gives the frame around those chosen no name; the field has one.",
    ),
)

#: Presses of the tab key that lead from anywhere on a page or in a form to anywhere else.
FAR = 80


class Scans:
    """What axe found so far, and which of the inherent violations were among it."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.violations: list[str] = []
        self.inherent: set[tuple[str, str]] = set()

    def scan(self, where: str) -> None:
        """Judge the page as it is now."""
        found = Axe().run(self._page, options={"resultTypes": ["violations"]}).response
        for rule in found["violations"]:
            if rule["impact"] not in IMPACTS:
                continue
            for node in rule["nodes"]:
                known = self._known(rule["id"], node["target"][0])
                if known is None:
                    why = " ".join(str(node["failureSummary"]).split())
                    self.violations.append(f"{where}: {rule['id']} at {node['html'][:200]} -- {why}")
                else:
                    self.inherent.add(known)

    def _known(self, rule: str, target: str) -> tuple[str, str] | None:
        for name, elements, _ in INHERENT:
            if name == rule and self._page.locator(target).first.evaluate("(e, css) => e.matches(css)", elements):
                return name, elements
        return None


def views(sandbox: Sandbox, page: Page) -> Iterator[str]:
    """Bring up one after the other, each settled."""
    configuration = ConfigurationPage(page, sandbox.web)
    table = configuration.open("Applications")
    yield "Applications"
    form = table.add()
    yield "a new application"
    form.save_refused()
    yield "a new application, refused"
    form.cancel()
    form = table.edit("Club")
    yield "an application"
    form.cancel()
    form = table.press_delete("Club")
    yield "an application to be deleted"
    form.cancel()
    table = configuration.open("Athletes")
    yield "Athletes"
    form = table.add()
    yield "a new athlete"
    form.cancel()
    form = table.edit("ada")
    yield "an athlete"
    form.cancel()
    for tab in ("Proxy", "Logging", "Advanced"):
        configuration.settings(tab)
        yield tab
    page.get_by_role("tab", name="Set-up check", exact=True).click()
    expect(page.locator(".strava-check tbody tr").first).to_be_visible()
    yield "Set-up check"
    inputs = InputsPage(page, sandbox.web)
    yield "Inputs"
    form = inputs.create()
    yield "a new input"
    form.save_refused()
    yield "a new input, refused"
    form.cancel()
    inputs.edit("home").cancel()
    yield "an input"
    form = inputs.create("Strava Activities")
    yield "a new input that lists"
    form.save_refused()
    yield "a new input that lists, refused"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_keeps_anybody_out(sandbox: Sandbox, open_page: OpenPage, theme: str) -> None:
    application = sandbox.add_application("Club")
    sandbox.connect(sandbox.strava.add_athlete("Ada", "Berg"), "ada", application)
    sandbox.add_input("home", application)
    sandbox.web.theme = theme
    page = open_page()
    scans = Scans(page)
    for where in views(sandbox, page):
        scans.scan(where)
    assert not scans.violations, "\n".join(scans.violations)
    if theme == "light":
        assert scans.inherent == {(rule, elements) for rule, elements, _ in INHERENT}, (
            "an explanation outlived its reason"
        )


def test_an_application_is_entered_without_a_mouse(sandbox: Sandbox, page: Page) -> None:
    registered = sandbox.strava.add_application("Club")
    page.goto(f"{sandbox.web.app_url}/configuration")
    expect(page.get_by_role("tab").first).to_be_visible()
    press(page, page.get_by_role("button", name="Add", exact=True))
    dialog = page.get_by_role("dialog")
    for label, text in (
        ("Name", "Club"),
        ("Client ID", str(registered.client_id)),
        ("Client secret", registered.client_secret),
    ):
        tab_to(page, dialog.get_by_label(label, exact=False).and_(dialog.locator("input")).first)
        page.keyboard.type(text)
    press(page, dialog.get_by_role("button", name="Add", exact=True))
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("cell", name="verified", exact=True)).to_be_visible()


def test_an_input_is_entered_without_a_mouse(sandbox: Sandbox, page: Page) -> None:
    sandbox.add_application("Club")
    made = sandbox.plan_input("home")
    page.goto(f"{sandbox.web.app_url}/inputs")
    create = page.get_by_role("button", name="Create New Input")
    expect(create).to_be_visible()
    press(page, create)
    press(page, page.get_by_role("menuitem", name="Strava Webhook"))
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(dialog.locator('[data-test="wait-spinner"]')).to_have_count(0)
    enter(page, "name", made.name)
    choose(page, "application", "Club")
    enter(page, "callback_url", made.callback_url)
    enter(page, "port", str(made.port))
    enter(page, "cert_file", str(made.certificate.cert_file))
    enter(page, "key_file", str(made.certificate.key_file))
    enter(page, "verify_token", made.verify_token)
    press(page, dialog.get_by_role("button", name="Add", exact=True))
    expect(dialog).to_have_count(0)
    expect(page.locator('tr[aria-label="row-home"]')).to_be_visible()


def tab_to(page: Page, target: Locator) -> None:
    """Press the tab key until the focus is there."""
    target.wait_for()
    for _ in range(FAR):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"The tab key does not lead to {target}.")


def press(page: Page, button: Locator) -> None:
    tab_to(page, button)
    page.keyboard.press("Enter")


def enter(page: Page, field: str, text: str) -> None:
    """Type into a field in place of what is there."""
    tab_to(page, page.locator(f'[role="dialog"] [data-name="{field}"] input'))
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type(text)


def choose(page: Page, field: str, choice: str) -> None:
    """Take a choice of a list."""
    tab_to(page, page.locator(f'[role="dialog"] [data-name="{field}"] [role="combobox"]'))
    page.keyboard.press("ArrowDown")
    option = page.get_by_role("option", name=choice, exact=True)
    expect(option).to_be_visible()
    page.keyboard.type(choice)
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("listbox")).to_have_count(0)
