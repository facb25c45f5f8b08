"""Saving an application asks Strava about it: the built handlers, both stand-ins, and what the page is told."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox.sandbox import Sandbox
from sandbox.strava import Application
from tests.support.page_texts import shown

ROWS = "TA_strava_webhook_application"
#: splunkd's status for whatever a handler in Python raises; the handler's own status is in the text.
REFUSED = 500
ADVANCED = "TA_strava_webhook_settings/advanced"


@pytest.fixture(scope="module")
def sandbox(built_app: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("sandbox")
    with Sandbox(app=built_app, folder=folder, python=Path(sys.executable)) as running:
        yield running


@pytest.fixture
def registered(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[Application]:
    """An application at Strava; what the test entered in Splunk is gone afterwards."""
    yield sandbox.strava.add_application(request.node.name)
    sandbox.strava.faults.clear()
    for name in rows(sandbox):
        sandbox.splunkd.request("DELETE", sandbox.splunkd.path(ROWS, name))
    assert rows(sandbox) == {}


def rows(sandbox: Sandbox) -> dict[str, Mapping[str, Any]]:
    _, answer = sandbox.splunkd.request("GET", sandbox.splunkd.path(ROWS))
    return {entry["name"]: entry["content"] for entry in answer["entry"]}


def save(sandbox: Sandbox, application: Application, *edited: str, **fields: str) -> tuple[int, str]:
    """Create the row `mine`, or edit it; the status, and what the page shows of a refusal."""
    form = {"client_id": str(application.client_id), "client_secret": application.client_secret, **fields}
    if not edited:
        form.setdefault("name", "mine")
    return send(sandbox, form, *edited)


def send(sandbox: Sandbox, form: Mapping[str, str], *edited: str) -> tuple[int, str]:
    status, answer = sandbox.splunkd.request("POST", sandbox.splunkd.path(ROWS, *edited), form)
    return status, "" if status < 400 else shown(answer)


def state(sandbox: Sandbox) -> str:
    return str(rows(sandbox)["mine"]["state"])


def stored_secret(sandbox: Sandbox) -> list[str]:
    _, answer = sandbox.splunkd.request("GET", sandbox.splunkd.path("storage/passwords"))
    clear = [str(entry["content"]["clear_password"]) for entry in answer["entry"]]
    return [value for value in clear if "client_secret" in value]


def test_a_pair_that_belongs_together_is_verified(sandbox: Sandbox, registered: Application) -> None:
    assert save(sandbox, registered) == (201, "")
    row = rows(sandbox)["mine"]
    assert row["client_id"] == str(registered.client_id)
    assert (row["state"], row["state_reason"]) == ("verified", "Strava accepts the client ID and the client secret.")


def test_blanks_that_were_copied_too_are_left_out(sandbox: Sandbox, registered: Application) -> None:
    assert save(sandbox, registered, client_id=f" {registered.client_id} ") == (201, "")
    assert rows(sandbox)["mine"]["client_id"] == str(registered.client_id)


def test_an_unknown_client_id_is_refused_by_name(sandbox: Sandbox, registered: Application) -> None:
    status, said = save(sandbox, registered, client_id="999999999")
    assert status == REFUSED
    assert said.startswith("Strava knows no application with the client ID 999999999.")
    assert (rows(sandbox), stored_secret(sandbox)) == ({}, [])


def test_a_wrong_client_secret_is_refused_by_name(sandbox: Sandbox, registered: Application) -> None:
    status, said = save(sandbox, registered, client_secret="marked-wrong-secret")
    assert status == REFUSED
    assert said.startswith(f"Strava knows the client ID {registered.client_id}, but the client secret does not belong")
    assert (rows(sandbox), stored_secret(sandbox)) == ({}, [])
    assert "marked-wrong-secret" not in said + "\n".join(sandbox.splunkd.log_lines())


@pytest.mark.parametrize("what", [429, 500, 503, 404, "html", "html_200", "not_json", "empty", "reset", "redirect"])
def test_without_an_answer_of_stravas_it_is_saved_and_saving_again_verifies(
    sandbox: Sandbox, registered: Application, what: int | str
) -> None:
    with sandbox.strava.faults.outage(what, path="/api/v3/push_subscriptions"):
        assert save(sandbox, registered) == (201, "")
    row = rows(sandbox)["mine"]
    assert row["state"] == "not verified"
    assert str(row["state_reason"]).endswith("Save the row again to ask once more.")
    assert send(sandbox, {"client_id": str(registered.client_id)}, "mine") == (200, "")
    assert state(sandbox) == "verified"


def test_a_host_that_reaches_nothing_can_save(sandbox: Sandbox, registered: Application) -> None:
    sandbox.post(ADVANCED, api_url="https://127.0.0.1:1/api/v3")
    try:
        assert save(sandbox, registered) == (201, "")
    finally:
        sandbox.post(ADVANCED, api_url=sandbox.strava.api_url)
    assert state(sandbox) == "not verified"
    assert "127.0.0.1:1" in str(rows(sandbox)["mine"]["state_reason"])


def test_the_call_goes_through_the_proxy_of_the_settings(sandbox: Sandbox, registered: Application) -> None:
    proxy = "TA_strava_webhook_settings/proxy"
    sandbox.post(proxy, proxy_enabled="1", proxy_type="http", proxy_url="127.0.0.1", proxy_port="1")
    try:
        assert save(sandbox, registered) == (201, "")
    finally:
        sandbox.post(proxy, proxy_enabled="0", proxy_type="http", proxy_url="127.0.0.1", proxy_port="1")
    assert state(sandbox) == "not verified"
    assert "proxy" in str(rows(sandbox)["mine"]["state_reason"])


def test_an_application_that_strava_has_switched_off_is_saved_as_such(
    sandbox: Sandbox, registered: Application
) -> None:
    sandbox.strava.set_inactive(registered)
    assert save(sandbox, registered) == (201, "")
    assert state(sandbox) == "inactive at Strava"
    sandbox.strava.set_inactive(registered, False)
    assert send(sandbox, {"client_id": str(registered.client_id)}, "mine") == (200, "")
    assert state(sandbox) == "verified"


@pytest.mark.parametrize("secret", [None, "", "******"])
def test_an_edit_without_a_new_secret_asks_with_the_stored_one(
    sandbox: Sandbox, registered: Application, secret: str | None
) -> None:
    save(sandbox, registered)
    other = sandbox.strava.add_application("other")
    form = {} if secret is None else {"client_secret": secret}
    status, said = send(sandbox, {"client_id": str(other.client_id), **form}, "mine")
    assert (status, said[:16]) == (REFUSED, "Strava knows the")
    assert send(sandbox, {"client_id": str(registered.client_id), **form}, "mine") == (200, "")
    assert state(sandbox) == "verified"
    assert registered.client_secret in stored_secret(sandbox)[0]


def test_a_refused_edit_leaves_everything_as_it_was(sandbox: Sandbox, registered: Application) -> None:
    save(sandbox, registered)
    before = rows(sandbox), stored_secret(sandbox)
    assert save(sandbox, registered, "mine", client_secret="marked-wrong-secret")[0] == REFUSED
    assert (rows(sandbox), stored_secret(sandbox)) == before


def test_stars_are_no_secret_for_a_new_row(sandbox: Sandbox, registered: Application) -> None:
    assert save(sandbox, registered, client_secret="******") == (
        REFUSED,
        "Client secret: enter the value itself instead of the stars.",
    )


def test_the_same_client_id_is_entered_once(sandbox: Sandbox, registered: Application) -> None:
    save(sandbox, registered)
    status, said = save(sandbox, registered, name="again")
    assert status == REFUSED
    assert said.startswith(f"The application “mine” has the client ID {registered.client_id} already.")
    assert list(rows(sandbox)) == ["mine"]


def test_an_application_in_use_keeps_its_client_id_and_stays(sandbox: Sandbox, registered: Application) -> None:
    save(sandbox, registered)
    registered.name = "mine"
    sandbox.connect(sandbox.strava.add_athlete("Ada", "Berg"), "ada", registered)
    sandbox.add_input("home", registered)
    other = sandbox.strava.add_application("other")
    try:
        status, said = save(sandbox, other, "mine")
        assert (status, "while athletes are connected" in said, "“ada”" in said) == (REFUSED, True, True)
        status, answer = sandbox.splunkd.request("DELETE", sandbox.splunkd.path(ROWS, "mine"))
        assert (status, shown(answer)) == (
            REFUSED,
            "The application “mine” is used by athletes (“ada”, on Configuration → Athletes) and by inputs (“home”, "
            "on the page Inputs). Delete those first.",
        )
        assert list(rows(sandbox)) == ["mine"]
    finally:
        for path in (("TA_strava_webhook_account", "ada"), ("TA_strava_webhook_strava_webhook", "home")):
            assert sandbox.splunkd.request("DELETE", sandbox.splunkd.path(*path))[0] == 200


def test_nobody_gets_the_secret_back(sandbox: Sandbox, registered: Application) -> None:
    save(sandbox, registered)
    for path in (sandbox.splunkd.path(ROWS), sandbox.splunkd.path(ROWS, "mine")):
        status, answer = sandbox.splunkd.request("GET", path)
        assert (status, registered.client_secret in str(answer)) == (200, False)
        status, answer = sandbox.splunkd.request("GET", path, {"--cred--": "1"})
        assert (status, registered.client_secret in str(answer)) == (400, False)
    assert registered.client_secret not in "\n".join(sandbox.splunkd.log_lines())
