"""UCC's pages as somebody uses them, and Strava's consent: what tests click on and read.

Fields are named as in globalConfig.json (`client_id`), tabs, buttons and choices as on the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from playwright.sync_api import Locator, Page, expect

from tests.browser.patience import be_patient

#: The dialog is gone, or it says why not. A dialog that is busy shows neither.
_DECIDED = """() => {
    const dialog = document.querySelector('[role=dialog]');
    const busy = dialog && dialog.querySelector('[data-test=footer] [data-test=wait-spinner]');
    return !dialog || (!busy && dialog.querySelector('[data-test=message][data-test-type=error]'));
}"""


class HasApp(Protocol):
    """Splunk Web with the add-on."""

    @property
    def app_url(self) -> str:
        """Where the add-on's pages are: `<app_url>/configuration`."""


def log_in(page: Page, url: str, user: str, password: str) -> None:
    """Open Splunk Web and log in; the page shows the list of apps afterwards."""
    page.goto(url)
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign In").click()
    expect(page.get_by_role("heading", name="Apps")).to_be_visible()


class Form:
    """Fields with labels: a dialog, or one of the tabs that are a form themselves."""

    def __init__(self, root: Locator) -> None:
        #: Everything that belongs to the form.
        self.root = root
        self.page = root.page

    def field(self, name: str) -> Locator:
        """The whole group: label, control, help."""
        return self.root.locator(f'[data-test="control-group"][data-name="{name}"]')

    def control(self, name: str) -> Locator:
        """The element that takes the focus."""
        return self.field(name).locator('input, textarea, [role="combobox"], [role="checkbox"]').first

    def fill(self, name: str, text: str) -> None:
        """Type into a text field, in place of what is there."""
        self.field(name).get_by_role("textbox").fill(text)

    def choose(self, name: str, choice: str) -> None:
        """Take one of the choices of a list."""
        self._open(name)
        self.page.get_by_role("option", name=choice, exact=True).click()
        expect(self.page.get_by_role("listbox")).to_have_count(0)

    def choices(self, name: str) -> list[str]:
        """What a list offers."""
        self._open(name)
        options = self.page.get_by_role("option")
        options.first.wait_for()
        found = options.all_inner_texts()
        self.page.keyboard.press("Escape")
        expect(self.page.get_by_role("listbox")).to_have_count(0)
        return [text.strip() for text in found]

    def type_choice(self, name: str, text: str) -> None:
        """Type something into a list that takes other things than it offers, say an index."""
        self.control(name).fill(text)
        self.page.get_by_role("option").filter(has_text=text).first.click()

    def tick(self, name: str, ticked: bool = True) -> None:
        """Set a check box."""
        box = self.field(name).get_by_role("checkbox")
        if box.is_checked() != ticked:
            box.click()

    def value(self, name: str) -> str:
        """What a field holds: its text, or the words of the choice."""
        control = self.control(name)
        if control.evaluate("element => element.tagName") in ("INPUT", "TEXTAREA"):
            return control.input_value()
        return control.inner_text().strip()

    def expect_value(self, name: str, text: str) -> None:
        """Wait until a field holds this: what it begins with comes a moment after the form."""
        control = self.control(name)
        if control.evaluate("element => element.tagName") in ("INPUT", "TEXTAREA"):
            expect(control).to_have_value(text)
        else:
            expect(control).to_have_text(text, use_inner_text=True)

    def help(self, name: str) -> str:
        """The text below a field."""
        return self.field(name).locator('[data-test="help"]').inner_text().strip()

    def label(self, name: str) -> str:
        """The text before a field, without the star of a required one."""
        return self.field(name).locator('label[data-test="label"]').first.inner_text().strip().lstrip("*")

    def error(self) -> str:
        """What the form says is wrong; "" without."""
        message = self.root.locator('[data-test="message"][data-test-type="error"]')
        return message.first.locator('[data-test="content"]').inner_text().strip() if message.count() else ""

    def expect_in_view(self) -> None:
        """Whoever has pressed a button at the bottom sees the message at the top, and hears it."""
        message = self.root.locator('[data-test="message"][data-test-type="error"]').first
        expect(message).to_be_in_viewport(ratio=0.5)
        expect(message).to_have_attribute("role", "alert")

    def _open(self, name: str) -> None:
        control = self.field(name).get_by_role("combobox")
        expect(control).to_be_enabled()
        control.click()


class Dialog(Form):
    """A form that has opened over the page, to add, edit or delete a row."""

    def __init__(self, page: Page) -> None:
        super().__init__(page.get_by_role("dialog"))
        expect(self.root).to_be_visible()
        # Lists load after the dialog has opened.
        expect(self.root.locator('[data-test="wait-spinner"]')).to_have_count(0)

    @property
    def title(self) -> str:
        return self.root.get_by_role("heading").first.inner_text()

    def press_save(self) -> None:
        """Press the button that saves, and wait for nothing."""
        self.root.locator('[data-test="footer"]').get_by_role("button").last.click()

    def save(self) -> None:
        """Save; the dialog closes. Raises AssertionError with the message if it does not."""
        self.press_save()
        self.expect_saved()

    def expect_saved(self) -> None:
        """Wait until the dialog has closed. Raises AssertionError with its message if there is one."""
        message = self._outcome()
        assert not message, f"The page refused to save: {message}"

    def save_refused(self) -> str:
        """Save, and return the message that says why not. Raises AssertionError if it was saved."""
        self.press_save()
        return self.expect_refused()

    def expect_refused(self) -> str:
        """Wait for the message. Raises AssertionError if it was saved."""
        message = self._outcome()
        assert message, "The page saved what it should have refused."
        self.expect_in_view()
        return message

    def cancel(self) -> None:
        self.root.get_by_role("button", name="Cancel").click()
        expect(self.root).to_have_count(0)

    @contextmanager
    def saving_with_consent(self) -> Iterator[StravaConsent]:
        """Save, and do in the popup what the athlete does; then call `expect_saved` or `expect_refused`."""
        with self.page.expect_popup() as opened:
            self.press_save()
        yield StravaConsent(opened.value)

    def _outcome(self) -> str:
        self.page.wait_for_function(_DECIDED)
        return self.error() if self.root.count() else ""


class Table:
    """One of UCC's tables; rows are called by what stands in the column Name."""

    def __init__(self, root: Locator) -> None:
        self.root = root
        self.page = root.page
        expect(self.root.locator("table")).to_be_visible()

    def names(self) -> list[str]:
        """The names of the rows, in their order."""
        return [name.strip() for name in self.root.locator('td[data-column="name"]').all_inner_texts()]

    def columns(self) -> list[str]:
        """The headings."""
        return [text.strip() for text in self.root.locator("thead th").all_inner_texts()]

    def row(self, name: str) -> Locator:
        return self.root.locator(f'tr[aria-label="row-{name}"]')

    def cell(self, name: str, column: str) -> str:
        """The text of a field, named as in globalConfig.json."""
        return self.row(name).locator(f'td[data-column="{column}"]').inner_text().strip()

    def add(self) -> Dialog:
        """Open the empty form."""
        self.root.get_by_role("button", name="Add", exact=True).click()
        return Dialog(self.page)

    def edit(self, name: str) -> Dialog:
        """Open the form of a row."""
        self.row(name).get_by_role("button", name="Edit").click()
        return Dialog(self.page)

    def delete(self, name: str) -> None:
        """Delete a row, with the confirmation. Raises AssertionError with the message if it is refused."""
        self.press_delete(name).save()
        expect(self.row(name)).to_have_count(0)

    def press_delete(self, name: str) -> Dialog:
        """Open the confirmation; its `save` deletes."""
        self.row(name).get_by_role("button", name="Delete").click()
        return Dialog(self.page)

    def expect_cell(self, name: str, column: str, text: str | re.Pattern[str]) -> None:
        """Wait until a field reads so."""
        expect(self.row(name).locator(f'td[data-column="{column}"]')).to_have_text(text)


class InputsPage(Table):
    """The page *Inputs*."""

    def __init__(self, page: Page, web: HasApp | None) -> None:
        """Open the page, or read it anew. Without ``web`` it is on its way already: somebody has clicked on a link."""
        be_patient(page.context)
        if web is not None:
            page.goto(f"{web.app_url}/inputs")
        expect(page.get_by_role("button", name="Create New Input")).to_be_visible()
        super().__init__(page.locator("body"))

    def create(self, kind: str = "Strava Webhook") -> Dialog:
        """Open the empty form of a kind of input."""
        self.page.get_by_role("button", name="Create New Input").click()
        entry = self.page.get_by_role("menuitem", name=kind)
        # With one kind the button opens the form, with several a menu.
        expect(entry.or_(self.page.get_by_role("dialog")).first).to_be_visible()
        if entry.count():
            entry.click()
        return Dialog(self.page)

    def detail(self, name: str, label: str) -> str:
        """What the row says behind its arrow, which is opened."""
        row = self.row(name)
        row.get_by_role("button", name=re.compile("expand|info|more", re.IGNORECASE)).first.click()
        said = self.page.get_by_text(label, exact=True).last.locator("xpath=following-sibling::*[1]")
        expect(said).to_be_visible()
        return said.inner_text().strip()

    def switch(self, name: str) -> Locator:
        return self.row(name).get_by_role("switch")

    def is_on(self, name: str) -> bool:
        return self.switch(name).get_attribute("aria-checked") == "true"

    def turn(self, name: str, on: bool) -> None:
        """Enable or disable an input."""
        if self.is_on(name) != on:
            self.switch(name).click()
        expect(self.switch(name)).to_have_attribute("aria-checked", "true" if on else "false")


class ConfigurationPage:
    """The page *Configuration*."""

    def __init__(self, page: Page, web: HasApp | None) -> None:
        """Open the page, or read it anew. Without ``web`` it is on its way already: somebody has clicked on a link."""
        self.page = page
        be_patient(page.context)
        if web is not None:
            page.goto(f"{web.app_url}/configuration")
        expect(page.get_by_role("tab").first).to_be_visible()

    def open(self, tab: str) -> Table:
        """Open a tab with a table."""
        return Table(self._panel(tab))

    def settings(self, tab: str) -> Settings:
        """Open a tab that is a form."""
        return Settings(self._panel(tab))

    def tabs(self) -> list[str]:
        return [text.strip() for text in self.page.get_by_role("tab").all_inner_texts()]

    def _panel(self, tab: str) -> Locator:
        button = self.page.get_by_role("tab", name=tab, exact=True)
        button.click()
        expect(button).to_have_attribute("aria-selected", "true")
        panel = self.page.locator(f"#{button.get_attribute('data-test-tab-id')}Tab")
        expect(panel).to_be_visible()
        expect(panel.locator('[data-test="wait-spinner"]')).to_have_count(0)
        return panel


class Settings(Form):
    """A tab that is a form: Proxy, Logging, Advanced."""

    def save(self) -> None:
        """Save; raises AssertionError with the message if it is refused."""
        message = self._press_save()
        assert not message, f"The page refused to save: {message}"

    def save_refused(self) -> str:
        """Save, and return the message that says why not. Raises AssertionError if it was saved."""
        message = self._press_save()
        assert message, "The page saved what it should have refused."
        self.expect_in_view()
        return message

    def _press_save(self) -> str:
        toast = self.page.locator('[data-test="toast"]')
        message = self.root.locator('[data-test="message"][data-test-type="error"]')
        self.root.get_by_role("button", name="Save").click()
        expect(toast.or_(message).first).to_be_visible()
        return self.error()


class StravaConsent:
    """Strava's popup: the athlete logs in, ticks boxes, and says yes or no."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.wait_for_load_state()

    def log_in(self, athlete: str) -> None:
        """Log in as `First Last`; this browser stays logged in."""
        self.page.get_by_label("Athlete").select_option(athlete)
        self.page.get_by_role("button", name="Log In").click()

    def log_in_as_somebody_else(self) -> None:
        """End the log-in of an earlier consent."""
        self.page.get_by_role("button", name="Log in as somebody else").click()

    def untick(self, scope: str) -> None:
        self.page.get_by_role("checkbox", name=f"({scope})").uncheck()

    def authorize(self) -> None:
        """Say yes; the popup closes."""
        with self.page.expect_event("close"):
            self.page.get_by_role("button", name="Authorize").click()

    def cancel(self) -> None:
        """Say no; the popup closes."""
        with self.page.expect_event("close"):
            self.page.get_by_role("button", name="Cancel").click()


class CheckTab:
    """*Configuration → Set-up check*, as somebody reads it; opening it runs the check."""

    def __init__(self, page: Page, web: HasApp | None) -> None:
        self.page = page
        ConfigurationPage(page, web)
        page.get_by_role("tab", name="Set-up check", exact=True).click()
        self.root = page.locator(".strava-check")
        self.button = self.root.get_by_role("button", name="Check again")
        self.wait()

    def wait(self) -> None:
        expect(self.button).to_have_attribute("aria-disabled", "false")
        expect(self.root.get_by_role("status")).not_to_have_text("")
        expect(self.button).to_have_attribute("aria-disabled", "false")

    def again(self) -> None:
        self.button.click()
        self.wait()

    def row(self, name: str) -> Locator:
        return self.root.locator(f'tr[data-name="{name}"]')

    def statuses(self) -> dict[str, str]:
        rows = self.root.locator("tbody tr").all()
        return {row.get_attribute("data-name") or "": row.locator("td").first.inner_text() for row in rows}

    @property
    def summary(self) -> str:
        return self.root.get_by_role("status").inner_text()
