"""The inbox: every notification that was acknowledged, from its commit until redeliveries of it are out of
question.

``pending`` → ``dispatching`` → ``dispatched``. A redelivery brings a dispatched one back to ``pending``. One of an
athlete who is not connected, or of a subscription that is not known to be ours, is ``held`` until more is known; what
cannot be dispatched is a ``dead letter``. Both have a ``reason``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Optional

from strava_collector.notification_rules import Hold
from strava_collector.store import counters, queue
from strava_collector.store.counters import Counted
from strava_collector.store.faults import DamagedRow
from strava_collector.store.sqlite import Row, Transaction
from strava_collector.webhook import NotANotification, Notification, Receipt, notification_from_json

#: How long a redelivery is recognised, in seconds. Strava gives up after three attempts within minutes; seven
#: days leave room for whatever it does beyond what it documents.
REMEMBERED = 7 * 86_400.0

#: Characters of a trail that begins with a notification: of its hash, so that a redelivery has the same.
_TRAIL = 12

#: So many of an object's newest notifications are looked at, so that nobody can make it slow by sending thousands.
_NEWEST = 8
_SAME_SECOND = 50


class State(str, Enum):
    """How far a notification has come."""

    #: Waits to be dispatched.
    PENDING = "pending"
    #: What follows from it has been decided; its events may not be out yet.
    DISPATCHING = "dispatching"
    #: Its events are out, its job is in the queue. Kept to recognise redeliveries.
    DISPATCHED = "dispatched"
    #: Waits for its athlete to connect, or for its subscription to be known.
    HELD = "held"
    #: Given up; the reason says why.
    DEAD_LETTER = "dead letter"


@dataclass(frozen=True)
class Arrival:
    """What became of a notification that arrived."""

    receipt: Receipt
    notification_id: int
    #: Leads through the log from here to the event: shared with the fetch that it joins, if one is asked for already.
    trail: str


@dataclass(frozen=True)
class Stored:
    """A notification as the store has it; times are seconds since the epoch."""

    id: int
    input: str
    notification: Notification
    #: Of the first delivery.
    received_at: float
    #: Of the newest delivery, as long as it is pending.
    updated_at: float
    trail: str
    state: State
    #: Its ``strava:webhook`` event has been written.
    recorded: bool
    #: How often Strava has sent it.
    deliveries: int
    #: It was sent again after what follows from it had been decided.
    again: bool
    #: An operator wants its event once more.
    replay: bool


def add(tx: Transaction, *, input: str, notification: Notification, received_at: float) -> Arrival:
    """Store a notification, or count it as a redelivery of one that came within the last seven days.

    A redelivery of a dispatched one becomes pending again, ``recorded`` is kept: whether anything follows
    from it is for the dispatcher to decide, its event is not written twice.
    """
    digest = notification.digest
    known = tx.execute(
        "SELECT id, received_at, state, trail FROM notification WHERE object_id = ? AND digest = ? AND input = ?",
        (notification.object_id, digest, input),
    ).fetchone()
    if known is not None:
        finished = known["state"] == State.DISPATCHED.value
        if not finished or received_at - known["received_at"] <= REMEMBERED:
            tx.execute(
                "UPDATE notification SET deliveries = deliveries + 1,"
                # How long one is held counts from its first delivery.
                " updated_at = CASE WHEN state IN ('held', 'dead letter') THEN updated_at ELSE ? END,"
                " again = CASE WHEN state IN ('dispatching', 'dispatched') OR replay = 1 THEN 1 ELSE again END,"
                " state = CASE WHEN state = 'dispatched' THEN 'pending' ELSE state END"
                " WHERE id = ?",
                (float(received_at), known["id"]),
            )
            return Arrival(Receipt.DUPLICATE, known["id"], known["trail"])
        tx.execute("DELETE FROM notification WHERE id = ?", (known["id"],))
    trail = _trail(tx, input, notification) or digest[:_TRAIL]
    new = tx.execute(
        "INSERT INTO notification (input, digest, kept_digest, athlete_id, object_type, object_id, subscription_id,"
        " body, received_at, trail, state, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending', ?)",
        (
            input,
            digest,
            None if notification.received_digest is None else notification.kept_digest,
            notification.owner_id,
            notification.object_type,
            notification.object_id,
            notification.subscription_id,
            notification.body_json(),
            float(received_at),
            trail,
            float(received_at),
        ),
    ).lastrowid
    return Arrival(Receipt.ACCEPTED, int(new or 0), trail)


def waiting(tx: Transaction, input: str, limit: int = 200) -> list[Stored]:
    """Return what is to be dispatched, in the order in which it arrived; what a crash interrupted comes
    again.
    """
    rows = tx.execute(
        "SELECT * FROM notification WHERE input = ? AND state IN ('pending', 'dispatching') ORDER BY id LIMIT ?",
        (input, limit),
    )
    return [_stored(row) for row in rows.fetchall()]


def waiting_one(tx: Transaction, notification_id: int) -> list[Stored]:
    """Return this one, if it is still to be dispatched."""
    rows = tx.execute(
        "SELECT * FROM notification WHERE id = ? AND state IN ('pending', 'dispatching')", (notification_id,)
    )
    return [_stored(row) for row in rows.fetchall()]


def shares_its_second(tx: Transaction, stored: Stored) -> bool:
    """Whether another notification of the same object and owner says that it happened in the same second.

    Then one that looks like a redelivery may be news: of hide, show, hide within a second, the third is equal to the
    first. Where an object has more notifications than it is reasonable to look through, the answer is yes.
    """
    rows = tx.execute(
        "SELECT id, input, object_type, athlete_id, body FROM notification WHERE object_id = ?"
        " ORDER BY id DESC LIMIT ?",
        (stored.notification.object_id, _SAME_SECOND + 1),
    ).fetchall()
    return len(rows) > _SAME_SECOND or any(
        row["id"] != stored.id
        and _same_object(row, stored.input, stored.notification)
        and _happened_at(row) in (None, stored.notification.event_time)
        for row in rows
    )


def mark(
    tx: Transaction,
    ids: Iterable[int],
    state: State,
    *,
    recorded: Optional[bool] = None,
    reason: Optional[str] = None,
    now: float,
) -> None:
    """Move notifications to ``state``; ``recorded`` None leaves that mark as it is.

    What was sent again while it was dispatched goes back to be looked at once more.
    """
    written = None if recorded is None else int(recorded)
    ids = list(ids)
    tx.executemany(
        "UPDATE notification SET state = ?, reason = ?, updated_at = ?, recorded = COALESCE(?, recorded),"
        " again = CASE WHEN ? = 'dispatched' THEN again ELSE 0 END,"
        " replay = CASE WHEN ? IN ('dispatched', 'held') THEN 0 ELSE replay END WHERE id = ?",
        [(state.value, reason, float(now), written, state.value, state.value, one) for one in ids],
    )
    if state is State.DISPATCHED:
        tx.executemany(
            "UPDATE notification SET state = 'pending' WHERE id = ? AND state = 'dispatched' AND again = 1",
            [(one,) for one in ids],
        )


def drop(tx: Transaction, notification_id: int) -> None:
    """Forget a notification."""
    tx.execute("DELETE FROM notification WHERE id = ?", (notification_id,))


def held_count(tx: Transaction, *, input: str, why: Hold, limit: int, athlete_id: Optional[int] = None) -> int:
    """Return how many are held for this reason, of one athlete or of all; ``limit`` if there are as many or more."""
    of_whom = "" if athlete_id is None else f" AND athlete_id = {athlete_id:d}"
    row = tx.execute(
        "SELECT COUNT(*) AS n FROM (SELECT 1 FROM notification WHERE input = ? AND state = 'held' AND reason = ?"  # noqa: S608 - a number
        f"{of_whom} LIMIT ?)",
        (input, why.value, limit),
    ).fetchone()
    return int(row["n"])


def newest_foreign(tx: Transaction, input: str) -> Optional[int]:
    """Return the id of the newest one that is held because of its subscription; None if there is none."""
    row = tx.execute(
        "SELECT MAX(id) AS newest FROM notification WHERE input = ? AND state = 'held' AND reason = ?",
        (input, Hold.FOREIGN_SUBSCRIPTION.value),
    ).fetchone()
    return None if row["newest"] is None else int(row["newest"])


def release_held(tx: Transaction, input: str, athlete_ids: Iterable[int], *, now: float, limit: int = 200) -> int:
    """Let what is held for these athletes, who are connected now, wait for dispatch; return how many.

    ``limit`` at most: if there are so many, call again.
    """
    released = 0
    for athlete_id in athlete_ids:
        if released < limit:
            released += tx.execute(
                # With the time: when one was sent again while it was held is not kept, and no fetch before this may be
                # taken for one that has seen its news.
                "UPDATE notification SET state = 'pending', reason = NULL, updated_at = ? WHERE id IN"
                " (SELECT id FROM notification"
                " WHERE input = ? AND state = 'held' AND reason = ? AND athlete_id = ? LIMIT ?)",
                (float(now), input, Hold.UNKNOWN_ATHLETE.value, athlete_id, limit - released),
            ).rowcount
    return released


def release_foreign(tx: Transaction, input: str, subscription_id: int, *, now: float, limit: int = 200) -> int:
    """Let what is held for this subscription, which is known to be ours now, wait for dispatch; return how many.

    ``limit`` at most: if there are so many, call again.
    """
    released = tx.execute(
        "UPDATE notification SET state = 'pending', reason = NULL, updated_at = ? WHERE id IN"
        " (SELECT id FROM notification"
        " WHERE input = ? AND state = 'held' AND reason = ? AND subscription_id = ? LIMIT ?)",
        (float(now), input, Hold.FOREIGN_SUBSCRIPTION.value, subscription_id, limit),
    ).rowcount
    counters.count_all(tx, input=input, counted={Counted.FOREIGN_ADOPTED: released})
    return released


def refuse_foreign(tx: Transaction, input: str, *, up_to: int, keep: int, reason: str, now: float) -> int:
    """Give up what is held because of its subscription, up to the id ``up_to``; return how many, 200 at most.

    They become dead letters. As anybody may send such ones, only so many of the input's dead letters are kept: with
    more than ``keep``, they are deleted instead.
    """
    rows = tx.execute(
        "SELECT id FROM notification WHERE input = ? AND state = 'held' AND reason = ? AND id <= ? LIMIT 200",
        (input, Hold.FOREIGN_SUBSCRIPTION.value, up_to),
    ).fetchall()
    ids = [int(row["id"]) for row in rows]
    kept = tx.execute(
        "SELECT COUNT(*) AS n FROM (SELECT 1 FROM notification WHERE input = ? AND state = 'dead letter' LIMIT ?)",
        (input, keep),
    ).fetchone()["n"]
    room = max(keep - kept, 0)
    mark(tx, ids[:room], State.DEAD_LETTER, reason=reason, now=now)
    for one in ids[room:]:
        drop(tx, one)
    counters.count_all(tx, input=input, counted={Counted.FOREIGN_REFUSED: len(ids)})
    return len(ids)


def prune(tx: Transaction, *, before: float, limit: int = 200) -> int:
    """Delete notifications dispatched or held since before ``before``, ``limit`` of each at most; return how many."""
    gone = 0
    for state in (State.DISPATCHED, State.HELD):
        rows = tx.execute(
            "SELECT id, input FROM notification"  # noqa: S608 - our own words
            f" WHERE state = '{state.value}' AND updated_at < ? ORDER BY updated_at LIMIT ?",
            (float(before), limit),
        ).fetchall()
        tx.executemany("DELETE FROM notification WHERE id = ?", [(row["id"],) for row in rows])
        gone += len(rows)
        if state is State.HELD:
            for input, expired in Counter(row["input"] for row in rows).items():
                counters.count(tx, input=input, name=Counted.EXPIRED, by=expired)
    return gone


def prune_dead_letters(tx: Transaction, *, before: float, limit: int = 200) -> int:
    """Delete notifications that were given up before ``before``, ``limit`` at most; return how many."""
    return tx.execute(
        "DELETE FROM notification WHERE id IN (SELECT id FROM notification"
        " WHERE state = 'dead letter' AND updated_at < ? ORDER BY updated_at LIMIT ?)",
        (float(before), limit),
    ).rowcount


def counts(tx: Transaction, input: str) -> Mapping[str, int]:
    """Return how many notifications of the input are in each state; every state is a key."""
    found = dict.fromkeys((state.value for state in State), 0)
    rows = tx.execute("SELECT state, COUNT(*) AS n FROM notification WHERE input = ? GROUP BY state", (input,))
    found.update((row["state"], row["n"]) for row in rows.fetchall())
    return found


def _trail(tx: Transaction, input: str, notification: Notification) -> Optional[str]:
    """The trail of what is under way for the same object already."""
    if notification.object_type == "activity":
        trail = queue.live_trail(tx, notification.object_id, notification.owner_id)
        if trail is not None:
            return trail
    rows = tx.execute(
        "SELECT input, object_type, athlete_id, state, trail FROM notification WHERE object_id = ?"
        " ORDER BY id DESC LIMIT ?",
        (notification.object_id, _NEWEST),
    ).fetchall()
    return next(
        (
            str(row["trail"])
            for row in rows
            if row["state"] in (State.PENDING.value, State.DISPATCHING.value) and _same_object(row, input, notification)
        ),
        None,
    )


def _same_object(row: Row, input: str, notification: Notification) -> bool:
    return (row["input"], row["object_type"], row["athlete_id"]) == (
        input,
        notification.object_type,
        notification.owner_id,
    )


def _happened_at(row: Row) -> Optional[int]:
    """When a notification says it happened; None if it cannot be read, as a repaired store's finished ones may."""
    try:
        return notification_from_json(row["body"]).event_time
    except NotANotification:
        return None


def _parse(row: Row) -> Notification:
    try:
        return notification_from_json(row["body"])
    except NotANotification as error:
        raise DamagedRow("notification", row["id"]) from error


def _as_received(row: Row) -> Notification:
    """With the digest of what was received, whatever has been left out since."""
    notification = _parse(row)
    return notification if row["kept_digest"] is None else replace(notification, received_digest=row["digest"])


def _stored(row: Row) -> Stored:
    return Stored(
        id=row["id"],
        input=row["input"],
        notification=_as_received(row),
        received_at=row["received_at"],
        updated_at=row["updated_at"],
        trail=row["trail"],
        state=State(row["state"]),
        recorded=bool(row["recorded"]),
        deliveries=row["deliveries"],
        again=bool(row["again"]),
        replay=bool(row["replay"]),
    )
