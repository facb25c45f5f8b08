"""Athletes come and go: the built handlers of the tab *Athletes* with both stand-ins, and an input beside them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Optional, Union

import pytest

from sandbox.sandbox import Input, Sandbox, SandboxRefused
from sandbox.strava import Application, Athlete
from tests.integration.conftest import MakeSandbox
from tests.support.waiting import until

ACCOUNT = "TA_strava_webhook_account"
READ = "read,activity:read"
WITH_PROFILE = "read,activity:read,activity:read_all,profile:read_all"


class Club:
    """An application and two athletes at Strava; the first is connected."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.application: Application = sandbox.add_application("club")
        self.anna: Athlete = sandbox.strava.add_athlete("Anna", "Bergström")
        self.ben: Athlete = sandbox.strava.add_athlete("Ben", "Santos")
        sandbox.connect(self.anna, "anna", self.application)

    def listen(self) -> Input:
        made = self.sandbox.add_input("club", self.application)
        self.sandbox.wait_until_healthy(made)
        self.sandbox.subscribe(self.application, made)
        return made

    def row(self, name: str = "anna") -> dict[str, Any]:
        return self.rows()[name]

    def rows(self) -> dict[str, dict[str, Any]]:
        splunkd = self.sandbox.splunkd
        status, answer = splunkd.request("GET", splunkd.path(ACCOUNT))
        assert status == 200
        return {entry["name"]: entry["content"] for entry in answer["entry"]}

    def saved(self, name: str = "anna") -> dict[str, Any]:
        """The stanza itself."""
        splunkd = self.sandbox.splunkd
        status, answer = splunkd.request("GET", splunkd.path("configs/conf-ta_strava_webhook_account", name))
        assert status == 200
        content = answer["entry"][0]["content"]
        assert isinstance(content, dict)
        return content

    def delete(self, name: str = "anna") -> str:
        """Delete the row; what the page shows if it is refused."""
        splunkd = self.sandbox.splunkd
        status, answer = splunkd.request("DELETE", splunkd.path(ACCOUNT, name))
        return "" if status == 200 else str(answer["messages"][0]["text"])

    def save(
        self,
        name: str,
        handle: str,
        *,
        create: bool = True,
        index: str = "",
        application: Optional[Application] = None,
    ) -> tuple[int, str]:
        """Save a row with a consent; the status, and what the page shows if it is refused."""
        splunkd, application = self.sandbox.splunkd, application or self.application
        form: dict[str, Union[str, int]] = {"application": application.name, "client_id": application.client_id}
        form.update(scope=READ, endpoint="localhost", access_token=handle, index=index)
        if create:
            status, answer = splunkd.request("POST", splunkd.path(ACCOUNT), {"name": name, **form})
        else:
            status, answer = splunkd.request("POST", splunkd.path(ACCOUNT, name), form)
        return status, "" if status < 300 else str(answer["messages"][0]["text"])

    def expire(self, handle: str) -> None:
        """Make a consent one of yesterday."""
        splunkd, realm = self.sandbox.splunkd, "ta_strava_webhook_pending"
        for entry in splunkd.request("GET", splunkd.path("storage/passwords"))[1]["entry"]:
            content = entry["content"]
            if content["username"].startswith(handle):
                old = f"1-{content['username'].partition('-')[2]}"
                form = {"name": old, "realm": realm, "password": content["clear_password"]}
                assert splunkd.request("POST", splunkd.path("storage/passwords"), form)[0] == 201
                path = splunkd.path("storage/passwords", f"{realm}:{content['username']}:")
                assert splunkd.request("DELETE", path)[0] == 200

    def secrets(self) -> list[str]:
        """Tokens of rows and of consents."""
        splunkd = self.sandbox.splunkd
        _, answer = splunkd.request("GET", splunkd.path("storage/passwords"))
        realms = ("ta_strava_webhook_tokens", "ta_strava_webhook_pending")
        return [entry["content"]["username"] for entry in answer["entry"] if entry["content"]["realm"] in realms]

    def tokens(self) -> list[str]:
        splunkd = self.sandbox.splunkd
        _, answer = splunkd.request("GET", splunkd.path("storage/passwords"))
        contents = [entry["content"] for entry in answer["entry"]]
        return [str(one["username"]) for one in contents if one["realm"] == "ta_strava_webhook_tokens"]

    def logged(self, action: str) -> list[str]:
        return [line for line in self.sandbox.splunkd.log_lines() if f"action={action} " in f"{line} "]

    def collect(self, athlete: Athlete) -> int:
        """A ride of the athlete's, in the index."""
        ride = self.sandbox.strava.record(athlete)
        until(lambda: any(event["id"] == ride.id for event in self.events()))
        return ride.id

    def events(self) -> list[dict[str, Any]]:
        found = self.sandbox.splunkd.index.events()
        return [json.loads(event.raw) for event in found if event.sourcetype == "strava:activities"]

    def of(self, sourcetype: str) -> dict[Union[int, str], dict[str, Any]]:
        """The latest events of a sourcetype, by their ids."""
        found = self.sandbox.splunkd.index.events()
        bodies = [json.loads(event.raw) for event in found if event.sourcetype == sourcetype]
        return {body["id"]: body for body in bodies}


@pytest.fixture
def club(make_sandbox: MakeSandbox) -> Club:
    return Club(make_sandbox())


def test_the_table_says_how_athletes_are_and_saves_none_of_it(club: Club) -> None:
    assert (club.row()["state"], club.row()["last_activity"]) == ("connected", "none yet")
    made = club.listen()
    club.collect(club.anna)
    until(lambda: "begun" in club.row()["last_activity_help"])
    assert club.row()["granted_scope"].startswith("All activities")
    # An edit without a consent, as a script may make it.
    club.sandbox.post(f"{ACCOUNT}/anna", index="main", application="club", client_id=1, endpoint="x.y")
    assert {"state", "state_help", "last_activity"}.isdisjoint(club.saved())
    assert club.saved()["granted_scope"] == "read,activity:read,activity:read_all"
    club.sandbox.strava.deauthorize(club.anna)
    until(lambda: club.row()["state"] == "disconnected")
    assert "withdrawn" in club.row()["state_help"]
    assert made.name == "club"


def test_a_refused_token_shows_and_a_reconnect_ends_it_without_losing_anything(club: Club) -> None:
    club.listen()
    first = club.collect(club.anna)
    strava = club.sandbox.strava
    strava.expire_access_token(club.anna)
    strava.revoke_refresh_token(club.anna)
    waiting = strava.record(club.anna)
    until(lambda: club.row()["state"] == "needs to reconnect")
    before = club.saved()
    club.sandbox.connect(club.anna, "anna", club.application, again=True)
    assert club.row()["state"] == "connected"
    until(lambda: {first, waiting.id} <= {event["id"] for event in club.events()})
    after = club.saved()
    assert before["connected_at"] != after["connected_at"]
    assert {**before, "connected_at": ""} == {**after, "connected_at": ""}


def test_a_deleted_athlete_leaves_nothing_but_tombstones(club: Club) -> None:
    club.listen()
    club.sandbox.connect(club.ben, "ben", club.application)
    ride, bens = club.collect(club.anna), club.collect(club.ben)
    splunkd, strava = club.sandbox.splunkd, club.sandbox.strava
    message = f"ta_strava_webhook_club_athlete_{club.anna.id}"
    splunkd.request("POST", "/services/messages", {"name": message, "value": "Anna …", "severity": "error"})
    assert club.delete() == ""
    assert strava.granted_scope(club.application, club.anna) == frozenset()
    assert list(club.rows()) == ["ben"]
    assert club.tokens() == [str(club.ben.id)]
    assert all(entry["name"] != message for entry in splunkd.request("GET", "/services/messages")[1]["entry"])
    until(lambda: club.logged("athlete_forgotten"))
    assert [event["id"] for event in club.events() if event.get("deleted")] == [ride]
    assert any(f"activity_id={ride} " in line for line in club.logged("erase"))
    # Strava's own notification of the withdrawal.
    until(lambda: any('meaning="recorded only"' in line for line in club.logged("dispatched")))
    another = strava.record(club.ben)
    until(lambda: another.id in {event["id"] for event in club.events()})
    assert bens in {event["id"] for event in club.events() if not event.get("deleted")}


def test_who_comes_back_after_being_deleted_starts_anew(club: Club) -> None:
    club.listen()
    old = club.collect(club.anna)
    assert club.delete() == ""
    until(lambda: club.logged("athlete_forgotten"))
    club.sandbox.connect(club.anna, "anna-again", club.application)
    new = club.collect(club.anna)
    assert club.row("anna-again")["state"] == "connected"
    assert [event["id"] for event in club.events() if event.get("deleted")] == [old]
    assert new != old


def test_an_athlete_who_is_deleted_while_no_input_runs_is_forgotten_by_the_next(club: Club) -> None:
    made = club.listen()
    ride = club.collect(club.anna)
    splunkd = club.sandbox.splunkd
    path = splunkd.path("TA_strava_webhook_strava_webhook", made.name)
    assert splunkd.request("POST", path, {"disabled": "1"})[0] == 200
    until(lambda: club.logged("stopped"))
    assert club.row()["last_activity"].startswith("20"), "also while nobody has the store open"
    assert club.delete() == ""
    assert splunkd.request("POST", path, {"disabled": "0"})[0] == 200
    until(lambda: club.logged("athlete_forgotten"))
    assert [event["id"] for event in club.events() if event.get("deleted")] == [ride]


def test_a_strava_that_is_down_keeps_the_row(club: Club) -> None:
    with club.sandbox.strava.faults.outage(path="/oauth/revoke"):
        said = club.delete()
    assert "“anna” was not deleted: Strava's OAuth service cannot answer now (status 503)." in said
    assert "https://www.strava.com/settings/apps" in said
    assert club.row()["state"] == "connected"
    assert club.tokens() == [str(club.anna.id)]
    assert club.delete() == ""


def test_a_page_of_the_network_is_no_answer_of_stravas(club: Club) -> None:
    with club.sandbox.strava.faults.outage("html_200", path="/oauth/revoke"):
        said = club.delete()
    assert "“anna” was not deleted: Strava's OAuth service sent an answer that cannot be used (status 200)" in said
    assert club.row()["state"] == "connected"
    assert club.sandbox.strava.granted_scope(club.application, club.anna)


def test_deleting_ends_a_permission_that_was_renewed_and_not_saved(club: Club) -> None:
    """The exchange of the code has killed the row's tokens; the living ones are in the consent."""
    club.sandbox.consent(club.anna, club.application)
    assert club.delete() == ""
    assert club.sandbox.strava.granted_scope(club.application, club.anna) == frozenset()
    assert club.secrets() == []


def test_without_tokens_it_is_said_that_the_permission_may_stand(club: Club) -> None:
    splunkd = club.sandbox.splunkd
    path = splunkd.path("storage/passwords", f"ta_strava_webhook_tokens:{club.anna.id}:")
    assert splunkd.request("DELETE", path)[0] == 200
    assert club.delete() == ""
    messages = [str(message) for message in splunkd.request("GET", "/services/messages")[1]["entry"]]
    assert any(f"Athlete {club.anna.id} was deleted here" in message for message in messages)


def test_a_row_that_cannot_be_saved_leaves_no_permission(club: Club) -> None:
    handle = club.sandbox.consent(club.ben, club.application)
    assert "no row of this name" in club.save("ben", handle, create=False)[1]
    assert club.sandbox.strava.granted_scope(club.application, club.ben) == frozenset()
    assert club.secrets() == [str(club.anna.id)]


def test_deleting_and_reconnecting_at_once_leaves_no_tokens_without_a_row(club: Club) -> None:
    for _ in range(3):
        handle = club.sandbox.consent(club.anna, club.application)
        with ThreadPoolExecutor(2) as both:
            deleted, saved = both.submit(club.delete), both.submit(club.save, "anna", handle, create=False)
        assert deleted.result() == ""
        assert saved.result()[0] == 200 or "no row of this name" in saved.result()[1] or "too old" in saved.result()[1]
        assert (club.rows(), club.secrets()) == ({}, [])
        assert club.sandbox.strava.granted_scope(club.application, club.anna) == frozenset()
        club.sandbox.connect(club.anna, "anna", club.application)


def test_an_input_sees_to_consents_that_came_to_nothing(club: Club) -> None:
    """Ben has no row: his permission ends. Anna has one, whose tokens her new consent has killed: she gets the new."""
    for athlete in (club.anna, club.ben):
        club.expire(club.sandbox.consent(athlete, club.application, scope=READ))
    club.listen()
    until(lambda: club.secrets() == [str(club.anna.id)])
    assert club.sandbox.strava.granted_scope(club.application, club.ben) == frozenset()
    assert club.saved()["granted_scope"] == READ
    club.sandbox.strava.expire_access_token(club.anna)
    club.collect(club.anna)
    assert club.sandbox.strava.granted_scope(club.application, club.anna)


def test_one_consent_makes_one_row(club: Club) -> None:
    handle = club.sandbox.consent(club.ben, club.application)
    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(lambda name: club.save(name, handle), ("ben", "benny")))
    assert sorted(status < 300 for status, _ in answers) == [False, True]
    assert len(club.rows()) == 2


def test_two_consents_of_one_athlete_make_one_row(club: Club) -> None:
    handles = {
        "ben": club.sandbox.consent(club.ben, club.application),
        "benny": club.sandbox.consent(club.ben, club.application),
    }
    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(lambda name: club.save(name, handles[name]), handles))
    assert sorted(status < 300 for status, _ in answers) == [False, True]
    assert len(club.rows()) == 2


def test_an_application_is_not_deleted_while_an_athlete_is_connected_to_it(club: Club) -> None:
    splunkd, other = club.sandbox.splunkd, club.sandbox.add_application("other")
    handle = club.sandbox.consent(club.ben, other)
    path = splunkd.path("TA_strava_webhook_application", "other")
    with ThreadPoolExecutor(2) as both:
        saved = both.submit(club.save, "ben", handle, application=other)
        deleted = both.submit(splunkd.request, "DELETE", path)
    assert (saved.result()[0] == 201) != (deleted.result()[0] == 200)
    assert ("ben" in club.rows()) == (saved.result()[0] == 201)


def test_an_athletes_index_must_exist(club: Club) -> None:
    handle = club.sandbox.consent(club.ben, club.application)
    status, said = club.save("ben", handle, index="nosuchindex")
    assert status >= 400 and "There is no index “nosuchindex” on this host" in said
    assert club.save("ben", handle, index="main")[0] == 201, "the consent is still good"
    with pytest.raises(SandboxRefused, match="There is no index “nosuchindex”"):
        club.sandbox.post(f"{ACCOUNT}/ben", index="nosuchindex", application="club")
    assert club.saved("ben")["index"] == "main"


def test_what_was_asked_for_changes_with_a_consent_only(club: Club) -> None:
    before = club.saved()["scope"]
    with pytest.raises(SandboxRefused, match="Another permission needs the athlete's consent"):
        club.sandbox.post(f"{ACCOUNT}/anna", application="club", scope=READ)
    assert club.saved()["scope"] == before != READ
    club.sandbox.post(f"{ACCOUNT}/anna", application="club", scope=before, index="main")


def test_an_application_that_is_gone_is_in_nobodys_way(club: Club) -> None:
    splunkd = club.sandbox.splunkd
    # Not by the page, which refuses that as long as the application has athletes.
    conf = splunkd.path("configs/conf-ta_strava_webhook_application", "club")
    assert splunkd.request("DELETE", conf)[0] == 200
    assert club.delete() == ""
    assert club.tokens() == []


def test_a_row_that_was_never_connected_can_be_deleted(club: Club) -> None:
    splunkd = club.sandbox.splunkd
    conf = splunkd.path("configs/conf-ta_strava_webhook_account")
    assert splunkd.request("POST", conf, {"name": "empty", "application": "club"})[0] == 201
    assert club.row("empty")["state"] == "disconnected"
    assert club.delete("empty") == ""
    assert list(club.rows()) == ["anna"]


def test_a_row_that_is_not_there_cannot_be_deleted(club: Club) -> None:
    assert "There is no row of this name" in club.delete("nobody")


def test_an_athlete_who_is_connected_under_another_name_stays_so(club: Club) -> None:
    """Strava gives new tokens for the second consent, and the first ones are dead: they must not be thrown away."""
    with pytest.raises(SandboxRefused, match=r"connected already, as “anna”.*counts for “anna” now"):
        club.sandbox.connect(club.anna, "annie", club.application)
    assert list(club.rows()) == ["anna"]
    club.sandbox.strava.expire_access_token(club.anna)
    club.listen()
    club.collect(club.anna)


def test_a_consent_is_good_for_one_row(club: Club) -> None:
    """The handle that the browser has is worth nothing when it has been redeemed."""
    splunkd, kept = club.sandbox.splunkd, "ta_strava_webhook_pending"
    before = splunkd.request("GET", splunkd.path("storage/passwords"))[1]["entry"]
    assert all(entry["content"]["realm"] != kept for entry in before)
    for handle in ("1795271760-0123456789abcdef", "no handle", "9999999999-0123456789abcdef"):
        with pytest.raises(SandboxRefused, match="too old or has been used already"):
            club.sandbox.post(
                ACCOUNT,
                name="ben",
                application="club",
                scope=READ,
                client_id=club.application.client_id,
                endpoint="localhost",
                access_token=handle,
            )
    assert list(club.rows()) == ["anna"]


def test_the_wrong_account_is_refused_and_harms_neither_row(club: Club) -> None:
    club.sandbox.connect(club.ben, "ben", club.application)
    with pytest.raises(SandboxRefused, match="“anna” is athlete"):
        club.sandbox.connect(club.ben, "anna", club.application, again=True, scope=READ)
    assert club.saved()["athlete_id"] == str(club.anna.id)
    assert club.row("ben")["granted_scope"] == "All but private activities", "that is what Strava grants now"
    club.listen()
    club.collect(club.anna)
    club.collect(club.ben)


def test_private_activities_that_were_unticked_are_missed_in_words(club: Club) -> None:
    club.sandbox.connect(club.ben, "ben", club.application, untick=("activity:read_all",))
    assert "private activities: unticked" in club.row("ben")["granted_scope"]


def test_with_the_profile_permitted_ftp_zones_and_gear_are_collected(club: Club) -> None:
    club.sandbox.connect(club.ben, "ben", club.application, scope=WITH_PROFILE)
    assert club.row("ben")["granted_scope"] == "All activities, and the profile"
    assert club.saved("ben")["scope"] == WITH_PROFILE
    club.listen()
    until(lambda: {club.anna.id, club.ben.id} <= club.of("strava:athlete").keys())
    profile = club.of("strava:athlete")[club.ben.id]
    assert profile["ftp"] == club.ben.profile.ftp
    assert profile["zones"].keys() >= {"heart_rate", "power"}
    gear = {one["id"] for one in (*profile["bikes"], *profile["shoes"])}
    until(lambda: gear <= club.of("strava:gear").keys())
    assert not {"ftp", "zones", "bikes", "shoes"} & club.of("strava:athlete")[club.anna.id].keys()


def test_a_scope_that_the_page_does_not_offer_is_refused(club: Club) -> None:
    with pytest.raises(SandboxRefused, match="Permission: choose"):
        club.sandbox.connect(club.ben, "ben", club.application, scope="read,activity:read,profile:read_all")
    assert list(club.rows()) == ["anna"]


def test_without_the_activities_nothing_is_connected(club: Club) -> None:
    with pytest.raises(SandboxRefused, match="boxes that let this add-on see activities were not ticked"):
        club.sandbox.connect(club.ben, "ben", club.application, untick=("activity:read", "activity:read_all"))
    assert list(club.rows()) == ["anna"]
