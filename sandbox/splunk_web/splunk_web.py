"""The stand-in for Splunk Web as one object: what is answered at which address."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote

from sandbox.certificates import Certificates
from sandbox.splunkd import Splunkd
from sandbox.splunkd.entities import VERSION

from . import pages, studio
from .exchange import Answer, Request, as_json, message, page, redirect, script
from .live import LiveIndex, rest_of
from .raw import Raw, endpoint_of
from .sessions import Session, WebSessions
from .site import LOCALE, RAW, Site
from .static_files import file_answer, find
from .views import Views

HOME = f"{LOCALE}/app/launcher/home"
THEMES = ("light", "dark")

#: How many events the page in place of a search shows.
_NEWEST = 50


class SplunkWeb(Site):
    """Serves the pages of the add-on that `splunkd` runs. See the docstring of the package."""

    def __init__(
        self, splunkd: Splunkd, certificates: Certificates, *, theme: str = "light", studio: Path | None = None
    ) -> None:
        """Bind a free port; nothing is answered before `start`.

        Args:
            certificates: signs the certificate for localhost.
            theme: `light` or `dark`, for who has not chosen another.
            studio: what `tools/studio.py` has built; without it dashboards say that they cannot be shown.
        """
        if theme not in THEMES:
            raise ValueError(f"There is no theme {theme!r}.")
        self.theme = theme
        self._splunkd = splunkd
        self._raw = Raw(splunkd)
        self._live = LiveIndex(splunkd)
        self._sessions = WebSessions()
        self._views = Views(splunkd.installation.app_folder, splunkd.app)
        super().__init__(certificates, studio)
        self._sessions.serve(self.port)

    @property
    def app_url(self) -> str:
        """Where the add-on's pages are: `<app_url>/configuration`."""
        return f"{self.url}{LOCALE}/app/{self._splunkd.app}"

    @property
    def unknown(self) -> list[str]:
        """Method and path of every request that nothing here answers, and searches that cannot be run."""
        with self._lock:
            return list(self._noted)

    # Addresses

    def _answer(self, request: Request) -> Answer:
        path = request.path
        if request.method not in ("GET", "POST", "DELETE"):
            return self._not_known(request)
        if path.startswith(f"{RAW}/"):
            return self._splunkd_rest(request)
        if path == f"{LOCALE}/account/login":
            return self._login(request)
        if request.method != "GET":
            return self._not_known(request)
        return self._get(request)

    def _get(self, request: Request) -> Answer:
        path = request.path
        public = self._public(request)
        if public is not None:
            return public
        if path == f"{LOCALE}/account/logout":
            return redirect(f"{LOCALE}/account/login", self._sessions.close(request))
        session = self._sessions.of(request)
        if session is None:
            return redirect(f"{LOCALE}/account/login?return_to={quote(request.target, safe='')}")
        if path == f"{LOCALE}/config":
            return script(pages.config(self._config(session)))
        if path == f"{LOCALE}/account/theme" and request.parameter("set") in THEMES:
            session.theme = request.parameter("set")
            return redirect(_local(request.parameter("return_to")))
        if path in ("/", LOCALE, f"{LOCALE}/"):
            return redirect(HOME)
        if path == HOME:
            return page(pages.home(self._splunkd.app, self._label()))
        if path.startswith(f"{LOCALE}/app/"):
            return self._app_page(request, path[len(f"{LOCALE}/app/") :])
        return self._not_known(request)

    def _login(self, request: Request) -> Answer:
        """The form. It carries a value that the browser's cookie must confirm: no foreign page can log anybody in."""
        fault, status = "", 200
        return_to = request.parameter("return_to") or request.field("return_to")
        if request.method == "POST":
            cval = request.cookies.get("cval", "")
            if not cval or not secrets.compare_digest(cval.encode(), request.field("cval").encode()):
                fault, status = "Your browser did not send the cookie of this form. Allow cookies and try again.", 401
            else:
                user = request.field("username")
                key = self._raw.log_in(user, request.field("password"))
                if key is not None:
                    return redirect(_local(return_to), self._sessions.open(user, key, self.theme))
                fault, status = "Login failed", 401
        elif request.method != "GET":
            return self._not_known(request)
        cval = secrets.token_hex(8)
        return page(
            pages.login(_local(return_to), cval, fault), status, (f"cval={cval}; Path=/en-US/account/; Secure",)
        )

    def _app_page(self, request: Request, path: str) -> Answer:
        app, _, view = unquote(path).partition("/")
        if app != self._splunkd.app:
            return self._not_known(request)
        if view == "":
            return redirect(f"{LOCALE}/app/{app}/{self._views.default()}")
        if view == "search":
            return page(pages.newest_events(app, self._label(), self._splunkd.index.events()[-_NEWEST:]))
        dashboard = self._views.dashboard(view)
        if dashboard is not None:
            theme = request.parameter("theme") or dashboard.theme
            return page(studio.page(dashboard, theme, is_built=self._bundle is not None))
        text = self._views.page(view)
        return self._not_known(request) if text is None else page(text)

    def _static(self, request: Request, path: str) -> Answer | None:
        """Also files of the app, and the theme; `@…` in front is only there to defeat the browser's cache."""
        if path.startswith("@"):
            path = path.partition("/")[2]
        if path == "build/api/get_theme.js":
            session = self._sessions.of(request)
            return script(pages.theme(session.theme if session else self.theme))
        prefix = f"app/{self._splunkd.app}/"
        if path.startswith(prefix):
            file = find(self._splunkd.installation.app_folder / "appserver" / "static", path[len(prefix) :])
            if file is not None:
                return file_answer(file)
        return super()._static(request, path)

    # splunkd

    def _splunkd_rest(self, request: Request) -> Answer:
        session = self._sessions.of(request)
        if session is None:
            return message(401, "You are not logged in.")
        target = request.target[len(RAW) :]
        endpoint = endpoint_of(target.partition("?")[0])
        if endpoint is None or not self._raw.exposes(request.method, endpoint):
            self._note(f"{request.method} {request.path}")
            return message(404, "Splunk Web does not expose this address of splunkd.")
        if request.method != "GET" and not self._sessions.is_own_page(request, session):
            return message(403, "CSRF validation failed.")
        if endpoint == ("data", "ui", "times"):
            return as_json(studio.times())
        if endpoint[0] != "search":
            return self._raw.pass_on(request.method, target, request.body, session.key)
        rest = rest_of(lambda address: self._raw.pass_on("GET", address, b"", session.key))
        return self._jobs.answer(request, endpoint, lambda: replace(self._live.now(session.user), rest=rest))

    def _config(self, session: Session) -> dict[str, object]:
        return {
            "APP_BUILD": self._app_conf("install", "build"),
            "BUILD_NUMBER": "sandbox",
            "LOCALE": LOCALE.strip("/"),
            "MRSPARKLE_PORT_NUMBER": self.port,
            "MRSPARKLE_ROOT_PATH": "",
            "SERVER_ZONEINFO": "",
            "SPLUNKD_PATH": RAW,
            "USERNAME": session.user,
            "VERSION_LABEL": VERSION,
            "app": self._splunkd.app,
            "chrome": pages.chrome(
                self._splunkd.app, self._label(), session.user, session.theme, self._views.navigation()
            ),
        }

    def _label(self) -> str:
        return self._app_conf("ui", "label") or self._splunkd.app

    def _app_conf(self, stanza: str, setting: str) -> str:
        found = self._splunkd.configuration.read("app").get(stanza)
        return "" if found is None else found.settings.get(setting, "")

    def _note(self, what: str) -> None:
        super()._note(what)
        self._splunkd.journal.write("WARN", "SplunkWeb", f"nothing answers {what}")


def _local(address: str) -> str:
    """An address to go on to: never one of another host, which a link to the log-in could smuggle in."""
    inside = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if inside else HOME
