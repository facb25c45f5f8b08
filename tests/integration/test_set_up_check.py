"""The set-up check through splunkd, with the built add-on: what it says of broken and of good set-ups."""

from __future__ import annotations

from typing import Any

from sandbox.sandbox import Sandbox
from tests.integration.conftest import MakeSandbox
from tests.support.waiting import until


def check(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """The lines by name."""
    status, answer = sandbox.splunkd.request("GET", sandbox.splunkd.path("strava_check"), {"count": -1})
    assert status == 200, answer
    return {entry["name"]: entry["content"] for entry in answer["entry"]}


def statuses(lines: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: line["status"] for name, line in lines.items()}


def test_an_empty_installation_is_told_what_to_do_first(make_sandbox: MakeSandbox) -> None:
    lines = check(make_sandbox())
    for line in sorted(lines.values(), key=lambda one: one["position"]):
        print(line)
    assert lines["application"]["status"] == "fail"
    assert "Configuration → Applications" in lines["application"]["to_do"]


def test_a_good_set_up_has_nothing_but_good_lines(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    application = sandbox.add_application("Club")
    sandbox.connect(sandbox.strava.add_athlete("Ada", "Berg"), "ada", application)
    made = sandbox.add_input("home", application)
    sandbox.wait_until_healthy(made)
    sandbox.subscribe(application, made)
    until(lambda: check(sandbox)["worker:home"]["status"] == "pass")
    lines = check(sandbox)
    for line in sorted(lines.values(), key=lambda one: one["position"]):
        print(line["status"], line["topic"], line["subject"], "|", line["seen"], "|", line["to_do"])
    assert set(statuses(lines).values()) == {"pass"}
