"""What lists showed that no notification had announced: "missed by webhook".

A row per activity and kind. A notification that comes late takes it back; a deletion counts once a fetch has confirmed
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from strava_collector.listing import Miss
from strava_collector.store import counters
from strava_collector.store.counters import Counted
from strava_collector.store.sqlite import Transaction

#: A notification that comes so long after the list, in seconds, was on its way: Strava tries three times in minutes.
ON_ITS_WAY = 1800.0
#: Rows are kept so long, in seconds.
KEPT = 30 * 86_400.0


@dataclass(frozen=True)
class Day:
    """What was missed on a UTC day."""

    new: int = 0
    changed: int = 0
    deleted: int = 0

    @property
    def all(self) -> int:
        """All of it."""
        return self.new + self.changed + self.deleted


def add(tx: Transaction, *, activity_id: int, athlete_id: int, input: str, kind: Miss, now: float) -> bool:
    """Note a miss of the webhook of this input; False if it was known. A deletion is not sure yet."""
    row = tx.execute(
        "SELECT found_at FROM miss WHERE activity_id = ? AND kind = ?", (activity_id, kind.value)
    ).fetchone()
    if row is not None and (kind is not Miss.CHANGED or row["found_at"] > now - ON_ITS_WAY):
        return False
    tx.execute(
        "INSERT OR REPLACE INTO miss (activity_id, kind, athlete_id, input, found_at, sure, heard)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (activity_id, kind.value, athlete_id, input, float(now), int(kind is not Miss.DELETED), _heard(tx, input)),
    )
    return True


def announced(tx: Transaction, activity_id: int, now: float) -> None:
    """A notification of the activity has arrived: what was found a moment ago was on its way."""
    tx.execute("DELETE FROM miss WHERE activity_id = ? AND found_at > ?", (activity_id, float(now - ON_ITS_WAY)))


def settle(tx: Transaction, now: float, *, limit: int = 200) -> int:
    """Make sure of deletions that a fetch has confirmed, drop those that it has refuted; forget what is old.

    Return how many are sure now.
    """
    tx.execute("DELETE FROM miss WHERE found_at < ?", (float(now - KEPT),))
    rows = tx.execute(
        "SELECT miss.activity_id, activity.deleted, activity.suspicion, activity.delete_time FROM miss"
        " LEFT JOIN activity ON activity.activity_id = miss.activity_id WHERE miss.sure = 0 LIMIT ?",
        (limit,),
    ).fetchall()
    sure = 0
    for row in rows:
        if row["deleted"] and row["delete_time"] is None:
            tx.execute("UPDATE miss SET sure = 1 WHERE activity_id = ? AND kind = 'deleted'", (row["activity_id"],))
            sure += 1
        elif row["deleted"] is None or row["deleted"] or row["suspicion"] is None:
            tx.execute("DELETE FROM miss WHERE activity_id = ? AND kind = 'deleted'", (row["activity_id"],))
    return sure


def on_day(tx: Transaction, now: float, *, input: Optional[str] = None, athlete_id: Optional[int] = None) -> Day:
    """Count what was missed on the UTC day of ``now``, by one input's webhook or by all, of one athlete or of all."""
    midnight = now - now % 86_400.0
    rows = tx.execute(
        "SELECT kind, COUNT(*) AS n FROM miss WHERE sure = 1 AND found_at >= ? AND found_at < ?"
        " AND input = COALESCE(?, input) AND athlete_id = COALESCE(?, athlete_id) GROUP BY kind",
        (float(midnight), float(midnight + 86_400.0), input, athlete_id),
    )
    return Day(**{row["kind"]: row["n"] for row in rows.fetchall()})


def silent_since(tx: Transaction, input: str, now: float, *, least: int = 3, within: float = KEPT) -> float:
    """Return since when the input's webhook seems dead, in epoch seconds; infinity if it does not.

    That is so if at least so many were missed within the time, and nothing at all has arrived since the first of them.
    The time is long because there are athletes who ride once a day, or twice a week.
    """
    rows = tx.execute(
        "SELECT found_at FROM miss WHERE input = ? AND sure = 1 AND found_at BETWEEN ? AND ? AND heard = ?"
        " ORDER BY found_at",
        (input, float(now - within), float(now - ON_ITS_WAY), _heard(tx, input)),
    ).fetchall()
    return float(rows[0]["found_at"]) if len(rows) >= least else float("inf")


def forget(tx: Transaction, athlete_id: int) -> None:
    """Forget what was missed of the athlete."""
    tx.execute("DELETE FROM miss WHERE athlete_id = ?", (athlete_id,))


def _heard(tx: Transaction, input: str) -> int:
    return counters.read(tx, input).get(Counted.RECEIVED.value, 0)
