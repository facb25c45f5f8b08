"""The pages come up, for whoever may see them, in either theme, and the helpers read them right."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from sandbox.sandbox import Sandbox
from tests.browser.conftest import Complaints, OpenPage
from tests.browser.pages import ConfigurationPage, InputsPage


def test_an_application_is_added_edited_and_deleted(sandbox: Sandbox, page: Page) -> None:
    registered = sandbox.strava.add_application("Club")
    table = ConfigurationPage(page, sandbox.web).open("Applications")
    assert table.names() == []
    form = table.add()
    assert form.title == "Add Application"
    form.fill("name", "Club")
    form.fill("client_id", str(registered.client_id))
    form.fill("client_secret", registered.client_secret)
    form.save()
    table.expect_cell("Club", "client_id", str(registered.client_id))
    form = table.edit("Club")
    form.expect_value("client_id", str(registered.client_id))
    form.cancel()
    table.delete("Club")
    assert table.names() == []


def test_a_refusal_is_read_each_time_anew(sandbox: Sandbox, page: Page) -> None:
    form = ConfigurationPage(page, sandbox.web).open("Applications").add()
    assert "Name is required" in form.save_refused()
    form.fill("name", "Club")
    assert "Client ID is required" in form.save_refused()


def test_settings_are_saved_and_stay(sandbox: Sandbox, page: Page) -> None:
    settings = ConfigurationPage(page, sandbox.web).settings("Logging")
    assert "DEBUG" in settings.choices("loglevel")
    settings.choose("loglevel", "DEBUG")
    settings.save()
    settings = ConfigurationPage(page, sandbox.web).settings("Logging")
    settings.expect_value("loglevel", "DEBUG")
    advanced = ConfigurationPage(page, sandbox.web).settings("Advanced")
    advanced.fill("settle_time", "a while")
    assert "settle time" in advanced.save_refused().lower()


def test_the_inputs_page_opens_its_form(sandbox: Sandbox, page: Page) -> None:
    inputs = InputsPage(page, sandbox.web)
    assert inputs.names() == []
    form = inputs.create()
    form.expect_value("index", "strava")
    form.type_choice("index", "elsewhere")
    form.expect_value("index", "elsewhere")
    form.cancel()


@pytest.mark.parametrize(("theme", "dark"), [("light", False), ("dark", True)])
def test_the_theme_reaches_the_page(sandbox: Sandbox, open_page: OpenPage, theme: str, dark: bool) -> None:
    sandbox.web.theme = theme
    page = open_page()
    ConfigurationPage(page, sandbox.web).open("Applications")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in background.removeprefix("rgb(").removesuffix(")").split(",")[:3])
    assert (brightness < 300) is dark


def test_what_nobody_expected_is_noticed(sandbox: Sandbox, page: Page, complaints: Complaints) -> None:
    page.goto(f"{sandbox.web.app_url}/search")
    expect(page.get_by_role("heading", name="Newest events")).to_be_visible()
    with page.expect_console_message(lambda message: message.text == "trouble"):
        page.evaluate("console.error('trouble')")
    with page.context.expect_event("weberror"):
        page.evaluate("setTimeout(() => { throw new Error('worse') })")
    with page.expect_request("https://www.example.com/"):
        page.evaluate("fetch('https://www.example.com/').catch(() => {})")
    for seen in ("trouble", "worse", "www.example.com"):
        assert any(seen in text for text in complaints.unexpected), seen
    complaints.expect("trouble", "worse", "www.example.com")


def test_a_page_for_nobody_is_the_log_in(sandbox: Sandbox, open_page: OpenPage, complaints: Complaints) -> None:
    complaints.expect("status of 401")
    page = open_page(None)
    page.goto(f"{sandbox.web.app_url}/configuration")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign In").click()
    expect(page.get_by_role("alert")).to_have_text("Login failed")
