"""The input *Strava Activities* on the page *Inputs*: what is offered, what is refused, what the table says of it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from sandbox.sandbox import PATIENCE, Sandbox
from sandbox.strava import Application
from tests.browser.conftest import Complaints
from tests.browser.pages import Dialog, InputsPage
from tests.support.waiting import until

KIND = "Strava Activities"
#: Refusals come with this status, which the browser logs.
REFUSED = "status of 500"


def connected(sandbox: Sandbox, *names: str) -> Application:
    application = sandbox.add_application("Club")
    for name in names:
        sandbox.connect(sandbox.strava.add_athlete(name, "Berg"), name.lower(), application)
    return application


def choose_athlete(form: Dialog, name: str) -> None:
    form.field("athletes").get_by_role("combobox").click()
    form.page.get_by_role("option", name=name, exact=True).click()
    form.page.keyboard.press("Escape")


def test_what_is_offered_is_saved_and_the_table_says_how_far_it_is(sandbox: Sandbox, page: Page) -> None:
    application = sandbox.add_application("Club")
    ada = sandbox.strava.add_athlete("Ada", "Berg")
    sandbox.connect(ada, "ada", application)
    ride = sandbox.strava.record(ada, notify=False)
    inputs = InputsPage(page, sandbox.web)
    form = inputs.create(KIND)
    offered = {"index": "strava", "order": "Newest first", "interval": "14400", "look_back": "7", "start_date": ""}
    for field, value in offered.items():
        form.expect_value(field, value)
    for field in ("drop_location", "drop_text", "drop_health"):
        expect(form.field(field)).to_have_count(0)
    form.root.get_by_role("button", name="Leave out").click()
    expect(form.field("drop_health")).to_be_visible()
    form.fill("name", "history")
    form.choose("application", application.name)
    form.save()

    assert inputs.cell("history", "serviceTitle") == KIND
    until(lambda: any(event.json["id"] == ride.id for event in sandbox.splunkd.index.events()), PATIENCE)
    until(lambda: "1 of 1 in full" in InputsPage(page, sandbox.web).cell("history", "history"), PATIENCE)
    inputs = InputsPage(page, sandbox.web)
    assert "1 activity of 1 athlete found in lists" in inputs.detail("history", "How far it is")


def test_the_form_says_what_listing_costs(sandbox: Sandbox, page: Page) -> None:
    connected(sandbox, "Ada", "Ben")
    form = InputsPage(page, sandbox.web).create(KIND)
    help_text = form.field("interval").locator('[data-test="help"]')
    expect(help_text).to_contain_text("As entered: 6 calls a day for each athlete")
    form.fill("interval", "3600")
    expect(help_text).to_contain_text("As entered: 24 calls a day for each athlete")
    choose_athlete(form, "ada")
    expect(help_text).to_contain_text("As entered: 24 calls a day for 1 athlete;")
    choose_athlete(form, "ben")
    expect(help_text).to_contain_text("As entered: 48 calls a day for 2 athletes;")
    form.fill("interval", "soon")
    expect(help_text).not_to_contain_text("As entered")


def test_the_chosen_athletes_are_saved_and_shown_again(sandbox: Sandbox, page: Page) -> None:
    application = connected(sandbox, "Ada", "Ben")
    inputs = InputsPage(page, sandbox.web)
    form = inputs.create(KIND)
    form.fill("name", "history")
    form.choose("application", application.name)
    choose_athlete(form, "ada")
    choose_athlete(form, "ben")
    form.save()
    assert inputs.detail("history", "Athletes") == "ada,ben"
    form = InputsPage(page, sandbox.web).edit("history")
    expect(form.field("athletes")).to_contain_text("ada")
    expect(form.field("athletes")).to_contain_text("ben")


def test_all_faults_are_shown_at_once(sandbox: Sandbox, page: Page, complaints: Complaints) -> None:
    complaints.expect(REFUSED)
    connected(sandbox, "Ada")
    other = sandbox.add_application("Work")
    sandbox.connect(sandbox.strava.add_athlete("Ben", "Okafor"), "ben", other)
    form = InputsPage(page, sandbox.web).create(KIND)
    form.fill("name", "1st")
    form.choose("application", "Club")
    choose_athlete(form, "ben")
    form.type_choice("index", "nowhere")
    form.fill("start_date", "2999-01-01")
    form.fill("interval", "5")
    form.fill("look_back", "0")
    message = form.save_refused()
    for words in (
        "name must begin",
        "“ben” is connected to the application “Work”, not to “Club”",
        "no index “nowhere”",
        "in the future",
        "from 60 to 604800",
        "from 1 to 365",
    ):
        assert words in message, (words, message)
    assert sandbox.splunkd.inputs.stanzas() == []


def test_without_an_application_the_form_says_what_to_do_first(sandbox: Sandbox, page: Page) -> None:
    form = InputsPage(page, sandbox.web).create(KIND)
    form.fill("name", "history")
    assert "Application" in form.save_refused()


def test_it_is_disabled_enabled_and_deleted(sandbox: Sandbox, page: Page) -> None:
    sandbox.add_activities_input("history", connected(sandbox, "Ada"))
    inputs = InputsPage(page, sandbox.web)
    inputs.turn("history", on=False)
    until(lambda: not sandbox.splunkd.inputs.running("history"), PATIENCE)
    inputs.turn("history", on=True)
    until(lambda: sandbox.splunkd.inputs.running("history"), PATIENCE)
    inputs.delete("history")
    until(lambda: sandbox.splunkd.inputs.stanzas() == [], PATIENCE)
