"""Reads the add-on's configuration from splunkd; ``configuration`` makes values of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Callable, Optional, Protocol

from strava_collector.configuration import encrypted_field, parse_settings, parse_webhook_input
from strava_collector.secret import Secret
from strava_collector.settings import Settings, WebhookInput
from strava_collector.splunkd import Splunkd

APP = "TA_strava_webhook"

#: UCC names its ``.conf`` files after the tabs: ``ta_strava_webhook_<tab>``.
APPLICATIONS = "ta_strava_webhook_application"
ACCOUNTS = "ta_strava_webhook_account"
SETTINGS = "ta_strava_webhook_settings"

WEBHOOK_KIND = "strava_webhook"


def credential_realm(endpoint: str) -> str:
    """Return the realm in which UCC's handlers keep the encrypted fields of an endpoint's stanzas.

    ``endpoint`` is ``configs/conf-<conf>`` or ``data/inputs/<kind>`` (splunktaucclib.rest_handler.credentials).
    """
    return f"__REST_CREDENTIAL__#{APP}#{endpoint}"


class Source(Protocol):
    """The part of :class:`~strava_collector.splunkd.Splunkd` that is used here."""

    def stanzas(self, conf: str) -> dict[str, dict[str, str]]: ...

    def passwords(self, realm: str) -> dict[str, Secret]: ...


def _ignore(*secrets: Secret) -> None:
    """Nobody wants to know."""


class Reader:
    """Reads settings for one process; the service's ``Configuration``.

    Every method raises ConfigurationError with all faults, SplunkUnavailable, or SessionExpired.
    """

    def __init__(self, source: Source, *, register: Callable[..., None] = _ignore) -> None:
        """``register`` is told of every secret that is read, so that logs can be masked."""
        self._source = source
        self._register = register

    @classmethod
    def of_session(cls, server_uri: str, session_key: str, *, register: Callable[..., None] = _ignore) -> Reader:
        """Return a reader for the splunkd at ``server_uri``."""
        return cls(Splunkd(server_uri, session_key, APP), register=register)

    def settings(self) -> Settings:
        """Read all tabs: five calls."""
        settings_secrets = self._source.passwords(credential_realm(f"configs/conf-{SETTINGS}"))
        settings = parse_settings(
            applications=self._source.stanzas(APPLICATIONS),
            application_secrets=self._source.passwords(credential_realm(f"configs/conf-{APPLICATIONS}")),
            accounts=self._source.stanzas(ACCOUNTS),
            settings=self._source.stanzas(SETTINGS),
            settings_secrets=settings_secrets,
        )
        for application in settings.applications.values():
            self._register(application.client_secret)
        proxy_password = encrypted_field(settings_secrets.get("proxy"), "proxy_password")
        if proxy_password is not None:
            self._register(proxy_password)
        return settings

    def webhook_input(self, name: str, params: Mapping[str, Optional[str]]) -> WebhookInput:
        """Return the input ``strava_webhook://<name>`` with the parameters that splunkd passed to its process."""
        secrets = self._source.passwords(credential_realm(f"data/inputs/{WEBHOOK_KIND}"))
        verify_token = encrypted_field(secrets.get(name), "verify_token")
        webhook_input = parse_webhook_input(name, {key: value or "" for key, value in params.items()}, verify_token)
        self._register(webhook_input.verify_token)
        return webhook_input

    def application_names(self) -> Collection[str]:
        """Return the names of the applications: one call."""
        return frozenset(self._source.stanzas(APPLICATIONS))
