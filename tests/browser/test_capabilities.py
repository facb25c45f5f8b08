"""Somebody without the add-on's capabilities opens its pages: an answer in words, and nothing else."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from sandbox.sandbox import Sandbox
from tests.browser.conftest import Complaints
from tests.support.splunk_state import written_files


@pytest.mark.parametrize("view", ["configuration", "inputs"])
def test_a_viewer_reads_what_is_missing_and_sees_nothing_else(
    sandbox: Sandbox, viewer_page: Page, complaints: Complaints, view: str
) -> None:
    complaints.expect("status of 403", "do not have permission")
    application = sandbox.add_application("Club")
    sandbox.connect(sandbox.strava.add_athlete("Ada", "Berg"), "ada-row", application)
    made = sandbox.add_input("home-row", application)
    before = written_files(sandbox.splunkd)

    viewer_page.goto(f"{sandbox.web.app_url}/{view}")
    expect(viewer_page.locator("body")).to_contain_text(
        "You (user=viewer) do not have permission to perform this operation (requires capability: "
        "read_ta_strava_webhook)."
    )
    shown = viewer_page.locator("body").inner_text() + viewer_page.content()
    for hidden in ("ada-row", "home-row", "Ada Berg", str(application.client_id), made.callback_url):
        assert hidden not in shown
    assert written_files(sandbox.splunkd) == before
