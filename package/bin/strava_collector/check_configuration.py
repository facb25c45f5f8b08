"""What is configured, as the set-up check needs it: also what is half configured, disabled or not to be read.

The running input refuses settings with faults; here they are told, and the rest is looked at all the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Callable, Optional, Protocol, TypeVar

from strava_collector import macro
from strava_collector.configuration import Stanza, encrypted_field, parse_settings
from strava_collector.errors import CollectorError, ConfigurationError
from strava_collector.input_faults import rival_faults
from strava_collector.input_stanza import parse_activities_input, parse_webhook_input
from strava_collector.oauth import Tokens
from strava_collector.ports import SessionExpired, SplunkUnavailable
from strava_collector.secret import Secret
from strava_collector.settings import Settings, WebhookInput
from strava_collector.splunk_config import (
    ACCOUNTS,
    ACTIVITIES_KIND,
    APPLICATIONS,
    SETTINGS,
    WEBHOOK_KIND,
    Reader,
    credential_realm,
)
from strava_collector.token_store import TokenStore

_Told = TypeVar("_Told")

#: In place of secrets that the caller may not read, so that what they belong to is judged without them. Nothing is
#: sent then.
_UNREAD = Secret(json.dumps({"client_secret": "not read", "verify_token": "not read"}))


class Source(Protocol):
    """The part of :class:`~strava_collector.splunkd.Splunkd` that is used here."""

    def stanzas(self, conf: str) -> dict[str, dict[str, str]]: ...

    def passwords(self, realm: str) -> dict[str, Secret]: ...

    def password(self, realm: str, username: str) -> Optional[Secret]: ...

    def set_password(self, realm: str, username: str, password: Secret) -> None: ...

    def delete_password(self, realm: str, username: str) -> None: ...

    def inputs(self, kind: str) -> dict[str, dict[str, str]]: ...

    def indexes(self) -> dict[str, dict[str, str]]: ...

    def server_roles(self) -> list[str]: ...


@dataclass(frozen=True)
class Configured:
    """The configuration; None for what splunkd did not tell."""

    settings: Settings
    #: The inputs *Strava Webhook* by name, also the disabled ones.
    inputs: Optional[Mapping[str, Stanza]]
    applications: Optional[Mapping[str, Stanza]]
    accounts: Optional[Mapping[str, Stanza]]
    #: The inputs *Strava Activities* in the same way.
    activities_inputs: Optional[Mapping[str, Stanza]] = None
    #: The inputs that make sense, and what is wrong with the others, of either kind.
    webhook_inputs: Mapping[str, WebhookInput] = field(default_factory=dict)
    input_faults: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rivals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Faults of tabs and rows.
    faults: tuple[str, ...] = ()
    no_secrets: str = ""
    no_splunkd: str = ""
    #: None if the caller may not read them.
    tokens: Optional[Mapping[int, Optional[Tokens]]] = None
    indexes: Optional[frozenset[str]] = None
    forwards: bool = False
    macro: Optional[str] = None


class _Questions:
    """Asks splunkd one thing after the other, and keeps the first reason why something was not told."""

    def __init__(self) -> None:
        self.refusal = ""

    def __call__(self, question: Callable[[], _Told]) -> Optional[_Told]:
        try:
            return question()
        except SplunkUnavailable as error:
            self.refusal = self.refusal or str(error)
            return None


def read(source: Source, register: Callable[..., None]) -> Configured:
    """Read everything; some thirteen calls. ``register`` is told of each secret. Raises SessionExpired."""
    ask, ask_secrets = _Questions(), _Questions()
    applications = ask(lambda: source.stanzas(APPLICATIONS))
    accounts = ask(lambda: source.stanzas(ACCOUNTS))
    tabs = ask(lambda: source.stanzas(SETTINGS)) or {}
    inputs = ask(lambda: source.inputs(WEBHOOK_KIND))
    activities_inputs = ask(lambda: source.inputs(ACTIVITIES_KIND))
    secrets = {
        realm: ask_secrets(partial(source.passwords, credential_realm(realm)))
        for realm in (f"configs/conf-{APPLICATIONS}", f"configs/conf-{SETTINGS}", f"data/inputs/{WEBHOOK_KIND}")
    }
    application_secrets, tab_secrets, input_secrets = secrets.values()
    faults: list[str] = []

    def parsed(tabs: Mapping[str, Stanza]) -> Settings:
        return parse_settings(
            applications=applications or {},
            application_secrets=_or_unread(application_secrets, applications),
            accounts=accounts or {},
            settings=tabs,
            settings_secrets=tab_secrets or {},
            inputs=inputs,
            activities_inputs=activities_inputs,
        )

    try:
        settings = parsed(tabs)
    except ConfigurationError as error:
        faults = [*error.faults]
        settings = parsed({})
    faults += [fault for fault in settings.row_faults if fault not in faults]
    for application in settings.applications.values():
        register(application.client_secret)
    reader = Reader(source)
    told = ask(reader.event_indexes)
    listed = ask(lambda: source.stanzas(macro.CONF))
    stanza = None if listed is None else listed.get(macro.NAME, {})
    made = _inputs(inputs or {}, _or_unread(input_secrets, inputs), register)
    return Configured(
        settings=settings,
        inputs=inputs,
        activities_inputs=activities_inputs,
        applications=applications,
        accounts=accounts,
        webhook_inputs=made[0],
        input_faults={**made[1], **_faults_of_activities(activities_inputs or {})},
        rivals={name: tuple(rival_faults(name, one, settings.enabled_inputs)) for name, one in (inputs or {}).items()},
        faults=tuple(faults),
        no_secrets=ask_secrets.refusal,
        no_splunkd=ask.refusal,
        tokens=None if ask_secrets.refusal else _tokens(source, settings, ask_secrets, register),
        indexes=None if told is None or told.names is None else frozenset(told.names),
        forwards=told is not None and told.names is None,
        macro=None if stanza is None else stanza.get("definition", ""),
    )


def _or_unread(secrets: Optional[Mapping[str, Secret]], rows: Optional[Mapping[str, Stanza]]) -> Mapping[str, Secret]:
    return dict.fromkeys(rows or {}, _UNREAD) if secrets is None else secrets


def _inputs(
    inputs: Mapping[str, Stanza], secrets: Mapping[str, Secret], register: Callable[..., None]
) -> tuple[dict[str, WebhookInput], dict[str, tuple[str, ...]]]:
    made: dict[str, WebhookInput] = {}
    faults: dict[str, tuple[str, ...]] = {}
    for name, stanza in inputs.items():
        token = encrypted_field(secrets.get(name), "verify_token")
        if token is not None:
            register(token)
        try:
            made[name] = parse_webhook_input(name, stanza, token)
        except ConfigurationError as error:
            faults[name] = tuple(error.faults)
    return made, faults


def _faults_of_activities(inputs: Mapping[str, Stanza]) -> dict[str, tuple[str, ...]]:
    faults: dict[str, tuple[str, ...]] = {}
    for name, stanza in inputs.items():
        try:
            parse_activities_input(name, stanza)
        except ConfigurationError as error:
            faults[name] = tuple(error.faults)
    return faults


def _tokens(
    source: Source, settings: Settings, ask: _Questions, register: Callable[..., None]
) -> Optional[dict[int, Optional[Tokens]]]:
    """The tokens of each athlete; None in place of those of an athlete who has none."""
    store = TokenStore(source, register=register)
    found: dict[int, Optional[Tokens]] = {}
    try:
        with_tokens = store.athlete_ids()
        for athlete_id in settings.athletes:
            found[athlete_id] = store.load(athlete_id) if athlete_id in with_tokens else None
    except SessionExpired:
        raise
    except CollectorError as error:
        ask.refusal = ask.refusal or str(error)
        return None
    return found
