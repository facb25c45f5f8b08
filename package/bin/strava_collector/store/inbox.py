"""The inbox: every notification that was acknowledged, from its commit until redeliveries of it are out of
question.

``pending`` → ``dispatching`` → ``dispatched``. A redelivery brings a dispatched one back to ``pending``; one
of an athlete who is not connected is ``held`` until the athlete connects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Optional

from strava_collector.store.faults import DamagedRow
from strava_collector.store.sqlite import Row, Transaction
from strava_collector.webhook import NotANotification, Notification, Receipt, notification_from_json

#: How long a redelivery is recognised, in seconds. Strava gives up after three attempts within minutes; seven
#: days leave room for whatever it does beyond what it documents.
REMEMBERED = 7 * 86_400.0


class State(str, Enum):
    """How far a notification has come."""

    #: Waits to be dispatched.
    PENDING = "pending"
    #: What follows from it has been decided; its events may not be out yet.
    DISPATCHING = "dispatching"
    #: Its events are out, its job is in the queue. Kept to recognise redeliveries.
    DISPATCHED = "dispatched"
    #: Waits for its athlete to connect.
    HELD = "held"


@dataclass(frozen=True)
class Stored:
    """A notification as the store has it; times are seconds since the epoch."""

    id: int
    input: str
    notification: Notification
    #: Of the first delivery.
    received_at: float
    state: State
    #: Its ``strava:webhook`` event has been written.
    recorded: bool
    #: How often Strava has sent it.
    deliveries: int
    #: It was sent again after it had been dispatched.
    again: bool


def add(tx: Transaction, *, input: str, notification: Notification, received_at: float) -> Receipt:
    """Store a notification, or count it as a redelivery of one that came within the last seven days.

    A redelivery of a dispatched one becomes pending again, ``recorded`` is kept: whether anything follows
    from it is for the dispatcher to decide, its event is not written twice.
    """
    digest = notification.digest
    known = tx.execute(
        "SELECT id, received_at, state FROM notification WHERE input = ? AND digest = ?", (input, digest)
    ).fetchone()
    if known is not None:
        finished = known["state"] == State.DISPATCHED.value
        if not finished or received_at - known["received_at"] <= REMEMBERED:
            tx.execute(
                "UPDATE notification SET deliveries = deliveries + 1, updated_at = ?,"
                " again = CASE WHEN state = 'dispatched' THEN 1 ELSE again END,"
                " state = CASE WHEN state = 'dispatched' THEN 'pending' ELSE state END"
                " WHERE id = ?",
                (float(received_at), known["id"]),
            )
            return Receipt.DUPLICATE
        tx.execute("DELETE FROM notification WHERE id = ?", (known["id"],))
    tx.execute(
        "INSERT INTO notification (input, digest, athlete_id, object_type, object_id, subscription_id, body,"
        " received_at, state, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'pending', ?)",
        (
            input,
            digest,
            notification.owner_id,
            notification.object_type,
            notification.object_id,
            notification.subscription_id,
            notification.body_json(),
            float(received_at),
            float(received_at),
        ),
    )
    return Receipt.ACCEPTED


def waiting(tx: Transaction, input: str, limit: int = 200) -> list[Stored]:
    """Return what is to be dispatched, in the order in which it arrived; what a crash interrupted comes
    again.
    """
    rows = tx.execute(
        "SELECT * FROM notification WHERE input = ? AND state IN ('pending', 'dispatching') ORDER BY id LIMIT ?",
        (input, limit),
    )
    return [_stored(row) for row in rows.fetchall()]


def mark(tx: Transaction, ids: Iterable[int], state: State, *, recorded: Optional[bool] = None, now: float) -> None:
    """Move notifications to ``state``; ``recorded`` None leaves that mark as it is."""
    written = None if recorded is None else int(recorded)
    tx.executemany(
        "UPDATE notification SET state = ?, updated_at = ?, recorded = COALESCE(?, recorded),"
        " again = CASE WHEN ? = 'dispatched' THEN 0 ELSE again END WHERE id = ?",
        [(state.value, float(now), written, state.value, one) for one in ids],
    )


def release_held(tx: Transaction, input: str, athlete_ids: Iterable[int]) -> int:
    """Let what is held for these athletes, who are connected now, wait for dispatch; return how many."""
    return sum(
        tx.execute(
            "UPDATE notification SET state = 'pending' WHERE input = ? AND state = 'held' AND athlete_id = ?",
            (input, athlete_id),
        ).rowcount
        for athlete_id in athlete_ids
    )


def prune(tx: Transaction, *, before: float, limit: int = 200) -> int:
    """Delete notifications dispatched or held since before ``before``, ``limit`` of each at most; return how many."""
    return sum(
        tx.execute(
            "DELETE FROM notification WHERE id IN (SELECT id FROM notification"  # noqa: S608 - our own words
            f" WHERE state = '{state.value}' AND updated_at < ? ORDER BY updated_at LIMIT ?)",
            (float(before), limit),
        ).rowcount
        for state in (State.DISPATCHED, State.HELD)
    )


def counts(tx: Transaction, input: str) -> Mapping[str, int]:
    """Return how many notifications of the input are in each state; every state is a key."""
    found = dict.fromkeys((state.value for state in State), 0)
    rows = tx.execute("SELECT state, COUNT(*) AS n FROM notification WHERE input = ? GROUP BY state", (input,))
    found.update((row["state"], row["n"]) for row in rows.fetchall())
    return found


def _stored(row: Row) -> Stored:
    try:
        notification = notification_from_json(row["body"])
    except NotANotification as error:
        raise DamagedRow("notification", row["id"]) from error
    return Stored(
        id=row["id"],
        input=row["input"],
        notification=notification,
        received_at=row["received_at"],
        state=State(row["state"]),
        recorded=bool(row["recorded"]),
        deliveries=row["deliveries"],
        again=bool(row["again"]),
    )
