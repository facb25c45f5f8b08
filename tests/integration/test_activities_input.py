"""The built input *Strava Activities* between both stand-ins: alone, beside a webhook, with something missing."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from sandbox.latest import Latest
from sandbox.sandbox import INDEX, Sandbox, SandboxRefused
from sandbox.strava import Activity, Application, Athlete
from tests.integration.conftest import MakeSandbox
from tests.support.waiting import until

PAGE = "TA_strava_webhook_strava_activities"
WEBHOOK_PAGE = "TA_strava_webhook_strava_webhook"
#: Where splunkd itself keeps the inputs; a save there passes its own validation only.
SPLUNKD = "data/inputs/strava_activities"
SOURCE = "strava_activities://history"


class Club:
    """An application and an athlete who has been riding for years; no input yet."""

    def __init__(self, sandbox: Sandbox, rides: int = 0) -> None:
        self.sandbox = sandbox
        self.application: Application = sandbox.add_application("Club")
        self.anna: Athlete = sandbox.strava.add_athlete("Anna", "Bergström")
        sandbox.connect(self.anna, "anna", self.application)
        self.latest = Latest()
        self.rides = [self.ride(100 * number) for number in range(1, rides + 1)]

    def ride(self, days_ago: float, *, notify: bool = False, **more: Any) -> Activity:
        start = datetime.now(timezone.utc) - timedelta(days=days_ago)
        return self.sandbox.strava.record(self.anna, start_date=start, notify=notify, **more)

    def versions(self, activity: Activity) -> list[dict[str, Any]]:
        self.latest.take(self.sandbox.splunkd.index.events())
        return self.latest.versions.get(activity.id, [])

    def is_collected(self, activity: Activity) -> bool:
        """Whether the index has it in full: only an activity that was fetched has laps."""
        return any("laps" in version for version in self.versions(activity))

    def sources(self, activity: Activity) -> set[str]:
        events = self.sandbox.splunkd.index.events(sourcetype="strava:activities")
        return {event.source for event in events if event.json["id"] == activity.id}

    def messages(self) -> str:
        return "\n".join(message.value for message in self.sandbox.splunkd.messages)

    def ring(self) -> None:
        """Saving any row lets the inputs read the configuration at once."""
        self.sandbox.post("TA_strava_webhook_settings/advanced", settle_time=0)

    def refusal(self, path: str, **arguments: str | int) -> str:
        with pytest.raises(SandboxRefused) as refused:
            self.sandbox.post(path, **arguments)
        return str(refused.value)

    def row(self, page: str, name: str) -> dict[str, Any]:
        _, answer = self.sandbox.splunkd.request("GET", self.sandbox.splunkd.path(page, name))
        content: dict[str, Any] = answer["entry"][0]["content"]
        return content


def test_alone_it_collects_years_of_activities(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox(), rides=12)
    club.sandbox.add_activities_input("history", club.application)
    until(lambda: all(map(club.is_collected, club.rides)))

    for ride in club.rides:
        first, *_, last = club.versions(ride)
        assert (first["collected_by"], first["input"]) == ("polling", "history")
        assert "laps" in last
        assert club.sources(ride) == {SOURCE}
    assert club.messages() == ""
    club.sandbox.splunkd.inputs.stop("history")
    assert club.sandbox.splunkd.inputs.count("history").forced == 0


def test_the_start_date_and_the_athletes_are_what_somebody_chose(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox(), rides=4)
    ben = club.sandbox.strava.add_athlete("Ben", "Okafor")
    club.sandbox.connect(ben, "ben", club.application)
    start = datetime.now(timezone.utc) - timedelta(days=250)
    bens = club.sandbox.strava.record(ben, start_date=start + timedelta(days=10), notify=False)
    club.sandbox.add_activities_input("history", club.application, athletes="anna", start_date=f"{start:%Y-%m-%d}")
    until(lambda: all(map(club.is_collected, club.rides[:2])))
    assert not any(map(club.versions, [*club.rides[2:], bens]))

    # Moved back, and with everybody.
    club.sandbox.post(f"{PAGE}/history", start_date="", athletes="")
    until(lambda: all(map(club.is_collected, [*club.rides, bens])))
    assert all(len(club.versions(ride)) == 2 for ride in club.rides[:2])  # nothing is fetched twice


def test_beside_a_webhook_the_webhooks_input_fetches_and_its_index_counts(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox(), rides=3)
    sandbox = club.sandbox
    sandbox.splunkd.create_index("other")
    webhook = sandbox.add_input("club", club.application)
    sandbox.wait_until_healthy(webhook)
    sandbox.subscribe(club.application, webhook)
    sandbox.add_activities_input("history", club.application, index="other")
    fresh = club.ride(0, notify=True)
    until(lambda: all(map(club.is_collected, [*club.rides, fresh])))

    assert sandbox.splunkd.index.events(index="other") == []
    assert all(version["input"] == "club" for ride in club.rides for version in club.versions(ride))
    assert "strava_webhook://club" in club.sources(club.rides[0])
    assert club.sources(fresh) == {"strava_webhook://club"}


def test_what_waits_changes_hands_when_the_webhooks_input_is_disabled(make_sandbox: MakeSandbox) -> None:
    """Without a restart of the other."""
    club = Club(make_sandbox(advanced={"settle_time": 0, "retry_base": 5, "cooldown": 0}))
    sandbox = club.sandbox
    webhook = sandbox.add_input("club", club.application)
    sandbox.wait_until_healthy(webhook)
    sandbox.subscribe(club.application, webhook)
    sandbox.add_activities_input("history", club.application)
    until(lambda: any("action=page_listed" in line or "action=listed" in line for line in sandbox.splunkd.log_lines()))
    sandbox.splunkd.create_index("other")
    late = club.ride(0, notify=True, not_found_requests=1)
    until(lambda: any("action=postponed" in line for line in sandbox.splunkd.log_lines()))
    starts = sandbox.splunkd.inputs.count("history").starts
    sandbox.post(f"{WEBHOOK_PAGE}/club", disabled=1)
    until(lambda: club.is_collected(late))

    assert club.sources(late) == {SOURCE}
    assert sandbox.splunkd.inputs.count("history").starts == starts


def test_while_an_index_is_missing_what_would_go_there_waits_and_nothing_is_lost(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox(), rides=2)
    sandbox = club.sandbox
    sandbox.splunkd.create_index("bens")
    ben = sandbox.strava.add_athlete("Ben", "Okafor")
    sandbox.connect(ben, "ben", club.application, index="bens")
    bens = [sandbox.strava.record(ben, notify=False) for _ in range(3)]
    sandbox.splunkd.remove_index("bens")
    sandbox.add_activities_input("history", club.application)
    until(lambda: all(map(club.is_collected, club.rides)))
    until(lambda: "There is no index “bens” on this host" in club.messages())
    assert not any(map(club.versions, bens))

    sandbox.splunkd.create_index("bens")
    club.ring()
    until(lambda: all(map(club.is_collected, bens)))
    until(lambda: "no index" not in club.messages())
    assert sandbox.splunkd.errors == []

    # The input's own, while it runs.
    starts = sandbox.splunkd.inputs.count("history").starts
    sandbox.splunkd.remove_index(INDEX)
    club.ring()
    until(lambda: f"There is no index “{INDEX}” on this host" in club.messages())
    sandbox.splunkd.create_index(INDEX)
    club.ring()
    until(lambda: "no index" not in club.messages())
    assert sandbox.splunkd.inputs.count("history").starts == starts


def test_all_faults_are_said_at_once_by_the_page_and_by_splunkd(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox())
    work = club.sandbox.add_application("Work")
    ben = club.sandbox.strava.add_athlete("Ben", "Okafor")
    club.sandbox.connect(ben, "ben", work)
    many: dict[str, str | int] = {
        "application": "Club",
        "athletes": "ben,zoe",
        "index": "nowhere",
        "start_date": "2999-01-01",
        "interval": 59,
        "look_back": 0,
    }
    expected = (
        "name must begin",
        "“ben” is connected to the application “Work”, not to “Club”",
        "no athlete “zoe”",
        "no index “nowhere”",
        "in the future",
        "interval (s) must be",
        "look back (days) must be",
    )
    for path in (PAGE, SPLUNKD):
        text = club.refusal(path, name="1st", **many)
        for word in expected:
            assert word in text, (path, word)
    _, answer = club.sandbox.splunkd.request("GET", club.sandbox.splunkd.path(SPLUNKD))
    assert answer["entry"] == []


def test_before_there_is_an_application_or_an_athlete_the_page_says_what_to_do_first(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    fields: dict[str, str | int] = {"name": "history", "application": "Club", "index": INDEX, "interval": 60}
    for sentence in ("There is no application yet. First enter", "No athlete is connected to the application “Club”"):
        with pytest.raises(SandboxRefused, match=sentence):
            sandbox.post(PAGE, **fields)
        if not sentence.startswith("No"):
            sandbox.add_application("Club")


def test_a_name_belongs_to_one_input_of_either_kind(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox())
    club.sandbox.add_activities_input("history", club.application)
    with pytest.raises(SandboxRefused, match="There is an input Strava Activities with the name “history” already"):
        club.sandbox.add_input("history", club.application)
    webhook = club.sandbox.add_input("club", club.application)
    club.sandbox.wait_until_healthy(webhook)
    with pytest.raises(SandboxRefused, match="There is an input Strava Webhook with the name “club” already"):
        club.sandbox.add_activities_input("club", club.application)


def test_an_input_whose_athlete_has_gone_cannot_be_enabled_and_can_be_deleted(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox())
    club.sandbox.add_activities_input("history", club.application, athletes="anna")
    club.sandbox.post(f"{PAGE}/history", disabled=1)
    assert not club.sandbox.splunkd.inputs.running("history")
    status, _ = club.sandbox.splunkd.request("DELETE", club.sandbox.splunkd.path("TA_strava_webhook_account", "anna"))
    assert status == 200

    assert "There is no athlete “anna”" in club.refusal(f"{PAGE}/history", disabled=0)
    status, _ = club.sandbox.splunkd.request("DELETE", club.sandbox.splunkd.path(PAGE, "history"))
    assert status == 200


def test_two_inputs_for_the_same_athlete_fetch_once_and_say_so(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox(), rides=3)
    club.sandbox.add_activities_input("a", club.application)
    club.sandbox.add_activities_input("b", club.application, athletes="anna")
    until(lambda: all(map(club.is_collected, club.rides)))
    until(lambda: any("is listed by the input" in line for line in club.sandbox.splunkd.log_lines()))

    assert all(len(club.versions(ride)) == 2 for ride in club.rides)
    assert {version["input"] for ride in club.rides for version in club.versions(ride)} == {"a"}
