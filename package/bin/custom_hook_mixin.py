"""Checks around saving that UCC's generated handlers call by this module's name.

UCC's own validators stop at the first fault and describe it by a regular expression; these report all faults, each as
a sentence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable

from splunktaucclib.rest_handler.base_hook_mixin import BaseHookMixin
from splunktaucclib.rest_handler.error import RestError

from strava_collector.configuration import (
    NAME,
    NAME_FAULT,
    control_character_faults,
    parse_advanced,
    parse_log_level,
    proxy_url,
)
from strava_collector.errors import as_text
from strava_collector.form import UNCHANGED, Field, faults, read_forms
from strava_collector.secret import Secret
from strava_collector.trust import ca_file_faults


class CustomHookMixin(BaseHookMixin):  # type: ignore[misc]  # splunktaucclib is untyped
    """Every tab and every input goes through here; enabling and disabling an input does not."""

    #: What the pages are made of; the same file that the browser loads.
    DEFINITION = Path(__file__).resolve().parent.parent / "appserver/static/js/build/globalConfig.json"

    def create_hook(self, session_key: str, config_name: str, stanza_id: str, payload: dict[str, Any]) -> None:
        """Check a new row."""
        found = self._page_faults(config_name, payload, creating=True)
        if not NAME.match(stanza_id or ""):
            found.insert(0, NAME_FAULT)
        elif stanza_id == "default":
            found.insert(0, "The name default means something to Splunk. Choose another name.")
        _refuse(found)

    def edit_hook(self, session_key: str, config_name: str, stanza_id: str, payload: dict[str, Any]) -> None:
        """Check a row or a tab that exists."""
        found = self._page_faults(config_name, payload, creating=False)
        check = _TABS.get(config_name)
        if check is not None and not found:
            check({key: str(value) for key, value in payload.items()}, found)
        _refuse(found)

    def _page_faults(self, config_name: str, payload: dict[str, Any], *, creating: bool) -> list[str]:
        found = _text_faults(payload)
        if found:  # a value with control characters must not be quoted by anything
            return found
        fields = _forms(self.DEFINITION).get(config_name, ())
        found = faults(fields, payload, creating=creating)
        for field in fields:
            if field.encrypted and payload.get(field.name) in UNCHANGED:
                # UCC would store the stars where there is no secret yet; what is not sent stays as it is.
                del payload[field.name]
        return found


@lru_cache(maxsize=1)
def _forms(definition: Path) -> Mapping[str, tuple[Field, ...]]:
    return read_forms(json.loads(definition.read_text("utf-8")))


def _text_faults(payload: dict[str, Any]) -> list[str]:
    """Remove blanks around values; refuse what a configuration file cannot hold as it is.

    A line break could begin a new line of the file, a backslash at the end would swallow the next one.
    """
    for field, value in payload.items():
        if isinstance(value, str):
            payload[field] = value.strip()
    found = control_character_faults(payload)
    for field, value in payload.items():
        if isinstance(value, str) and value.endswith("\\"):
            found.append(f"The field {field} must not end with a backslash.")
    return found


def _check_advanced(stanza: Mapping[str, str], found: list[str]) -> None:
    ca_file = parse_advanced(stanza, found).ca_file
    if ca_file is not None and Path(ca_file).is_absolute():
        found.extend(ca_file_faults(ca_file))


def _check_proxy(stanza: Mapping[str, str], found: list[str]) -> None:
    # Only whether there is one matters; a user name with an old password is the usual edit.
    password = stanza.get("proxy_password", "")
    proxy_url(stanza, Secret(password) if password and password not in UNCHANGED else None, found)


_TABS: Mapping[str, Callable[[Mapping[str, str], list[str]], object]] = {
    "advanced": _check_advanced,
    "logging": parse_log_level,
    "proxy": _check_proxy,
}


def _refuse(found: list[str]) -> None:
    if found:
        raise RestError(400, as_text(found))
