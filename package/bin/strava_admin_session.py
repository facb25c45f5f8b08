"""The command line's way to the add-on's own REST endpoints: a log-in at splunkd, then their answers as rows."""

from __future__ import annotations

import http.client
import ipaddress
import json
import re
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from splunklib import binding

from strava_collector.admin_arguments import WrongArgument
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


@dataclass(frozen=True)
class Address:
    """Where splunkd is."""

    host: str
    port: int

    @classmethod
    def of(cls, text: str) -> Address:
        """Read ``https://127.0.0.1:8089``. Raises WrongArgument, without the text: it may have a password in it."""
        try:
            parts = urlsplit(text)
            host, port = parts.hostname or "", 8089 if parts.port is None else parts.port
            is_bare = not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
            known = parts.scheme == "https" and port > 0 and is_bare and _is_host(host)
        except ValueError:
            known = False
        if not known:
            raise WrongArgument("The argument splunkd has to be an address like https://127.0.0.1:8089.")
        return cls(host, port)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Session:
    """A log-in at splunkd."""

    def __init__(self, address: Address, user: str, password: Secret) -> None:
        """Log in. Raises NoSession.

        splunkd's certificate is checked unless it is on this very host, where it is self-signed by default.
        """
        here = address.host in _HERE
        checked: dict[str, Any] = {} if here else {"verify": True, "context": ssl.create_default_context()}
        self._context = binding.Context(
            handler=binding.handler(timeout=TIMEOUT, **checked),
            scheme="https",
            host=address.host,
            port=address.port,
            username=user,
            password=password.reveal(),
            owner="nobody",
            app=APP,
            autologin=False,
        )
        failure: CollectorError
        try:
            self._context.login()
            # splunklib takes an answer without a session key for one whose key is "None".
            if str(self._context.token).split()[1:] not in ([], ["None"]):
                return
            failure = _no_splunkd(address, "there is no session key in its answer")
        except binding.AuthenticationError:
            failure = NoSession(f"splunkd does not let the user {user} in with this password.")
        except binding.HTTPError as error:
            failure = _no_splunkd(address, f"status {error.status}")
        except (OSError, http.client.HTTPException) as error:
            failure = NoSession(f"splunkd does not answer at {address} ({type(error).__name__}).")
        except (SyntaxError, ValueError) as error:  # ParseError is the former
            failure = _no_splunkd(address, f"{type(error).__name__} in its answer")
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
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError) as error:
            failure = NoSession(f"splunkd's answer did not come or cannot be read ({type(error).__name__}).")
        raise failure


def _is_host(name: str) -> bool:
    """Whether this is a host name or an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return re.fullmatch(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?", name) is not None and len(name) < 254
    return True


def _no_splunkd(address: Address, why: str) -> NoSession:
    return NoSession(
        f"What answers at {address} is not splunkd ({why}). Give splunkd's own address with --splunkd: its management "
        "port is 8089 unless somebody has changed it."
    )


def _said(body: bytes) -> str:
    try:
        return str(json.loads(body)["messages"][0]["text"])
    except (ValueError, KeyError, IndexError, TypeError):
        return "splunkd refused without a word."
