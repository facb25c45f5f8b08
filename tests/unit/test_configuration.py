"""From the texts of configuration files to checked values."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strava_collector import configuration
from strava_collector.configuration import (
    Stanza,
    parse_settings,
)
from strava_collector.errors import ConfigurationError
from strava_collector.input_stanza import RESTART_PAUSE, parse_webhook_input
from strava_collector.secret import Secret
from strava_collector.settings import IN_FRONT, NOTHING, Advanced, Application, Athlete, EnabledInput, Settings

APPLICATIONS = {"club": {"client_id": "12345", "client_secret": "******"}}
APPLICATION_SECRETS = {"club": Secret('{"client_secret": "s3cret-of-club"}')}
ANNA = {
    "application": "club",
    "athlete_id": "7001",
    "granted_scope": "read,activity:read_all",
    "index": "",
    "state": "connected",
}
INPUT = {
    "application": "club",
    "index": "strava",
    "port": "8443",
    "interval": "60",
    "callback_url": "https://strava.example.org/hook/3f9a",
    "cert_file": "/etc/ssl/cert.pem",
    "key_file": "/etc/ssl/key.pem",
    "verify_token": "******",
}


def settings_of(
    applications: dict[str, Stanza] | None = None,
    accounts: dict[str, Stanza] | None = None,
    settings: dict[str, Stanza] | None = None,
    settings_secrets: dict[str, Secret] | None = None,
) -> Settings:
    return parse_settings(
        applications=APPLICATIONS if applications is None else applications,
        application_secrets=APPLICATION_SECRETS,
        accounts=accounts or {},
        settings=settings or {},
        settings_secrets=settings_secrets or {},
    )


def faults_of(action: Callable[[], object]) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        action()
    return caught.value.faults


def test_an_application_has_its_secret_from_the_password_storage() -> None:
    assert settings_of().applications == {"club": Application("club", "12345", Secret("s3cret-of-club"))}


def test_the_tokens_owner_is_found_by_athlete_id() -> None:
    settings = settings_of(accounts={"anna": ANNA, "ben": {**ANNA, "athlete_id": "7002", "index": "ben"}})

    assert settings.athletes[7001] == Athlete("anna", 7001, "club", frozenset({"read", "activity:read_all"}))
    assert settings.athletes[7002].index == "ben"


def test_a_row_that_was_never_connected_is_no_athlete() -> None:
    assert settings_of(accounts={"nobody": {"application": "club"}}).athletes == {}


def test_nothing_configured_means_the_defaults() -> None:
    settings = settings_of()

    assert settings.advanced == Advanced()
    assert settings.proxy is None
    assert settings.log_level == "INFO"


def test_the_advanced_tab_is_read() -> None:
    settings = settings_of(
        settings={
            "advanced": {
                "api_url": "https://127.0.0.1:9001/api/v3/",
                "oauth_url": "https://127.0.0.1:9001/oauth",
                "ca_file": "/etc/ca.pem",
                "settle_time": "0",
                "concurrency": "1",
                "retry_base": "0.5",
                "retention_days": "30",
                "cooldown": "0",
                "own_quarter_limit": "50",
                "own_day_limit": " 400 ",
                "history_share": "25",
                "history_mb_per_day": "0.5",
                "most_waiting": "1000",
                "least_disk_mb": "0",
                "fetch_updates": "0",
            },
            "logging": {"loglevel": "debug"},
        }
    )

    assert settings.advanced == Advanced(
        api_url="https://127.0.0.1:9001/api/v3",
        oauth_url="https://127.0.0.1:9001/oauth",
        ca_file="/etc/ca.pem",
        settle_time=0.0,
        concurrency=1,
        retry_base=0.5,
        retention_days=30.0,
        cooldown=0.0,
        own_quarter_limit=50,
        own_day_limit=400,
        history_share=0.25,
        history_mb_per_day=0.5,
        most_waiting=1_000,
        least_disk_mb=0,
        fetch_updates=False,
    )
    assert settings.log_level == "DEBUG"


def test_an_advanced_tab_with_empty_fields_has_the_defaults() -> None:
    empty = dict.fromkeys(page_fields("configuration", "advanced"), "")

    assert settings_of(settings={"advanced": empty}).advanced == Advanced()


@pytest.mark.parametrize(
    ("text", "fetched"), [("1", True), ("true", True), ("True", True), ("0", False), ("false", False), ("no", False)]
)
def test_edited_activities_are_fetched_as_the_checkbox_says(text: str, fetched: bool) -> None:
    assert settings_of(settings={"advanced": {"fetch_updates": text}}).advanced.fetch_updates is fetched


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("cooldown", "-0.1"),
        ("cooldown", "3601"),
        ("own_quarter_limit", "0"),
        ("own_quarter_limit", "99.5"),
        ("own_day_limit", "1000001"),
        ("own_day_limit", "none"),
        ("history_share", "0.5"),
        ("history_share", "101"),
        ("history_share", "60 %"),
        ("history_mb_per_day", "-1"),
        ("history_mb_per_day", "1000001"),
        ("most_waiting", "999"),
        ("most_waiting", "10000001"),
        ("least_disk_mb", "-1"),
        ("least_disk_mb", "1000001"),
        ("retry_base", "0.09"),
    ],
)
def test_a_number_beyond_its_bounds_is_one_fault(field: str, text: str) -> None:
    (fault,) = faults_of(lambda: settings_of(settings={"advanced": {field: text}}))

    assert " from " in fault


def test_the_proxys_credentials_are_encoded_and_hidden() -> None:
    proxy = settings_of(
        settings={
            "proxy": {
                "proxy_enabled": "1",
                "proxy_url": "proxy.example.org",
                "proxy_port": "3128",
                "proxy_username": "ann@club",
            }
        },
        settings_secrets={"proxy": Secret('{"proxy_password": "p:/@%"}')},
    ).proxy

    assert proxy is not None
    assert proxy.reveal() == "http://ann%40club:p%3A%2F%40%25@proxy.example.org:3128"
    assert "p:/" not in repr(proxy)


def test_half_a_character_is_no_part_of_a_credential() -> None:
    on = {"proxy_enabled": "1", "proxy_url": "proxy.example.org", "proxy_port": "3128"}
    half = "name\ud800"

    (fault,) = faults_of(lambda: settings_of(settings={"proxy": {**on, "proxy_username": half}}))
    secrets = {"proxy": Secret(json.dumps({"proxy_password": half}))}
    proxy = settings_of(settings={"proxy": {**on, "proxy_username": "ann"}}, settings_secrets=secrets).proxy

    assert "characters that cannot be sent" in fault
    assert proxy == Secret("http://ann@proxy.example.org:3128")


def test_a_socks_proxy_resolves_names_itself() -> None:
    stanza = {"proxy_enabled": "true", "proxy_type": "socks5", "proxy_url": "::1", "proxy_port": "1080"}

    assert settings_of(settings={"proxy": stanza}).proxy == Secret("socks5h://[::1]:1080")


def test_a_proxy_that_is_switched_off_may_be_incomplete() -> None:
    assert settings_of(settings={"proxy": {"proxy_enabled": "0", "proxy_port": "x"}}).proxy is None


def test_all_faults_of_all_tabs_are_reported_together() -> None:
    faults = faults_of(
        lambda: settings_of(
            applications={"club": {"client_id": "twelve"}, "lost": {"client_id": "5"}},
            accounts={"anna": ANNA, "anna_again": ANNA},
            settings={
                "proxy": {"proxy_enabled": "1", "proxy_url": "http://x", "proxy_port": "70000"},
                "logging": {"loglevel": "LOUD"},
                "advanced": {
                    "api_url": "http://plain",
                    "oauth_url": "https://user@host",
                    "ca_file": "relative.pem",
                    "settle_time": "nan",
                    "concurrency": "4",
                    "retry_base": "-1",
                    "retention_days": "many",
                    "cooldown": "inf",
                    "own_quarter_limit": "0",
                    "own_day_limit": "-5",
                    "history_share": "0",
                    "history_mb_per_day": "much",
                    "most_waiting": "1e6",
                    "least_disk_mb": "0.5",
                },
            },
        )
    )

    assert len(faults) == 20
    for word in ("“club”", "“lost”", "7001", "host", "port", "log level", "API URL", "OAuth URL", "CA file"):
        assert any(word in fault for fault in faults), word
    for word in ("settle time", "Fetches at once", "retry pause", "finished jobs", "cooldown", "quarter hour"):
        assert any(word in fault for fault in faults), word
    for word in ("limit per day", "share for history", "history writes", "may wait", "disk space"):
        assert any(word in fault for fault in faults), word


def test_an_input_becomes_a_value() -> None:
    webhook_input = parse_webhook_input("main", INPUT, Secret("verify-me"))

    assert webhook_input.port == 8443
    assert webhook_input.callback_path == "/hook/3f9a"
    assert webhook_input.verify_token == Secret("verify-me")


def test_an_input_that_was_saved_before_the_field_existed_has_nothing_in_front() -> None:
    assert parse_webhook_input("main", INPUT, Secret("verify-me")).in_front == "nothing"
    assert parse_webhook_input("main", {**INPUT, "in_front": ""}, Secret("verify-me")).in_front == "nothing"
    assert parse_webhook_input("main", {**INPUT, "in_front": "proxy"}, Secret("verify-me")).in_front == "proxy"


def test_behind_a_proxy_that_speaks_plain_http_an_input_has_no_certificate() -> None:
    without = {key: value for key, value in INPUT.items() if key not in ("cert_file", "key_file")}
    plain = parse_webhook_input("main", {**without, "in_front": "local_proxy"}, Secret("verify-me"))
    assert (plain.cert_file, plain.key_file) == ("", "")
    for in_front in ("nothing", "router", "proxy"):
        with pytest.raises(ConfigurationError) as error:
            parse_webhook_input("main", {**without, "in_front": in_front}, Secret("verify-me"))
        assert error.value.faults == ("The certificate file is missing.", "The private key file is missing.")


def test_the_callback_urls_host_and_path_are_taken_from_it() -> None:
    webhook_input = parse_webhook_input("main", {**INPUT, "callback_url": "https://H.example.org/p"}, Secret("v"))

    assert (webhook_input.callback_host, webhook_input.callback_path) == ("h.example.org", "/p")


def test_only_inputs_that_are_not_disabled_are_enabled() -> None:
    settings = parse_settings(
        applications={},
        application_secrets={},
        accounts={},
        settings={},
        settings_secrets={},
        inputs={
            "b": {"application": "club", "port": "8443", "disabled": "0"},
            "a": {"application": "own", "port": "9443"},
            "off": {"application": "own", "port": "9444", "disabled": "1"},
        },
    )

    assert settings.enabled_inputs == (EnabledInput("a", "own", "9443"), EnabledInput("b", "club", "8443"))


def test_an_input_whose_files_are_missing_still_runs() -> None:
    """They may come back; the running input looks again."""
    parse_webhook_input("main", {**INPUT, "cert_file": "/nowhere/cert.pem"}, Secret("verify-me"))


def test_an_input_that_means_nothing_is_refused_with_all_faults() -> None:
    faults = faults_of(lambda: parse_webhook_input("main", {"port": "0", "interval": "5"}, None))

    assert faults == (
        "The application is missing.",
        "The index is missing.",
        "The callback URL is missing.",
        "The certificate file is missing.",
        "The private key file is missing.",
        "The port must be a whole number from 1 to 65535.",
        "The restart pause (s) must be a whole number from 10 to 3600.",
        "The verify token is missing. Open the input on the page Inputs and enter it again.",
    )


@given(st.dictionaries(st.sampled_from(sorted(INPUT)), st.text()))
def test_no_text_makes_the_checks_fail(params: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        parse_webhook_input("main", {**params, "port": "x"}, Secret("verify-me"))


@given(st.dictionaries(st.text(), st.dictionaries(st.text(), st.text())))
def test_no_text_makes_the_settings_fail_otherwise(stanzas: dict[str, dict[str, str]]) -> None:
    try:
        settings_of(applications=dict(stanzas), accounts=dict(stanzas), settings=dict(stanzas))
    except ConfigurationError as error:
        assert error.faults


ROOT = Path(__file__).parents[2]


def page_fields(*path: str) -> dict[str, dict[str, object]]:
    pages = json.loads((ROOT / "globalConfig.json").read_text(encoding="utf-8"))["pages"]
    kind, name = path
    rows = pages[kind]["tabs"] if kind == "configuration" else pages[kind]["services"]
    (row,) = [row for row in rows if row["name"] == name]
    return {entity["field"]: entity for entity in row["entity"]}


@pytest.mark.parametrize(
    ("field", "bounds", "factor"),
    [
        ("settle_time", configuration.SETTLE_TIME, 1),
        ("concurrency", configuration.CONCURRENCY, 1),
        ("retry_base", configuration.RETRY_BASE, 1),
        ("retention_days", configuration.RETENTION_DAYS, 1),
        ("cooldown", configuration.COOLDOWN, 1),
        ("own_quarter_limit", configuration.OWN_LIMIT, None),
        ("own_day_limit", configuration.OWN_LIMIT, None),
        ("history_share", configuration.HISTORY_SHARE, 100),
        ("history_mb_per_day", configuration.HISTORY_MB_PER_DAY, 1),
        ("most_waiting", configuration.MOST_WAITING, 1),
        ("least_disk_mb", configuration.LEAST_DISK_MB, 1),
    ],
)
def test_the_page_has_the_same_bounds_and_defaults(
    field: str, bounds: tuple[float, float], factor: float | None
) -> None:
    """``factor`` is from the value to what the user types; None is a field that may be left empty."""
    entity = page_fields("configuration", "advanced")[field]
    default = getattr(Advanced(), field)
    low_to_high = f"{bounds[0]:.10g} to {bounds[1]:.10g}"

    assert entity["validators"][0]["range"] == list(bounds)  # type: ignore[index]  # JSON
    assert f"from {low_to_high}" in entity["validators"][0]["errorMsg"]  # type: ignore[index]  # JSON
    if factor is None:
        assert default is None
        assert "defaultValue" not in entity
        assert f"Optional: {low_to_high}." in str(entity["help"])
    else:
        assert float(str(entity["defaultValue"])) == default * factor
        assert f"{low_to_high}, default {default * factor:.10g}." in str(entity["help"])
        assert f"({low_to_high}" in str(entity["label"])


@pytest.mark.parametrize(
    ("field", "bounds", "default"), [("port", configuration.PORT, "8443"), ("interval", RESTART_PAUSE, "60")]
)
def test_the_page_of_inputs_names_the_same_limits(field: str, bounds: tuple[int, int], default: str) -> None:
    entity = page_fields("inputs", "strava_webhook")[field]

    assert f"{bounds[0]} to {bounds[1]})" in str(entity["label"])
    assert entity["defaultValue"] == default
    assert f"Default {default}." in str(entity["help"])


def test_the_page_of_inputs_stops_at_no_single_fault() -> None:
    assert not any("validators" in entity for entity in page_fields("inputs", "strava_webhook").values())


def test_the_page_offers_everything_that_may_be_in_front_of_the_port() -> None:
    entity = page_fields("inputs", "strava_webhook")["in_front"]
    choices = entity["options"]["autoCompleteFields"]  # type: ignore[index]  # JSON

    assert [choice["value"] for choice in choices] == list(IN_FRONT)
    assert entity["defaultValue"] == NOTHING


def test_the_page_fetches_edited_activities_unless_told_not_to() -> None:
    assert page_fields("configuration", "advanced")["fetch_updates"]["defaultValue"] is Advanced().fetch_updates


def test_the_page_shows_every_advanced_setting() -> None:
    assert set(page_fields("configuration", "advanced")) == {field.name for field in fields(Advanced)}


def test_the_specification_knows_every_advanced_setting() -> None:
    spec = (ROOT / "package/README/ta_strava_webhook_settings.conf.spec").read_text(encoding="utf-8")

    assert all(f"\n{field.name} = " in spec for field in fields(Advanced))


@pytest.mark.parametrize("conf", ["application", "account"])
def test_the_specification_knows_every_field(conf: str) -> None:
    spec = (ROOT / f"package/README/ta_strava_webhook_{conf}.conf.spec").read_text(encoding="utf-8")
    shown = page_fields("configuration", conf)
    names = {name for name, entity in shown.items() if entity["type"] != "helpLink"} - {"name", "oauth"}

    assert all(f"\n{name} = " in spec for name in names)


def test_a_row_that_cannot_be_used_holds_up_no_other() -> None:
    settings = parse_settings(
        applications={"club": {"client_id": "4711"}, "broken": {"client_id": "x"}},
        application_secrets={"club": Secret('{"client_secret": "s"}')},
        accounts={
            "anna": {"athlete_id": "7", "application": "club"},
            "twice": {"athlete_id": "7", "application": "club"},
            "ben": {"athlete_id": "8", "application": "club"},
        },
        settings={},
        settings_secrets={},
    )
    assert set(settings.applications) == {"club"}
    assert {athlete.name for athlete in settings.athletes.values()} == {"anna", "ben"}
    assert len(settings.row_faults) == 3
