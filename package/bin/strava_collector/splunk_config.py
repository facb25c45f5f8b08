"""Reads the add-on's configuration from splunkd; ``configuration`` makes values of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Callable, Optional, Protocol, TypeVar

from strava_collector.configuration import encrypted_field, parse_settings
from strava_collector.input_faults import Surroundings
from strava_collector.input_stanza import parse_activities_input, parse_webhook_input
from strava_collector.ports import SessionExpired, SplunkUnavailable
from strava_collector.secret import Secret
from strava_collector.settings import ActivitiesInput, Settings, WebhookInput
from strava_collector.splunkd import NoAnswer, Splunkd

_Told = TypeVar("_Told")

#: Seconds for one call while somebody waits for a page to be saved; splunkd kills a validation after 30.
SAVING_TIMEOUT = 5.0

APP = "TA_strava_webhook"

#: UCC names its ``.conf`` files after the tabs: ``ta_strava_webhook_<tab>``.
APPLICATIONS = "ta_strava_webhook_application"
ACCOUNTS = "ta_strava_webhook_account"
SETTINGS = "ta_strava_webhook_settings"

#: splunkd's names of the kinds of inputs.
WEBHOOK_KIND = "strava_webhook"
ACTIVITIES_KIND = "strava_activities"


def credential_realm(endpoint: str) -> str:
    """Return the realm in which UCC's handlers keep the encrypted fields of an endpoint's stanzas.

    ``endpoint`` is ``configs/conf-<conf>`` or ``data/inputs/<kind>`` (splunktaucclib.rest_handler.credentials).
    """
    return f"__REST_CREDENTIAL__#{APP}#{endpoint}"


@dataclass(frozen=True)
class Indexes:
    """The indexes of this instance that take events."""

    #: None if it sends its events to other instances.
    names: Optional[Collection[str]]


class Source(Protocol):
    """The part of :class:`~strava_collector.splunkd.Splunkd` that is used here."""

    def stanzas(self, conf: str) -> dict[str, dict[str, str]]: ...

    def passwords(self, realm: str) -> dict[str, Secret]: ...

    def inputs(self, kind: str) -> dict[str, dict[str, str]]: ...

    def indexes(self) -> dict[str, dict[str, str]]: ...

    def server_roles(self) -> list[str]: ...


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
        #: The inputs of each kind, as they were last told.
        self._inputs_told: dict[str, dict[str, dict[str, str]]] = {}

    @classmethod
    def for_saving(cls, server_uri: str, session_key: str) -> Reader:
        """Return a reader for a page that is being saved, behind which somebody waits."""
        return cls(Splunkd(server_uri, session_key, APP, timeout=SAVING_TIMEOUT))

    def settings(self) -> Settings:
        """Read all tabs, the inputs and which indexes there are: ten calls."""
        settings_secrets = self._source.passwords(credential_realm(f"configs/conf-{SETTINGS}"))
        settings = parse_settings(
            applications=self._source.stanzas(APPLICATIONS),
            application_secrets=self._source.passwords(credential_realm(f"configs/conf-{APPLICATIONS}")),
            accounts=self._source.stanzas(ACCOUNTS),
            settings=self._source.stanzas(SETTINGS),
            settings_secrets=settings_secrets,
            inputs=self._inputs(WEBHOOK_KIND),
            activities_inputs=self._inputs(ACTIVITIES_KIND),
        )
        for application in settings.applications.values():
            self._register(application.client_secret)
        proxy_password = encrypted_field(settings_secrets.get("proxy"), "proxy_password")
        if proxy_password is not None:
            self._register(proxy_password)
        return replace(settings, indexes=self._indexes())

    def webhook_input(self, name: str, params: Mapping[str, Optional[str]]) -> WebhookInput:
        """Return the input ``strava_webhook://<name>`` with the parameters that splunkd passed to its process."""
        secrets = self._source.passwords(credential_realm(f"data/inputs/{WEBHOOK_KIND}"))
        verify_token = encrypted_field(secrets.get(name), "verify_token")
        webhook_input = parse_webhook_input(name, {key: value or "" for key, value in params.items()}, verify_token)
        self._register(webhook_input.verify_token)
        return webhook_input

    def activities_input(self, name: str, params: Mapping[str, Optional[str]]) -> ActivitiesInput:
        """Return the input ``strava_activities://<name>`` with the parameters that splunkd passed to its process."""
        return parse_activities_input(name, {key: value or "" for key, value in params.items()})

    def surroundings(self) -> Surroundings:
        """Return what an input that is being saved is judged by; what splunkd does not tell is left out."""
        ask = _Asker()
        advanced = (ask(lambda: self._source.stanzas(SETTINGS)) or {}).get("advanced", {})
        return Surroundings(
            applications=ask(lambda: frozenset(self._source.stanzas(APPLICATIONS))),
            inputs=ask(lambda: self._source.inputs(WEBHOOK_KIND)),
            activities_inputs=ask(lambda: self._source.inputs(ACTIVITIES_KIND)),
            athletes=ask(lambda: self._source.stanzas(ACCOUNTS)),
            indexes=(ask(self.event_indexes) or Indexes(None)).names,
            ca_file=advanced.get("ca_file", "").strip() or None,
        )

    def stored_inputs(self) -> dict[str, dict[str, str]]:
        """Return all inputs *Strava Webhook* as they are stored, disabled ones included, by name."""
        return self._source.inputs(WEBHOOK_KIND)

    def stored_activities_inputs(self) -> Optional[dict[str, dict[str, str]]]:
        """Return all inputs *Strava Activities* as they are stored, by name; None if splunkd does not tell."""
        return _Asker()(lambda: self._source.inputs(ACTIVITIES_KIND))

    def is_switched_off(self, name: str) -> bool:
        """Whether splunkd says that the input is disabled, or that there is no stanza of it any more.

        A splunkd that is loading the add-on anew knows no input; then this raises.
        """
        stored = self.stored_inputs().get(name)
        if stored is not None:
            return _is_true(stored.get("disabled"))
        stanzas = self._source.stanzas("inputs")
        if not stanzas:
            raise SplunkUnavailable("splunkd shows no input at all, so nobody can tell whether this one was deleted.")
        return f"{WEBHOOK_KIND}://{name}" not in stanzas

    def _inputs(self, kind: str) -> dict[str, dict[str, str]]:
        """The inputs of a kind. If splunkd does not tell, those that it told last: who does what for an athlete depends
        on them, and must not change hands because splunkd is busy."""
        with suppress(SplunkUnavailable):
            self._inputs_told[kind] = self._source.inputs(kind)
        return self._inputs_told.get(kind, {})

    def _indexes(self) -> Optional[frozenset[str]]:
        try:
            names = self.event_indexes().names
        except SplunkUnavailable:  # nobody waits for what is not known
            return None
        return None if names is None else frozenset(names)

    def event_indexes(self) -> Indexes:
        """Return the indexes that take events, unless this instance sends its events elsewhere."""
        if any("forwarder" in role for role in self._source.server_roles()):
            return Indexes(None)
        if any(_is_output(name, stanza) for name, stanza in self._source.stanzas("outputs").items()):
            return Indexes(None)
        return Indexes(
            [
                name
                for name, index in self._source.indexes().items()
                if not _is_true(index.get("disabled")) and index.get("datatype", "event") != "metric"
            ]
        )


class _Asker:
    """Asks splunkd, and no longer once it has not answered: whoever saves is not to wait for each answer anew."""

    def __init__(self) -> None:
        self._is_silent = False

    def __call__(self, question: Callable[[], _Told]) -> Optional[_Told]:
        if self._is_silent:
            return None
        try:
            return question()
        except NoAnswer:
            self._is_silent = True
        except (SplunkUnavailable, SessionExpired):  # the user may lack a capability
            return None
        return None


def _is_output(name: str, stanza: Mapping[str, str]) -> bool:
    """Whether a stanza of outputs.conf sends events to another instance."""
    if _is_true(stanza.get("disabled")):
        return False
    if name.startswith("tcpout"):
        return bool(stanza.get("server") or stanza.get("indexerDiscovery"))
    return name == "httpout" and bool(stanza.get("uri"))


def _is_true(text: Optional[str]) -> bool:
    return (text or "").strip().lower() in ("1", "true")
