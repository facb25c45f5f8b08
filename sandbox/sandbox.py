"""Everything at once: Strava's stand-in, splunkd's stand-in with the built add-on, and what a person does with both.

All that a person would do in Splunk Web goes through the add-on's own REST handlers, but for the settings that a
sandbox begins with; all that Strava would do goes over TLS to the listener. Ports are chosen by the system,
files are in one folder.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from sandbox.certificates import Certificates, ServerCertificate
from sandbox.patience import patience
from sandbox.splunk_web import SplunkWeb
from sandbox.splunkd import Splunkd
from sandbox.strava import Application, Athlete, Limits, StravaStandIn

#: The index that the sandbox collects into, as the add-on's macro and its documentation suggest.
INDEX = "strava"

#: The file behind the pages *Proxy*, *Logging* and *Advanced*.
SETTINGS = "ta_strava_webhook_settings"

#: What the add-on asks athletes for.
SCOPE = "read,activity:read,activity:read_all"

#: Seconds after which what has to happen has not. Ten times what an idle host needs, and more: others may be busy.
PATIENCE = 120.0


class SandboxRefused(Exception):
    """The add-on or Strava refused what was asked; the message is theirs."""


@dataclass(frozen=True)
class Input:
    """A configured listener."""

    name: str
    port: int
    callback_url: str
    verify_token: str = field(repr=False)
    certificate: ServerCertificate


class Sandbox:
    """Starts and stops both stand-ins; use it in a ``with`` statement."""

    def __init__(
        self,
        *,
        app: Path,
        folder: Path,
        python: Path,
        advanced: Mapping[str, str | int | float] | None = None,
        retry_pause: float = 60.0,
        limits: Limits | None = None,
        environment: Mapping[str, str] | None = None,
        strict: bool = True,
        web: bool = False,
        theme: str = "light",
        studio: Path | None = None,
    ) -> None:
        """Nothing runs before the ``with`` statement.

        Args:
            advanced: settings of the tab *Advanced* that differ from the defaults.
            web: start Splunk Web too.
            theme: Splunk Web's theme, ``light`` or ``dark``.
            studio: what shows dashboards there, as ``tools/studio.py`` builds it.
        """
        self.certificates = Certificates(folder / "certificates")
        self.strava = StravaStandIn(
            self.certificates, retry_pause=retry_pause, limits=limits or Limits(), strict=strict
        )
        self.splunkd = Splunkd(app=app, home=folder / "splunk", python=python, environment=environment)
        self._web = SplunkWeb(self.splunkd, self.certificates, theme=theme, studio=studio) if web else None
        self.advanced = dict(advanced or {})
        self._browser = requests.Session()
        self._browser.trust_env = False
        self._browser.verify = str(self.certificates.ca_file)
        self._browser.headers["User-Agent"] = "sandbox"

    def __enter__(self) -> Sandbox:
        self.strava.start()
        try:
            # As a file that somebody deploys, there before splunkd starts: it spares each sandbox a handler's process.
            advanced = {
                "api_url": self.strava.api_url,
                "oauth_url": self.strava.oauth_url,
                "ca_file": str(self.certificates.ca_file),
                **{name: str(value) for name, value in self.advanced.items()},
            }
            self.splunkd.configuration.write(SETTINGS, self.splunkd.app, "advanced", advanced)
            self.splunkd.start()
            self.splunkd.create_index(INDEX)
            if self._web is not None:
                self._web.start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        if kind is None:
            self.strava.check_misuse()

    @property
    def web(self) -> SplunkWeb:
        """Splunk Web, if it was asked for."""
        if self._web is None:
            raise ValueError("This sandbox was started without Splunk Web: Sandbox(web=True).")
        return self._web

    def post(self, path: str, **arguments: str | int | float) -> dict[str, Any]:
        """Save something through one of the add-on's REST handlers; the saved row. Raises SandboxRefused."""
        form = {name: str(value) for name, value in arguments.items()}
        status, answer = self.splunkd.request("POST", self.splunkd.path(path), form)
        if status not in (200, 201):
            raise SandboxRefused("; ".join(str(message.get("text")) for message in answer.get("messages", [])))
        (entry,) = answer["entry"]
        content = entry["content"]
        assert isinstance(content, dict)
        return content

    def add_application(self, name: str) -> Application:
        """Register an API application at Strava, and enter it on *Configuration → Applications*."""
        application = self.strava.add_application(name, callback_domain="localhost")
        self.post(
            "TA_strava_webhook_application",
            name=name,
            client_id=application.client_id,
            client_secret=application.client_secret,
        )
        return application

    def connect(
        self,
        athlete: Athlete,
        row: str,
        application: Application,
        *,
        scope: str = SCOPE,
        untick: tuple[str, ...] = (),
        index: str = "",
        again: bool = False,
    ) -> None:
        """*Configuration → Athletes → Connect with Strava*: consent, exchange of the code, saving the row.

        ``again`` for a row that is there already.
        """
        arguments: dict[str, str | int | float] = {
            "application": application.name,
            "scope": scope,
            "client_id": application.client_id,
            "endpoint": urlsplit(self.strava.oauth_url).netloc,
            "access_token": self.consent(athlete, application, scope=scope, untick=untick),
        }
        if index:
            arguments["index"] = index
        if again:
            self.post(f"TA_strava_webhook_account/{row}", **arguments)
        else:
            self.post("TA_strava_webhook_account", name=row, **arguments)

    def consent(
        self, athlete: Athlete, application: Application, *, scope: str = SCOPE, untick: tuple[str, ...] = ()
    ) -> str:
        """The first two of these; returns the handle that saving the row redeems."""
        self.strava.sign_in(athlete, untick=untick)
        answer = self._browser.get(
            f"{self.strava.oauth_url}/authorize",
            params={
                "client_id": application.client_id,
                "redirect_uri": "https://localhost:8000/en-US/app/TA_strava_webhook/redirect",
                "response_type": "code",
                "scope": scope,
                "approval_prompt": "force",
                "state": "sandbox",
            },
            allow_redirects=False,
            timeout=patience(PATIENCE),
        )
        given = parse_qs(urlsplit(answer.headers["Location"]).query)
        code = urlencode({name: given[name][0] for name in ("code", "scope", "error") if name in given})
        token = self.post(
            "TA_strava_webhook_oauth/oauth",
            client_id=application.client_id,
            code=code,
            grant_type="authorization_code",
            redirect_uri="https://localhost:8000/en-US/app/TA_strava_webhook/redirect",
        )
        if token.get("error"):
            raise SandboxRefused(str(token["error"]))
        return str(token["access_token"])

    def plan_input(self, name: str, verify_token: str | None = None) -> Input:
        """What one needs to have for an input: a certificate, a free port, an address; nothing is saved."""
        port = free_port()
        return Input(
            name=name,
            port=port,
            callback_url=f"https://localhost:{port}/strava/{name}-callback",
            verify_token=verify_token or f"verify-{name}-4711",
            certificate=self.certificates.issue(f"listener-{name}"),
        )

    def add_input(self, name: str, application: Application, **more: str | int) -> Input:
        """Save an input *Strava Webhook*; splunkd starts it at once."""
        made = self.plan_input(name, str(more["verify_token"]) if "verify_token" in more else None)
        arguments: dict[str, str | int | float] = {
            "name": name,
            "application": application.name,
            "index": INDEX,
            "interval": 10,
            "port": made.port,
            "verify_token": made.verify_token,
            "callback_url": made.callback_url,
            "cert_file": str(made.certificate.cert_file),
            "key_file": str(made.certificate.key_file),
            **more,
        }
        self.post("TA_strava_webhook_strava_webhook", **arguments)
        return made

    def add_activities_input(self, name: str, application: Application, **more: str | int) -> None:
        """Save an input *Strava Activities*, which lists as often as may be; splunkd starts it at once."""
        arguments: dict[str, str | int | float] = {
            "name": name,
            "application": application.name,
            "index": INDEX,
            "interval": 60,
            **more,
        }
        self.post("TA_strava_webhook_strava_activities", **arguments)

    def health(self, made: Input) -> int:
        """The status of the listener's ``/health``; 0 while nobody listens."""
        try:
            return self._browser.get(f"https://localhost:{made.port}/health", timeout=5).status_code
        except requests.RequestException:
            return 0

    def wait_until_healthy(self, made: Input, seconds: float = PATIENCE) -> None:
        """Return when the listener answers, raise TimeoutError when it does not in time."""
        deadline = time.monotonic() + patience(seconds)
        while self.health(made) != 200:
            if time.monotonic() > deadline:
                raise TimeoutError(f"The input {made.name!r} does not answer on its port {made.port}.")
            time.sleep(0.05)

    def subscribe(self, application: Application, made: Input, seconds: float = PATIENCE) -> int:
        """Wait until Strava has the subscription that the input makes by itself, and the input knows so; its id.

        Raises TimeoutError. An input without *Create and keep the subscription* needs :meth:`subscribe_by_hand`.
        """
        deadline = time.monotonic() + patience(seconds)
        while True:
            there = self.strava.subscriptions.of(application)
            # Between Strava's answer and the note of it in the store, notifications would be held for a moment.
            if there is not None and there.callback_url == made.callback_url and self._has_noted(there.id):
                return there.id
            if time.monotonic() > deadline:
                raise TimeoutError(f"The input {made.name!r} has no subscription at Strava.")
            time.sleep(0.05)

    def subscribe_by_hand(self, application: Application, made: Input) -> int:
        """Create the push subscription as somebody with curl does; its id. Strava calls the listener back meanwhile."""
        answer = self._browser.post(
            f"{self.strava.api_url}/push_subscriptions",
            data={
                "client_id": application.client_id,
                "client_secret": application.client_secret,
                "callback_url": made.callback_url,
                "verify_token": made.verify_token,
            },
            timeout=patience(PATIENCE),
        )
        if answer.status_code != 201:
            raise SandboxRefused(f"Strava answered {answer.status_code}: {answer.text}")
        return int(answer.json()["id"])

    def _has_noted(self, subscription_id: int) -> bool:
        """Whether an input's log says that it keeps this subscription."""
        said = re.compile(rf"action=subscription_(?:created|kept) .*subscription_id={subscription_id}\b")
        return any(said.search(line) for line in self.splunkd.log_lines())

    def _stop(self) -> None:
        self._browser.close()
        try:
            if self._web is not None:
                self._web.stop()
        finally:
            try:
                self.splunkd.stop()
            finally:
                self.strava.stop()


def free_port() -> int:
    """A port that is free now. An input is configured with a number, so the system cannot choose it later."""
    with socket.socket(socket.AF_INET6 if socket.has_ipv6 else socket.AF_INET) as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])
