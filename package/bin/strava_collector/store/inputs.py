"""Which inputs have something in the store.

There are few inputs and many rows, so most are found by skipping through an index, one search for each input.
"""

from __future__ import annotations

from strava_collector.store.sqlite import Transaction


def with_heartbeats(tx: Transaction) -> list[str]:
    """Return the inputs that have run for a minute or more and not been forgotten since, by name."""
    return _skip(tx, "SELECT input FROM heartbeat WHERE input > ? ORDER BY input LIMIT 1")


def with_notifications(tx: Transaction) -> list[str]:
    """Return the inputs that have notifications in any state, by name."""
    return _skip(tx, "SELECT input FROM notification WHERE input > ? ORDER BY input LIMIT 1")


def with_waiting_jobs(tx: Transaction) -> list[str]:
    """Return the inputs that have pending jobs, by name."""
    return _skip(tx, "SELECT input FROM job WHERE status = 'pending' AND input > ? ORDER BY input LIMIT 1")


def with_waiting_notifications(tx: Transaction) -> list[str]:
    """Return the inputs that have notifications which still have to be dispatched, or are held, by name."""
    return [name for name in with_notifications(tx) if _has_waiting_notifications(tx, name)]


def with_replayed_tombstones(tx: Transaction) -> list[str]:
    """Return the inputs that have to write tombstones again; costs as much as there are of these, mostly none."""
    rows = tx.execute(
        "SELECT DISTINCT activity.input FROM place CROSS JOIN activity ON activity.activity_id = place.activity_id"
        " WHERE place.replay = 1 AND activity.input IS NOT NULL"
    )
    return [row["input"] for row in rows.fetchall()]


def _has_waiting_notifications(tx: Transaction, name: str) -> bool:
    row = tx.execute(
        "SELECT 1 FROM notification WHERE input = ? AND state IN ('pending', 'dispatching', 'held') LIMIT 1", (name,)
    ).fetchone()
    return row is not None


def _skip(tx: Transaction, next_after: str) -> list[str]:
    found: list[str] = []
    last = ""
    while True:
        row = tx.execute(next_after, (last,)).fetchone()
        if row is None:
            return found
        last = row["input"]
        found.append(last)
