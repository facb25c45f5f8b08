"""The set-up check sees the boxes of all inputs as they are stored, disabled ones included."""

from __future__ import annotations

from typing import Optional

from strava_collector.check_line import Line, Status
from strava_collector.check_run import run
from strava_collector.ports import SplunkUnavailable
from strava_collector.secret import Secret
from strava_collector.splunk_config import ACTIVITIES_KIND, WEBHOOK_KIND
from tests.support.clock import VirtualClock

Inputs = dict[str, dict[str, str]]


class Splunk:
    """splunkd, which tells whoever asks which inputs there are, and no secrets."""

    def __init__(self, webhook: Inputs, activities: Inputs) -> None:
        self.kinds = {WEBHOOK_KIND: webhook, ACTIVITIES_KIND: activities}

    def stanzas(self, conf: str) -> dict[str, dict[str, str]]:
        return {}

    def passwords(self, realm: str) -> dict[str, Secret]:
        raise SplunkUnavailable("splunkd does not permit it.")

    def password(self, realm: str, username: str) -> Optional[Secret]:
        raise SplunkUnavailable("splunkd does not permit it.")

    def set_password(self, realm: str, username: str, password: Secret) -> None:
        raise AssertionError("the check must not change anything")

    def delete_password(self, realm: str, username: str) -> None:
        raise AssertionError("the check must not change anything")

    def inputs(self, kind: str) -> Inputs:
        return self.kinds[kind]

    def indexes(self) -> dict[str, dict[str, str]]:
        return {}

    def server_roles(self) -> list[str]:
        return ["indexer"]


def line(webhook: Inputs, activities: Inputs) -> Line:
    (found,) = [
        one for one in run(Splunk(webhook, activities), folder=None, clock=VirtualClock()) if one.topic == "privacy"
    ]
    return found


def test_boxes_of_either_kind_are_compared_also_of_a_disabled_input() -> None:
    club = {"club": {"application": "App", "drop_location": "1"}}
    lists = {"lists": {"application": "App", "drop_health": "1", "disabled": "1"}}
    found = line(club, lists)
    assert (found.status, found.name) == (Status.WARN, "privacy:App")
    assert "“club” location; “lists” health (it is disabled)." in found.seen
    assert "location now. If “lists” is enabled, it is location and health." in found.seen


def test_only_athletes_whom_both_have_matter() -> None:
    anna = {"application": "App", "athletes": "anna", "drop_location": "1"}
    assert line({}, {"a": anna, "b": {"application": "App", "athletes": "ben"}}).status is Status.PASS
    assert line({}, {"a": anna, "b": {"application": "App", "athletes": "ben, anna"}}).status is Status.WARN
    assert line({}, {"a": anna, "b": {"application": "App"}}).status is Status.WARN
