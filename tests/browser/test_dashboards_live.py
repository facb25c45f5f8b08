"""The dashboards of the built add-on, over what it has collected just now."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from sandbox.sandbox import PATIENCE, Sandbox
from tests.browser.conftest import MakeSandbox
from tests.support.waiting import until
from tools import studio as framework


@pytest.fixture
def sandbox(make_sandbox: MakeSandbox) -> Sandbox:
    return make_sandbox(studio=framework.ready())


def panel(page: Page, name: str) -> Locator:
    return page.locator(f'[data-test="viz-item"][data-id="{name}"]')


def test_a_ride_that_comes_in_is_on_the_overview_and_a_click_opens_it(sandbox: Sandbox, page: Page) -> None:
    application = sandbox.add_application("Club")
    anna = sandbox.strava.add_athlete("Anna", "Bergström")
    sandbox.connect(anna, "anna", application)

    # The app opens at the Overview, which says what to do next.
    page.goto(f"{sandbox.web.app_url}/")
    expect(page).to_have_url(re.compile("/strava_overview"))
    expect(panel(page, "panel_state")).to_contain_text("no input on this host")

    made = sandbox.add_input("club", application)
    sandbox.wait_until_healthy(made)
    sandbox.subscribe(application, made)
    ride = sandbox.strava.record(anna, title="Over the pass")
    until(lambda: any(f'"id":{ride.id}' in event.raw for event in sandbox.splunkd.index.events()), PATIENCE)
    page.reload()
    # Nobody could be chosen when the page was opened, and it has kept that in its address.
    expect(panel(page, "panel_state")).to_contain_text("Choose an athlete above")
    page.goto(f"{sandbox.web.app_url}/strava_overview")
    expect(panel(page, "panel_state")).to_contain_text("one activity in this range")
    expect(panel(page, "panel_latest")).to_contain_text("Over the pass")

    panel(page, "panel_latest").get_by_text("Over the pass").click()
    expect(page).to_have_url(re.compile(f"/strava_activity.*form.activity={ride.id}"))
    expect(panel(page, "panel_what")).to_contain_text("Over the pass")


def test_operations_show_the_way_of_a_ride_and_say_who_may_not_see_it(
    sandbox: Sandbox, page: Page, viewer_page: Page
) -> None:
    application = sandbox.add_application("Club")
    anna = sandbox.strava.add_athlete("Anna", "Bergström")
    sandbox.connect(anna, "anna", application)
    made = sandbox.add_input("club", application)
    sandbox.wait_until_healthy(made)
    sandbox.subscribe(application, made)
    ride = sandbox.strava.record(anna, title="Over the pass")
    until(lambda: any(f'"id":{ride.id}' in event.raw for event in sandbox.splunkd.index.events()), PATIENCE)
    page.goto(f"{sandbox.web.app_url}/strava_operations")
    expect(panel(page, "panel_ride")).to_contain_text(str(ride.id))
    viewer_page.goto(f"{sandbox.web.app_url}/strava_operations")
    expect(panel(viewer_page, "panel_state")).to_contain_text("You may not search the index _internal")
