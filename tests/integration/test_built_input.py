"""The built input as splunkd runs it: killed, starved of disk, locked out, orphaned, and looked through for secrets."""

from __future__ import annotations

import json
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from sandbox.latest import Latest
from sandbox.patience import patience
from sandbox.sandbox import Input, Sandbox
from sandbox.strava import Activity, Application, Athlete
from sandbox.strava.delivery import DeliveryState
from tests.integration.conftest import MakeSandbox
from tests.support.waiting import until

#: The kill test's extent, as promised in the documentation.
NOTIFICATIONS = 500
KILLS = 30


class Club:
    """An application, an athlete and an input, configured and subscribed."""

    def __init__(self, sandbox: Sandbox, **more: str | int) -> None:
        self.sandbox = sandbox
        self.application: Application = sandbox.add_application("Club")
        self.anna: Athlete = sandbox.strava.add_athlete("Anna", "Bergström")
        sandbox.connect(self.anna, "anna", self.application)
        self.input: Input = sandbox.add_input("club", self.application, **more)
        sandbox.wait_until_healthy(self.input)
        sandbox.subscribe(self.application, self.input)
        self.latest = Latest()

    @property
    def process(self) -> psutil.Process:
        pid = self.sandbox.splunkd.inputs.pid("club")
        assert pid is not None
        return psutil.Process(pid)

    @property
    def store(self) -> Path:
        (file,) = self.sandbox.splunkd.home.rglob("ta_strava_webhook/strava.db")
        return file

    def look(self) -> Latest:
        self.latest.take(self.sandbox.splunkd.index.events())
        return self.latest

    def title(self, activity: Activity) -> object:
        version = self.look().of(activity.id)
        return None if version is None else version["name"]

    def await_title(self, activity: Activity, seconds: float = 90) -> None:
        until(lambda: self.title(activity) == activity.title, seconds)

    def notify(self, **fields: Any) -> requests.Response:
        """Send a notification as anybody on the internet may."""
        body = {
            "object_type": "activity",
            "object_id": 1,
            "aspect_type": "create",
            "owner_id": self.anna.id,
            "subscription_id": 1,
            "event_time": 1_780_293_600,
            **fields,
        }
        with requests.Session() as session:
            session.trust_env = False
            return session.post(
                self.input.callback_url, json=body, verify=str(self.sandbox.certificates.ca_file), timeout=patience(10)
            )

    def logged(self, text: str) -> bool:
        return any(text in line for line in self.sandbox.splunkd.log_lines())


def test_no_acknowledged_notification_is_lost_by_30_kills_at_random_moments(
    make_sandbox: MakeSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    # Strava's second and third attempts are made when the test says so, never on their own.
    club = Club(make_sandbox(retry_pause=3600.0))
    strava, inputs = club.sandbox.strava, club.sandbox.splunkd.inputs
    chance = random.Random(4711)
    activities: list[Activity] = []
    for kill in range(KILLS):
        for number in range(kill * NOTIFICATIONS // KILLS, (kill + 1) * NOTIFICATIONS // KILLS):
            # Every second notification is an edit of the activity before.
            if number % 2 == 0:
                activities.append(strava.record(club.anna, kind="manual", title=f"Ride {number}"))
            else:
                strava.edit(activities[-1], title=f"Ride {number}, edited")
        if chance.random() < 0.5:
            club.sandbox.wait_until_healthy(club.input)
            strava.delivery.retry_now()
        # Anything from before the listener is up to well into the work.
        club.sandbox.splunkd.index.wait_for(lambda _events: False, chance.uniform(0.0, 1.3))
        inputs.kill("club")
        until(lambda kills=kill: inputs.count("club").kills == kills + 1)  # type: ignore[misc]
        inputs.start("club")
    club.sandbox.wait_until_healthy(club.input)
    while not strava.wait_until_delivered(0.5):
        strava.delivery.retry_now()
    deliveries = strava.delivery.deliveries
    acknowledged = [one.notification for one in deliveries if one.state is DeliveryState.ACKNOWLEDGED]
    assert len(deliveries) == NOTIFICATIONS

    def recorded() -> int:
        seen = {(event["object_id"], event["aspect_type"]) for event in club.look().notifications}
        return sum((one["object_id"], one["aspect_type"]) in seen for one in acknowledged)

    until(lambda: recorded() == len(acknowledged))
    announced = {one["object_id"] for one in acknowledged}
    expected = [activity for activity in activities if activity.id in announced]
    until(lambda: all(club.look().of(activity.id) is not None for activity in expected))
    until(
        lambda: all(
            club.title(activity) == activity.title
            for activity in expected
            if {"object_id": activity.id, "aspect_type": "update"}.items()
            <= {
                key: value for one in acknowledged if one["object_id"] == activity.id for key, value in one.items()
            }.items()
        ),
        60,
    )
    for versions in club.look().versions.values():
        times = [version["collected_at"] for version in versions]
        assert times == sorted(set(times)), "the versions of an activity came out of order"
    assert club.sandbox.splunkd.errors == []
    repeated = len(club.latest.notifications) - len(
        {(one["object_id"], one["aspect_type"]) for one in club.latest.notifications}
    )
    with capsys.disabled():
        print(
            f"\nkill test: {KILLS} kills, {NOTIFICATIONS} notifications, {len(acknowledged)} acknowledged, 0 lost; "
            f"{repeated} notifications and {club.latest.activity_events - len(expected)} activities repeated, "
            f"{inputs.count('club').cut_off} events cut off\n"
        )


def start_anew(club: Club) -> None:
    """Kill the process; the next one starts without waiting for the input's interval."""
    inputs = club.sandbox.splunkd.inputs
    killed = inputs.count("club").kills
    inputs.kill("club")
    until(lambda: inputs.count("club").kills > killed)
    inputs.start("club")


def test_a_restarted_input_takes_over_its_dead_process_s_work_at_once(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox())
    with club.sandbox.strava.faults.outage("timeout", path="/api/v3/activities/*"):
        ride = club.sandbox.strava.record(club.anna)
        until(lambda: _count(club, "SELECT COUNT(*) FROM job WHERE status = 'working'") == 1)
        club.sandbox.splunkd.inputs.kill("club")
        until(lambda: club.sandbox.splunkd.inputs.count("club").kills == 1)
    club.sandbox.splunkd.inputs.start("club")
    club.await_title(ride, seconds=60)  # the dead process's lease would have held it for five minutes


def test_a_full_disk_is_answered_503_and_recovers_by_itself(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox())
    pid = club.process.pid
    unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    # The store's log is longer than this already, the text log is not: writes to the first fail as on a full disk.
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (16_384, unlimited[1]))
    refused = club.notify(object_id=1)
    assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
    assert club.sandbox.health(club.input) == 503
    until(lambda: club.logged("action=problem topic=store") and club.logged("disk"))
    until(lambda: any("503" in message.value for message in club.sandbox.splunkd.messages))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
    assert club.notify(object_id=1).json() == {"status": "accepted"}
    ride = club.sandbox.strava.record(club.anna)
    club.await_title(ride)
    until(lambda: club.sandbox.health(club.input) == 200)
    until(lambda: not club.sandbox.splunkd.messages)


def test_a_corrected_certificate_takes_its_message_away_although_the_process_is_another(
    make_sandbox: MakeSandbox,
) -> None:
    club = Club(make_sandbox())
    splunkd, key_file = club.sandbox.splunkd, club.input.certificate.key_file
    right = key_file.read_bytes()
    # A renewal went wrong: nobody saves such a key, but somebody copies it.
    key_file.write_bytes(club.sandbox.certificates.issue("other").key_file.read_bytes())
    start_anew(club)
    until(lambda: any("key" in message.value for message in splunkd.messages))
    assert club.logged("action=problem topic=listener")
    key_file.write_bytes(right)
    start_anew(club)
    club.sandbox.wait_until_healthy(club.input)
    until(lambda: not splunkd.messages)


def test_an_athlete_who_was_revoked_and_connects_again_gets_what_waited(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox())
    strava, splunkd = club.sandbox.strava, club.sandbox.splunkd
    strava.expire_access_token(club.anna)
    strava.revoke_refresh_token(club.anna)
    ride = strava.record(club.anna)
    until(lambda: any("connect" in message.value for message in splunkd.messages))
    club.sandbox.connect(club.anna, "anna", club.application, again=True)
    stranger = strava.add_athlete("Carla", "Rossi")
    club.notify(object_id=99, owner_id=stranger.id)  # makes the input read its settings before the minute is over
    club.await_title(ride)
    until(lambda: not splunkd.messages)


def test_a_stop_is_quick_also_while_the_store_is_locked_and_splunkd_silent(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox())
    with club.sandbox.strava.faults.outage("timeout", path="/api/v3/activities/*"):
        club.sandbox.strava.record(club.anna)
        until(lambda: _count(club, "SELECT COUNT(*) FROM job WHERE status = 'working'") == 1)
        other = sqlite3.connect(club.store, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        process = club.process
        with club.sandbox.splunkd.outage(503):
            process.send_signal(signal.SIGTERM)
            process.wait(10)
        other.close()


def test_a_database_locked_by_another_process_is_answered_503_and_recovers_by_itself(
    make_sandbox: MakeSandbox,
) -> None:
    club = Club(make_sandbox())
    other = sqlite3.connect(club.store, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    refused = club.notify(object_id=1)
    assert (refused.status_code, refused.elapsed.total_seconds() < 2) == (503, True)
    other.execute("ROLLBACK")
    other.close()
    assert club.notify(object_id=1).json() == {"status": "accepted"}


def test_a_damaged_database_is_set_aside_and_the_listener_comes_up(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox())
    inputs = club.sandbox.splunkd.inputs
    inputs.stop("club")
    club.store.write_bytes(b"garbage" * 5_000)
    inputs.start("club")
    club.sandbox.wait_until_healthy(club.input)
    ride = club.sandbox.strava.record(club.anna)
    club.await_title(ride)
    assert list(club.store.parent.glob("strava.db.damaged-*"))
    assert club.logged("damaged")


def test_sigterm_and_sigint_end_it_in_order_within_ten_seconds(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox())
    inputs = club.sandbox.splunkd.inputs
    for number in (signal.SIGINT, signal.SIGTERM):
        process = club.process
        process.send_signal(number)
        process.wait(10)
        inputs.start("club")
        club.sandbox.wait_until_healthy(club.input)
    inputs.stop("club")
    assert inputs.count("club").forced == 0
    assert club.sandbox.splunkd.errors == []


def test_an_expired_session_ends_it_and_the_next_process_goes_on(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox())
    inputs = club.sandbox.splunkd.inputs
    club.sandbox.splunkd.expire_session()
    ride = club.sandbox.strava.record(club.anna)
    until(lambda: not inputs.running("club"))
    inputs.start("club")
    club.await_title(ride)


def test_while_splunkd_does_not_answer_notifications_are_taken_and_fetched_afterwards(
    make_sandbox: MakeSandbox,
) -> None:
    club = Club(make_sandbox())
    with club.sandbox.splunkd.outage(503):
        ride = club.sandbox.strava.record(club.anna)
        assert club.sandbox.strava.wait_until_delivered(10)
        until(lambda: club.logged("action=postponed"))
    club.await_title(ride)  # splunkd is asked again after 15 s
    assert club.sandbox.splunkd.inputs.count("club").starts == 1


def test_a_full_pipe_to_splunkd_holds_up_events_but_neither_answers_nor_the_end(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox())
    inputs = club.sandbox.splunkd.inputs
    inputs.pause_reading("club")
    rides = [club.sandbox.strava.record(club.anna, kind="ride") for _ in range(4)]
    assert club.sandbox.strava.wait_until_delivered(10)
    assert all(one.state is DeliveryState.ACKNOWLEDGED for one in club.sandbox.strava.delivery.deliveries)
    # As many as one athlete may have under way; both wait for the pipe now.
    until(lambda: club.sandbox.strava.statistics.count("GET /activities/{id}", 200) == 2)
    club.process.send_signal(signal.SIGTERM)
    until(lambda: not inputs.running("club"))
    inputs.resume_reading("club")
    inputs.start("club")
    for ride in rides:
        club.await_title(ride)


def test_it_ends_when_its_parent_dies(make_sandbox: MakeSandbox, tmp_path: Path) -> None:
    club = Club(make_sandbox())
    splunkd = club.sandbox.splunkd
    splunkd.inputs.stop("club")
    bin_folder = splunkd.home / "etc" / "apps" / "TA_strava_webhook" / "bin"
    start = textwrap.dedent(
        f"""
        <input><server_host>here</server_host><server_uri>{splunkd.uri}</server_uri>
        <session_key>{splunkd.session_key}</session_key>
        <checkpoint_dir>{splunkd.home / "var/lib/splunk/modinputs/strava_webhook"}</checkpoint_dir>
        <configuration><stanza name="strava_webhook://club">
        <param name="application">Club</param><param name="index">strava</param><param name="interval">60</param>
        <param name="port">{club.input.port}</param><param name="verify_token">******</param>
        <param name="callback_url">{club.input.callback_url}</param>
        <param name="cert_file">{club.input.certificate.cert_file}</param>
        <param name="key_file">{club.input.certificate.key_file}</param>
        </stanza></configuration></input>"""
    )
    parent = """
        import json, subprocess, sys
        command, text = json.loads(sys.stdin.readline())
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        child.stdin.write(text.encode())
        child.stdin.close()
        print(child.pid, flush=True)
        child.wait()
    """
    command = [sys.executable, "-E", "-s", "-S", "-B", str(bin_folder / "strava_webhook.py")]
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"SPLUNK_HOME": str(splunkd.home), "PATH": "/usr/bin:/bin"},
    ) as running:
        assert running.stdin and running.stdout
        running.stdin.write(json.dumps([command, start]).encode() + b"\n")
        running.stdin.flush()
        child = psutil.Process(int(running.stdout.readline()))
        club.sandbox.wait_until_healthy(club.input)
        running.kill()
        psutil.wait_procs([child], timeout=patience(10))
        assert not child.is_running()


def test_at_rest_it_needs_no_cpu_and_little_memory(make_sandbox: MakeSandbox) -> None:
    club = Club(make_sandbox())
    used = []
    for _ in range(3):  # it may still be at work with its start, on a busy host for longer
        before = sum(club.process.cpu_times()[:2])
        club.sandbox.splunkd.index.wait_for(lambda _events: False, 4.0)
        used.append(sum(club.process.cpu_times()[:2]) - before)
        # 1 % of 4 s, and one grain of the accounting, which counts in 10 ms.
        if used[-1] <= 0.05:
            break
    else:
        pytest.fail(f"at rest it needs {used} s of each 4 s")
    assert club.process.memory_info().rss < 80_000_000


def test_no_secret_is_seen_anywhere(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox(strict=False)
    sandbox.post("TA_strava_webhook_settings/logging", loglevel="DEBUG")
    club = Club(sandbox, verify_token="marked-verify-0815")
    faults = sandbox.strava.faults
    club.await_title(sandbox.strava.record(club.anna))
    for fault in ("reset", "html", "redirect", 500):
        sandbox.strava.expire_access_token(club.anna)
        with faults.outage(fault, path="/oauth/token", times=1):
            club.await_title(sandbox.strava.record(club.anna, kind="manual"))
    for fault in ("reset", "not_json", "truncated", "redirect", "html_200", "wrong_activity"):
        with faults.outage(fault, path="/api/v3/*", times=1):
            club.await_title(sandbox.strava.record(club.anna, kind="manual"))
    for wrong in ("GET", "POST"):
        requests.request(
            wrong,
            f"{club.input.callback_url}?hub.mode=subscribe&hub.challenge=x&hub.verify_token=marked-guess",
            data="{",
            verify=str(sandbox.certificates.ca_file),
            timeout=patience(60),
        )
    sandbox.post(
        "TA_strava_webhook_settings/proxy",
        proxy_enabled="1",
        proxy_type="http",
        proxy_url="127.0.0.1",
        proxy_port="9",
        proxy_username="marked-user",
        proxy_password="marked-proxy-password",
    )
    sandbox.splunkd.inputs.stop("club")
    sandbox.splunkd.inputs.start("club")
    sandbox.wait_until_healthy(club.input)
    sandbox.strava.record(club.anna, kind="manual")
    until(lambda: club.logged("action=postponed"))
    process = club.process
    seen = {
        "process list": "\0".join([*process.cmdline(), *process.environ().values()]),
        "logs": "\n".join(sandbox.splunkd.log_lines()),
        "events": "\n".join(event.raw for event in sandbox.splunkd.index.events()),
        "messages": str(sandbox.splunkd.messages),
        "store": "".join(file.read_bytes().decode("latin-1") for file in club.store.parent.iterdir()),
        "configuration": "".join(
            file.read_text() for file in (sandbox.splunkd.home / "etc" / "apps").rglob("local/*.conf")
            if file.name != "passwords.conf"
        ),
    }  # fmt: skip
    secrets = {
        club.application.client_secret,
        club.input.verify_token,
        "marked-proxy-password",
        "marked-guess",
        *sandbox.strava.tokens_given_out(),
    }
    found = [(where, len(secret)) for where, text in seen.items() for secret in secrets if secret in text]
    assert len(secrets) > 10
    assert found == []


def _count(club: Club, query: str) -> int:
    connection = sqlite3.connect(club.store)
    try:
        return int(connection.execute(query).fetchone()[0])
    finally:
        connection.close()
