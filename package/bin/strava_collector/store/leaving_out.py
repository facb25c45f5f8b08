"""What an input's setting leaves out is taken from what is in the store already.

The listener leaves out what is not to be kept before anything is stored. But the setting may be switched on later, or
what waits may come from another input. Only notifications and what they said of an activity hold any text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from strava_collector import expectation
from strava_collector.job import Kind
from strava_collector.privacy import Privacy
from strava_collector.store.sqlite import Row, Transaction
from strava_collector.webhook import NotANotification, Notification, notification_from_json


@dataclass(frozen=True)
class Position:
    """How far a walk through the store has come: the ids of what was looked at last."""

    notification_id: int = 0
    job_id: int = 0


@dataclass(frozen=True)
class Found:
    """What a part of the walk has found; to be given to :func:`leave_out`."""

    #: By id, what notifications are to be.
    notifications: dict[int, Notification]
    #: By id, what jobs are to expect.
    expected: dict[int, Optional[str]]
    #: Where the next part begins; None when there is none.
    position: Optional[Position]


def look(tx: Transaction, *, input: str, privacy: Privacy, position: Position, limit: int = 200) -> Found:
    """Look through ``limit`` notifications and as many jobs for what is to be left out, finished ones included."""
    rows = tx.execute(
        "SELECT id, input, body FROM notification WHERE id > ? ORDER BY id LIMIT ?", (position.notification_id, limit)
    ).fetchall()
    jobs = tx.execute(
        "SELECT id, input, kind, expected FROM job WHERE id > ? ORDER BY id LIMIT ?", (position.job_id, limit)
    ).fetchall()
    notifications = {row["id"]: _changed(row, privacy) for row in rows if row["input"] == input}
    # Jobs of other kinds expect other things, and no texts.
    told = [row for row in jobs if row["input"] == input and row["kind"] == Kind.ACTIVITY.value]
    expected = {row["id"]: expectation.without(row["expected"], privacy) for row in told}
    before = {row["id"]: row["expected"] for row in jobs}
    reached = Position(
        rows[-1]["id"] if rows else position.notification_id, jobs[-1]["id"] if jobs else position.job_id
    )
    return Found(
        {one: changed for one, changed in notifications.items() if changed is not None},
        {one: text for one, text in expected.items() if text != before[one]},
        reached if rows or jobs else None,
    )


def leave_out(tx: Transaction, found: Found) -> int:
    """Take from the store what was found; return from how many rows.

    What is overwritten is overwritten on disk, too, as soon as the log is in the file.
    """
    tx.execute("PRAGMA secure_delete = ON")
    try:
        for one, notification in found.notifications.items():
            tx.execute(
                "UPDATE notification SET body = ?, kept_digest = ? WHERE id = ?",
                (notification.body_json(), notification.kept_digest, one),
            )
        for one, text in found.expected.items():
            tx.execute("UPDATE job SET expected = ? WHERE id = ?", (text, one))
    finally:
        tx.execute("PRAGMA secure_delete = OFF")
    return len(found.notifications) + len(found.expected)


def _changed(row: Row, privacy: Privacy) -> Optional[Notification]:
    """The notification as it may be kept; None if it is so already, or cannot be read."""
    try:
        received = notification_from_json(row["body"])
    except NotANotification:
        return None
    kept = received.without(privacy)
    return None if kept is received else kept
