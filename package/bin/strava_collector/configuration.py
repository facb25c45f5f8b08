"""From the texts of Splunk's configuration files to checked values, all faults found together.

Pure: what is read from splunkd or from disk is passed in. ``splunk_config`` does the reading.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Optional
from urllib.parse import quote, urlsplit

from strava_collector.errors import ConfigurationError
from strava_collector.privacy import Privacy
from strava_collector.secret import Secret
from strava_collector.settings import (
    Advanced,
    Application,
    Athlete,
    EnabledActivities,
    EnabledInput,
    Settings,
)

#: A stanza of a ``.conf`` file.
Stanza = Mapping[str, str]

#: Names of rows and inputs: they become stanzas, file names, parts of addresses and fields of log lines.
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,49}\Z")
NAME_FAULT = "The name must begin with a letter and have at most 50 letters, digits, underscores and hyphens."

#: Bounds of the settings, inclusive; the help texts of the pages name the same.
SETTLE_TIME = (0.0, 300.0)
CONCURRENCY = (1, 3)
#: Less than a second is for tests: five attempts would be over before anything has recovered.
RETRY_BASE = (0.1, 3600.0)
RETENTION_DAYS = (1.0, 365.0)
COOLDOWN = (0.0, 3600.0)
#: Per quarter hour and per day; more than Strava gives anybody.
OWN_LIMIT = (1, 1_000_000)
#: In percent.
HISTORY_SHARE = (1.0, 100.0)
HISTORY_MB_PER_DAY = (0.0, 1_000_000.0)
MOST_WAITING = (1_000, 10_000_000)
LEAST_DISK_MB = (0, 1_000_000)
PORT = (1, 65535)

#: From the setting to the scheme of the proxy's URL; with ``socks5h`` the proxy resolves host names.
PROXY_SCHEMES = {"http": "http", "socks5": "socks5h"}

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

_CLIENT_ID = re.compile(r"[1-9][0-9]{0,17}\Z", re.ASCII)
_PRINTABLE = re.compile(r"[!-~]+\Z")
_HOST = re.compile(r"([A-Za-z0-9._-]{1,253}|\[?[0-9A-Fa-f:.]{2,45}\]?)\Z")
_TRUE = ("1", "true", "t", "yes", "y")


def parse_settings(
    *,
    applications: Mapping[str, Stanza],
    application_secrets: Mapping[str, Secret],
    accounts: Mapping[str, Stanza],
    settings: Mapping[str, Stanza],
    settings_secrets: Mapping[str, Secret],
    inputs: Optional[Mapping[str, Stanza]] = None,
    activities_inputs: Optional[Mapping[str, Stanza]] = None,
) -> Settings:
    """Return the settings of all tabs, and which inputs are enabled: ``inputs`` are those of the kind *Strava Webhook*,
    ``activities_inputs`` those of the kind *Strava Activities*, by name.

    The secrets are UCC's: by stanza, each a JSON object of the stanza's encrypted fields. A row of *Applications* or
    *Athletes* that cannot be used is left out, with its fault in ``row_faults``, and holds up no other. Raises
    ConfigurationError, with all faults, if there is one in a tab that everything depends on.
    """
    faults: list[str] = []
    row_faults: list[str] = []
    proxy_stanza = settings.get("proxy", {})
    proxy_password = encrypted_field(settings_secrets.get("proxy"), "proxy_password")
    parsed = Settings(
        applications={
            name: application
            for name, stanza in sorted(applications.items())
            if (application := _application(name, stanza, application_secrets.get(name), row_faults)) is not None
        },
        athletes=_athletes(accounts, row_faults),
        proxy=proxy_url(proxy_stanza, proxy_password, faults),
        advanced=parse_advanced(settings.get("advanced", {}), faults),
        log_level=parse_log_level(settings.get("logging", {}), faults),
        enabled_inputs=enabled_inputs(inputs or {}),
        enabled_activities=enabled_activities(activities_inputs or {}),
    )
    if faults:
        raise ConfigurationError(*row_faults, *faults)
    return replace(parsed, row_faults=tuple(row_faults))


def _application(name: str, stanza: Stanza, secret: Optional[Secret], faults: list[str]) -> Optional[Application]:
    client_id = stanza.get("client_id", "").strip()
    client_secret = encrypted_field(secret, "client_secret")
    is_number = _CLIENT_ID.match(client_id) is not None
    if not is_number:
        faults.append(f"The client ID of the application “{name}” is not a number.")
    if client_secret is None:
        faults.append(
            f"The client secret of the application “{name}” is missing. Enter it on Configuration → Applications."
        )
    return Application(name, client_id, client_secret) if is_number and client_secret is not None else None


def _athletes(accounts: Mapping[str, Stanza], faults: list[str]) -> dict[int, Athlete]:
    athletes: dict[int, Athlete] = {}
    for name, stanza in sorted(accounts.items()):
        athlete_id = athlete_id_of(stanza)
        if athlete_id is None:  # a row without a connection, made by hand: nothing can be fetched for it
            continue
        if athlete_id in athletes:
            faults.append(
                f"The athlete {athlete_id} is connected twice, as “{athletes[athlete_id].name}” and as “{name}”. "
                "Delete one of them on Configuration → Athletes."
            )
            continue
        athletes[athlete_id] = Athlete(
            name=name,
            athlete_id=athlete_id,
            application=stanza.get("application", "").strip(),
            scopes=frozenset(filter(None, stanza.get("granted_scope", "").replace(",", " ").split())),
            index=stanza.get("index", "").strip() or None,
            connected_at=stanza.get("connected_at", "").strip(),
        )
    return athletes


def athlete_id_of(stanza: Stanza) -> Optional[int]:
    """Return the Strava id in a row of the table Athletes, or None if it has none."""
    text = stanza.get("athlete_id", "").strip()
    return int(text) if _CLIENT_ID.match(text) else None


def proxy_url(stanza: Stanza, password: Optional[Secret], faults: list[str]) -> Optional[Secret]:
    """Return the proxy's URL with its credentials, or None if no proxy is used."""
    if stanza.get("proxy_enabled", "").strip().lower() not in _TRUE:
        return None
    host = stanza.get("proxy_url", "").strip()
    if not _HOST.match(host):
        faults.append("The proxy's host (Configuration → Proxy) is missing or is no host name; leave out http://.")
    port = whole(stanza, "proxy_port", "The proxy's port", PORT, faults)
    username = stanza.get("proxy_username", "").strip()
    if password is not None and not username:
        faults.append("The proxy has a password but no user name (Configuration → Proxy).")
    credentials = ""
    if not _can_be_sent(username):
        faults.append("The proxy's user name (Configuration → Proxy) has characters that cannot be sent.")
    elif username:
        credentials = quote(username, safe="")
        if password is not None:
            credentials += ":" + quote(password.reveal(), safe="")
        credentials += "@"
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    scheme = PROXY_SCHEMES.get(stanza.get("proxy_type", "").strip() or "http")
    if scheme is None:
        faults.append(f"The kind of proxy (Configuration → Proxy) is none of {', '.join(PROXY_SCHEMES)}.")
    return Secret(f"{scheme}://{credentials}{host}:{port}")


def parse_advanced(stanza: Stanza, faults: list[str]) -> Advanced:
    """Return the tab *Advanced*; a field that is missing or empty has its default."""
    defaults = Advanced()
    stanza = {key: value.strip() for key, value in stanza.items() if value.strip()}
    ca_file = stanza.get("ca_file")
    if ca_file is not None and not Path(ca_file).is_absolute():
        faults.append("The CA file (Configuration → Advanced) must be a full path.")
    share = _number(
        stanza, "history_share", "The share for history (%)", HISTORY_SHARE, defaults.history_share * 100, faults
    )
    return Advanced(
        api_url=_https_url(stanza, "api_url", "The API URL", defaults.api_url, faults),
        oauth_url=_https_url(stanza, "oauth_url", "The OAuth URL", defaults.oauth_url, faults),
        ca_file=ca_file,
        settle_time=_number(stanza, "settle_time", "The settle time (s)", SETTLE_TIME, defaults.settle_time, faults),
        concurrency=whole(stanza, "concurrency", "Fetches at once", CONCURRENCY, faults, defaults.concurrency),
        retry_base=_number(stanza, "retry_base", "The first retry pause (s)", RETRY_BASE, defaults.retry_base, faults),
        retention_days=_number(
            stanza,
            "retention_days",
            "The time to keep finished jobs (days)",
            RETENTION_DAYS,
            defaults.retention_days,
            faults,
        ),
        cooldown=_number(stanza, "cooldown", "The cooldown (s)", COOLDOWN, defaults.cooldown, faults),
        own_quarter_limit=_own_limit(stanza, "own_quarter_limit", "Your own limit per quarter hour", faults),
        own_day_limit=_own_limit(stanza, "own_day_limit", "Your own limit per day", faults),
        history_share=share / 100,
        most_waiting=whole(
            stanza, "most_waiting", "The most that may wait", MOST_WAITING, faults, defaults.most_waiting
        ),
        least_disk_mb=whole(
            stanza, "least_disk_mb", "The least free disk space (MB)", LEAST_DISK_MB, faults, defaults.least_disk_mb
        ),
        history_mb_per_day=_number(
            stanza,
            "history_mb_per_day",
            "The most that history writes in a day (MB)",
            HISTORY_MB_PER_DAY,
            defaults.history_mb_per_day,
            faults,
        ),
        fetch_updates=stanza.get("fetch_updates", str(defaults.fetch_updates)).lower() in _TRUE,
        keep_macro=stanza.get("keep_macro", str(defaults.keep_macro)).lower() in _TRUE,
    )


def parse_log_level(stanza: Stanza, faults: list[str]) -> str:
    """Return the log level by its name."""
    level = stanza.get("loglevel", "").strip().upper() or "INFO"
    if level not in LOG_LEVELS:
        faults.append(f"The log level (Configuration → Logging) is none of {', '.join(LOG_LEVELS)}.")
    return level


def is_on(stanza: Stanza, field: str, *, default: bool) -> bool:
    """Return whether a checkbox is ticked; as by default if the stanza was made before there was one."""
    text = stanza.get(field, "").strip().lower()
    return text in _TRUE if text else default


def privacy_of(stanza: Stanza) -> Privacy:
    """Return what an input's stanza leaves out."""
    return Privacy(*(is_on(stanza, field, default=False) for field in ("drop_location", "drop_text", "drop_health")))


def athlete_names(stanza: Stanza) -> tuple[str, ...]:
    """Return the names of rows of *Athletes* that an input *Strava Activities* is for; none stands for all."""
    return tuple(name for name in (part.strip() for part in stanza.get("athletes", "").split(",")) if name)


def enabled_inputs(inputs: Mapping[str, Stanza]) -> tuple[EnabledInput, ...]:
    """Return those inputs *Strava Webhook* that splunkd runs, by name."""
    return tuple(
        EnabledInput(
            name,
            application=stanza.get("application", "").strip(),
            port=stanza.get("port", "").strip(),
            index=stanza.get("index", "").strip(),
            streams=is_on(stanza, "streams", default=False),
            privacy=privacy_of(stanza),
        )
        for name, stanza in sorted(inputs.items())
        if not is_on(stanza, "disabled", default=False)
    )


def enabled_activities(inputs: Mapping[str, Stanza]) -> tuple[EnabledActivities, ...]:
    """Return those inputs *Strava Activities* that splunkd runs, by name."""
    return tuple(
        EnabledActivities(
            name,
            application=stanza.get("application", "").strip(),
            athletes=frozenset(athlete_names(stanza)),
            index=stanza.get("index", "").strip(),
            streams=is_on(stanza, "streams", default=False),
            privacy=privacy_of(stanza),
        )
        for name, stanza in sorted(inputs.items())
        if not is_on(stanza, "disabled", default=False)
    )


def control_character_faults(values: Mapping[str, object]) -> list[str]:
    """Return a fault for each value that could begin a new line of a configuration file."""
    return [
        f"The field {field} has line breaks or other control characters."
        for field, value in values.items()
        if isinstance(value, str) and not value.strip().isprintable()
    ]


def _own_limit(stanza: Stanza, field: str, label: str, faults: list[str]) -> Optional[int]:
    return whole(stanza, field, label, OWN_LIMIT, faults) if field in stanza else None


def _https_url(stanza: Stanza, field: str, label: str, default: str, faults: list[str]) -> str:
    url = stanza.get(field, default)
    try:
        parts = urlsplit(url)
        usable = bool(parts.scheme == "https" and parts.hostname and _PRINTABLE.match(url))
        usable = usable and not parts.query and not parts.fragment and parts.username is None
        usable = usable and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        faults.append(
            f"{label} (Configuration → Advanced) must begin with https:// and a host name, without user name, question "
            "mark and hash sign."
        )
    return url.rstrip("/")


def _number(
    stanza: Stanza, field: str, label: str, bounds: tuple[float, float], default: float, faults: list[str]
) -> float:
    low, high = bounds
    try:
        value = float(stanza.get(field, default))
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        faults.append(f"{label} must be a number from {low:g} to {high:g}.")
        return default
    return value


def whole(
    stanza: Stanza,
    field: str,
    label: str,
    bounds: tuple[int, int],
    faults: list[str],
    default: Optional[int] = None,
) -> int:
    """Return a whole number within its bounds, inclusive; ``default`` for an empty text if there is one."""
    low, high = bounds
    text = stanza.get(field, "").strip()
    if not text and default is not None:
        return default
    # ASCII digits only: int() would also take underscores, signs and the digits of other scripts.
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
    if not low <= value <= high:
        faults.append(f"{label} must be a whole number from {low} to {high}.")
        return low
    return value


def encrypted_field(secret: Optional[Secret], field: str) -> Optional[Secret]:
    """Return one encrypted field of a stanza out of UCC's blob, None if it is not there, empty, or nothing to send."""
    if secret is None:
        return None
    try:
        fields = json.loads(secret.reveal())
    except ValueError:
        return None
    value = fields.get(field) if isinstance(fields, dict) else None
    return Secret(value) if isinstance(value, str) and value and _can_be_sent(value) else None


def _can_be_sent(text: str) -> bool:
    """Whether a text has a form in bytes: JSON may hold halves of characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
