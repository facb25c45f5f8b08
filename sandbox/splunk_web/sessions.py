"""Who is logged in at Splunk Web: a cookie of the browser, and behind it a session key of splunkd."""

from __future__ import annotations

import hmac
import secrets
import threading
from dataclasses import dataclass, field

from .exchange import Request


@dataclass
class Session:
    """One browser that has logged in."""

    user: str
    key: str = field(repr=False)
    #: What forms and scripts must send along, so that no foreign page can act in the user's name.
    form_key: str = field(repr=False)
    theme: str


class WebSessions:
    """The sessions by the value of their cookie. Cookies carry the port: browsers share them between ports."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        self._port = 0

    def serve(self, port: int) -> None:
        self._port = port

    def of(self, request: Request) -> Session | None:
        """The session of the browser that asks."""
        with self._lock:
            return self._sessions.get(request.cookies.get(self._session_cookie, ""))

    def open(self, user: str, key: str, theme: str) -> tuple[str, ...]:
        """Begin one; the cookies for the browser."""
        name, session = secrets.token_urlsafe(32), Session(user, key, str(secrets.randbits(63)), theme)
        with self._lock:
            self._sessions[name] = session
        return (
            f"{self._session_cookie}={name}; Path=/; Secure; HttpOnly; SameSite=Lax",
            # Scripts read it and send it back in a header.
            f"{self.form_key_cookie}={session.form_key}; Path=/; Secure",
        )

    def close(self, request: Request) -> tuple[str, ...]:
        """End the session of the browser that asks; the cookies that make it forget."""
        with self._lock:
            self._sessions.pop(request.cookies.get(self._session_cookie, ""), None)
        gone = "Path=/; Secure; Max-Age=0"
        return (f"{self._session_cookie}=; {gone}", f"{self.form_key_cookie}=; {gone}")

    def is_own_page(self, request: Request, session: Session) -> bool:
        """Whether the request comes from a page of ours, and not from a foreign one with the user's cookies."""
        header = request.headers.get("x-splunk-form-key", "")
        cookie = request.cookies.get(self.form_key_cookie, "")
        return _same(header, session.form_key) and _same(cookie, session.form_key)

    @property
    def _session_cookie(self) -> str:
        return f"session_id_{self._port}"

    @property
    def form_key_cookie(self) -> str:
        return f"splunkweb_csrf_token_{self._port}"


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
