"""Calls to splunkd's REST API, in the add-on's own namespace.

Built on splunklib's binding with its plain ``http.client`` handler, not on solnlib's client: that one uses requests
without a timeout, follows proxy settings and ``.netrc`` of the environment, sleeps through five tries of its own, and
writes every failure's traceback to stderr.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any, Optional
from urllib.parse import urlsplit

from solnlib.credentials import CredentialManager
from splunklib import binding, client

from strava_collector.errors import CollectorError
from strava_collector.ports import SessionExpired, SplunkUnavailable
from strava_collector.secret import Secret
from strava_collector.token_store import LONGEST_PASSWORD

#: Seconds for one call. splunkd is on this host and answers in milliseconds unless it is starting or overloaded.
TIMEOUT = 20

#: UCC splits values of more than 255 characters into several entries, numbered behind a separator, with a mark at the
#: end.
_SEPARATOR: str = CredentialManager.SEP
_END_MARK: str = CredentialManager.END_MARK


#: Where splunkd says what this instance is.
_SERVER_INFO = "/services/server/info"


class NotFound(SplunkUnavailable):
    """splunkd knows no such thing."""


class NotPermitted(SplunkUnavailable):
    """Whoever asks lacks a capability."""


class NoAnswer(SplunkUnavailable):
    """splunkd did not answer at all, so that it is of no use to ask for something else."""


class Splunkd:
    """A session with splunkd. May be used by several threads: each call opens a connection of its own.

    Every method raises SessionExpired when splunkd no longer accepts the session key, and SplunkUnavailable when the
    call fails otherwise.
    """

    def __init__(self, server_uri: str, session_key: str, app: str, *, timeout: float = TIMEOUT) -> None:
        """Prepare a session; nothing is called yet. ``server_uri`` is as splunkd passes it, ``https://127.0.0.1:8089``.

        ``timeout`` is in seconds, for each call.

        splunkd's certificate is not checked: it is self-signed unless somebody changed it, and the call stays on this
        host.
        """
        address = urlsplit(server_uri)
        self._service = client.Service(
            handler=binding.handler(timeout=timeout),
            scheme=address.scheme or "https",
            host=address.hostname or "127.0.0.1",
            port=address.port or 8089,
            token=session_key,
            owner="nobody",
            app=app,
            autologin=False,
        )

    def stanzas(self, conf: str) -> dict[str, dict[str, str]]:
        """Return all stanzas of a ``.conf`` by name; nothing if the file does not exist yet."""
        try:
            return self._stanzas(f"configs/conf-{conf}")
        except NotFound:
            return {}

    def stanza(self, conf: str, name: str) -> Optional[dict[str, str]]:
        """Return one stanza of a ``.conf``; None if there is none of that name."""
        try:
            return self._stanzas(f"configs/conf-{conf}/{name}").get(name)
        except NotFound:
            return None

    def stanzas_if_known(self, conf: str) -> Optional[dict[str, dict[str, str]]]:
        """The same, but None if the file does not exist: splunkd may just be loading the add-on anew."""
        try:
            return self._stanzas(f"configs/conf-{conf}")
        except NotFound:
            return None

    def inputs(self, kind: str) -> dict[str, dict[str, str]]:
        """Return all inputs of a kind by name, as they are stored."""
        return self._stanzas(f"data/inputs/{kind}")

    def indexes(self) -> dict[str, dict[str, str]]:
        """Return the indexes of this instance by name."""
        return self._stanzas("data/indexes")

    def server_roles(self) -> list[str]:
        """Return what this instance is, for instance ``["indexer", "kv_store"]``."""
        entries = self._entries(_SERVER_INFO)
        roles = entries[0]["content"].get("server_roles") if entries else None
        return [str(role) for role in roles] if isinstance(roles, list) else []

    def update_stanza(self, conf: str, name: str, fields: Mapping[str, str]) -> None:
        """Change fields of a stanza that exists; the others stay."""
        self._call("POST", f"configs/conf-{conf}/{name}", **fields)

    def passwords(self, realm: str) -> dict[str, Secret]:
        """Return the passwords of a realm by user name; those that are split into several entries are joined."""
        parts: dict[str, dict[int, str]] = {}
        for entry in self._entries("storage/passwords", count="-1", search=f"realm={realm}"):
            content = entry["content"]
            if content.get("realm") != realm:
                continue
            username, _, number = str(content.get("username", "")).partition(_SEPARATOR)
            parts.setdefault(username, {})[int(number or 1)] = str(content.get("clear_password", ""))
        return {username: Secret(_joined(numbered)) for username, numbered in parts.items()}

    def password(self, realm: str, username: str) -> Optional[Secret]:
        """Return one password that is not split, or None if there is none."""
        try:
            entries = self._entries(_password_path(realm, username))
        except NotFound:
            return None
        return Secret(str(entries[0]["content"].get("clear_password", ""))) if entries else None

    def set_password(self, realm: str, username: str, password: Secret) -> None:
        """Store a password of at most 255 bytes in one entry and one call.

        An existing entry is updated in place, never deleted and created again: a crash in between would lose it.
        """
        if len(password.reveal().encode()) > LONGEST_PASSWORD:
            raise SplunkUnavailable(
                f"A value for Splunk's password storage (realm {realm}) has more than {LONGEST_PASSWORD} bytes and "
                "was not stored. Please report this as a fault of the add-on."
            )
        try:
            self._call("POST", _password_path(realm, username), password=password.reveal())
        except NotFound:
            self._call("POST", "storage/passwords", name=username, realm=realm, password=password.reveal())

    def delete_password(self, realm: str, username: str) -> None:
        """Delete a password, if it is there."""
        try:
            self._call("DELETE", _password_path(realm, username))
        except NotFound:
            return

    def post_message(self, name: str, text: str, severity: str) -> None:
        """Show a message in Splunk Web; one of the same name is replaced."""
        self._call("POST", "/services/messages", name=name, value=text, severity=severity)

    def message_names(self) -> list[str]:
        """Return the names of all messages in Splunk Web."""
        return [str(entry["name"]) for entry in self._entries("/services/messages", count="-1")]

    def delete_message(self, name: str) -> None:
        """Take a message away, if it is there."""
        try:
            self._call("DELETE", f"/services/messages/{name}")
        except NotFound:
            return

    def _stanzas(self, path: str) -> dict[str, dict[str, str]]:
        return {
            str(entry["name"]): {key: _text(value) for key, value in entry["content"].items()}
            for entry in self._entries(path, count="-1")
            if entry["name"] != "default"
        }

    def _entries(self, path: str, **query: str) -> list[dict[str, Any]]:
        body = self._call("GET", path, output_mode="json", **query)
        try:
            entries = json.loads(body)["entry"]
        except (ValueError, KeyError, TypeError):
            entries = None
        if not isinstance(entries, list):
            raise SplunkUnavailable(f"splunkd's answer to a call of {_place(path)} cannot be read.")
        return entries

    def _call(self, method: str, path: str, **fields: str) -> bytes:
        send = {"GET": self._service.get, "POST": self._service.post, "DELETE": self._service.delete}[method]
        failure: CollectorError
        try:
            return bytes(send(path, **fields).body.read())
        except binding.AuthenticationError:
            failure = _failure(401, path)
        except binding.HTTPError as error:
            failure = _failure(error.status, path)
        except (OSError, http.client.HTTPException) as error:
            failure = NoAnswer(f"splunkd did not answer a call of {_place(path)} ({type(error).__name__}).")
        # Raised here, outside of any except clause, so that it has no context: splunklib's errors quote what was sent.
        raise failure


def _failure(status: int, path: str) -> CollectorError:
    if status == 401:
        return SessionExpired("splunkd no longer accepts the session key that it gave to this process.")
    if status == 404:
        return NotFound(f"splunkd knows no {_place(path)}.")
    if status == 403:
        return NotPermitted(
            f"splunkd does not permit a call of {_place(path)}; the user lacks a capability, for passwords "
            "“list_storage_passwords”."
        )
    return SplunkUnavailable(f"splunkd answered {status} to a call of {_place(path)}.")


def _place(path: str) -> str:
    """What of a path can be shown: it ends before a realm or user name."""
    return "storage/passwords" if path.startswith("storage/passwords") else path.strip("/")


def _password_path(realm: str, username: str) -> str:
    """splunkd's name for a password; neither part has colons or slashes here. The binding encodes the rest."""
    return f"storage/passwords/{realm}:{username}:"


def _joined(numbered: Mapping[int, str]) -> str:
    joined = ""
    for number in sorted(numbered):
        if numbered[number] == _END_MARK:
            break
        joined += numbered[number]
    return joined


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else str(value)
