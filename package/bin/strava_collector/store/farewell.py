"""The rows of an athlete who has gone: found, and deleted when nothing depends on them any more.

Each function does a part, 200 rows at most, and returns how many; whoever calls goes on until it is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from strava_collector.notification_rules import Hold
from strava_collector.store import around, athletes, inputs, leases, misses, walks
from strava_collector.store.sqlite import Transaction

#: The most rows that one call deletes, but for the places of the last activity.
_ROWS = 200


@dataclass(frozen=True)
class Farewell:
    """When and where the last event about an athlete is to be written."""

    #: Epoch seconds in milliseconds' precision, later than all that was collected of the athlete.
    collected_at: float
    #: Where most of the athlete's may be found; None if nothing is known of that.
    index: Optional[str]


def find(tx: Transaction, athlete_id: int, now: float) -> Farewell:
    """Return when and where the last event about an athlete is to be written."""
    last = tx.execute(
        "SELECT MAX(collected_ms) AS ms FROM (SELECT MAX(collected_ms) AS collected_ms FROM activity"
        " WHERE athlete_id = ? UNION ALL SELECT MAX(streams_ms) FROM activity WHERE athlete_id = ?"
        " UNION ALL SELECT collected_ms FROM profile WHERE athlete_id = ?"
        " UNION ALL SELECT MAX(collected_ms) FROM gear WHERE athlete_id = ?)",
        (athlete_id,) * 4,
    ).fetchone()["ms"]
    place = tx.execute(
        "SELECT place.index_name FROM activity JOIN place ON place.activity_id = activity.activity_id"
        " WHERE activity.athlete_id = ? ORDER BY place.tombstone_ms DESC LIMIT 1",
        (athlete_id,),
    ).fetchone()
    now_ms = round(now * 1000)
    collected_ms = now_ms if last is None else max(now_ms, last + 1)
    return Farewell(collected_ms / 1000, None if place is None else place["index_name"])


def forget_waiting(tx: Transaction, *, athlete_id: int, now: float) -> int:
    """Delete the athlete's waiting jobs, at whichever input: also the question whether the permission still exists."""
    return tx.execute(
        "DELETE FROM job WHERE id IN (SELECT id FROM job WHERE athlete_id = ? AND status = 'pending' LIMIT ?)",
        (athlete_id, _ROWS),
    ).rowcount


def forget_activities(tx: Transaction, *, athlete_id: int, now: float) -> int:
    """Delete activities of the athlete's that no place shows, with their places, notifications and finished jobs.

    Notifications that still have to be dispatched stay: they are held then, because nobody knows the athlete.
    """
    rows = tx.execute(
        "SELECT activity_id FROM activity WHERE athlete_id = ? AND NOT EXISTS"
        " (SELECT 1 FROM place WHERE place.activity_id = activity.activity_id AND state <> 'left') LIMIT ?",
        (athlete_id, _ROWS),
    ).fetchall()
    gone = 0
    for row in rows:
        activity_id = row["activity_id"]
        gone += _forget_object(tx, activity_id, athlete_id, _ROWS - gone)
        if gone >= _ROWS:
            break  # there may be more about this one: it stays to be found by the next call
        gone += tx.execute("DELETE FROM place WHERE activity_id = ?", (activity_id,)).rowcount
        gone += tx.execute("DELETE FROM activity WHERE activity_id = ?", (activity_id,)).rowcount
    return gone


def forget_notifications(tx: Transaction, *, athlete_id: int, now: float) -> int:
    """Delete what is left of notifications: those about the athlete, with their jobs, and those held for the athlete,
    at whichever input."""
    gone = _forget_object(tx, athlete_id, athlete_id, _ROWS)
    for name in inputs.with_notifications(tx):
        gone += tx.execute(
            "DELETE FROM notification WHERE id IN (SELECT id FROM notification"
            " WHERE input = ? AND state = 'held' AND athlete_id = ? AND reason = ? LIMIT ?)",
            (name, athlete_id, Hold.UNKNOWN_ATHLETE.value, max(_ROWS - gone, 0)),
        ).rowcount
    return gone


def has_work(tx: Transaction, athlete_id: int) -> bool:
    """Whether a job of the athlete's waits or is under way: its fetch may still write."""
    row = tx.execute(
        "SELECT 1 FROM job WHERE athlete_id = ? AND status = 'pending' UNION ALL"
        " SELECT 1 FROM job WHERE athlete_id = ? AND status = 'working' LIMIT 1",
        (athlete_id, athlete_id),
    ).fetchone()
    return row is not None


def is_listed(tx: Transaction, athlete_id: int, now: float) -> bool:
    """Whether a page of the athlete's list is just asked for or taken in: what it shows may still be written."""
    return leases.is_held(tx, name=walks.lease_name(athlete_id), now=now)


def forget_around(tx: Transaction, athlete_id: int) -> None:
    """Delete what is kept to collect the athlete's data, and is good for nothing when nobody may: what is known of
    profile and gear, and of walks through the lists."""
    around.forget(tx, athlete_id)
    walks.forget(tx, athlete_id)
    misses.forget(tx, athlete_id)


def forget(tx: Transaction, athlete_id: int, now: float) -> None:
    """Delete the last of what is known of the athlete: profile and gear, walks, the pace, and that she has gone."""
    forget_around(tx, athlete_id)
    tx.execute("DELETE FROM pace WHERE athlete_id = ?", (athlete_id,))
    athletes.forget(tx, athlete_id, now)


def _forget_object(tx: Transaction, object_id: int, athlete_id: int, limit: int) -> int:
    gone = tx.execute(
        "DELETE FROM job WHERE id IN (SELECT id FROM job WHERE activity_id = ? AND athlete_id = ?"
        " AND status IN ('done', 'failed') LIMIT ?)",
        (object_id, athlete_id, limit),
    ).rowcount
    gone += tx.execute(
        "DELETE FROM notification WHERE id IN (SELECT id FROM notification WHERE object_id = ? AND athlete_id = ?"
        " AND state NOT IN ('pending', 'dispatching') LIMIT ?)",
        (object_id, athlete_id, limit - gone),
    ).rowcount
    return gone
