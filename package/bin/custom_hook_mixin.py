"""Checks around saving that UCC's generated handlers call by this module's name.

UCC's own validators stop at the first fault and describe it by a regular expression; these report all faults, each as
a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from splunktaucclib.rest_handler.base_hook_mixin import BaseHookMixin
from splunktaucclib.rest_handler.error import RestError

from strava_collector.configuration import (
    NAME,
    control_character_faults,
    parse_advanced,
    parse_log_level,
    proxy_url,
)
from strava_collector.secret import Secret

#: UCC shows stars for a secret that stays as it is.
_UNCHANGED = "******"


class CustomHookMixin(BaseHookMixin):  # type: ignore[misc]  # splunktaucclib is untyped
    """Every tab and every input goes through here; enabling and disabling an input does not."""

    def create_hook(self, session_key: str, config_name: str, stanza_id: str, payload: dict[str, Any]) -> None:
        """Check a new row."""
        faults = _text_faults(payload)
        if not NAME.match(stanza_id or ""):
            faults.insert(
                0,
                "The name must begin with a letter and have at most 50 letters, digits, underscores and hyphens.",
            )
        _refuse(faults)

    def edit_hook(self, session_key: str, config_name: str, stanza_id: str, payload: dict[str, Any]) -> None:
        """Check a row or a tab that exists."""
        faults = _text_faults(payload)
        check = _TABS.get(config_name)
        if check is not None and not faults:
            check({key: str(value) for key, value in payload.items()}, faults)
        _refuse(faults)


def _text_faults(payload: dict[str, Any]) -> list[str]:
    """Remove blanks around values; refuse line breaks, which could begin a new line of the configuration file."""
    for field, value in payload.items():
        if isinstance(value, str):
            payload[field] = value.strip()
    return control_character_faults(payload)


def _check_proxy(stanza: Mapping[str, str], faults: list[str]) -> None:
    # Only whether there is one matters; a user name with an old password is the usual edit.
    password = stanza.get("proxy_password", "")
    proxy_url(stanza, Secret(password) if password and password != _UNCHANGED else None, faults)


_TABS: Mapping[str, Callable[[Mapping[str, str], list[str]], object]] = {
    "advanced": parse_advanced,
    "logging": parse_log_level,
    "proxy": _check_proxy,
}


def _refuse(faults: list[str]) -> None:
    if faults:
        raise RestError(400, " ".join(faults))
