"""Everything that the built add-on leaves on the host, looked through: for secrets, and for who may read it.

Both kinds of inputs run, with a file mode mask that forbids nobody anything; calls fail, a database is set aside, pages
and endpoints are used rightly and wrongly. Then every file is looked at that is there and was not shipped.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
import requests

from sandbox.patience import patience
from sandbox.sandbox import Input, Sandbox, SandboxRefused
from sandbox.strava import Application, Athlete
from tests.integration.conftest import GENEROUS
from tests.support.waiting import until

_MARK = "marked-5c1d"
_STORE = "var/lib/splunk/modinputs/ta_strava_webhook"
#: The stand-ins' own: Python, the certificate of splunkd, its key.
_NOT_OURS = re.compile(r"bin/|lib/|etc/auth/|etc/system/|etc/apps/search/|pyvenv\.cfg")


@dataclass(frozen=True)
class Left:
    """What is left when everything has ended."""

    home: Path
    # Not shown, also by a test that fails.
    secrets: frozenset[str] = field(repr=False)
    #: Command line and environment of each process that ran, and what people were shown.
    processes: str = field(repr=False)
    shown: str = field(repr=False)

    def files(self) -> Iterator[tuple[str, Path]]:
        """Each file that the add-on, or splunkd for it, has written, with its path below SPLUNK_HOME."""
        for path in sorted(self.home.rglob("*")):
            name = path.relative_to(self.home).as_posix()
            shipped = name.startswith("etc/apps/TA_strava_webhook/") and "/local" not in name
            if not (shipped or _NOT_OURS.match(name) or path.is_symlink() or path.is_dir()):
                yield name, path


@pytest.fixture(scope="module")
def left(built_app: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Left]:
    folder = tmp_path_factory.mktemp("written")
    sandbox = Sandbox(
        app=built_app,
        folder=folder,
        python=Path(sys.executable),
        advanced={"settle_time": 0, "retry_base": 1, "cooldown": 0},
        retry_pause=1.5,
        limits=GENEROUS,
        strict=False,
    )
    before = os.umask(0)
    try:
        with sandbox, _watched_processes() as processes:
            story = Story(sandbox)
            story.run()
            secrets = story.secrets()
            shown = "\n".join([*story.shown, str(sandbox.splunkd.messages)])
            shown += "\n".join(event.raw for event in sandbox.splunkd.index.events())
    finally:
        os.umask(before)
    yield Left(sandbox.splunkd.home, secrets, "\n".join(processes), shown)


class Story:
    """What happens."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.shown: list[str] = []
        sandbox.post("TA_strava_webhook_settings/logging", loglevel="DEBUG")
        self._application: Application = sandbox.add_application("Club")
        self._anna: Athlete = sandbox.strava.add_athlete("Anna", "Bergström")
        sandbox.connect(self._anna, "anna", self._application)
        self._input: Input = sandbox.add_input("club", self._application, verify_token=f"{_MARK}-verify")

    def run(self) -> None:
        self._sandbox.wait_until_healthy(self._input)
        self._sandbox.subscribe(self._application, self._input)
        self._sandbox.add_activities_input("history", self._application)
        self._collect()
        self._fail()
        self._misuse_the_pages()
        self._ask_the_endpoints()
        self._set_the_database_aside()
        self._go_through_a_proxy()

    def secrets(self) -> frozenset[str]:
        return frozenset(
            {
                self._application.client_secret,
                self._input.verify_token,
                self._sandbox.splunkd.sessions.admin_key,
                self._sandbox.splunkd.sessions.password,
                f"{_MARK}-guess",
                f"{_MARK}-wrong-secret",
                f"{_MARK}-code",
                f"{_MARK}-proxy-password",
                self._input.certificate.key_file.read_text("ascii").splitlines()[1],
                *self._sandbox.strava.tokens_given_out(),
            }
        )

    def _collect(self) -> None:
        activity = self._sandbox.strava.record(self._anna, kind="manual")
        until(lambda: activity.id in self._collected(), 60)

    def _fail(self) -> None:
        faults = self._sandbox.strava.faults
        for fault in ("reset", "html"):
            self._sandbox.strava.expire_access_token(self._anna)
            with faults.outage(fault, path="/oauth/token", times=1):
                self._collect()
            with faults.outage(fault, path="/api/v3/*", times=1):
                self._collect()

    def _misuse_the_pages(self) -> None:
        self._refused("TA_strava_webhook_application", name="other", client_id=7, client_secret=f"{_MARK}-wrong-secret")
        self._refused("TA_strava_webhook_strava_webhook/club", verify_token=f"{_MARK}-guess ü", port="x")
        self._refused(
            "TA_strava_webhook_oauth/oauth",
            client_id=self._application.client_id,
            code=f"{_MARK}-code",
            grant_type="authorization_code",
            redirect_uri="https://localhost:8000/",
        )
        for method in ("GET", "POST"):
            answer = requests.request(
                method,
                f"{self._input.callback_url}?hub.mode=subscribe&hub.challenge=x&hub.verify_token={_MARK}-guess",
                data=f"{_MARK}-guess",
                verify=str(self._sandbox.certificates.ca_file),
                timeout=patience(10),
            )
            self.shown.append(f"{answer.status_code} {answer.headers} {answer.text}")

    def _ask_the_endpoints(self) -> None:
        for endpoint in (
            *("strava_check", "strava_jobs", "strava_subscriptions", "strava_history"),
            *("TA_strava_webhook_application", "TA_strava_webhook_account", "TA_strava_webhook_strava_webhook"),
        ):
            status, answer = self._sandbox.splunkd.request("GET", self._sandbox.splunkd.path(endpoint))
            assert status == 200, (endpoint, answer)
            self.shown.append(str(answer))

    def _set_the_database_aside(self) -> None:
        inputs = self._sandbox.splunkd.inputs
        for name in ("club", "history"):
            inputs.stop(name)
        (self._sandbox.splunkd.home / _STORE / "strava.db").write_bytes(b"no database at all" * 1000)
        for name in ("club", "history"):
            inputs.start(name)
        self._sandbox.wait_until_healthy(self._input)
        self._collect()

    def _go_through_a_proxy(self) -> None:
        self._sandbox.post(
            "TA_strava_webhook_settings/proxy",
            proxy_enabled="1",
            proxy_type="http",
            proxy_url="127.0.0.1",
            proxy_port="9",
            proxy_username="user",
            proxy_password=f"{_MARK}-proxy-password",
        )
        self._sandbox.splunkd.inputs.stop("club")
        self._sandbox.splunkd.inputs.start("club")
        self._sandbox.wait_until_healthy(self._input)
        self._sandbox.strava.record(self._anna, kind="manual")
        until(lambda: any("action=postponed" in one for one in self._sandbox.splunkd.log_lines()), 60)

    def _collected(self) -> set[object]:
        events = self._sandbox.splunkd.index.events(sourcetype="strava:activities")
        return {event.json["id"] for event in events}

    def _refused(self, path: str, **arguments: str | int) -> None:
        try:
            self.shown.append(str(self._sandbox.post(path, **arguments)))
        except SandboxRefused as refused:
            self.shown.append(str(refused))


@contextmanager
def _watched_processes() -> Iterator[set[str]]:
    """Collect what the process list shows of our children, also of those that live for a moment."""
    seen: set[str] = set()
    known: set[tuple[int, float]] = set()
    over = threading.Event()

    def watch() -> None:
        this = psutil.Process()
        while not over.wait(0.05):
            for child in this.children(recursive=True):
                _note(child, seen, known)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _note(child: psutil.Process, seen: set[str], known: set[tuple[int, float]]) -> None:
    try:
        key = (child.pid, child.create_time())
        if key in known:
            return
        seen.add("\0".join([*child.cmdline(), *child.environ().values()]))
        known.add(key)
    except psutil.Error:  # it has ended meanwhile
        return


def _found(secrets: frozenset[str], text: str) -> list[int]:
    """The lengths of the secrets in a text: a failing test must not show them either."""
    return [len(secret) for secret in secrets if secret in text]


def test_no_file_holds_a_secret_in_the_clear(left: Left) -> None:
    texts = {name: path.read_bytes().decode("latin-1") for name, path in left.files()}
    assert [(name, found) for name, text in texts.items() if (found := _found(left.secrets, text))] == []
    assert len(left.secrets) > 12
    for name in ("passwords.conf", "splunkd.log", "webhook.rest.log", "webhook_club.log", "history.log", "strava.db"):
        assert any(name in one for one in texts), f"{name} was not looked through"
    assert any("action=attempted" in text for text in texts.values())


def test_nobody_is_shown_a_secret(left: Left) -> None:
    assert _found(left.secrets, left.shown) == []
    for word in ("Invalid verify token", "collected_by", "client ID"):
        assert word in left.shown, f"{word} was not shown"


def test_the_process_list_shows_no_secret(left: Left) -> None:
    assert _found(left.secrets, left.processes) == []
    assert "strava_webhook.py" in left.processes
    assert "strava_activities.py" in left.processes


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_what_lies_in_the_store_is_its_owners_alone_whatever_the_mask(left: Left) -> None:
    folder = left.home / _STORE
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in folder.rglob("*")}
    assert modes == dict.fromkeys(modes, "0o600")
    assert oct(stat.S_IMODE(folder.stat().st_mode)) == "0o700"
    kinds = (r"strava\.db", r"strava\.db\.damaged-.+", r"store\.lock", r"rows\.lock", r"input-.+\.lock", "bell")
    unseen = [kind for kind in kinds if not any(re.fullmatch(kind, name) for name in modes)]
    assert unseen == []


def test_outside_of_the_store_and_the_logs_the_add_on_writes_nothing(left: Left) -> None:
    def ours(is_known: Callable[[str], object]) -> list[str]:
        return [name for name, _ in left.files() if not is_known(name)]

    known = re.compile(
        rf"{_STORE}/|var/log/splunk/(?:splunkd|ta_strava_webhook[\w.]*)\.log|etc/apps/TA_strava_webhook/local/[a-z_]+\.conf"
    )
    assert ours(known.match) == []
