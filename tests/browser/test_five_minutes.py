"""From an empty installation to the first event, as the README describes it, and then life with a running input."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.sync_api import Page

from sandbox.latest import Latest
from sandbox.patience import patience
from sandbox.sandbox import PATIENCE, Input, Sandbox, free_port
from tests.browser.conftest import ARTIFACTS, OpenPage
from tests.browser.pages import ConfigurationPage, Dialog, InputsPage
from tests.browser.stopwatch import Stopwatch
from tests.support.waiting import until


def test_from_an_empty_installation_to_the_first_event(
    sandbox: Sandbox, open_page: OpenPage, capsys: pytest.CaptureFixture[str]
) -> None:
    registered = sandbox.strava.add_application("Club")
    anna = sandbox.strava.add_athlete("Anna", "Bergström")
    made = sandbox.plan_input("home")
    page: Page = open_page(None)
    watch = Stopwatch(page.context)

    with watch.step("log in to Splunk Web"):
        page.goto(sandbox.web.url)
        page.get_by_label("Username").fill("admin")
        page.get_by_label("Password").fill(sandbox.splunkd.sessions.password)
        page.get_by_role("button", name="Sign In").click()
    with watch.step("open the app"):
        page.get_by_role("link", name="Webhook Add-on for Strava").click()
        # The app opens at a dashboard, which says that there is nothing yet.
        page.get_by_role("link", name="Configuration").click()
        configuration = ConfigurationPage(page, None)
        applications = configuration.open("Applications")
    with watch.step("the application"):
        form = applications.add()
        form.fill("name", "Club")
        form.fill("client_id", str(registered.client_id))
        form.fill("client_secret", registered.client_secret)
        form.save()
        applications.expect_cell("Club", "state", "verified")
    with watch.step("the athlete, with Strava's consent"):
        athletes = configuration.open("Athletes")
        form = athletes.add()
        form.fill("name", "anna")
        form.choose("application", "Club")
        with form.saving_with_consent() as consent:
            consent.log_in("Anna Bergström")
            consent.authorize()
        form.expect_saved()
        athletes.expect_cell("anna", "athlete_name", "Anna Bergström")
        athletes.expect_cell("anna", "state", "connected")
    with watch.step("the input"):
        page.get_by_role("link", name="Inputs").click()
        inputs = InputsPage(page, None)
        form = inputs.create()
        fill_input(form, made, "Club")
        form.save()
        inputs.expect_cell("home", "port", str(made.port))
        sandbox.wait_until_healthy(made)
    with watch.step("the subscription, by the input itself"):
        sandbox.subscribe(registered, made)
    with watch.step("a ride, until it is in the index"):
        ride = sandbox.strava.record(anna, title="Morning Ride")
        expect_in_index(sandbox, ride.id, "Morning Ride")

    with capsys.disabled():
        print(f"\n\n{watch.table()}\n")
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    (ARTIFACTS / "stopwatch.txt").write_text(f"{watch.table()}\n", "utf-8")
    assert watch.total.seconds < patience(300)
    assert watch.total.clicks <= 30


def test_a_running_input_is_edited_switched_off_and_on_and_deleted(sandbox: Sandbox, page: Page) -> None:
    application = sandbox.add_application("Club")
    anna = sandbox.strava.add_athlete("Anna", "Bergström")
    sandbox.connect(anna, "anna", application)
    made = sandbox.add_input("home", application)
    sandbox.wait_until_healthy(made)

    inputs = InputsPage(page, sandbox.web)
    form = inputs.edit("home")
    form.expect_value("port", str(made.port))
    port = free_port()
    # The verify token is not entered again, and stays what it was.
    moved = replace(made, port=port, callback_url=f"https://localhost:{port}/strava/9f2c81d7a4")
    form.fill("port", str(moved.port))
    form.fill("callback_url", moved.callback_url)
    form.save()
    inputs.expect_cell("home", "port", str(moved.port))
    sandbox.wait_until_healthy(moved)
    assert sandbox.health(made) == 0, "the old port is open"
    sandbox.subscribe(application, moved)

    inputs.turn("home", on=False)
    until(lambda: not sandbox.splunkd.inputs.running("home"), PATIENCE)
    assert sandbox.health(moved) == 0
    # Strava's notification of this ride finds nobody, and it comes again.
    deliveries = sandbox.strava.delivery
    pause, deliveries.retry_pause = deliveries.retry_pause, PATIENCE
    ride = sandbox.strava.record(anna, title="While nobody listened")
    assert deliveries.wait_for_attempts(deliveries.deliveries[-1], 1, PATIENCE)
    inputs.turn("home", on=True)
    sandbox.wait_until_healthy(moved)
    deliveries.retry_pause = pause
    deliveries.retry_now()
    expect_in_index(sandbox, ride.id, "While nobody listened")

    inputs = InputsPage(page, sandbox.web)
    assert inputs.is_on("home")
    inputs.delete("home")
    until(lambda: sandbox.splunkd.inputs.stanzas() == [], PATIENCE)
    until(lambda: sandbox.health(moved) == 0, PATIENCE)


def fill_input(form: Dialog, made: Input, application: str) -> None:
    """Enter what has no default."""
    form.fill("name", made.name)
    form.choose("application", application)
    form.fill("callback_url", made.callback_url)
    form.fill("port", str(made.port))
    form.fill("cert_file", str(made.certificate.cert_file))
    form.fill("key_file", str(made.certificate.key_file))
    form.fill("verify_token", made.verify_token)


def expect_in_index(sandbox: Sandbox, activity_id: int, title: str) -> None:
    """Wait until the newest version of an activity has this title."""
    latest = Latest()

    def there(_events: object) -> bool:
        latest.take(sandbox.splunkd.index.events())
        version = latest.of(activity_id)
        return version is not None and version.get("name") == title

    assert sandbox.splunkd.index.wait_for(there, PATIENCE), f"“{title}” did not reach the index."
