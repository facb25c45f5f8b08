"""Session keys, and the log in that gives one."""

from __future__ import annotations

import base64
import hmac
import secrets
import threading
from collections.abc import Mapping


class Sessions:
    """All keys that are valid now. A key is a secret: it is never logged."""

    USER = "admin"

    #: Users with their roles: an administrator, and somebody who may log in and search.
    USERS: Mapping[str, tuple[str, ...]] = {USER: ("admin",), "viewer": ("user",)}

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owners: dict[str, str] = {}
        #: Password of each user, new for each start.
        self.passwords = {user: secrets.token_hex(16) for user in self.USERS}
        self.admin_key = self.issue(self.USER)

    @property
    def password(self) -> str:
        """The administrator's."""
        return self.passwords[self.USER]

    def issue(self, owner: str) -> str:
        """A new key for a user or, as `strava_webhook://name`, for the process of an input."""
        key = secrets.token_urlsafe(48)
        with self._lock:
            self._owners[key] = owner
        return key

    def owner(self, key: str) -> str | None:
        with self._lock:
            return self._owners.get(key)

    def withdraw(self, key: str) -> None:
        """The key is refused from now on."""
        with self._lock:
            self._owners.pop(key, None)

    def expire_all(self) -> None:
        """Every key given out so far is refused from now on; `admin_key` is a new one."""
        with self._lock:
            self._owners.clear()
        self.admin_key = self.issue(self.USER)

    def log_in(self, username: str, password: str) -> str | None:
        """A new key, or None for a wrong name or password."""
        return self.issue(username) if self._is_right(username, password) else None

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """The valid key in a request's headers (`Splunk …`, `Bearer …` or `Basic …`), or None."""
        scheme, _, value = (headers.get("Authorization") or "").partition(" ")
        value = value.strip()
        if scheme.lower() in ("splunk", "bearer"):
            return value if self.owner(value) else None
        if scheme.lower() == "basic":
            try:
                username, _, password = base64.b64decode(value, validate=True).decode().partition(":")
            except ValueError:
                return None
            return self._key_by_password(username, password)
        return None

    def _key_by_password(self, username: str, password: str) -> str | None:
        """One key for each user who comes with every request anew."""
        if not self._is_right(username, password):
            return None
        if username == self.USER:
            return self.admin_key
        with self._lock:
            known = [key for key, owner in self._owners.items() if owner == username]
        return known[0] if known else self.issue(username)

    def _is_right(self, username: str, password: str) -> bool:
        right = self.passwords.get(username)
        return right is not None and hmac.compare_digest(password.encode(), right.encode())
