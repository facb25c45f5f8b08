"""`splunkd/__raw/…`: splunkd's REST interface for the pages' scripts, in the user's name."""

from __future__ import annotations

import http.client
import json
import ssl
from urllib.parse import unquote, urlencode

from sandbox.patience import patience
from sandbox.splunkd import Splunkd

from .exchange import Answer, message
from .exposed import is_exposed

#: splunkd gives a handler a minute.
_PATIENCE = 90.0


class Raw:
    """Passes requests on to splunkd."""

    def __init__(self, splunkd: Splunkd) -> None:
        self._splunkd = splunkd
        self._context = ssl.create_default_context(cafile=str(splunkd.ca_file))

    def exposes(self, method: str, endpoint: tuple[str, ...]) -> bool:
        """Whether a browser may use this endpoint, see `endpoint_of`."""
        return is_exposed(self._splunkd.configuration.read("web"), method, endpoint)

    def pass_on(self, method: str, target: str, body: bytes, key: str) -> Answer:
        """Ask splunkd with the user's key, and give its answer back unchanged."""
        headers = {"Authorization": f"Splunk {key}"}
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPSConnection(
            self._splunkd.uri.partition("://")[2], timeout=patience(_PATIENCE), context=self._context
        )
        try:
            connection.request(method, target, body if method == "POST" else None, headers)
            answer = connection.getresponse()
            kind = answer.headers.get("Content-Type", "text/plain")
            return Answer(answer.status, answer.read(), kind, {"Cache-Control": "no-store"})
        except OSError:
            return message(503, "Splunk Web cannot reach splunkd.")
        finally:
            connection.close()

    def log_in(self, user: str, password: str) -> str | None:
        """A session key, or None for a wrong name or password, or if splunkd gives none for another reason."""
        form = urlencode({"username": user, "password": password}).encode()
        answer = self.pass_on("POST", "/services/auth/login?output_mode=json", form, "")
        return str(json.loads(answer.body)["sessionKey"]) if answer.status == 200 else None


def endpoint_of(path: str) -> tuple[str, ...] | None:
    """What follows `/services/` or `/servicesNS/<owner>/<app>/`, decoded; None for any other address."""
    parts = [unquote(part) for part in path.split("/")]
    if any(part in (".", "..") or "\0" in part for part in parts):
        return None
    if parts[:2] == ["", "services"] and len(parts) > 2:
        return tuple(parts[2:])
    if parts[:2] == ["", "servicesNS"] and len(parts) > 4:
        return tuple(parts[4:])
    return None
