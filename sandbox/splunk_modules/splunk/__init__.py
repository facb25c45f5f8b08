"""A stand-in for the `splunk` package that Splunk's own Python brings along.

It holds what the bundled open-source packages (solnlib, splunktaucclib) and the generated REST
handlers ask for, and nothing else. Written from those packages and from the documented behaviour; no
file of Splunk's was read for it.
"""

from __future__ import annotations

_session_key: str | None = None


def getSessionKey() -> str | None:  # noqa: N802 - the name that callers use
    """The session key of the request that a REST handler works on; None in any other process."""
    return _session_key


def setSessionKey(session_key: str | None) -> None:  # noqa: N802 - belongs to getSessionKey
    """Remember the key of the request at hand; called by `splunk.admin`."""
    global _session_key
    _session_key = session_key


class SplunkdException(Exception):
    """Base of what goes wrong between a script and splunkd."""


class SplunkdConnectionException(SplunkdException):
    """splunkd cannot be reached."""


class RESTException(SplunkdException):
    """splunkd answered with an error status."""

    def __init__(self, statusCode: int, messages: object = None, extended: object = None) -> None:  # noqa: N803 - as there
        super().__init__(f"[HTTP {statusCode}] {messages}")
        self.statusCode = statusCode
        self._messages = messages
        self._extended = extended

    def get_message_text(self) -> str:
        return str(self._messages or "")

    def get_extended_message_text(self) -> str:
        return str(self._extended or self._messages or "")


class AuthenticationFailed(RESTException):
    """401: no session key, a wrong one, or one that has expired."""


class LicenseRestriction(RESTException):
    """402."""


class AuthorizationFailed(RESTException):
    """403."""


class ResourceNotFound(RESTException):
    """404."""


class BadRequest(RESTException):
    """400."""


class InternalServerError(RESTException):
    """500."""
