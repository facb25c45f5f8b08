"""Replay: repeat what has been lost behind us.

splunkd does not acknowledge what an input writes, so what it loses in a crash only an operator can know. A replay
repeats everything finished since a time: notifications and tombstones from the store, activities by fetching them
again in the background.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple, Optional

from strava_collector.events import Tombstone
from strava_collector.job import Kind, Outcome, Priority
from strava_collector.store import around, queue
from strava_collector.store.sqlite import Row, Transaction


class _Stage(Enum):
    NOTIFICATIONS = "notifications"
    TOMBSTONES = "tombstones"
    JOBS = "jobs"


class _Position(NamedTuple):
    """Everything at this time and number or above has been looked at."""

    at: float
    number: int


#: Later than any time.
_NEWEST = _Position(1e300, 0)


@dataclass(frozen=True)
class ReplayCursor:
    """How far a replay has come.

    It goes from the newest to the oldest. What is replayed finishes again meanwhile and is newest then, which is
    behind the cursor: so no row comes twice, and a replay ends however fast its rows are done. If the clock has been
    set back since, a row may come a second time, never a third.
    """

    stage: _Stage = _Stage.NOTIFICATIONS
    position: _Position = _NEWEST


@dataclass(frozen=True)
class Replayed:
    """What one call of :func:`replay_since` has brought back."""

    notifications: int = 0
    tombstones: int = 0
    #: Fetches that were asked for.
    fetches: int = 0
    #: To be given to the next call; None when everything has been replayed.
    cursor: Optional[ReplayCursor] = None


def write_cursor(cursor: ReplayCursor) -> str:
    """Return the cursor as text, for whoever goes on later."""
    return f"{cursor.stage.value}:{cursor.position.at!r}:{cursor.position.number}"


def read_cursor(text: str) -> Optional[ReplayCursor]:
    """Read what :func:`write_cursor` has written; None if it has not."""
    found = re.match(r"([a-z]+):([0-9][0-9.e+]{0,30}):([0-9]{1,18})\Z", text)
    try:
        return found and ReplayCursor(_Stage(found[1]), _Position(float(found[2]), int(found[3])))
    except ValueError:
        return None


def replay_since(
    tx: Transaction, *, since: float, now: float, limit: int = 200, cursor: Optional[ReplayCursor] = None
) -> Replayed:
    """Replay ``limit`` rows of what was finished at ``since`` or later; go on with the cursor until there is none.

    Notifications and tombstones are written again as they were, with ``replay`` set. Activities are fetched again if
    they are not deleted and their athlete has not withdrawn the permission, once however often they were collected,
    with the lowest priority, so that they keep to the background's share of the quota. Profiles and gear are written
    again when they are looked at next.
    """
    if cursor is None:
        around.write_again(tx, since=since)
        cursor = ReplayCursor()
    if cursor.stage is _Stage.NOTIFICATIONS:
        # By when it was dispatched, not by when it was received: its event was written then, maybe hours later.
        return _replay_notifications(tx, cursor, since, now, limit)
    if cursor.stage is _Stage.TOMBSTONES:
        return _replay_tombstones(tx, cursor, since, limit)
    return _replay_jobs(tx, cursor, since, now, limit)


def tombstones_to_replay(tx: Transaction, *, input: str, limit: int = 200) -> list[Tombstone]:
    """Return tombstones that :func:`replay_since` wants written again, of activities that this input collected."""
    rows = tx.execute(
        "SELECT place.*, activity.athlete_id FROM place CROSS JOIN activity ON activity.activity_id = place.activity_id"
        " WHERE place.replay = 1 AND place.state = 'leaving' AND activity.input = ? LIMIT ?",
        (input, limit),
    )
    return [
        Tombstone(
            activity_id=row["activity_id"],
            athlete_id=row["athlete_id"],
            start_date=row["start_date"],
            collected_at=row["tombstone_ms"] / 1000,
            index=row["index_name"],
        )
        for row in rows.fetchall()
    ]


def tombstones_replayed(tx: Transaction, graves: Iterable[Tombstone]) -> None:
    """Remember that these tombstones are out again. A place that has an event again since, or that waits for a
    later tombstone, is not touched."""
    for grave in graves:
        tx.execute(
            "UPDATE place SET replay = 0, state = 'left' WHERE activity_id = ? AND start_date = ? AND index_name = ?"
            " AND state = 'leaving' AND tombstone_ms = ?",
            (grave.activity_id, grave.start_date, grave.index, round(grave.collected_at * 1000)),
        )


def _replay_notifications(tx: Transaction, cursor: ReplayCursor, since: float, now: float, limit: int) -> Replayed:
    at, number = cursor.position
    rows = tx.execute(
        "SELECT id, updated_at FROM notification WHERE state = 'dispatched' AND updated_at >= ? AND updated_at <= ?"
        " AND (updated_at < ? OR id < ?) ORDER BY updated_at DESC, id DESC LIMIT ?",
        (float(since), at, at, number, limit),
    ).fetchall()
    tx.executemany(
        "UPDATE notification SET state = 'pending', replay = 1, updated_at = ? WHERE id = ?",
        [(float(now), row["id"]) for row in rows],
    )
    if not rows:
        return Replayed(cursor=ReplayCursor(_Stage.TOMBSTONES))
    return Replayed(
        notifications=len(rows),
        cursor=replace(cursor, position=_Position(rows[-1]["updated_at"], rows[-1]["id"])),
    )


def _replay_tombstones(tx: Transaction, cursor: ReplayCursor, since: float, limit: int) -> Replayed:
    at, number = cursor.position
    rows = tx.execute(
        "SELECT rowid, tombstone_ms FROM place WHERE state = 'left' AND tombstone_ms >= ? AND tombstone_ms <= ?"
        " AND (tombstone_ms < ? OR rowid < ?) ORDER BY tombstone_ms DESC, rowid DESC LIMIT ?",
        (round(since * 1000), at, at, number, limit),
    ).fetchall()
    tx.executemany(
        "UPDATE place SET state = 'leaving', replay = 1 WHERE rowid = ?",
        [(row["rowid"],) for row in rows],
    )
    if not rows:
        return Replayed(cursor=ReplayCursor(_Stage.JOBS))
    return Replayed(
        tombstones=len(rows),
        cursor=replace(cursor, position=_Position(rows[-1]["tombstone_ms"], rows[-1]["rowid"])),
    )


def _replay_jobs(tx: Transaction, cursor: ReplayCursor, since: float, now: float, limit: int) -> Replayed:
    at, number = cursor.position
    rows = tx.execute(
        "SELECT * FROM job WHERE status = 'done' AND updated_at >= ? AND updated_at <= ?"
        " AND (updated_at < ? OR id < ?) ORDER BY updated_at DESC, id DESC LIMIT ?",
        (float(since), at, at, number, limit),
    ).fetchall()
    again = [row for row in rows if _is_to_be_fetched_again(tx, row, since)]
    for row in again:
        queue.join_again(tx, row, priority=Priority.HISTORY, now=now)
    if not rows:
        return Replayed()
    return Replayed(
        fetches=len(again),
        cursor=replace(cursor, position=_Position(rows[-1]["updated_at"], rows[-1]["id"])),
    )


def _is_to_be_fetched_again(tx: Transaction, row: Row, since: float) -> bool:
    if row["outcome"] not in (Outcome.COLLECTED.value, Outcome.UNCHANGED.value):
        return False
    if row["kind"] == Kind.ATHLETE.value and row["outcome"] == Outcome.UNCHANGED.value:
        return False  # the confirmation that an athlete still grants access; no event came of it
    newer = tx.execute(
        # A newer one was finished since, too, so its turn has been already.
        "SELECT 1 FROM job WHERE activity_id = ? AND kind = ? AND athlete_id = ? AND id > ? AND status = 'done'"
        " AND outcome IN ('collected', 'unchanged') AND updated_at >= ?"
        # Whoever fetches an activity again asks for its samples, too.
        " UNION ALL SELECT 1 FROM job WHERE ? = 'streams' AND activity_id = ? AND kind = 'activity' AND athlete_id = ?"
        " AND status = 'done' AND outcome IN ('collected', 'unchanged') AND updated_at >= ?"
        " UNION ALL SELECT 1 FROM activity WHERE activity_id = ? AND deleted = 1 AND ? <> 'athlete'"
        " UNION ALL SELECT 1 FROM athlete WHERE athlete_id = ? AND state = 'deauthorized' LIMIT 1",
        (
            row["activity_id"],
            row["kind"],
            row["athlete_id"],
            row["id"],
            float(since),
            row["kind"],
            row["activity_id"],
            row["athlete_id"],
            float(since),
            row["activity_id"],
            row["kind"],
            row["athlete_id"],
        ),
    ).fetchone()
    return newer is None
