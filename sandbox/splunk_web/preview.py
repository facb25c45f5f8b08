"""Dashboards from the sources over given events, without an installed app, splunkd or anybody who logs in.

with Preview(package, certificates, bundle, index) as preview:
    preview.address("strava_overview", {"form.athlete": "7"})
    preview.index = another
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from urllib.parse import urlencode

from sandbox.certificates import Certificates
from sandbox.spl import Index

from . import pages, studio
from .exchange import Answer, Request, as_json, message, page, redirect, script
from .raw import endpoint_of
from .search_jobs import SearchJobs
from .server import Server
from .views import Views

APP = "TA_strava_webhook"
_LOCALE = "/en-US"
_RAW = f"{_LOCALE}/splunkd/__raw"


class Preview:
    """Serves the dashboards of one package; searches are answered from `index`, which may be changed at any time."""

    def __init__(
        self,
        package: Path,
        certificates: Certificates,
        bundle: Path,
        index: Index,
    ) -> None:
        """`package` has `default/data/ui/views`; `bundle` is what `tools/studio.py` builds."""
        self.index = index
        self._views = Views(package, APP)
        self._bundle = bundle
        self._lock = threading.Lock()
        self._unknown: list[str] = []
        self._jobs = SearchJobs(self._note)
        self._server = Server(certificates.server_context("splunk_web"), self._answer)

    def __enter__(self) -> Preview:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()

    def address(self, view: str, parameters: Mapping[str, str]) -> str:
        """Where a dashboard is; `parameters` are tokens (`form.athlete`) and `theme`."""
        return f"https://localhost:{self._server.port}{_LOCALE}/app/{APP}/{view}?{urlencode(parameters)}"

    def take_unknown(self) -> list[str]:
        """What could not be answered since this was asked last: addresses, and searches with the reason."""
        with self._lock:
            unknown, self._unknown = self._unknown, []
        return unknown

    @property
    def failures(self) -> list[Exception]:
        """Faults of the stand-in itself."""
        return self._server.failures

    def _answer(self, request: Request) -> Answer:
        path = request.path
        if path.startswith(f"{_RAW}/"):
            return self._rest(request)
        if path in ("/favicon.ico", f"{_LOCALE}/favicon.ico"):
            return Answer(204)
        if path.startswith("/app/"):  # as links in dashboards have it: Splunk Web adds the language
            return redirect(f"{_LOCALE}{request.target}")
        if path == f"{_LOCALE}/config":
            return script(pages.config(self._config()))
        if path == f"{_LOCALE}/i18ncatalog":
            return script("i18n_register({});\n")
        if path.startswith(f"{_LOCALE}/static/"):
            name = path[len(f"{_LOCALE}/static/") :]
            if name in pages.SCRIPTS:
                return script(pages.asset(pages.SCRIPTS[name]))
            return studio.static_file(self._bundle, name) or self._not_known(request)
        dashboard = self._views.dashboard(path.rpartition("/")[2]) if path.startswith(f"{_LOCALE}/app/{APP}/") else None
        if dashboard is None:
            return self._not_known(request)
        theme = request.parameter("theme") or dashboard.theme
        return page(studio.page(dashboard, theme, is_built=True))

    def _rest(self, request: Request) -> Answer:
        endpoint = endpoint_of(request.path[len(_RAW) :])
        if endpoint is not None and endpoint[0] == "search":
            return self._jobs.answer(request, endpoint, lambda: self.index)
        known = {("data", "ui", "times"): studio.times(), ("authentication", "current-context"): _SOMEBODY}
        if endpoint not in known:
            self._note(f"{request.method} {request.path}")
            return message(404, "Not Found")
        return as_json(known[endpoint])

    def _config(self) -> dict[str, object]:
        return {
            "LOCALE": "en-US",
            "MRSPARKLE_PORT_NUMBER": self._server.port,
            "MRSPARKLE_ROOT_PATH": "",
            "SERVER_ZONEINFO": "",
            "SPLUNKD_PATH": _RAW,
            "USERNAME": "admin",
            "app": APP,
            "chrome": pages.chrome(APP, "Strava", "admin", "light", []),
        }

    def _not_known(self, request: Request) -> Answer:
        self._note(f"{request.method} {request.path}")
        return page(pages.fault("404 Not Found", "There is no such page here."), 404)

    def _note(self, what: str) -> None:
        with self._lock:
            self._unknown.append(what)


_SOMEBODY = {"entry": [{"name": "context", "content": {"username": "admin", "capabilities": [], "tz": ""}}]}
