"""What can go wrong, each with a sentence that says what happened, where, and what to do.

The message of every error here may be shown to a user and written to a log: it never holds a secret, a URL with a
query, or a request's body.
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from enum import Enum
from pathlib import PurePath


def as_text(faults: Sequence[str]) -> str:
    """Return one text for all faults, each a sentence or more; numbered, because a page shows it as one paragraph."""
    if len(faults) < 2:
        return "".join(faults)
    numbered = (f"({number}) {fault}" for number, fault in enumerate(faults, start=1))
    return f"There are {len(faults)} faults. {' '.join(numbered)}"


class CollectorError(Exception):
    """Base of all errors that the collector raises on purpose; ``str(error)`` is a sentence for the user."""


class ConfigurationError(CollectorError):
    """Something the user configured cannot work. All faults that were found are reported together."""

    def __init__(self, *faults: str) -> None:
        super().__init__(as_text(faults))
        #: One sentence a fault.
        self.faults = faults


class StoreUnavailable(CollectorError):
    """The store cannot take or give anything now (locked, disk full, not writable); trying again may help."""


class StoreUnusable(StoreUnavailable):
    """The store will stay unavailable until somebody acts: no sqlite3, no WAL, or a newer schema than ours."""


class AnotherProcess(CollectorError):
    """A lock that belongs to one process at a time is held by another one."""


class TransportFault(str, Enum):
    """Why a call got no answer."""

    RESOLVE = "name not resolved"
    CONNECT = "no connection"
    TLS = "TLS failed"
    PROXY = "proxy failed"
    TIMEOUT = "timed out"
    INTERRUPTED = "answer interrupted"
    TOO_LARGE = "answer too large"
    REDIRECTED = "redirected"
    BLOCKED = "not sent"


class TransportError(CollectorError):
    """A call to Strava got no usable answer. Raised without cause, because causes quote URLs and credentials."""

    def __init__(self, fault: TransportFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


def raised_at(error: BaseException) -> str:
    """Where an unexpected error was raised, for instance ``listener.py:12``.

    For logs, in place of a traceback, whose last line and whose chained errors quote whatever the code was handling.
    """
    frames = traceback.extract_tb(error.__traceback__)
    return f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"
