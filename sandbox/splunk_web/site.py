"""What every site here has: its server, addresses that anybody may ask for, and a note of what nothing answers."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from sandbox.certificates import Certificates

from . import pages, studio
from .exchange import Answer, Request, page, redirect, script
from .search_jobs import SearchJobs
from .server import Server

LOCALE = "/en-US"
RAW = f"{LOCALE}/splunkd/__raw"
_STATIC = f"{LOCALE}/static/"

S = TypeVar("S", bound="Site")


class Site(ABC):
    """Serves on a free port; use it in a ``with`` statement, or start and stop it."""

    def __init__(self, certificates: Certificates, bundle: Path | None) -> None:
        """Bind the port; nothing is answered before `start`. ``bundle`` is what `tools/studio.py` builds."""
        self._bundle = bundle
        self._lock = threading.Lock()
        self._noted: list[str] = []
        self._jobs = SearchJobs(self._note)
        self._server = Server(certificates.server_context("splunk_web"), self._answer)

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def __enter__(self: S) -> S:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def url(self) -> str:
        """`https://localhost:<port>`, without a slash at its end."""
        return f"https://localhost:{self.port}"

    @property
    def failures(self) -> list[Exception]:
        """Faults of the stand-in itself."""
        return self._server.failures

    @abstractmethod
    def _answer(self, request: Request) -> Answer:
        """Answer one request."""

    def _public(self, request: Request) -> Answer | None:
        """What anybody may ask for, logged in or not; None if it is something else."""
        path = request.path
        if path in ("/favicon.ico", f"{LOCALE}/favicon.ico"):
            return Answer(204)
        if path == f"{LOCALE}/i18ncatalog":
            return script("i18n_register({});\n")
        if path.startswith("/app/"):  # as links in dashboards have it: Splunk Web adds the language
            return redirect(f"{LOCALE}{request.target}")
        if path.startswith(_STATIC):
            return self._static(request, path[len(_STATIC) :]) or self._not_known(request)
        return None

    def _static(self, request: Request, path: str) -> Answer | None:
        """Splunk Web's own scripts and the framework's files; None if there is no such file."""
        if path in pages.SCRIPTS:
            return script(pages.asset(pages.SCRIPTS[path]))
        return studio.static_file(self._bundle, path)

    def _not_known(self, request: Request) -> Answer:
        # Without the query, which can hold what must not be in a log.
        self._note(f"{request.method} {request.path}")
        return page(pages.fault("404 Not Found", "Splunk Web knows no such page."), 404)

    def _note(self, what: str) -> None:
        """Remember an address that nothing answers, or a search that cannot be run."""
        with self._lock:
            self._noted.append(what)
