"""The stand-in for splunkd as one object: put together, started and stopped."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

from sandbox.certificates import Certificates
from strava_collector.clock import SystemClock

from .authorization import Authorization
from .configuration import Configuration
from .faults import Fault, Faults
from .handlers import Handlers, find_endpoints
from .index import Index, Now
from .input_scripts import Scheme, ScriptFault, input_kinds, read_scheme
from .inputs import GRACE_SECONDS, Inputs
from .inputs_rest import InputsRest
from .installation import Installation
from .journal import Journal
from .messages import Message, Messages
from .passwords import Passwords
from .rest import Rest
from .server import ManagementServer, call
from .sessions import Sessions


class Splunkd:
    """Runs one built add-on as splunkd would.

        with Splunkd(app=Path("output/TA_strava_webhook"), home=folder, python=Path(sys.executable)) as splunkd:
            splunkd.create_index("strava")
            splunkd.request("POST", "/servicesNS/nobody/TA_strava_webhook/…", {"name": "home"})
            splunkd.index.wait_for(lambda events: len(events) == 1, seconds=10)
            assert not splunkd.errors

    Files are as in Splunk: `home` becomes SPLUNK_HOME and is not removed, so that a second Splunkd with the
    same `home` is a restart.
    """

    def __init__(
        self,
        *,
        app: Path,
        home: Path,
        python: Path,
        environment: Mapping[str, str] | None = None,
        grace: float = GRACE_SECONDS,
        clock: Now | None = None,
    ) -> None:
        """Lay out SPLUNK_HOME; nothing runs before `start`.

        Args:
            app: the built folder or its tarball.
            home: folder to use as SPLUNK_HOME.
            python: interpreter whose version the add-on is run with; only its standard library is used.
            environment: variables for the add-on's processes, on top of splunkd's.
            grace: seconds between SIGTERM and SIGKILL.
            clock: tells when an event arrived.
        """
        self.installation = Installation(home, app, python, environment or {})
        self.journal = Journal(self.installation.logs)
        self.configuration = Configuration(self.installation.etc)
        self.sessions = Sessions()
        self._faults = Faults()
        self._messages = Messages()
        self._schemes: dict[str, Scheme] = {}
        self._props: dict[str, Mapping[str, str]] = {}
        self._indexes: set[str] = set()
        certificates = Certificates(self.installation.etc / "auth")
        #: CA of splunkd's certificate, for a client that wants to check it.
        self.ca_file = certificates.ca_file
        self._client_context = certificates.client_context()
        self._server = ManagementServer(certificates.server_context("server"), self.sessions, self.journal)
        self.index = Index(
            props=lambda: self._props,
            indexes=lambda: self._indexes,
            faults=self._faults,
            clock=clock or SystemClock(),
        )
        self.inputs = Inputs(
            installation=self.installation,
            configuration=self.configuration,
            sessions=self.sessions,
            index=self.index,
            faults=self._faults,
            journal=self.journal,
            server_uri=lambda: self._server.uri,
            kinds=lambda: list(self._schemes),
            grace=grace,
        )
        self._handlers: Handlers | None = None

    def start(self) -> None:
        """Listen, ask each input for its scheme, and start the enabled inputs.

        Raises:
            ValueError: restmap.conf of the app does not fit its files.
        """
        installation = self.installation
        installation.write_system_conf(self._server.host_port)
        self._props = {name: stanza.settings for name, stanza in self.configuration.read("props").items()}
        self._indexes = set(self.configuration.read("indexes"))
        endpoints = find_endpoints(self.configuration, installation.app_folder)
        self._handlers = Handlers(installation, endpoints, self.journal)
        authorization = Authorization(self.configuration, self.sessions)
        rest = Rest(
            configuration=self.configuration,
            passwords=Passwords(self.configuration, installation.etc / "auth"),
            messages=self._messages,
            inputs=InputsRest(self.inputs, self._schemes, authorization),
            handlers=self._handlers,
            sessions=self.sessions,
            authorization=authorization,
            host=installation.host,
            guid=str(uuid.uuid4()).upper(),
        )
        self._server.start(rest)
        for kind in input_kinds(installation.app_folder):
            try:
                self._schemes[kind] = read_scheme(installation, kind, self.journal)
            except ScriptFault as fault:
                text = f'Unable to initialize modular input "{kind}" defined in the app "{installation.app}": {fault}'
                self.journal.write("ERROR", "ModularInputs", text)
                self._faults.add("scheme", text)
        self.inputs.start_enabled()

    def stop(self) -> None:
        """End the inputs, the handlers and the server; also after a start that failed."""
        try:
            self.inputs.stop_all()
        finally:
            if self._handlers is not None:
                self._handlers.stop()
            self._server.stop()

    def __enter__(self) -> Splunkd:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def home(self) -> Path:
        return self.installation.home

    @property
    def app(self) -> str:
        """Id of the app that is installed."""
        return self.installation.app

    @property
    def uri(self) -> str:
        """`https://127.0.0.1:<port>`"""
        return self._server.uri

    @property
    def session_key(self) -> str:
        """A valid key of an administrator; a new one after `expire_session`."""
        return self.sessions.admin_key

    @property
    def errors(self) -> list[Fault]:
        """Everything that a strict Splunk would have complained about."""
        return self._faults.all()

    @property
    def messages(self) -> list[Message]:
        """What Splunk Web shows in its list of messages."""
        return self._messages.all()

    def log_lines(self) -> list[str]:
        """Every line in `var/log/splunk`: splunkd.log (with the add-on's standard error) and the add-on's own."""
        return self.journal.lines()

    def create_index(self, name: str) -> None:
        """Make an index that events may go to."""
        status, answer = self.request("POST", "/servicesNS/nobody/search/data/indexes", {"name": name})
        if status not in (201, 409):
            raise ValueError(f"The index {name!r} was not made: {answer}")
        self._indexes = set(self.configuration.read("indexes"))

    def remove_index(self, name: str) -> None:
        """Delete an index that :meth:`create_index` has made; events for it are a fault from now on."""
        self.configuration.remove("indexes", "search", name)
        self._indexes = set(self.configuration.read("indexes"))

    def expire_session(self) -> None:
        """Every session key given out so far gets 401 from now on, also those of running inputs."""
        self.sessions.expire_all()

    @contextmanager
    def outage(self, status: int = 503) -> Iterator[None]:
        """Every REST call is answered with this status meanwhile, as while splunkd starts or is overloaded."""
        self._server.refuse(status)
        try:
            yield
        finally:
            self._server.refuse(None)

    @property
    def refused(self) -> int:
        """How many REST calls the outages so far have refused."""
        return self._server.refused

    def request(
        self,
        method: str,
        path: str,
        arguments: Mapping[str, str | int] | None = None,
        *,
        session_key: str | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """A request over HTTPS as an administrator; the answer as JSON.

        Args:
            path: from `/services…`; `arguments` become the query of a GET or DELETE, else the form.

        Returns:
            The status, and the answer (`entry`, or `messages` for a fault).
        """
        query = {"output_mode": "json"}
        body: str | None = None
        if method == "POST":
            body = urlencode({name: str(value) for name, value in (arguments or {}).items()})
        else:
            query.update({name: str(value) for name, value in (arguments or {}).items()})
        target = f"{path}{'&' if '?' in path else '?'}{urlencode(query)}"
        key = self.session_key if session_key is None else session_key
        status, content = call(self.uri, self._client_context, method, target, body, key)
        answer = json.loads(content)
        assert isinstance(answer, dict)
        return status, answer

    def path(self, *parts: str) -> str:
        """Address in the app's namespace: `path("TA_strava_webhook_application", "mine")`."""
        return "/".join((f"/servicesNS/nobody/{self.app}", *parts))
