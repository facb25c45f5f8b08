"""The states of a subscription, as somebody sees and changes them on the page *Inputs*."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from sandbox.sandbox import PATIENCE, Input, Sandbox, free_port
from sandbox.strava import Application
from tests.browser.pages import InputsPage
from tests.support.waiting import until

ELSEWHERE = "https://elsewhere.example.org/hook"


def await_state(sandbox: Sandbox, page: Page, state: str) -> InputsPage:
    """Reload the page until the input is in this state."""
    until(lambda: InputsPage(page, sandbox.web).cell("home", "subscription") == state, PATIENCE)
    return InputsPage(page, None)


def explained(inputs: InputsPage) -> str:
    """What the row says behind its arrow."""
    return inputs.detail("home", "What this means")


@pytest.fixture
def application(sandbox: Sandbox) -> Application:
    return sandbox.add_application("Club")


def test_ours_is_kept_and_then_made_by_hand(sandbox: Sandbox, page: Page, application: Application) -> None:
    made = sandbox.add_input("home", application)
    number = sandbox.subscribe(application, made)
    inputs = await_state(sandbox, page, "kept")
    assert str(number) in explained(inputs)
    form = inputs.edit("home")
    form.tick("manage_subscription", False)
    form.save()
    await_state(sandbox, page, "by hand")


def test_somebody_elses_is_shown_and_replaced_when_the_box_is_ticked(
    sandbox: Sandbox, page: Page, application: Application
) -> None:
    sandbox.strava.subscriptions.add(application, ELSEWHERE)
    made: Input = sandbox.add_input("home", application)
    inputs = await_state(sandbox, page, "another callback URL")
    assert ELSEWHERE in explained(inputs)
    form = inputs.edit("home")
    form.tick("replace_subscription")
    form.save()
    sandbox.subscribe(application, made)
    await_state(sandbox, page, "kept")


def test_what_strava_cannot_verify_says_what_to_do(sandbox: Sandbox, page: Page, application: Application) -> None:
    nowhere = f"https://localhost:{free_port()}/strava/4f1c9e"
    sandbox.add_input("home", application, callback_url=nowhere, in_front="router")
    said = explained(await_state(sandbox, page, "not verifiable"))
    assert nowhere in said
    assert "router, firewall" in said


def test_a_disabled_input_shows_no_state(sandbox: Sandbox, page: Page, application: Application) -> None:
    made = sandbox.add_input("home", application)
    sandbox.subscribe(application, made)
    inputs = await_state(sandbox, page, "kept")
    inputs.turn("home", on=False)
    await_state(sandbox, page, "")
