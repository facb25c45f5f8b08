"""The command line as a subprocess of the built add-on, as ``splunk cmd python`` runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sandbox.patience import patience
from sandbox.sandbox import Sandbox
from sandbox.strava import Activity
from strava_collector.admin_arguments import JOBS
from strava_collector.clock import SystemClock
from strava_collector.store import walks
from strava_collector.store.database import Database
from strava_collector.store.walks import About
from strava_collector.walk import Covered
from tests.integration.conftest import GENEROUS
from tests.support.waiting import until

SOON = 8.0


class Shell:
    """A shell on the host of a Splunk."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.installation = sandbox.splunkd.installation
        application = sandbox.add_application("Club")
        self.anna = sandbox.strava.add_athlete("Anna", "Bergström")
        sandbox.connect(self.anna, "anna", application)
        self.application = application

    def run(
        self, *arguments: str, typed: str = "", user: int | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the command; ``user`` is a number."""
        return subprocess.run(
            [str(self.installation.python), str(self.installation.app_folder / "bin" / "strava_admin.py"), *arguments],
            env={**self.installation.environment(), **environment},
            input=typed,
            capture_output=True,
            text=True,
            user=user,
            timeout=patience(60),
            check=False,
        )

    def rows(self, *arguments: str, typed: str = "") -> list[dict[str, Any]]:
        """What it prints as JSON."""
        finished = self.run(*arguments, "--json", typed=typed)
        assert (finished.returncode, finished.stderr) == (0, "")
        rows = json.loads(finished.stdout)
        assert isinstance(rows, list)
        return rows

    def ask(self, *arguments: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command that logs in."""
        password = self.sandbox.splunkd.sessions.password if typed is None else typed
        return self.run(*arguments, "--splunkd", self.sandbox.splunkd.uri, typed=f"{password}\n")

    def versions(self, activity: Activity) -> int:
        events = self.sandbox.splunkd.index.events(sourcetype="strava:activities")
        return sum(event.json["id"] == activity.id for event in events)

    def await_versions(self, activity: Activity, number: int) -> None:
        assert self.sandbox.splunkd.index.wait_for(lambda _: self.versions(activity) == number, SOON)


@pytest.fixture(scope="module")
def bare(built_app: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """No input has ever run."""
    with Sandbox(
        app=built_app,
        folder=tmp_path_factory.mktemp("sandbox"),
        python=Path(sys.executable),
        advanced={"settle_time": 0, "retry_base": 1, "cooldown": 0},
        limits=GENEROUS,
    ) as sandbox:
        yield Shell(sandbox)


@pytest.fixture(scope="module")
def shell(bare: Shell) -> Shell:
    """An input runs, and has collected a ride."""
    made = bare.sandbox.add_input("club", bare.application)
    bare.sandbox.wait_until_healthy(made)
    bare.sandbox.subscribe(bare.application, made)
    ride = bare.sandbox.strava.record(bare.anna, kind="manual", title="A ride")
    bare.await_versions(ride, 1)
    until(lambda: bare.rows("jobs", "list", "--status", "done"))
    return bare


def test_help_says_what_there_is(bare: Shell) -> None:
    for arguments, words in {
        (): ("jobs", "history", "subscriptions", "check", "Exit codes"),
        ("jobs",): tuple(verb.replace("_", "-") for verb in JOBS),
        ("jobs", "fetch"): ("--athlete-id", "--force", "--input", "activity_id", "--json"),
        ("subscriptions",): ("list", "create", "delete"),
        ("subscriptions", "delete"): ("--all", "--application", "--splunkd", "--user"),
        ("check",): ("--splunkd", "--user", "--json"),
    }.items():
        finished = bare.run(*arguments, "--help")
        assert (finished.returncode, finished.stderr) == (0, "")
        assert [word for word in words if word not in finished.stdout] == []


def test_without_a_store_it_says_so_and_makes_none(bare: Shell) -> None:
    finished = bare.run("jobs", "list")
    assert (finished.returncode, finished.stdout) == (3, "")
    assert finished.stderr.startswith("There is no store in ")
    assert finished.stderr.count("\n") == 1
    # Saving rows has locked them there.
    store = bare.installation.checkpoints / "ta_strava_webhook"
    assert [path.name for path in store.iterdir()] == ["rows.lock"]
    assert bare.run("jobs", "list", SPLUNK_DB="", SPLUNK_HOME="").returncode == 3


def test_tables_and_json_say_the_same(shell: Shell) -> None:
    heading, row = shell.run("jobs", "list").stdout.splitlines()
    (found,) = shell.rows("jobs", "list")
    assert heading.split()[:4] == ["job", "status", "outcome", "reason"]
    assert row.split()[:5] == [str(found[name]) for name in ("job", "status", "outcome", "reason", "activity_id")]
    assert shell.run("jobs", "list", "--status", "failed").stdout == "There are none.\n"
    counts = shell.rows("jobs", "counts")
    assert [one["count"] for one in counts if one["sort"] == "job:done:webhook:collected"] == [1]
    shown = shell.run("jobs", "show", str(found["job"])).stdout
    assert f"trail={found['trail']}" in shown
    assert "create received" in shown


def test_history_is_asked_of_the_store_and_over_rest(shell: Shell) -> None:
    assert shell.run("history").stdout == "No athlete has been listed: an input Strava Activities does that.\n"
    splunkd = shell.sandbox.splunkd
    assert splunkd.request("GET", splunkd.path("strava_history"))[1]["entry"] == []
    database = Database(shell.installation.checkpoints / "ta_strava_webhook", clock=SystemClock(), guest=True)
    about = About("anna", "Club", "lists", "club", 14_400.0, 0)
    with closing(database), database.write() as tx:
        walks.save(tx, shell.anna.id, Covered(), connected_at="1", about=about, now=1.0)
    try:
        (row,) = shell.rows("history")
        assert [row[name] for name in ("athlete", "found", "collected", "lists")] == ["anna", 1, 1, "not begun"]
        heading, line = shell.run("history").stdout.splitlines()
        assert (heading.split()[:3], line.split()[:3]) == (
            ["athlete", "athlete_id", "found"],
            ["anna", str(shell.anna.id), "1"],
        )
        status, answer = splunkd.request("GET", splunkd.path("strava_history", "anna"))
        assert (status, answer["entry"][0]["content"]["found"]) == (200, "1")
        assert splunkd.request("GET", splunkd.path("strava_history", "ben"))[0] == 404
    finally:
        database = Database(shell.installation.checkpoints / "ta_strava_webhook", clock=SystemClock(), guest=True)
        with closing(database), database.write() as tx:
            walks.forget(tx, shell.anna.id)


def test_a_fetch_by_hand_brings_an_event_at_once(shell: Shell) -> None:
    unheard = shell.sandbox.strava.record(shell.anna, kind="manual", title="Unheard of", notify=False)
    finished = shell.run("jobs", "fetch", str(unheard.id))
    assert finished.returncode == 1
    assert "Say whose it is" in finished.stderr
    (row,) = shell.rows("jobs", "fetch", str(unheard.id), "--athlete-id", str(shell.anna.id))
    assert row["input"] == "club"
    assert row["said"] == f"Job {row['job']} of the input “club” waits for its turn."
    shell.await_versions(unheard, 1)
    assert f"action=operator verb=fetch trail={row['trail']}" in "\n".join(shell.sandbox.splunkd.log_lines())


def test_a_replay_repeats_and_a_deletion_forgets(shell: Shell) -> None:
    index = shell.sandbox.splunkd.index
    before = len(index.events(sourcetype="strava:webhook"))
    (row,) = shell.rows("jobs", "replay", "--since", "2020-01-01")
    assert (row["notifications"], row["more"]) == (1, "no")
    assert index.wait_for(lambda _: len(index.events(sourcetype="strava:webhook")) == before + 1, SOON)
    until(lambda: not shell.rows("jobs", "list", "--status", "pending"))
    assert shell.rows("jobs", "delete", "--status", "failed", "--all")[0]["jobs"] == 0
    assert shell.rows("jobs", "reclaim") == []
    assert shell.rows("jobs", "dead-letters") == []


def test_a_reindex_writes_everything_once_more(shell: Shell) -> None:
    ride = shell.sandbox.strava.activities(shell.anna)[0]
    before = shell.versions(ride)
    (row,) = shell.rows("jobs", "reindex", "--athlete", str(shell.anna.id), "--to", "2099-12-31")
    assert (row["fetches"] >= 1, row["left_out"], row["more"]) == (True, 0, "no")
    shell.await_versions(ride, before + 1)


def test_it_works_as_well_while_no_input_runs(shell: Shell) -> None:
    ride = shell.sandbox.strava.activities(shell.anna)[0]
    before = shell.versions(ride)
    shell.sandbox.post("TA_strava_webhook_strava_webhook/club", disabled="1")
    until(lambda: shell.sandbox.splunkd.inputs.pid("club") is None)
    assert shell.rows("jobs", "list")
    (row,) = shell.rows("jobs", "fetch", str(ride.id), "--force")
    assert row["said"].endswith("The input does not run now; the fetch is made when it does.")
    shell.sandbox.post("TA_strava_webhook_strava_webhook/club", disabled="0")
    shell.sandbox.splunkd.index.wait_for(lambda _: shell.versions(ride) == before + 1, 20.0)
    assert shell.versions(ride) == before + 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 2),
        (("jobs",), 2),
        (("jobs", "explode"), 2),
        (("jobs", "show"), 2),
        (("jobs", "show", "x"), 2),
        (("jobs", "show", "999"), 1),
        (("jobs", "list", "--status", "finished"), 2),
        (("jobs", "list", "--evil", "1"), 2),
        (("jobs", "list", "--stat", "done"), 2),
        (("jobs", "retry"), 2),
        (("jobs", "retry", "999"), 1),
        (("jobs", "delete", "--all"), 2),
        (("jobs", "delete", "--status", "pending", "--all"), 2),
        (("jobs", "replay"), 2),
        (("jobs", "replay", "--since", "2999-01-01"), 2),
        (("jobs", "reindex"), 2),
        (("jobs", "reindex", "--athlete", "anna"), 2),
        (("jobs", "reindex", "--athlete", "5"), 1),
        (("jobs", "reindex", "--from", "2026-06-02", "--to", "2026-06-01"), 2),
        (("subscriptions", "create"), 2),
        (("subscriptions", "delete"), 2),
        (("subscriptions", "delete", "1", "--all"), 2),
        (("subscriptions", "list", "--password", "x"), 2),
        (("check", "--splunkd", "http://127.0.0.1:1"), 2),
        (("check", "--splunkd", "https://127.0.0.1:1"), 3),
    ],
)
def test_what_cannot_be_done_has_an_exit_code_and_a_sentence(
    shell: Shell, arguments: tuple[str, ...], code: int
) -> None:
    finished = shell.run(*arguments, typed="secret\n")
    assert (finished.returncode, finished.stdout) == (code, "")
    assert finished.stderr.rstrip()
    assert "Traceback" not in finished.stderr
    assert "secret" not in finished.stderr


def test_another_user_is_refused_before_anything_is_made(shell: Shell, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can try to be somebody else")
    for folder in (shell.installation.home, *shell.installation.home.parents):
        if folder.stat().st_uid == 0 and not folder.stat().st_mode & 0o005:
            folder.chmod(folder.stat().st_mode | 0o055)
    store = shell.installation.checkpoints / "ta_strava_webhook"
    os.chown(store, 12345, 12345)
    before = sorted(path for path in shell.installation.home.rglob("*"))
    try:
        for verb in (("list",), ("reclaim",), ("delete", "--status", "done", "--all")):
            finished = shell.run("jobs", *verb)
            assert (finished.returncode, finished.stdout) == (1, "")
            assert "belongs to the user with the number 12345, and this is run by the user root" in finished.stderr
    finally:
        os.chown(store, 0, 0)
    after = sorted(path for path in shell.installation.home.rglob("*"))
    assert after == before


def test_subscriptions_and_the_check_log_in_to_splunkd(shell: Shell) -> None:
    finished = shell.ask("subscriptions", "list")
    assert finished.returncode == 0
    assert shell.sandbox.strava.api_url not in finished.stdout
    assert "club" in finished.stdout
    assert "yes" in finished.stdout
    refused = shell.ask("subscriptions", "delete", "999999")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "No application on Configuration → Applications has the subscription 999999." in refused.stderr
    checked = shell.ask("check")
    assert checked.returncode in (0, 1)
    assert checked.stdout.splitlines()[0].split() == ["status", "topic", "subject", "seen", "to_do"]
    secrets = (shell.application.client_secret, shell.sandbox.splunkd.sessions.password)
    for text in (finished.stdout, checked.stdout, *shell.sandbox.splunkd.log_lines()):
        assert not [secret for secret in secrets if secret in text]


def test_a_wrong_password_or_user_gets_a_sentence(shell: Shell) -> None:
    for typed in ("wrong", ""):
        finished = shell.ask("check", typed=typed)
        assert (finished.returncode, finished.stdout) == (3, "")
        assert "password" in finished.stderr
    passwords = shell.sandbox.splunkd.sessions.passwords
    viewer = shell.run(
        "check", "--user", "viewer", "--splunkd", shell.sandbox.splunkd.uri, typed=f"{passwords['viewer']}\n"
    )
    assert viewer.returncode == 1
    assert "requires capability: read_ta_strava_webhook" in viewer.stderr
