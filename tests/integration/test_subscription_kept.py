"""The subscription over real TLS: the built input makes it by itself, keeps it, and removes it when it is told to."""

from __future__ import annotations

from dataclasses import replace

import pytest
import requests

from sandbox.latest import Latest
from sandbox.patience import patience
from sandbox.sandbox import Input, Sandbox, free_port
from sandbox.strava import Application, Athlete
from sandbox.strava.subscriptions import Subscription
from tests.integration.conftest import MakeSandbox
from tests.support.operator_desk import OperatorDesk
from tests.support.waiting import until

INPUTS = "TA_strava_webhook_strava_webhook"
ELSEWHERE = "https://elsewhere.example.org/hook"


class Club:
    """An application, an athlete and an input that has just been saved."""

    def __init__(self, sandbox: Sandbox, **more: str | int) -> None:
        self.sandbox = sandbox
        self.application: Application = sandbox.add_application("Club")
        self.anna: Athlete = sandbox.strava.add_athlete("Anna", "Bergström")
        sandbox.connect(self.anna, "anna", self.application)
        self.before()
        self.input: Input = sandbox.add_input("club", self.application, **more)
        self.latest = Latest()

    def before(self) -> None:
        """What is at Strava before the input is made."""

    @property
    def there(self) -> Subscription | None:
        return self.sandbox.strava.subscriptions.of(self.application)

    def subscribed(self) -> int:
        return self.sandbox.subscribe(self.application, self.input)

    def message(self) -> str:
        """What Splunk Web's messages say of the subscription."""
        found = [one.value for one in self.sandbox.splunkd.messages if one.name.endswith("_subscription")]
        return found[0] if found else ""

    def left(self) -> str:
        """What the messages say of a subscription that should have been removed."""
        found = [one.value for one in self.sandbox.splunkd.messages if "_subscription_left_" in one.name]
        return found[0] if found else ""

    def row(self) -> dict[str, str]:
        """The input as the table shows it."""
        splunkd = self.sandbox.splunkd
        status, answer = splunkd.request("GET", splunkd.path(INPUTS, "club"))
        assert status == 200
        return dict(answer["entry"][0]["content"])

    def logged(self, action: str) -> int:
        return sum(f"action={action} " in line for line in self.sandbox.splunkd.log_lines())

    def collects(self) -> None:
        """A ride comes through."""
        ride = self.sandbox.strava.record(self.anna, title="Morning Ride")
        until(lambda: self._has(ride.id))

    def _has(self, activity_id: int) -> bool:
        self.latest.take(self.sandbox.splunkd.index.events())
        return self.latest.of(activity_id) is not None


class ClubWithForeignSubscription(Club):
    """Somebody else's subscription is at Strava."""

    def before(self) -> None:
        self.sandbox.strava.subscriptions.add(self.application, ELSEWHERE)


def test_an_input_makes_its_subscription_and_collects(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox())
    made = club.subscribed()
    club.collects()
    (challenge,) = club.sandbox.strava.subscriptions.call_backs
    assert challenge.status == 200
    assert club.message() == ""
    row = club.row()
    assert (row["subscription"], str(made) in row["subscription_help"]) == ("kept", True)
    logs = "\n".join(club.sandbox.splunkd.log_lines())
    for secret in (club.application.client_secret, club.input.verify_token):
        assert secret not in logs


def test_an_input_that_is_started_again_asks_nothing(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox())
    club.subscribed()
    calls = len(club.sandbox.strava.statistics.calls)
    for _ in range(2):
        club.sandbox.splunkd.inputs.stop("club")
        club.sandbox.splunkd.inputs.start("club")
        club.sandbox.wait_until_healthy(club.input)
    club.collects()
    asked = [call.path for call in club.sandbox.strava.statistics.calls[calls:] if "push_subscriptions" in call.path]
    assert asked == []


def test_one_that_is_made_by_hand_is_left_to_its_maker(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox(), manage_subscription=0)
    club.sandbox.wait_until_healthy(club.input)
    until(lambda: club.row()["subscription"] == "by hand")
    assert club.there is None
    club.sandbox.subscribe_by_hand(club.application, club.input)
    club.collects()


def test_a_callback_url_that_leads_nowhere_is_told_with_what_was_seen_there(make_sandbox: MakeSandbox) -> None:
    nowhere = f"https://localhost:{free_port()}/strava/nobody-there"
    club = Club(make_sandbox(), callback_url=nowhere, in_front="router")
    until(club.message)
    assert nowhere in club.message()
    assert "Tried from this host:" in club.message()
    assert club.row()["subscription"] == "not verifiable"
    # Corrected, it is made at once.
    club.sandbox.post(f"{INPUTS}/club", callback_url=club.input.callback_url)
    club.subscribed()
    until(lambda: club.message() == "")


def test_another_callback_url_is_left_alone_until_the_user_allows_otherwise(make_sandbox: MakeSandbox) -> None:
    club = ClubWithForeignSubscription(make_sandbox())
    until(club.message)
    assert ELSEWHERE in club.message()
    assert club.row()["subscription"] == "another callback URL"
    assert club.there is not None
    assert club.there.callback_url == ELSEWHERE
    club.sandbox.post(f"{INPUTS}/club", replace_subscription=1)
    club.subscribed()
    club.collects()


@pytest.mark.parametrize("how", ["saved", "disabled and enabled"])
def test_saved_without_a_change_it_takes_once_more_what_another_installation_took(
    make_sandbox: MakeSandbox, how: str
) -> None:
    club = ClubWithForeignSubscription(make_sandbox(), replace_subscription=1)
    club.subscribed()
    subscriptions = club.sandbox.strava.subscriptions
    subscriptions.remove(club.application)
    subscriptions.add(club.application, ELSEWHERE)
    if how == "saved":
        club.sandbox.post(f"{INPUTS}/club", interval=11, replace_subscription=1)
    else:
        club.sandbox.post(f"{INPUTS}/club", disabled=1)
        until(lambda: not club.sandbox.splunkd.inputs.running("club"))
        club.sandbox.post(f"{INPUTS}/club", disabled=0)
    club.subscribed()


def test_another_verify_token_and_another_address_make_it_anew(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox())
    first = club.subscribed()
    club.sandbox.post(f"{INPUTS}/club", verify_token="another-verify-token")
    until(lambda: club.logged("subscription_created") == 2)
    second = club.subscribed()
    assert second != first
    port = free_port()
    moved = replace(club.input, port=port, callback_url=f"https://localhost:{port}/strava/moved")
    club.sandbox.post(f"{INPUTS}/club", port=moved.port, callback_url=moved.callback_url)
    club.input = moved
    assert club.subscribed() != second
    club.collects()


def test_while_a_changed_callback_url_cannot_be_told_to_strava_notifications_arrive_on_the_former_path(
    make_sandbox: MakeSandbox,
) -> None:
    club = Club(make_sandbox())
    first, former = club.subscribed(), club.input.callback_url
    moved = replace(club.input, callback_url=f"https://localhost:{club.input.port}/strava/moved")
    with club.sandbox.strava.faults.outage(503, path="/api/v3/push_subscriptions"):
        club.sandbox.post(f"{INPUTS}/club", callback_url=moved.callback_url)
        club.input = moved
        club.sandbox.wait_until_healthy(moved)
        club.collects()
        assert club.there is not None
        assert club.there.callback_url == former
    # Nobody waits for the pause: the input is saved once more.
    club.sandbox.post(f"{INPUTS}/club", interval=11)
    assert club.subscribed() != first
    club.collects()
    late = {"object_type": "activity", "object_id": 1, "aspect_type": "update", "owner_id": club.anna.id}
    late |= {"subscription_id": first, "event_time": 1_700_000_000, "updates": {}}
    with requests.Session() as stranger:
        stranger.trust_env = False
        stranger.verify = str(club.sandbox.certificates.ca_file)
        assert stranger.post(former, json=late, timeout=patience(10)).status_code == 200
        query = {"hub.mode": "subscribe", "hub.verify_token": moved.verify_token, "hub.challenge": "1"}
        assert stranger.get(former, params=query, timeout=patience(10)).status_code == 404
        assert stranger.post(f"{former}x", json=late, timeout=patience(10)).status_code == 404


@pytest.mark.parametrize("how", ["page", "splunkd", "deleted", "deleted, and stopped before"])
def test_it_is_removed_when_the_input_is_disabled_or_deleted_and_not_before(
    make_sandbox: MakeSandbox, how: str
) -> None:
    club = Club(make_sandbox(), remove_subscription=1)
    splunkd = club.sandbox.splunkd
    made = club.subscribed()
    splunkd.inputs.stop("club")
    splunkd.inputs.start("club")
    club.sandbox.wait_until_healthy(club.input)
    club.sandbox.post(f"{INPUTS}/club", interval=11)
    club.sandbox.wait_until_healthy(club.input)
    assert club.subscribed() == made
    if how == "page":
        splunkd.request("POST", splunkd.path(f"{INPUTS}/club"), {"disabled": "1"})
    elif how == "splunkd":
        splunkd.request("POST", splunkd.path("data/inputs/strava_webhook/club/disable"), {})
    else:
        splunkd.inputs.stops_before_removing = how.endswith("before")
        splunkd.request("DELETE", splunkd.path(INPUTS, "club"))
    until(lambda: not splunkd.inputs.running("strava_webhook://club"))
    assert club.sandbox.strava.subscriptions.of(club.application) is None
    assert club.logged("subscription_removed") == 1
    assert splunkd.inputs.count("strava_webhook://club").forced == 0


def test_the_second_of_two_inputs_of_an_application_says_who_has_the_subscription(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox())
    club.subscribed()
    splunkd = club.sandbox.splunkd
    splunkd.request("POST", splunkd.path(f"{INPUTS}/club"), {"disabled": "1"})
    second = club.sandbox.add_input("second", club.application)
    # The first one's subscription is not the second's, which may not replace it.
    club.sandbox.strava.subscriptions.remove(club.application)
    club.sandbox.post(f"{INPUTS}/second", interval=11)
    club.sandbox.subscribe(club.application, second)
    splunkd.request("POST", splunkd.path("data/inputs/strava_webhook/club/enable"), {})
    until(lambda: club.row()["subscription_help"].startswith("The input “second” keeps the subscription"))
    assert club.row()["subscription"] == "waiting"


def test_by_default_it_is_left_when_the_input_is_disabled(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox())
    made = club.subscribed()
    splunkd = club.sandbox.splunkd
    splunkd.request("POST", splunkd.path(f"{INPUTS}/club"), {"disabled": "1"})
    until(lambda: not splunkd.inputs.running("club"))
    assert club.there is not None
    assert club.there.id == made
    assert club.row()["subscription"] == ""


def test_a_removal_that_strava_does_not_answer_neither_delays_the_end_nor_goes_untold(
    make_sandbox: MakeSandbox,
) -> None:
    club = Club(make_sandbox(), remove_subscription=1)
    club.subscribed()
    splunkd = club.sandbox.splunkd
    with club.sandbox.strava.faults.outage("timeout", method="DELETE"):
        splunkd.request("POST", splunkd.path(f"{INPUTS}/club"), {"disabled": "1"})
        until(lambda: not splunkd.inputs.running("club"))
    assert splunkd.inputs.count("club").forced == 0
    assert club.logged("subscription_not_removed") == 1
    assert "Strava had not answered when the input had to end" in club.left()
    # An input that is enabled again takes it back.
    splunkd.request("POST", splunkd.path(f"{INPUTS}/club"), {"disabled": "0"})
    until(lambda: club.left() == "")


@pytest.mark.parametrize("how", ["disabled", "deleted"])
def test_where_no_process_runs_that_could_remove_it_the_user_is_told(make_sandbox: MakeSandbox, how: str) -> None:
    club = Club(make_sandbox(), remove_subscription=1)
    made = club.subscribed()
    splunkd = club.sandbox.splunkd
    splunkd.inputs.kill("club")
    until(lambda: not splunkd.inputs.running("club"))
    if how == "disabled":
        splunkd.request("POST", splunkd.path(f"{INPUTS}/club"), {"disabled": "1"})
    else:
        splunkd.request("DELETE", splunkd.path(INPUTS, "club"))
    assert club.there is not None
    assert "No process of the input ran that could have removed it" in club.left()
    assert "tried again" not in club.left()
    assert club.logged("subscription_not_removed") == 1
    code, said = OperatorDesk(splunkd).run("subscriptions", "delete", str(made))
    assert code == 0, said
    assert club.sandbox.strava.subscriptions.of(club.application) is None
    assert club.left() == ""
