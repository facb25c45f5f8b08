"""Dashboards from the sources over given events, without an installed app, splunkd or anybody who logs in.

with Preview(package, certificates, bundle, index) as preview:
    preview.address("strava_overview", {"form.athlete": "7"})
    preview.index = another
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

from sandbox.certificates import Certificates
from sandbox.spl import Index

from . import pages, studio
from .exchange import Answer, Request, as_json, message, page, script
from .raw import endpoint_of
from .site import LOCALE, RAW, Site
from .views import Views

APP = "TA_strava_webhook"


class Preview(Site):
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
        super().__init__(certificates, bundle)

    def address(self, view: str, parameters: Mapping[str, str]) -> str:
        """Where a dashboard is; `parameters` are tokens (`form.athlete`) and `theme`."""
        return f"{self.url}{LOCALE}/app/{APP}/{view}?{urlencode(parameters)}"

    def take_unknown(self) -> list[str]:
        """What could not be answered since this was asked last: addresses, and searches with the reason."""
        with self._lock:
            unknown, self._noted = self._noted, []
        return unknown

    def _answer(self, request: Request) -> Answer:
        path = request.path
        if path.startswith(f"{RAW}/"):
            return self._rest(request)
        public = self._public(request)
        if public is not None:
            return public
        if path == f"{LOCALE}/config":
            return script(pages.config(self._config()))
        dashboard = self._views.dashboard(path.rpartition("/")[2]) if path.startswith(f"{LOCALE}/app/{APP}/") else None
        if dashboard is None:
            return self._not_known(request)
        theme = request.parameter("theme") or dashboard.theme
        return page(studio.page(dashboard, theme, is_built=True))

    def _rest(self, request: Request) -> Answer:
        endpoint = endpoint_of(request.path[len(RAW) :])
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
            "MRSPARKLE_PORT_NUMBER": self.port,
            "MRSPARKLE_ROOT_PATH": "",
            "SERVER_ZONEINFO": "",
            "SPLUNKD_PATH": RAW,
            "USERNAME": "admin",
            "app": APP,
            "chrome": pages.chrome(APP, "Strava", "admin", "light", []),
        }


_SOMEBODY = {"entry": [{"name": "context", "content": {"username": "admin", "capabilities": [], "tz": ""}}]}
