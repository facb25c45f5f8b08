"""What the service needs from Splunk, and who tells people, as interfaces: the real ones talk to splunkd."""

from __future__ import annotations

from typing import Protocol

from strava_collector.errors import CollectorError
from strava_collector.settings import Settings

#: Severities of a message, as splunkd's ``/services/messages`` knows them.
INFO = "info"
WARNING = "warn"
ERROR = "error"


class SplunkUnavailable(CollectorError):
    """splunkd did not answer, or answered with an error; trying again may help."""


class SessionExpired(CollectorError):
    """splunkd no longer accepts the session key that it gave this process.

    Nothing in this process can get a new one: it has to finish what it is doing and end. splunkd starts it again,
    with a new key, after the input's interval.
    """


class Configuration(Protocol):
    """Where the settings come from."""

    def settings(self) -> Settings:
        """Read all settings anew; takes several calls to splunkd.

        Raises ConfigurationError with all faults, SplunkUnavailable or SessionExpired. Whoever has older settings
        keeps using them.
        """
        ...


class Messages(Protocol):
    """The messages of Splunk Web's menu *Messages*. Neither method ever raises: a message is not worth a failure."""

    def post(self, name: str, text: str, severity: str) -> None:
        """Show ``text`` until it is cleared. A message of the same name is replaced.

        ``name`` has letters, digits, hyphens and underscores only; ``severity`` is INFO, WARNING or ERROR.
        """
        ...

    def clear(self, name: str) -> None:
        """Take the message away, if it is there."""
        ...


class Problems(Protocol):
    """Where people are told what only they can mend."""

    def report(self, topic: str, text: str) -> None: ...

    def resolved(self, topic: str) -> None: ...
