"""*Configuration → Applications* in the browser: Strava is asked, and what it says is read on the page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from sandbox.sandbox import Sandbox
from sandbox.strava import Application
from tests.browser.conftest import Complaints
from tests.browser.pages import ConfigurationPage, Dialog, Table
from tests.browser.patience import milliseconds

#: The browser logs each answer of 400 and above; splunkd answers a refusal of a handler in Python with 500.
REFUSAL = "status of 500"


@pytest.fixture
def answers(page: Page) -> Iterator[list[str]]:
    """The text of whatever splunkd answered to the page."""
    seen: list[str] = []

    def pass_on(route: Route) -> None:
        answer = route.fetch(timeout=milliseconds())
        seen.append(f"{answer.headers}\n{answer.text()}")
        route.fulfill(response=answer)

    page.context.route("**/splunkd/__raw/**", pass_on)
    yield seen
    page.context.unroute_all(behavior="wait")


def applications(sandbox: Sandbox, page: Page) -> Table:
    return ConfigurationPage(page, sandbox.web).open("Applications")


def entered(table: Table, application: Application, *, client_secret: str | None = None) -> Dialog:
    form = table.add()
    form.fill("name", "Club")
    form.fill("client_id", str(application.client_id))
    form.fill("client_secret", client_secret or application.client_secret)
    return form


def test_the_form_says_what_strava_asks_and_where_things_are(sandbox: Sandbox, page: Page) -> None:
    form = applications(sandbox, page).add()
    said = form.root.inner_text()
    for words in ("paid subscription", "serves one athlete", "up to ten", "Authorization Callback Domain"):
        assert words in said
    link = form.root.get_by_role("link", name="Strava's page My API Application")
    expect(link).to_have_attribute("href", "https://www.strava.com/settings/api")
    expect(form.control("client_secret")).to_have_attribute("type", "password")


def test_a_pair_that_belongs_together_is_verified_and_the_secret_stays_here(
    sandbox: Sandbox, page: Page, answers: list[str]
) -> None:
    registered = sandbox.strava.add_application("Club")
    table = applications(sandbox, page)
    entered(table, registered).save()
    table.expect_cell("Club", "state", "verified")

    table = applications(sandbox, page)
    form = table.edit("Club")
    assert form.value("client_secret") in ("", "******")
    form.save()
    table.expect_cell("Club", "state", "verified")
    assert any("client_secret" in answer for answer in answers)
    assert not [answer for answer in answers if registered.client_secret in answer]
    assert registered.client_secret not in page.content()


@pytest.mark.parametrize("wrong", ["client_id", "client_secret"])
def test_a_wrong_pair_is_refused_with_what_is_wrong_and_can_be_corrected(
    sandbox: Sandbox, page: Page, complaints: Complaints, answers: list[str], wrong: str
) -> None:
    complaints.expect(REFUSAL)
    registered = sandbox.strava.add_application("Club")
    table = applications(sandbox, page)
    form = entered(table, registered, client_secret="marked-wrong-secret")
    if wrong == "client_id":
        form.fill("client_id", "999999999")
        assert form.save_refused().startswith("Strava knows no application with the client ID 999999999.")
    else:
        assert form.save_refused().startswith(
            f"Strava knows the client ID {registered.client_id}, but the client secret does not belong to it."
        )
    assert sandbox.splunkd.request("GET", sandbox.splunkd.path("TA_strava_webhook_application"))[1]["entry"] == []
    form.fill("client_id", str(registered.client_id))
    form.fill("client_secret", registered.client_secret)
    form.save()
    table.expect_cell("Club", "state", "verified")
    for secret in ("marked-wrong-secret", registered.client_secret):
        assert not [answer for answer in answers if secret in answer]


def test_without_strava_it_is_saved_and_saving_again_verifies(sandbox: Sandbox, page: Page) -> None:
    registered = sandbox.strava.add_application("Club")
    table = applications(sandbox, page)
    with sandbox.strava.faults.outage("reset", path="/api/v3/push_subscriptions"):
        entered(table, registered).save()
        table.expect_cell("Club", "state", "not verified")
    table.edit("Club").save()
    table.expect_cell("Club", "state", "verified")


def test_the_row_tells_why_it_is_in_its_state(sandbox: Sandbox, page: Page) -> None:
    registered = sandbox.strava.add_application("Club")
    sandbox.strava.set_inactive(registered)
    table = applications(sandbox, page)
    entered(table, registered).save()
    table.expect_cell("Club", "state", "inactive at Strava")
    table.row("Club").get_by_role("button", name="Expand").or_(
        table.row("Club").locator('[data-test="expand"]')
    ).first.click()
    expect(table.root.get_by_text("Strava has switched this application off.")).to_be_visible()


def test_an_application_in_use_cannot_be_deleted(sandbox: Sandbox, page: Page, complaints: Complaints) -> None:
    complaints.expect(REFUSAL)
    application = sandbox.add_application("Club")
    sandbox.connect(sandbox.strava.add_athlete("Ada", "Berg"), "ada", application)
    table = applications(sandbox, page)
    said = table.press_delete("Club").save_refused()
    assert said == (
        "The application “Club” is used by athletes (“ada”, on Configuration → Athletes). Delete those first."
    )
    assert table.names() == ["Club"]
