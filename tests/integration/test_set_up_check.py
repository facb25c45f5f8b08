"""The set-up check through splunkd, with the built add-on: what it says of broken and of good set-ups."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sandbox.sandbox import INDEX, Input, Sandbox
from sandbox.strava import Application, Limits
from tests.integration.conftest import MakeSandbox
from tests.support.waiting import until

Lines = dict[str, dict[str, Any]]


def check(sandbox: Sandbox, session_key: str | None = None) -> Lines:
    """The lines by name, after a look for secrets in them."""
    status, answer = sandbox.splunkd.request(
        "GET", sandbox.splunkd.path("strava_check"), {"count": -1}, session_key=session_key
    )
    assert status == 200, answer
    for secret in secrets_of(sandbox):
        assert secret not in json.dumps(answer), "the check shows a secret"
    return {entry["name"]: entry["content"] for entry in answer["entry"]}


def secrets_of(sandbox: Sandbox) -> set[str]:
    """All that splunkd keeps encrypted, and the tokens that Strava gave out."""
    status, answer = sandbox.splunkd.request("GET", sandbox.splunkd.path("storage/passwords"), {"count": -1})
    assert status == 200
    found = set(sandbox.strava.tokens_given_out())
    for entry in answer["entry"]:
        try:
            stored = json.loads(entry["content"]["clear_password"])
        except ValueError:
            continue
        values = stored.values() if isinstance(stored, dict) else stored
        found |= {value for value in values if isinstance(value, str) and len(value) >= 8}
    return found


def bad(lines: Lines) -> dict[str, str]:
    return {name: line["status"] for name, line in lines.items() if line["status"] != "pass"}


class Club:
    """An application, an athlete and an input that runs."""

    def __init__(self, sandbox: Sandbox, **more: str | int) -> None:
        self.sandbox = sandbox
        self.application: Application = sandbox.add_application("Club")
        self.ada = sandbox.strava.add_athlete("Ada", "Berg")
        sandbox.connect(self.ada, "ada", self.application)
        self.input: Input = sandbox.add_input("home", self.application, **more)
        sandbox.wait_until_healthy(self.input)
        sandbox.subscribe(self.application, self.input)
        until(lambda: check(sandbox)["worker:home"]["status"] == "pass")

    @property
    def store(self) -> Path:
        (file,) = self.sandbox.splunkd.home.rglob("ta_strava_webhook/strava.db")
        return file


def test_an_empty_installation_is_told_what_to_do_first(make_sandbox: MakeSandbox) -> None:
    lines = check(make_sandbox())
    assert {name: line["status"] for name, line in lines.items()} == {
        "configuration": "pass",
        "application": "fail",
        "athlete": "fail",
        "process": "fail",
        "dead_letters": "pass",
        "disk": "pass",
    }
    assert "Configuration → Applications" in lines["application"]["to_do"]
    assert "Listener, certificate, callback URL" in lines["process"]["seen"]
    assert lines["disk"]["summary"].startswith("3 faults and 0 warnings")
    assert "/" not in lines["disk"]["seen"]


def test_a_good_set_up_passes_and_each_thing_that_breaks_is_named(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox())
    sandbox = club.sandbox
    lines = check(sandbox)
    assert bad(lines) == {}
    assert sorted(line["position"] for line in lines.values())[0] == "001"
    assert "leads to this listener" in lines["callback:home"]["seen"]

    status, answer = sandbox.splunkd.request("GET", sandbox.splunkd.path("strava_check", "disk"))
    assert (status, [entry["name"] for entry in answer["entry"]]) == (200, ["disk"])
    assert sandbox.splunkd.request("GET", sandbox.splunkd.path("strava_check", "nonsense"))[0] == 404
    assert sandbox.splunkd.request("GET", sandbox.splunkd.path("strava_check"), {"verbose": "1"})[0] == 400

    # Strava's side.
    sandbox.strava.set_inactive(club.application)
    assert bad(check(sandbox))["application:Club"] == "fail"
    sandbox.strava.set_inactive(club.application, False)
    with sandbox.strava.faults.outage():
        lines = check(sandbox)
        assert (lines["application:Club"]["status"], lines["clock"]["status"]) == ("warn", "pass")
        assert lines["subscription:home"]["status"] == "warn"

    # A store that somebody keeps locked: reading goes on, and so does the answer to the challenge; the note waits.
    with closing(sqlite3.connect(club.store)) as other:
        other.execute("BEGIN IMMEDIATE")
        lines = check(sandbox)
        assert lines["application:Club"]["status"] == "pass"
        assert lines["callback:home"]["status"] == "warn"
        assert "cannot be seen" in lines["callback:home"]["seen"]
        other.execute("ROLLBACK")
    until(lambda: check(sandbox)["callback:home"]["status"] == "pass")

    # A store that cannot be read is no reason to say nothing.
    content = club.store.with_name("store.lock")
    content.rename(content.with_suffix(".away"))
    lines = check(sandbox)
    assert "fail" not in bad(lines).values()
    assert "store" in lines["configuration"]["seen"]
    content.with_suffix(".away").rename(content)

    # The process dies; splunkd starts it again after ten seconds.
    sandbox.splunkd.inputs.kill("home")
    lines = check(sandbox)
    assert bad(lines) == {"process:home": "fail"}
    assert not {"listener:home", "callback:home", "worker:home"} & set(lines)
    sandbox.post("TA_strava_webhook_strava_webhook/home", disabled=1)
    lines = check(sandbox)
    assert bad(lines) == {"process:home": "fail", "subscription:Club": "warn"}
    assert "Listener, certificate, callback URL" in lines["process:home"]["seen"]
    status, _answer = sandbox.splunkd.request("GET", sandbox.splunkd.path("strava_check", "listener:home"))
    assert status == 404


def test_the_index_is_looked_for_and_the_macro_kept_in_step(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    sandbox.splunkd.create_index("rides")
    club = Club(sandbox, index="rides")

    def macro() -> str:
        stanza = sandbox.splunkd.configuration.find("macros", "strava_index")
        assert stanza is not None
        return stanza.settings["definition"]

    until(lambda: macro() == f"(index={INDEX} OR index=rides)")
    (local,) = sandbox.splunkd.home.rglob("TA_strava_webhook/local/macros.conf")
    assert "index=rides" in local.read_text()
    assert bad(check(sandbox)) == {}
    assert check(sandbox)["index:rides"]["status"] == "pass"
    sandbox.splunkd.configuration.write("outputs", "system", "tcpout:indexers", {"server": "indexer.example:9997"})
    lines = check(sandbox)
    assert bad(lines) == {"index:rides": "warn"}
    assert "indexer" in lines["index:rides"]["to_do"]
    assert club.input.name == "home"


def test_somebody_who_may_not_read_secrets_is_told_what_was_not_looked_at(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    Club(sandbox)
    viewer = sandbox.splunkd.sessions.issue("viewer")
    sandbox.splunkd.configuration.write("authorize", "system", "role_user", {"read_ta_strava_webhook": "enabled"})
    lines = check(sandbox, viewer)
    assert "fail" not in bad(lines).values()
    said = " ".join(line["seen"] + line["to_do"] for name, line in lines.items() if line["topic"] == "configuration")
    assert "list_storage_passwords" in said


def test_of_many_athletes_a_few_are_asked_for_and_the_calls_are_counted(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    club = Club(sandbox)
    for number in range(11):
        sandbox.connect(sandbox.strava.add_athlete("Rider", str(number)), f"rider{number}", club.application)
    before = used(check(sandbox))
    lines = check(sandbox)
    # The input itself may look at the profiles of these twelve in between.
    assert 2 * 11 <= used(check(sandbox)) - before <= 2 * 11 + 12, "one list and ten athletes for each check"
    athletes = [line for line in lines.values() if line["topic"] == "athlete"]
    assert len(athletes) == 12
    assert sum("Strava was not asked" in line["seen"] for line in athletes) == 2
    assert {line["status"] for line in athletes} == {"pass"}


def used(lines: Lines) -> int:
    return int(lines["quota:Club"]["seen"].split(" of ")[0])


def test_when_the_quota_is_low_no_athlete_is_asked_for(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox(limits=Limits(overall=(200, 2000), read=(12, 1000)))
    Club(sandbox)
    lines = check(sandbox)
    assert "Strava was not asked" in lines["athlete:ada"]["seen"]


def test_what_an_athlete_has_done_is_named(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    club = Club(sandbox)
    ben = sandbox.strava.add_athlete("Ben", "Ostrom")
    sandbox.connect(ben, "ben", club.application, untick=("activity:read_all",))
    cleo = sandbox.strava.add_athlete("Cleo", "Park")
    sandbox.connect(cleo, "cleo", club.application)
    sandbox.strava.deauthorize(cleo, notify=False)
    lines = check(sandbox)
    assert bad(lines) == {"athlete:ben": "warn", "athlete:cleo": "fail"}
    assert "unticked" in lines["athlete:ben"]["seen"]
    # Once the input has heard of it and deleted the tokens, it is what the athlete wanted, and no fault.
    sandbox.strava.deauthorize(club.ada)
    until(lambda: "withdrawn the permission" in check(sandbox)["athlete:ada"]["seen"])
    assert check(sandbox)["athlete:ada"]["status"] == "warn"


@pytest.mark.parametrize("fault", ["listener", "certificate"])
def test_an_input_that_cannot_listen_says_why(make_sandbox: MakeSandbox, fault: str) -> None:
    sandbox = make_sandbox()
    club = Club(sandbox)
    sandbox.post("TA_strava_webhook_strava_webhook/home", disabled=1)
    until(lambda: not sandbox.splunkd.inputs.running("home"))
    club.input.certificate.cert_file.write_text("no certificate")
    sandbox.post("TA_strava_webhook_strava_webhook/home", disabled=0)
    # Until the new process is there, the line "process" says that there is none, and this one is missing.
    nothing = {"seen": ""}
    until(lambda: str(club.input.certificate.cert_file) in check(sandbox).get(f"{fault}:home", nothing)["seen"])
    assert check(sandbox)[f"{fault}:home"]["status"] == "fail"
