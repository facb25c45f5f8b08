"""From the stanza of an input *Strava Activities* to a value."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strava_collector.configuration import parse_settings
from strava_collector.errors import ConfigurationError
from strava_collector.input_stanza import (
    INTERVAL,
    LOOK_BACK_DAYS,
    NEWEST,
    ORDERS,
    parse_activities_input,
    parse_webhook_input,
)
from strava_collector.privacy import KEEP_ALL, Privacy
from strava_collector.secret import Secret
from strava_collector.settings import ActivitiesInput, EnabledActivities

ROOT = Path(__file__).resolve().parents[2]
LEAST = {"application": "club", "index": "strava"}
ALL = {
    **LEAST,
    "athletes": "anna, ben,",
    "start_date": "2015-01-31",
    "order": "oldest",
    "summaries_only": "1",
    "interval": "60",
    "look_back": "30",
    "streams": "true",
    "drop_location": "1",
    "drop_text": "0",
    "drop_health": "True",
}


def test_an_empty_field_has_its_default() -> None:
    plain = ActivitiesInput("history", "strava", "club")

    assert parse_activities_input("history", LEAST) == plain
    assert parse_activities_input("history", {**dict.fromkeys(ALL, " "), **LEAST}) == plain


def test_every_field_is_read() -> None:
    assert parse_activities_input("history", ALL) == ActivitiesInput(
        "history",
        "strava",
        "club",
        athletes=frozenset({"anna", "ben"}),
        interval=60.0,
        start_date=datetime(2015, 1, 31, tzinfo=timezone.utc).timestamp(),
        oldest_first=True,
        summaries_only=True,
        look_back=30 * 86_400.0,
        streams=True,
        privacy=Privacy(location=True, health=True),
    )


def test_a_date_before_the_first_computer_is_the_beginning() -> None:
    assert parse_activities_input("history", {**LEAST, "start_date": "0001-01-01"}).start_date == 0.0


def test_what_makes_no_sense_is_refused_with_all_faults() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_activities_input("history", {"interval": "1", "order": "x", "start_date": "x", "look_back": "x"})

    assert len(caught.value.faults) == 6


def test_a_webhook_input_leaves_out_the_same() -> None:
    params = {
        **LEAST,
        "port": "8443",
        "callback_url": "https://strava.example.org:8443/hook",
        "cert_file": "/c.pem",
        "key_file": "/k.pem",
    }
    privacy = {"streams": "1", "drop_location": "1", "drop_text": "1", "drop_health": "1"}

    plain = parse_webhook_input("main", params, Secret("verify-me"))
    assert (plain.streams, plain.privacy) == (False, KEEP_ALL)
    private = parse_webhook_input("main", {**params, **privacy}, Secret("verify-me"))
    assert (private.streams, private.privacy) == (True, Privacy(location=True, text=True, health=True))


def test_the_settings_know_the_enabled_inputs_of_this_kind_by_name() -> None:
    settings = parse_settings(
        applications={},
        application_secrets={},
        accounts={},
        settings={},
        settings_secrets={},
        inputs={"main": {"application": "club", "port": "8443", "drop_text": "1", "streams": "1"}},
        activities_inputs={"b": ALL, "a": LEAST, "off": {**LEAST, "disabled": "1"}},
    )

    assert settings.enabled_activities == (
        EnabledActivities("a", "club", index="strava"),
        EnabledActivities("b", "club", frozenset({"anna", "ben"}), "strava", True, Privacy(location=True, health=True)),
    )
    (webhook,) = settings.enabled_inputs
    assert (webhook.streams, webhook.privacy) == (True, Privacy(text=True))


@given(st.dictionaries(st.sampled_from(sorted(ALL)), st.text()))
def test_no_text_makes_the_checks_fail(params: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        parse_activities_input("history", {**params, "interval": "x"})


def service(name: str) -> dict[str, dict[str, object]]:
    services = json.loads((ROOT / "globalConfig.json").read_text("utf-8"))["pages"]["inputs"]["services"]
    (found,) = [one for one in services if one["name"] == name]
    return {entity["field"]: entity for entity in found["entity"]}


@pytest.mark.parametrize(
    ("field", "bounds", "default"),
    [
        ("interval", INTERVAL, ActivitiesInput.interval),
        ("look_back", LOOK_BACK_DAYS, ActivitiesInput.look_back / 86_400.0),
    ],
)
def test_the_page_names_the_same_limits(field: str, bounds: tuple[int, int], default: float) -> None:
    entity = service("strava_activities")[field]

    assert f"({bounds[0]} to {bounds[1]} " in str(entity["label"])
    assert entity["defaultValue"] == f"{default:g}"
    assert f"Default {default:g}." in str(entity["help"])


def test_the_page_stops_at_no_single_fault() -> None:
    assert not any("validators" in entity for entity in service("strava_activities").values())


def test_the_page_offers_both_orders() -> None:
    entity = service("strava_activities")["order"]
    choices = entity["options"]["autoCompleteFields"]  # type: ignore[index]  # JSON

    assert [choice["value"] for choice in choices] == list(ORDERS)
    assert entity["defaultValue"] == NEWEST


@pytest.mark.parametrize("field", ["streams", "drop_location", "drop_text", "drop_health"])
def test_both_kinds_of_inputs_leave_out_the_same_in_the_same_words(field: str) -> None:
    assert service("strava_activities")[field] == service("strava_webhook")[field]
    assert service("strava_webhook")[field]["defaultValue"] is False


def test_every_field_of_the_page_is_read() -> None:
    assert set(service("strava_activities")) == {"name", *ALL}
