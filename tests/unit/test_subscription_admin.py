"""Listing, creating and deleting subscriptions by hand: rows and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Optional

import pytest

from strava_collector.input_stanza import parse_webhook_input
from strava_collector.secret import Secret
from strava_collector.settings import Settings, WebhookInput
from strava_collector.subscription_admin import (
    Desk,
    NoSuchSubscription,
    SubscriptionRefused,
    create,
    delete,
    delete_all,
    desk,
    list_all,
)
from strava_collector.subscription_left import tell
from strava_collector.subscription_rules import State
from strava_collector.transport import RequestsTransport
from tests.support.keeping import OTHER_URL, TOKEN, URL, Keeping
from tests.support.message_board import MessageBoard


class Office:
    """A desk with two applications, of which one has an input."""

    def __init__(self, folder: Path) -> None:
        self.keeping = Keeping(folder)
        second = self.keeping.strava.add_application("Second")
        self.second = second
        known = replace(
            self.keeping.application,
            name="Second",
            client_id=str(second.client_id),
            client_secret=Secret(second.client_secret),
        )
        self.keeping.settings = replace(
            self.keeping.settings, applications={"Club": self.keeping.application, "Second": known}
        )
        self.inputs: dict[str, dict[str, str]] = {
            "club": {
                "application": "Club",
                "index": "strava",
                "port": "8443",
                "callback_url": URL,
                "cert_file": "/c.pem",
                "key_file": "/k.pem",
                "manage_subscription": "0",
            }
        }

    @property
    def desk(self) -> Desk:
        k = self.keeping
        return Desk(
            settings=k.settings,
            inputs=self.inputs,
            webhook_input=self._input,
            api=k.api,
            clock=k.clock,
            database=k.database,
        )

    def _input(self, name: str) -> WebhookInput:
        params: Mapping[str, Optional[str]] = self.inputs[name]
        return parse_webhook_input(name, {key: value or "" for key, value in params.items()}, Secret(TOKEN))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.keeping.close()


def test_each_application_has_a_row_also_without_a_subscription(office: Office) -> None:
    there = office.keeping.strava.subscriptions.add(office.keeping.registered, URL)
    club, second = list_all(office.desk)
    assert (club.id, club.application, club.callback_url, club.ours, club.input) == (
        str(there.id),
        "Club",
        URL,
        "yes",
        "club",
    )
    assert club.created_at == there.created_at
    assert (second.id, second.ours, second.fine) == ("", "", True)
    assert second.values()["said"] == "Strava lists no subscription."


def test_somebody_elses_is_listed_as_such(office: Office) -> None:
    office.keeping.strava.subscriptions.add(office.keeping.registered, OTHER_URL)
    club = list_all(office.desk)[0]
    assert (club.callback_url, club.ours, club.input) == (OTHER_URL, "no", "")


def test_an_application_that_cannot_be_listed_holds_up_no_other(office: Office) -> None:
    office.keeping.strava.set_inactive(office.second)
    club, second = list_all(office.desk)
    assert club.fine
    assert not second.fine
    assert "switched the application “Second” off" in second.said
    assert second.values()["fine"] == "no"


def test_it_is_made_for_an_input_and_its_notifications_are_genuine_at_once(office: Office) -> None:
    made = create(office.desk, "club")
    there = office.keeping.found()
    assert (made.id, made.ours, made.input) == (str(there.id), "yes", "club")
    assert office.keeping.known() == there.id


def test_what_is_in_the_way_is_named_with_the_command_that_deletes_it(office: Office) -> None:
    there = office.keeping.strava.subscriptions.add(office.keeping.registered, OTHER_URL)
    with pytest.raises(SubscriptionRefused) as refused:
        create(office.desk, "club")
    assert f"has another subscription already, {there.id}, which leads to {OTHER_URL}, and" in str(refused.value)
    assert f"“strava_admin.py subscriptions delete {there.id}”, then create this one" in str(refused.value)
    assert "--all" not in str(refused.value)
    assert office.keeping.known() is None
    office.inputs["second"] = {**office.inputs["club"], "callback_url": OTHER_URL}
    with pytest.raises(SubscriptionRefused, match=r"\(that is the input “second”\)"):
        create(office.desk, "club")


def test_an_input_that_has_its_subscription_already_is_told_so_and_all_is_well(office: Office) -> None:
    assert create(office.desk, "club").created == "yes"
    again = create(office.desk, "club")
    there = office.keeping.found()
    assert (again.id, again.created, again.fine, again.ours) == (str(there.id), "no", True, "yes")
    assert again.said == f"The input “club” has its subscription already ({there.id})."
    assert office.keeping.known() == there.id


def test_what_is_in_the_way_and_cannot_be_seen_is_told(office: Office) -> None:
    office.keeping.strava.subscriptions.add(office.keeping.registered, OTHER_URL)
    with (
        office.keeping.strava.faults.outage(503, method="GET"),
        pytest.raises(SubscriptionRefused, match=r"has a subscription already, and which one could not be found out\."),
    ):
        create(office.desk, "club")


def test_a_callback_url_that_nobody_answers_is_told(office: Office) -> None:
    office.keeping.door.status = None
    with pytest.raises(SubscriptionRefused, match="could not verify the callback URL"):
        create(office.desk, "club")


def test_an_input_that_does_not_exist_is_told_with_those_that_do(office: Office) -> None:
    with pytest.raises(SubscriptionRefused, match=r"no input “clubb”. The inputs are “club”"):
        create(office.desk, "clubb")
    assert office.keeping.transport.requests == []


def test_one_is_deleted_by_its_number_whichever_application_has_it(office: Office) -> None:
    there = office.keeping.strava.subscriptions.add(office.second, OTHER_URL)
    gone = delete(office.desk, there.id)
    assert (gone.application, gone.said) == ("Second", f"The subscription {there.id} is deleted.")
    assert office.keeping.strava.subscriptions.of(office.second) is None


def test_whoever_deletes_what_an_input_keeps_is_told_that_it_comes_back(office: Office) -> None:
    there = office.keeping.strava.subscriptions.add(office.keeping.registered, URL)
    office.inputs["club"]["manage_subscription"] = "1"
    assert "The input “club” keeps the application's subscription" in delete(office.desk, there.id).said


def test_a_number_that_nobody_has_is_told(office: Office) -> None:
    with pytest.raises(NoSuchSubscription, match="has the subscription 4711"):
        delete(office.desk, 4711)


def test_a_number_that_nobody_has_may_be_of_who_did_not_answer(office: Office) -> None:
    office.keeping.strava.set_inactive(office.second)
    with pytest.raises(NoSuchSubscription, match=r"Not everybody could be asked. “Second”"):
        delete(office.desk, 4711)


def test_all_are_deleted_of_one_application_or_of_every(office: Office) -> None:
    subscriptions = office.keeping.strava.subscriptions
    subscriptions.add(office.keeping.registered, URL)
    subscriptions.add(office.second, OTHER_URL)
    assert [row.application for row in delete_all(office.desk, "Second")] == ["Second"]
    assert subscriptions.of(office.keeping.registered) is not None
    assert [row.application for row in delete_all(office.desk)] == ["Club"]
    assert delete_all(office.desk) == []


def test_what_could_not_be_deleted_has_a_row_that_says_why(office: Office) -> None:
    office.keeping.strava.subscriptions.add(office.keeping.registered, URL)
    with office.keeping.strava.faults.outage(503, method="DELETE"):
        (row,) = delete_all(office.desk, "Club")
    assert not row.fine
    assert "503" in row.said


def test_an_application_that_does_not_exist_is_told(office: Office) -> None:
    with pytest.raises(SubscriptionRefused, match="no application “<".replace("<", "‹")):
        delete_all(office.desk, "<Clubb>")


def test_without_a_store_everything_works_and_nothing_is_remembered(office: Office) -> None:
    made = create(replace(office.desk, database=None), "club")
    assert made.id
    assert office.keeping.known() is None


class Told:
    """A reader of what the office knows."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def settings(self) -> Settings:
        return self._office.keeping.settings

    def stored_inputs(self) -> dict[str, dict[str, str]]:
        return self._office.inputs

    def webhook_input(self, name: str, params: Mapping[str, Optional[str]]) -> WebhookInput:
        raise AssertionError("nobody asks for it here")


@pytest.mark.parametrize("fault", [None, SubscriptionRefused("Something went wrong.")])
def test_connections_to_strava_are_closed_whatever_happens(
    office: Office, monkeypatch: pytest.MonkeyPatch, fault: Optional[Exception]
) -> None:
    closed = []
    monkeypatch.setattr(RequestsTransport, "close", lambda self: closed.append(self))
    with suppress(SubscriptionRefused), desk(Told(office), office.keeping.clock):
        assert closed == []
        if fault is not None:
            raise fault
    assert len(closed) == 1


def test_no_row_and_no_sentence_has_a_secret(office: Office) -> None:
    said = str(create(office.desk, "club")) + str(list_all(office.desk)) + str(delete_all(office.desk))
    for secret in (TOKEN, office.keeping.registered.client_secret, office.second.client_secret):
        assert secret not in said


# What it leaves behind.


def test_what_the_running_input_keeps_follows_what_is_made_and_deleted_by_hand(office: Office) -> None:
    k = office.keeping
    office.inputs["club"]["manage_subscription"] = "1"
    k.keep()
    first = k.found().id
    delete(office.desk, first)
    watch = k.watch()
    assert (watch.subscription_id, watch.state) == (None, State.WAITING)
    assert watch.said == f"The subscription {first} was deleted by hand. The input makes another within an hour."
    made = create(office.desk, "club")
    assert str(k.watch().subscription_id) == made.id
    assert made.id in k.watch().said
    # The bell has been rung, and it looks at once.
    k.keep()
    assert (k.state(), str(k.found().id)) == (State.KEPT, made.id)


def test_one_that_was_made_by_hand_is_the_inputs_own_when_the_box_is_ticked_again(office: Office) -> None:
    k = office.keeping
    k.begin(manage_subscription=False)
    k.keep()
    made = create(office.desk, "club")
    assert (k.state(), str(k.watch().subscription_id)) == (State.BY_HAND, made.id)
    k.door.callback_url = URL + "-moved"
    k.begin(manage_subscription=True, callback_url=URL + "-moved")
    k.keep()
    assert (k.state(), k.found().callback_url) == (State.KEPT, URL + "-moved")


def test_nobody_is_promised_that_a_call_by_hand_is_made_again(office: Office) -> None:
    k = office.keeping
    said = []
    for fault in (k.strava.faults.outage(503), k.strava.faults.rate_limited()):
        with fault:
            said.append(list_all(office.desk)[0].said)
            with pytest.raises(SubscriptionRefused) as refused:
                create(office.desk, "club")
            said.append(str(refused.value))
    k.strava.set_inactive(k.registered)
    said.append(list_all(office.desk)[0].said)
    assert all(said)
    assert not [text for text in said if "again by itself" in text or "is tried again" in text]
    assert "status 503). Try again later." in said[0]


def test_an_input_that_is_disabled_is_named_as_the_reason_that_nobody_answered(office: Office) -> None:
    office.keeping.door.status = None
    office.inputs["club"]["disabled"] = "1"
    with pytest.raises(SubscriptionRefused, match="The input “club” is disabled, so it answers nobody: enable it"):
        create(office.desk, "club")


def test_what_a_probe_of_the_callback_url_saw_is_told(office: Office) -> None:
    office.keeping.door.status = None
    nowhere = "https://localhost:9/strava/nobody-there"
    office.inputs["club"]["callback_url"] = nowhere
    with pytest.raises(SubscriptionRefused, match="Tried from this host:"):
        create(office.desk, "club")


@pytest.mark.parametrize("how", ["deleted", "all deleted", "listed as gone"])
def test_the_message_about_one_that_was_left_goes_when_it_is_gone(office: Office, how: str) -> None:
    board = MessageBoard()
    tell(board, input="club", application="Club", why="Strava did not answer.", subscription_id=7)
    assert len(board.shown) == 1
    desk = replace(office.desk, messages=board)
    if how == "listed as gone":
        list_all(desk)
    else:
        there = office.keeping.strava.subscriptions.add(office.keeping.registered, URL)
        list_all(desk)
        assert len(board.shown) == 1
        if how == "deleted":
            delete(desk, there.id)
        else:
            delete_all(desk, "Club")
    assert board.shown == {}
