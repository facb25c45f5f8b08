"""Splunk's password storage in memory, which refuses what splunkd refuses."""

from __future__ import annotations

from typing import Optional

from strava_collector.ports import SessionExpired, SplunkUnavailable
from strava_collector.secret import Secret


class InMemoryPasswords:
    """Implements the part of ``Splunkd`` that keeps passwords."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}
        #: Raised by the next calls.
        self.failure: Optional[SplunkUnavailable | SessionExpired] = None

    def passwords(self, realm: str) -> dict[str, Secret]:
        self._fail()
        return {username: Secret(value) for (its, username), value in self.entries.items() if its == realm}

    def password(self, realm: str, username: str) -> Optional[Secret]:
        self._fail()
        value = self.entries.get((realm, username))
        return None if value is None else Secret(value)

    def set_password(self, realm: str, username: str, password: Secret) -> None:
        self._fail()
        value = password.reveal()
        assert 0 < len(value.encode()) <= 255, "one entry of the password storage holds 1 to 255 bytes"
        assert ":" not in realm + username, "a colon separates realm and user name"
        self.entries[realm, username] = value

    def delete_password(self, realm: str, username: str) -> None:
        self._fail()
        self.entries.pop((realm, username), None)

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure
