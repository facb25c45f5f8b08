"""The ledger as lists see it: what an entry is held against, and what becomes of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Optional

from strava_collector.job import Priority
from strava_collector.listing import Seen
from strava_collector.store.sqlite import Row, Transaction

#: What is known of an activity, with its live job, if it has one.
_SEEN = (
    "SELECT activity.*, job.priority AS live, job.status AS live_status FROM activity LEFT JOIN job"
    " ON job.kind = 'activity' AND job.activity_id = activity.activity_id AND job.athlete_id = activity.athlete_id"
    " AND job.status IN ('pending', 'working')"
)


@dataclass(frozen=True)
class Counts:
    """An athlete's activities in the ledger that are not deleted."""

    #: Those that the index shows.
    found: int = 0
    #: Of these, in full.
    in_full: int = 0
    #: Of the others, those that could not be fetched for good.
    given_up: int = 0


def seen(tx: Transaction, activity_id: int, athlete_id: int) -> Optional[Seen]:
    """Return what an entry of the athlete's list is held against; None if the activity is unknown."""
    row = tx.execute(f"{_SEEN} WHERE activity.activity_id = ?", (activity_id,)).fetchone()
    if row is not None and row["athlete_id"] == athlete_id:
        return _seen(row)
    # A notification may have named another owner, and nothing be known but that.
    job = tx.execute(
        "SELECT priority, status FROM job WHERE kind = 'activity' AND activity_id = ? AND athlete_id = ?"
        " AND status IN ('pending', 'working')",
        (activity_id, athlete_id),
    ).fetchone()
    if job is None:
        return None
    return Seen(activity_id, live=Priority(job["priority"]), working=job["status"] == "working")


def within(tx: Transaction, athlete_id: int, low: int, high: int, *, without: Collection[int]) -> list[Seen]:
    """Return the athlete's activities that began at ``low`` … ``high`` (epoch seconds), without some.

    Most often these are few: the others are those of a page.
    """
    rows = tx.execute(
        f"{_SEEN} WHERE activity.athlete_id = ? AND activity.deleted = 0 AND activity.start_date IS NOT NULL"
        " AND activity.start_date BETWEEN ? AND ?",
        (athlete_id, _text(low), _text(high)),
    )
    return [_seen(row) for row in rows if row["activity_id"] not in without]


def note_listed(tx: Transaction, listed: Sequence[tuple[int, str]], *, asked_at: float) -> None:
    """Remember what a list that was asked for at ``asked_at`` showed: ids with their fingerprints."""
    for activity_id, fingerprint in listed:
        tx.execute(
            "UPDATE activity SET listed = ?, listed_at = ?, unlisted = 0 WHERE activity_id = ?",
            (fingerprint, float(asked_at), activity_id),
        )


def suspect(tx: Transaction, activity_id: int, why: str) -> None:
    """A list makes a fetch necessary, because the activity ``differs`` or is ``missing``."""
    tx.execute("UPDATE activity SET suspicion = ? WHERE activity_id = ?", (why, activity_id))


def counts(tx: Transaction, athlete_id: int) -> Counts:
    """Count the athlete's activities. Looks at each of them, so it is for people, not for loops."""
    row = tx.execute(
        "SELECT COUNT(*) AS found, SUM(detailed) AS in_full,"
        " SUM(CASE WHEN detailed = 0 AND given_up IS NOT NULL AND given_up = listed THEN 1 ELSE 0 END) AS given_up"
        " FROM activity WHERE athlete_id = ? AND deleted = 0 AND start_date IS NOT NULL",
        (athlete_id,),
    ).fetchone()
    return Counts(row["found"], row["in_full"] or 0, row["given_up"] or 0)


def count_since(tx: Transaction, athlete_id: int, low: int) -> int:
    """Count the athlete's activities that began at ``low`` (epoch seconds) or later."""
    row = tx.execute(
        "SELECT COUNT(*) AS n FROM activity WHERE athlete_id = ? AND deleted = 0 AND start_date >= ?",
        (athlete_id, _text(low)),
    ).fetchone()
    return int(row["n"])


def waiting(tx: Transaction, athlete_id: int) -> int:
    """Count the athlete's activities that wait to be fetched; looks at each of the athlete's jobs that wait."""
    row = tx.execute(
        "SELECT COUNT(*) AS n FROM job WHERE athlete_id = ? AND status = 'pending' AND kind = 'activity'",
        (athlete_id,),
    ).fetchone()
    return int(row["n"])


def _seen(row: Row) -> Seen:
    return Seen(
        activity_id=row["activity_id"],
        start_date=row["start_date"],
        collected_at=None if row["collected_ms"] is None else row["collected_ms"] / 1000,
        deleted=bool(row["deleted"]),
        detailed=bool(row["detailed"]),
        is_out=row["digest"] is not None,
        fingerprint=row["fingerprint"],
        listed=row["listed"],
        listed_at=row["listed_at"],
        suspected=row["suspicion"] is not None,
        unlisted=bool(row["unlisted"]),
        given_up=row["given_up"],
        event_time=row["event_time"],
        updated_at=row["updated_at"],
        live=None if row["live"] is None else Priority(row["live"]),
        working=row["live_status"] == "working",
    )


def _text(second: int) -> str:
    """Epoch seconds in the form of ``start_date``."""
    text = datetime.fromtimestamp(max(second, -62_135_596_800), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return text.rjust(20, "0")
