"""The stanzas of the configuration files, read as settings.

They are settings, each within the bounds that the pages promise, or :class:`ConfigurationError` with sentences. What
is taken can be used: the proxy's address, the call addresses. No secret shows in a fault or in the settings' ``repr``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from strava_collector import configuration
from strava_collector.configuration import parse_settings
from strava_collector.errors import ConfigurationError
from strava_collector.proxy import parse_proxy
from strava_collector.secret import Secret
from strava_collector.settings import Settings
from tests.fuzz.target import Target

#: In every secret, and nowhere else.
_MARK = "MARKED-7b1f"


def _check(data: bytes) -> str:
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return "no input"
    if not isinstance(told, dict) or _MARK in data.decode("utf-8", "replace"):
        return "no input"
    try:
        settings = parse_settings(
            applications=_stanzas(told.get("applications")),
            application_secrets=_secrets(told.get("application_secrets"), "client_secret"),
            accounts=_stanzas(told.get("accounts")),
            settings=_stanzas(told.get("settings")),
            settings_secrets=_secrets(told.get("settings_secrets"), "proxy_password"),
            inputs=_stanzas(told.get("inputs")),
            activities_inputs=_stanzas(told.get("activities_inputs")),
        )
    except ConfigurationError as error:
        assert error.faults
        assert all(fault.endswith(".") for fault in error.faults), error.faults
        assert _MARK not in repr(error) + str(error)
        return "refused"
    assert _MARK not in repr(settings) + str(settings)
    _check_bounds(settings)
    _check_use(settings)
    return "settings"


def _check_bounds(settings: Settings) -> None:
    advanced = settings.advanced
    for value, (low, high) in (
        (advanced.settle_time, configuration.SETTLE_TIME),
        (advanced.concurrency, configuration.CONCURRENCY),
        (advanced.retry_base, configuration.RETRY_BASE),
        (advanced.retention_days, configuration.RETENTION_DAYS),
        (advanced.cooldown, configuration.COOLDOWN),
        (advanced.history_share * 100, configuration.HISTORY_SHARE),
        (advanced.history_mb_per_day, configuration.HISTORY_MB_PER_DAY),
        (advanced.most_waiting, configuration.MOST_WAITING),
        (advanced.least_disk_mb, configuration.LEAST_DISK_MB),
        (advanced.own_quarter_limit or 1, configuration.OWN_LIMIT),
        (advanced.own_day_limit or 1, configuration.OWN_LIMIT),
    ):
        assert low <= value <= high, (value, low, high)
    assert settings.log_level in configuration.LOG_LEVELS
    for application in settings.applications.values():
        assert 0 < int(application.client_id) < 10**18
        assert application.client_secret


def _check_use(settings: Settings) -> None:
    if settings.proxy is not None:
        proxy = parse_proxy(settings.proxy)
        assert 0 < proxy.port < 65536 and proxy.host
        proxy.headers()
        assert _MARK not in repr(proxy) + proxy.place + proxy.url
    for url in (settings.advanced.api_url, settings.advanced.oauth_url):
        parts = urlsplit(url)
        assert parts.scheme == "https" and parts.hostname and "@" not in parts.netloc, url
    for athlete in settings.athletes.values():
        settings.applications.get(athlete.application)
        for one in settings.enabled_activities:
            one.collects(athlete)


def _stanzas(told: Any) -> dict[str, Mapping[str, str]]:
    """splunkd's answers have texts only."""
    if not isinstance(told, dict):
        return {}
    return {
        name: {key: value if isinstance(value, str) else json.dumps(value) for key, value in stanza.items()}
        for name, stanza in told.items()
        if isinstance(stanza, dict)
    }


def _secrets(told: Any, field: str) -> dict[str, Secret]:
    """UCC's blobs; a text that looks like one stays as it is, so that broken ones come up too."""
    if not isinstance(told, dict):
        return {}
    return {
        name: Secret(value if value.startswith("{") else json.dumps({field: _MARK + value}))
        for name, value in told.items()
        if isinstance(value, str)
    }


TARGET = Target(
    name="settings",
    check=_check,
    ends=frozenset({"no input", "refused", "settings"}),
    words=(
        *(b"applications", b"application_secrets", b"accounts", b"settings", b"settings_secrets", b"inputs"),
        *(b"client_id", b"athlete_id", b"application", b"granted_scope", b"proxy", b"proxy_enabled", b"proxy_type"),
        *(b"proxy_url", b"proxy_port", b"proxy_username", b"socks5", b"advanced", b"api_url", b"oauth_url", b"ca_file"),
        *(b"settle_time", b"concurrency", b"history_share", b"own_day_limit", b"most_waiting", b"logging", b"loglevel"),
        *(
            b"https://",
            b"https://[::1]/",
            b"https://a:0/",
            b"https://a@b/",
            b"[::1]",
            b"::1",
            b"%25",
            b"disabled",
            b"true",
        ),
    ),
)
