"""No secret comes out of the set-up check, whatever is wrong and whatever others answer."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Optional
from urllib.parse import quote

import pytest

from sandbox.certificates import Certificates
from strava_collector.check_line import Line, Status
from strava_collector.check_run import run
from strava_collector.clock import SystemClock
from strava_collector.ports import SplunkUnavailable
from strava_collector.secret import Secret
from strava_collector.splunk_config import ACCOUNTS, APPLICATIONS, SETTINGS, credential_realm
from strava_collector.store.database import Database
from strava_collector.store.process_lock import input_lock
from strava_collector.token_store import REALM
from tests.support.https_server import Script, Server, Visit, answering

#: Every secret has this in it.
MARK = "MARKED"
CLIENT_SECRET = f"{MARK}-client/secret"
VERIFY_TOKEN = f"{MARK}-verify&token"
ACCESS_TOKEN = f"{MARK}-access-token"
REFRESH_TOKEN = f"{MARK}-refresh-token"


class Splunk:
    """splunkd with one of everything; ``refused`` are the kinds of things that it does not tell."""

    def __init__(self, strava: str, callback_url: str, ca_file: Path, files: Any) -> None:
        self.refused: set[str] = set()
        self.confs: dict[str, dict[str, dict[str, str]]] = {
            APPLICATIONS: {"Club": {"client_id": "4711"}, "Bad": {"client_id": "none"}},
            ACCOUNTS: {"ada": {"athlete_id": "7", "application": "Club", "granted_scope": "read,activity:read"}},
            SETTINGS: {"advanced": {"api_url": strava, "ca_file": str(ca_file)}},
            "macros": {"strava_index": {"definition": "index=strava"}},
        }
        self.webhook_inputs = {
            "home": {
                "application": "Club",
                "index": "strava",
                "port": "8443",
                "callback_url": callback_url,
                "cert_file": str(files.cert_file),
                "key_file": str(files.key_file),
            }
        }
        self.secrets = {
            credential_realm(f"configs/conf-{APPLICATIONS}"): {
                name: Secret(json.dumps({"client_secret": CLIENT_SECRET})) for name in ("Club", "Bad")
            },
            credential_realm(f"configs/conf-{SETTINGS}"): {
                "proxy": Secret(json.dumps({"proxy_password": f"{MARK}-proxy"}))
            },
            credential_realm("data/inputs/strava_webhook"): {
                "home": Secret(json.dumps({"verify_token": VERIFY_TOKEN}))
            },
            REALM: {"7": Secret(json.dumps([ACCESS_TOKEN, REFRESH_TOKEN, 4_000_000_000]))},
        }

    def _tell(self, kind: str) -> None:
        if kind in self.refused:
            raise SplunkUnavailable(f"splunkd does not permit a call of {kind}.")

    def stanzas(self, conf: str) -> dict[str, dict[str, str]]:
        self._tell(conf)
        return self.confs.get(conf, {})

    def passwords(self, realm: str) -> dict[str, Secret]:
        self._tell("passwords")
        return self.secrets.get(realm, {})

    def password(self, realm: str, username: str) -> Optional[Secret]:
        self._tell("passwords")
        return self.secrets.get(realm, {}).get(username)

    def set_password(self, realm: str, username: str, password: Secret) -> None:
        raise AssertionError("the check must not change anything")

    def delete_password(self, realm: str, username: str) -> None:
        raise AssertionError("the check must not change anything")

    def inputs(self, kind: str) -> dict[str, dict[str, str]]:
        self._tell("inputs")
        return self.webhook_inputs

    def indexes(self) -> dict[str, dict[str, str]]:
        self._tell("indexes")
        return {"strava": {}}

    def server_roles(self) -> list[str]:
        self._tell("roles")
        return ["indexer"]


def echo(visit: Visit) -> None:
    """A hostile or broken server: it says back whatever it was told, in every place that might be shown."""
    while (request := visit.request()) is not None:
        said = f"{request.target} {json.dumps(dict(request.headers))} {quote(CLIENT_SECRET)} {VERIFY_TOKEN}"
        if "push_subscriptions" in request.target:
            visit.answer(json.dumps([{"id": 1, "callback_url": f"https://x.example/{said}"}]).encode())
        else:
            visit.answer(json.dumps({"message": said, "id": said}).encode(), 400)


def refusing(resource: str, field: str) -> Script:
    errors = [{"resource": resource, "field": field, "code": "invalid"}]
    return answering(json.dumps({"message": CLIENT_SECRET, "errors": errors}).encode(), 401)


@contextmanager
def surroundings(tmp_path: Path, strava: Script, callback: Script) -> Iterator[Splunk]:
    certificates = Certificates(tmp_path / "certificates")
    context: ssl.SSLContext = certificates.server_context("servers")
    with ExitStack() as stack:
        api = stack.enter_context(Server(strava, context))
        public = stack.enter_context(Server(callback, context))
        yield Splunk(api.url, f"{public.url}/strava/path", certificates.ca_file, certificates.issue("home"))


def checked(splunk: Splunk, folder: Optional[Path], caplog: pytest.LogCaptureFixture) -> dict[str, Line]:
    with caplog.at_level(logging.DEBUG):
        lines = run(splunk, folder=folder, clock=SystemClock())
    for line in lines:
        assert MARK not in repr(line), line
    assert MARK not in caplog.text
    return {line.name: line for line in lines}


@pytest.mark.parametrize(
    ("strava", "callback"),
    [
        (echo, echo),
        (refusing("Application", "client_id"), answering(b"", 404)),
        (refusing("Application", ""), answering(b"no", 403)),
        (refusing("Athlete", "access_token"), answering(b"", 302, {"Location": f"https://x.example/{VERIFY_TOKEN}"})),
        (answering(b"not json"), answering(b"", 502)),
        (answering(b"[]"), answering(b"{}")),
        (answering(b"[1]", 200), lambda visit: visit.close()),
        (answering(b"{}", 429), lambda visit: visit.close()),
        (lambda visit: visit.close(), lambda visit: visit.close()),
    ],
)
def test_whatever_others_answer_no_secret_is_shown(
    tmp_path: Path, strava: Script, callback: Script, caplog: pytest.LogCaptureFixture
) -> None:
    with surroundings(tmp_path, strava, callback) as splunk:
        checked(splunk, tmp_path / "none", caplog)
        with closing(Database(tmp_path / "store", clock=SystemClock())) as database, database.write():
            pass
        with input_lock(tmp_path / "store", "home"):  # as if it ran: its callback URL is called then
            lines = checked(splunk, tmp_path / "store", caplog)
    assert lines["callback:home"].status is Status.FAIL
    assert "not tried" not in lines["callback:home"].seen


@pytest.mark.parametrize(
    "refused", [APPLICATIONS, ACCOUNTS, SETTINGS, "macros", "inputs", "indexes", "roles", "passwords", "outputs"]
)
def test_whatever_splunkd_does_not_tell_is_a_warning_and_the_rest_is_checked(
    tmp_path: Path, refused: str, caplog: pytest.LogCaptureFixture
) -> None:
    with surroundings(tmp_path, answering(b"[]"), answering(b"{}")) as splunk:
        splunk.refused = {refused}
        lines = checked(splunk, tmp_path / "none", caplog)
    assert any(line.topic == "configuration" and line.status is Status.WARN for line in lines.values())


def test_without_secrets_nobody_is_asked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    asked: list[str] = []

    def note(visit: Visit) -> None:
        asked.append("asked")

    with surroundings(tmp_path, note, note) as splunk:
        splunk.refused = {"passwords"}
        lines = checked(splunk, tmp_path / "none", caplog)
    assert asked == []
    assert "Secrets could not be read" in " ".join(line.seen for line in lines.values())
    assert lines["application:Club"].status is Status.WARN


def test_settings_with_faults_are_told_and_the_rest_is_checked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with surroundings(tmp_path, answering(b"[]"), answering(b"{}")) as splunk:
        splunk.confs[SETTINGS]["proxy"] = {"proxy_enabled": "1", "proxy_url": "bad host", "proxy_port": "x"}
        lines = checked(splunk, None, caplog)
    faults = [line for line in lines.values() if line.topic == "configuration" and line.status is Status.FAIL]
    assert any("proxy" in line.seen for line in faults)
    assert lines["application:Bad"].status is Status.FAIL
    assert "not a number" in lines["application:Bad"].seen
