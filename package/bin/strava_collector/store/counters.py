"""Counters: how often something was skipped, merged or refused, per input, since the store was made.

Each is raised in the transaction that decides, so that a crash neither loses nor doubles one.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from strava_collector.store.sqlite import Transaction


class Counted(str, Enum):
    """What is counted; notifications, unless it says otherwise."""

    #: Committed, redeliveries not included.
    RECEIVED = "received"
    #: Sent again by Strava.
    REDELIVERED = "redelivered"
    #: Fetches that were saved, because a notification shares one that was asked for already.
    MERGED = "merged"
    #: Held because their athlete is not connected.
    HELD = "held_unknown_athlete"
    #: Not held because too many are: the row is gone, nothing was recorded.
    DROPPED = "dropped_over_cap"
    #: Held because their subscription is not known to be ours.
    FOREIGN_HELD = "foreign_subscription_held"
    #: Their subscription turned out to be ours.
    FOREIGN_ADOPTED = "foreign_subscription_adopted"
    #: Their subscription turned out not to be ours.
    FOREIGN_REFUSED = "foreign_subscription_refused"
    #: Recorded as an event, and nothing follows: nothing that concerns us, or updates are not to be fetched.
    RECORDED_ONLY = "recorded_only"
    #: Deletes that are older than another change; a fetch decides.
    OUTDATED_DELETE = "outdated_delete"
    #: Deletes within the second of another change; a fetch decides.
    SAME_SECOND_DELETE = "same_second_delete"
    #: Deletes that took effect at once.
    DELETED = "deleted_at_once"
    #: They name another owner than Strava did, or an athlete who is not its own owner.
    OWNER_CONTRADICTED = "owner_contradicted"
    #: Said that a connected athlete withdrew the permission.
    DEAUTHORIZATION_CLAIMED = "deauthorization_claimed"
    #: Failed twice to be dispatched.
    SET_ASIDE = "set_aside"
    #: Jobs that were done without a fetch: collected already, and nothing says that it changed.
    NEEDLESS = "needless_fetch"
    #: Fetches that brought what the index has already.
    UNCHANGED = "fetched_unchanged"
    #: Fetches that contradicted their notification, and were made once more.
    CONTRADICTED = "fetched_once_more"
    #: Fetches that a newer notification overtook, and were made once more.
    OVERTAKEN = "fetch_overtaken"
    #: Jobs that were given up.
    DEAD_LETTER = "dead_letter"
    #: Held until nobody could expect their athlete or subscription any more.
    EXPIRED = "expired_while_held"


def count(tx: Transaction, *, input: str, name: Counted, by: int = 1) -> None:
    """Raise a counter of the input."""
    changed = tx.execute(
        "UPDATE counter SET value = value + ? WHERE input = ? AND name = ?", (by, input, name.value)
    ).rowcount
    if not changed:
        tx.execute("INSERT INTO counter (input, name, value) VALUES (?, ?, ?)", (input, name.value, by))


def count_all(tx: Transaction, *, input: str, counted: Mapping[Counted, int]) -> None:
    """Raise several counters of the input; those by nothing are left alone."""
    for name, by in counted.items():
        if by:
            count(tx, input=input, name=name, by=by)


def read(tx: Transaction, input: str) -> Mapping[str, int]:
    """Return the input's counters; every name is a key."""
    found = dict.fromkeys((name.value for name in Counted), 0)
    rows = tx.execute("SELECT name, value FROM counter WHERE input = ?", (input,))
    found.update((row["name"], row["value"]) for row in rows.fetchall())
    return found
