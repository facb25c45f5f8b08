"""The command line's way to the add-on's own REST endpoints: a log-in at splunkd, then their answers as rows."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Any, Optional
from urllib.parse import urlsplit

from splunklib import binding

from strava_collector.errors import CollectorError
from strava_collector.secret import Secret
from strava_collector.splunk_config import APP

#: Seconds for one call: the set-up check takes up to 20, and a subscription is made while Strava calls back.
TIMEOUT = 90

_HERE = ("127.0.0.1", "localhost", "::1")


class NoSession(CollectorError):
    """splunkd is not there, or does not let this user in."""


class EndpointRefused(CollectorError):
    """An endpoint of the add-on said no; the message is its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Session:
    """A log-in at splunkd."""

    def __init__(self, address: str, user: str, password: Secret) -> None:
        """Log in. Raises NoSession.

        splunkd's certificate is checked unless it is on this very host, where it is self-signed by default.
        """
        parts = urlsplit(address)
        host = parts.hostname or ""
        try:
            port = parts.port or 8089
        except ValueError:
            port = 0
        if parts.scheme != "https" or not host or not port:
            raise NoSession("The address of splunkd has to be like https://127.0.0.1:8089.")
        checked: dict[str, Any] = {} if host in _HERE else {"verify": True, "context": ssl.create_default_context()}
        self._context = binding.Context(
            handler=binding.handler(timeout=TIMEOUT, **checked),
            scheme="https",
            host=host,
            port=port,
            username=user,
            password=password.reveal(),
            owner="nobody",
            app=APP,
            autologin=False,
        )
        failure: Optional[CollectorError] = None
        try:
            self._context.login()
        except binding.AuthenticationError:
            failure = NoSession(f"splunkd does not let the user {user} in with this password.")
        except (OSError, http.client.HTTPException, binding.HTTPError) as error:
            failure = NoSession(f"splunkd does not answer at {host}:{port} ({type(error).__name__}).")
        if failure is not None:
            raise failure  # without context: splunklib's errors quote what was sent

    def rows(self, method: str, path: str, **arguments: str) -> list[dict[str, Any]]:
        """Return the rows that an endpoint of the add-on answers, the name of each under an empty key.

        Raises EndpointRefused with its own sentence, NoSession.
        """
        send = {"GET": self._context.get, "POST": self._context.post, "DELETE": self._context.delete}[method]
        more = {"count": "0"} if method == "GET" else {}
        failure: CollectorError
        try:
            answer = json.loads(send(path, output_mode="json", **more, **arguments).body.read())
            return [
                {key: value for key, value in entry["content"].items() if not key.startswith("eai:")}
                for entry in answer["entry"]
            ]
        except binding.AuthenticationError:
            failure = NoSession("splunkd no longer accepts this log-in. Try again.")
        except binding.HTTPError as error:
            failure = EndpointRefused(error.status, _said(error.body))
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            failure = NoSession(f"splunkd's answer did not come or cannot be read ({type(error).__name__}).")
        raise failure


def _said(body: bytes) -> str:
    try:
        return str(json.loads(body)["messages"][0]["text"])
    except (ValueError, KeyError, IndexError, TypeError):
        return "splunkd refused without a word."
