"""A user without the add-on's capabilities sees and changes nothing; one with some of them gets an answer in words."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from sandbox.sandbox import Sandbox
from tests.support.page_texts import shown
from tests.support.splunk_state import written_files

#: Each endpoint with a row that exists.
ENDPOINTS = {
    "TA_strava_webhook_application": "mine",
    "TA_strava_webhook_account": "ada",
    "TA_strava_webhook_settings": "advanced",
    "TA_strava_webhook_strava_webhook": "home",
    "TA_strava_webhook_strava_activities": "history",
    "TA_strava_webhook_oauth": "oauth",
    "strava_jobs": "counts",
    "strava_subscriptions": "1",
    "strava_check": "process",
    "strava_history": "ada",
}

CONFS = ("ta_strava_webhook_application", "ta_strava_webhook_account", "ta_strava_webhook_settings", "inputs")


@pytest.fixture(scope="module")
def sandbox(built_app: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(app=built_app, folder=tmp_path_factory.mktemp("sandbox"), python=Path(sys.executable)) as running:
        application = running.add_application("mine")
        running.connect(running.strava.add_athlete("Ada", "Berg"), "ada", application)
        made = running.add_input("home", application)
        running.post(f"TA_strava_webhook_strava_webhook/{made.name}", disabled="1")
        running.add_activities_input("history", application)
        running.post("TA_strava_webhook_strava_activities/history", disabled="1")
        yield running


@pytest.fixture
def viewer(sandbox: Sandbox) -> str:
    """The session of somebody who may log in and search."""
    return sandbox.splunkd.sessions.issue("viewer")


def test_splunk_says_who_somebody_is_and_what_that_permits(sandbox: Sandbox, viewer: str) -> None:
    path = "/services/authentication/current-context"
    seen = {}
    for key in (sandbox.splunkd.session_key, viewer):
        _, answer = sandbox.splunkd.request("GET", path, session_key=key)
        content = answer["entry"][0]["content"]
        seen[content["username"]] = content["roles"], set(content["capabilities"])
    ours = {"read_ta_strava_webhook", "edit_ta_strava_webhook"}
    assert seen["admin"][0] == ["admin"]
    assert seen["admin"][1] >= {*ours, "search", "list_storage_passwords"}
    assert seen["viewer"][0] == ["user"]
    assert not seen["viewer"][1] & {*ours, "list_storage_passwords", "admin_all_objects"}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_without_the_capability_nothing_is_seen_or_changed(sandbox: Sandbox, viewer: str, endpoint: str) -> None:
    splunkd, row = sandbox.splunkd, ENDPOINTS[endpoint]
    before = written_files(splunkd)
    for method, path, needed in (
        ("GET", splunkd.path(endpoint), "read"),
        ("GET", splunkd.path(endpoint, row), "read"),
        ("POST", splunkd.path(endpoint), "edit"),
        ("POST", splunkd.path(endpoint, row), "edit"),
        ("DELETE", splunkd.path(endpoint, row), "edit"),
    ):
        status, answer = splunkd.request(method, path, {"name": row} if method == "POST" else None, session_key=viewer)
        assert status == 403
        assert shown(answer) == (
            "You (user=viewer) do not have permission to perform this operation "
            f"(requires capability: {needed}_ta_strava_webhook)."
        )
        assert "entry" not in answer
    assert written_files(splunkd) == before


@pytest.mark.parametrize("conf", CONFS)
def test_there_is_no_way_around_the_endpoints(sandbox: Sandbox, viewer: str, conf: str) -> None:
    splunkd = sandbox.splunkd
    before = written_files(splunkd)
    listing = splunkd.path("configs", f"conf-{conf}")
    _, admins = splunkd.request("GET", listing, {"count": -1})
    ours = [entry["name"] for entry in admins["entry"] if entry["acl"]["app"] == splunkd.app]
    assert ours
    _, viewers = splunkd.request("GET", listing, {"count": -1}, session_key=viewer)
    assert not [entry for entry in viewers["entry"] if entry["name"] in ours]
    for name in ours:
        path = f"{listing}/{quote(name.replace('/', '%2F'), safe='')}"
        assert splunkd.request("GET", path, session_key=viewer)[0] == 404
        assert splunkd.request("POST", path, {"x": "1"}, session_key=viewer)[0] in (403, 404)
        assert splunkd.request("DELETE", path, session_key=viewer)[0] in (403, 404)
    assert splunkd.request("POST", listing, {"name": "new", "x": "1"}, session_key=viewer)[0] == 403
    assert written_files(splunkd) == before


def test_the_inputs_of_splunk_itself_are_hidden_too(sandbox: Sandbox, viewer: str) -> None:
    splunkd = sandbox.splunkd
    path = splunkd.path("data/inputs/strava_webhook")
    assert [entry["name"] for entry in splunkd.request("GET", path)[1]["entry"]] == ["home"]
    assert splunkd.request("GET", path, session_key=viewer)[1]["entry"] == []
    for rest in ("/home", "/home/enable", "/home/disable"):
        assert splunkd.request("POST", path + rest, session_key=viewer)[0] == 404


def test_secrets_need_a_capability_of_splunks_own(sandbox: Sandbox, viewer: str) -> None:
    path = sandbox.splunkd.path("storage/passwords")
    status, answer = sandbox.splunkd.request("GET", path, session_key=viewer)
    assert (status, "list_storage_passwords" in shown(answer)) == (403, True)
    form = {"name": "x", "realm": "y", "password": "z"}
    assert sandbox.splunkd.request("POST", path, form, session_key=viewer)[0] == 403


def test_a_role_with_nothing_but_our_capabilities_gets_words_and_no_secrets(sandbox: Sandbox, viewer: str) -> None:
    splunkd = sandbox.splunkd
    granted = {"read_ta_strava_webhook": "enabled", "edit_ta_strava_webhook": "enabled"}
    splunkd.configuration.write("authorize", "system", "role_user", granted)
    before = written_files(splunkd)
    try:
        status, answer = splunkd.request("GET", splunkd.path("TA_strava_webhook_application"), session_key=viewer)
        assert (status, shown(answer)) == (
            500,
            "You are not permitted to do this. Ask an administrator of this Splunk for what your role lacks.",
        )
        status, answer = splunkd.request("GET", splunkd.path("strava_subscriptions"), session_key=viewer)
        assert (status, shown(answer)) == (
            403,
            "Splunkd does not permit a call of storage/passwords; the user lacks a capability, for passwords "
            "“list_storage_passwords”.",
        )
        application = sandbox.strava.add_application("other")
        form: dict[str, str | int] = {
            "name": "x",
            "client_id": application.client_id,
            "client_secret": application.client_secret,
        }
        status, answer = splunkd.request(
            "POST", splunkd.path("TA_strava_webhook_application"), form, session_key=viewer
        )
        assert (status, shown(answer)[-1]) == (500, ".")
        assert written_files(splunkd) == before
    finally:
        splunkd.configuration.remove("authorize", "system", "role_user")
