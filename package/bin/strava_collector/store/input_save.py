"""That an input was saved or enabled on its page, told to its process: what it had given up is tried anew.

The values may be the same as before, so the process cannot tell by them; and that it was started again tells nothing,
since a restart of Splunk does that, too.
"""

from __future__ import annotations

from strava_collector.store import leases
from strava_collector.store.sqlite import Transaction

#: A save counts for so long, in seconds: until the input looks, whenever it runs again.
_COUNTS = 30 * 86_400.0

#: Who tells.
_PAGE = "page"


def note(tx: Transaction, input: str, *, now: float) -> None:
    """The input has been saved or enabled."""
    leases.acquire(tx, name=_name(input), holder=_PAGE, now=now, seconds=_COUNTS)


def is_noted(tx: Transaction, input: str, *, now: float) -> bool:
    """Whether it has been, and nobody has taken note of it yet."""
    return leases.is_held(tx, name=_name(input), now=now)


def take(tx: Transaction, input: str) -> None:
    """It is being seen to."""
    leases.release(tx, name=_name(input), holder=_PAGE)


def _name(input: str) -> str:
    return f"save of the input {input}"
