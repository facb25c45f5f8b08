"""That an input is being disabled or deleted from its page, told to its process before that is stopped.

Whether splunkd stores such a change before it stops the process or afterwards is documented nowhere, and the process is
to know whether it ends for longer than a restart.
"""

from __future__ import annotations

from strava_collector.store import leases
from strava_collector.store.sqlite import Transaction

#: An announcement counts for so long, in seconds: splunkd stops a process within some.
_COUNTS = 60.0

#: Who announces.
_PAGE = "page"


def announce(tx: Transaction, input: str, *, now: float) -> None:
    """The input is about to be disabled or deleted."""
    leases.acquire(tx, name=_name(input), holder=_PAGE, now=now, seconds=_COUNTS)


def withdraw(tx: Transaction, input: str) -> None:
    """It was not disabled or deleted after all, or runs again."""
    leases.release(tx, name=_name(input), holder=_PAGE)


def is_announced(tx: Transaction, input: str, *, now: float) -> bool:
    """Whether the input, whose process is being stopped, is to stay stopped."""
    return leases.is_held(tx, name=_name(input), now=now)


def _name(input: str) -> str:
    return f"end of the input {input}"
