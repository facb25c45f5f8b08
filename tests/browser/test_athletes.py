"""Athletes connect, come back, stay away and are deleted, in a browser, with Strava's popup."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from sandbox.sandbox import PATIENCE, Input, Sandbox
from sandbox.strava import Application, Athlete
from tests.browser.conftest import Complaints
from tests.browser.pages import ConfigurationPage, Dialog, Table
from tests.support.waiting import until

ANNA, BEN = "Anna Bergström", "Ben Santos"
TOKENS, PENDING = "ta_strava_webhook_tokens", "ta_strava_webhook_pending"
#: The browser says so of every refusal.
REFUSED = "status of 500"


class Club:
    """An application, two athletes at Strava, and a browser that shows the tab Athletes."""

    def __init__(self, sandbox: Sandbox, page: Page) -> None:
        self.sandbox = sandbox
        self.page = page
        self.application: Application = sandbox.add_application("club")
        self.anna: Athlete = sandbox.strava.add_athlete(*ANNA.split())
        self.ben: Athlete = sandbox.strava.add_athlete(*BEN.split())

    def table(self) -> Table:
        """The tab, read anew."""
        return ConfigurationPage(self.page, self.sandbox.web).open("Athletes")

    def new(self, name: str) -> Dialog:
        """The filled-in form of a new row."""
        form = self.table().add()
        form.fill("name", name)
        form.choose("application", "club")
        return form

    def connect(self, name: str = "anna", athlete: str = ANNA) -> None:
        form = self.new(name)
        with form.saving_with_consent() as strava:
            strava.log_in(athlete)
            strava.authorize()
        form.expect_saved()

    def listen(self) -> Input:
        made = self.sandbox.add_input("club", self.application)
        self.sandbox.wait_until_healthy(made)
        self.sandbox.subscribe(self.application, made)
        return made

    def secrets(self, realm: str) -> list[str]:
        splunkd = self.sandbox.splunkd
        _, answer = splunkd.request("GET", splunkd.path("storage/passwords"))
        contents = [entry["content"] for entry in answer["entry"]]
        return [str(one["username"]) for one in contents if one["realm"] == realm]

    def rides(self, *, deleted: bool = False) -> set[int]:
        """The activities in the index, or those that have a tombstone."""
        events = [event for event in self.sandbox.splunkd.index.events() if event.sourcetype == "strava:activities"]
        bodies = [json.loads(event.raw) for event in events]
        return {body["id"] for body in bodies if bool(body.get("deleted")) is deleted}

    def granted(self, athlete: Athlete) -> frozenset[str]:
        return self.sandbox.strava.granted_scope(self.application, athlete)


@pytest.fixture
def club(sandbox: Sandbox, page: Page) -> Club:
    return Club(sandbox, page)


def test_an_athlete_connects_rides_reconnects_and_leaves(club: Club) -> None:
    form = club.new("anna")
    assert "activity:read_all" not in form.root.inner_text(), "scopes are offered in words"
    assert "Connect with Strava" in form.root.inner_text()
    with form.saving_with_consent() as strava:
        assert "approval_prompt=force" in strava.page.url
        strava.log_in(ANNA)
        strava.authorize()
    form.expect_saved()
    table = Table(form.page.locator("#accountTab"))
    # Before the page is read anew: the answer to the saving has the columns, too.
    table.expect_cell("anna", "state", "connected")
    table.expect_cell("anna", "athlete_name", ANNA)
    table.expect_cell("anna", "athlete_id", str(club.anna.id))
    table.expect_cell("anna", "granted_scope", "All activities")
    table.expect_cell("anna", "last_activity", "none yet")
    assert club.secrets(TOKENS) == [str(club.anna.id)]
    assert club.secrets(PENDING) == []

    club.listen()
    strava_of = club.sandbox.strava
    ride = strava_of.record(club.anna)
    until(lambda: ride.id in club.rides(), PATIENCE)
    club.table().expect_cell("anna", "last_activity", re.compile(r"^20\d\d-\d\d-\d\d \d\d:\d\d UTC$"))

    strava_of.expire_access_token(club.anna)
    strava_of.revoke_refresh_token(club.anna)
    waiting = strava_of.record(club.anna)
    shows(club, "anna", "needs to reconnect")
    form = club.table().edit("anna")
    with form.saving_with_consent() as strava:
        strava.authorize()  # Strava remembers who has logged in
    form.expect_saved()
    club.table().expect_cell("anna", "state", "connected")
    until(lambda: {ride.id, waiting.id} <= club.rides(), PATIENCE)

    club.table().delete("anna")
    assert club.granted(club.anna) == frozenset()
    assert club.secrets(TOKENS) == []
    until(lambda: club.rides(deleted=True) == {ride.id, waiting.id}, PATIENCE)
    assert club.table().names() == []


def shows(club: Club, name: str, state: str) -> None:
    """Read the page again and again until the athlete's state is this."""

    def is_shown() -> bool:
        return club.table().cell(name, "state") == state

    until(is_shown, PATIENCE)


def test_who_withdraws_the_permission_at_strava_is_disconnected_and_can_come_back(club: Club) -> None:
    club.connect()
    club.listen()
    ride = club.sandbox.strava.record(club.anna)
    until(lambda: ride.id in club.rides(), PATIENCE)
    club.sandbox.strava.deauthorize(club.anna)
    shows(club, "anna", "disconnected")
    table = club.table()
    table.row("anna").get_by_role("button").first.click()  # what a state means, is below the row
    expect(table.root.get_by_text("has withdrawn the permission at Strava")).to_be_visible()
    form = table.edit("anna")
    with form.saving_with_consent() as strava:
        strava.authorize()
    form.expect_saved()
    club.table().expect_cell("anna", "state", "connected")


def test_a_refused_consent_says_so_and_connects_nothing(club: Club) -> None:
    form = club.new("anna")
    with form.saving_with_consent() as strava:
        strava.log_in(ANNA)
        strava.cancel()
    assert "did not consent at Strava" in form.expect_refused()
    # The form is still there, and a second try works.
    with form.saving_with_consent() as strava:
        strava.authorize()
    form.expect_saved()


def test_without_the_boxes_for_activities_nothing_is_connected(club: Club) -> None:
    form = club.new("anna")
    with form.saving_with_consent() as strava:
        strava.log_in(ANNA)
        strava.untick("activity:read")
        strava.untick("activity:read_all")
        strava.authorize()
    assert "boxes that let this add-on see activities were not ticked" in form.expect_refused()
    assert club.table().names() == []
    assert club.secrets(TOKENS) == club.secrets(PENDING) == []


def test_private_activities_that_were_not_permitted_are_missed_in_words(club: Club) -> None:
    form = club.new("anna")
    with form.saving_with_consent() as strava:
        strava.log_in(ANNA)
        strava.untick("activity:read_all")
        strava.authorize()
    form.expect_saved()
    club.table().expect_cell("anna", "granted_scope", "All but private activities: unticked at Strava")
    form = club.table().edit("anna")
    with form.saving_with_consent() as strava:
        strava.authorize()
    form.expect_saved()
    club.table().expect_cell("anna", "granted_scope", "All activities")


def test_the_profile_is_asked_for_if_that_is_chosen(club: Club) -> None:
    club.connect()
    club.table().expect_cell("anna", "granted_scope", "All activities")
    form = club.table().edit("anna")
    form.choose("scope", "All activities, and the profile: FTP, zones, bikes and shoes")
    with form.saving_with_consent() as strava:
        strava.authorize()
    form.expect_saved()
    assert "profile:read_all" in club.granted(club.anna)
    club.table().expect_cell("anna", "granted_scope", "All activities, and the profile")


def test_the_wrong_account_is_refused(club: Club, complaints: Complaints) -> None:
    complaints.expect(REFUSED)
    club.connect()
    form = club.table().edit("anna")
    with form.saving_with_consent() as strava:
        strava.log_in_as_somebody_else()
        strava.log_in(BEN)
        strava.authorize()
    said = form.expect_refused()
    assert f"“anna” is athlete {club.anna.id}, but at strava.com {BEN}" in said
    club.table().expect_cell("anna", "athlete_name", ANNA)
    assert club.secrets(TOKENS) == [str(club.anna.id)]


def test_an_athlete_is_connected_under_one_name_only(club: Club, complaints: Complaints) -> None:
    complaints.expect(REFUSED)
    club.connect()
    form = club.new("annie")
    with form.saving_with_consent() as strava:
        strava.authorize()
    assert f"{ANNA} (athlete {club.anna.id}) is connected already, as “anna”" in form.expect_refused()
    assert club.table().names() == ["anna"]
    # Strava has replaced the tokens with this consent; those of the row are the new ones.
    club.sandbox.strava.expire_access_token(club.anna)
    club.listen()
    ride = club.sandbox.strava.record(club.anna)
    until(lambda: ride.id in club.rides(), PATIENCE)


def test_settings_that_cannot_be_read_are_missed_in_words(club: Club, complaints: Complaints) -> None:
    """Without the client ID and Strava's host, the popup would open for nobody."""
    complaints.expect("status of 503")
    club.page.context.route(
        # Of what the form needs, only this is asked for by nothing else of the page.
        "**/TA_strava_webhook_settings/advanced?output_mode=json&count=-1",
        lambda route: route.fulfill(status=503),
    )
    form = club.new("anna")
    assert "The applications could not be read from Splunk. Reload the page and try again." in form.save_refused()
    club.page.context.unroute_all(behavior="wait")
    assert club.table().names() == []


@pytest.mark.parametrize("forge", ["field.value = 'somebody-elses'", "field.remove()"], ids=["another", "none"])
def test_an_answer_with_a_forged_state_connects_nothing(club: Club, forge: str) -> None:
    """The answer to somebody else's request, slipped in by a link, must not end up in this row."""
    form = club.new("anna")
    with form.saving_with_consent() as strava:
        strava.log_in(ANNA)
        strava.page.locator('input[name="state"]').evaluate(f"field => {{ {forge} }}")
        strava.authorize()
    assert "Response not received from the expected sender" in form.expect_refused()
    assert club.secrets(PENDING) == club.secrets(TOKENS) == []
    assert club.table().names() == []


def test_a_popup_that_is_closed_says_so(club: Club) -> None:
    form = club.new("anna")
    with form.saving_with_consent() as strava:
        strava.page.close()
    assert "interrupted" in form.expect_refused()


def test_a_strava_that_is_down_keeps_the_row_and_says_what_to_do(club: Club, complaints: Complaints) -> None:
    complaints.expect(REFUSED)
    club.connect()
    with club.sandbox.strava.faults.outage(path="/oauth/revoke"):
        said = club.table().press_delete("anna").save_refused()
    assert "“anna” was not deleted: Strava's OAuth service cannot answer now (status 503)." in said
    assert "strava.com/settings/apps" in said
    club.table().expect_cell("anna", "state", "connected")
    assert club.granted(club.anna)
    club.table().delete("anna")
    assert club.granted(club.anna) == frozenset()
