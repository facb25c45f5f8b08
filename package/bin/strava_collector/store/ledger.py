"""The ledger: what is known of each activity, and every place in the index that holds a version of it.

A *place* is an event time (``start_date``) in an index. Searches take the latest version of an activity by
``collected_at``; that is right in every time range only if a place that the activity left says so itself.
Hence each left place gets a tombstone, and ``collected_at`` grows with everything that is written about an
activity, tombstones and samples included, whatever the clock does. Both are decided here, in the transaction before
anything is written; what is ``leaving`` after a crash gets its tombstone again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Optional

from strava_collector.events import Tombstone
from strava_collector.store.sqlite import Row, Transaction

#: Suspicions: a list shows the activity otherwise than the index, or no longer.
DIFFERS = "differs"
MISSING = "missing"
#: What ``given_up`` begins with while nothing is given up yet, but the activity was marked as deleted once for the
#: entry that follows.
_ONCE = "once:"


@dataclass(frozen=True)
class Known:
    """What the ledger knows of an activity."""

    activity_id: int
    athlete_id: int
    #: As in the newest version collected; None as long as none was.
    start_date: Optional[str]
    #: The newest ``collected_at`` given out, in epoch seconds, for an event or a tombstone.
    collected_at: Optional[float]
    #: Strava says that it is gone, or hides it from us.
    deleted: bool
    #: The newest ``event_time`` among its notifications.
    event_time: Optional[int]
    #: The newest ``event_time`` among its ``delete`` notifications.
    delete_time: Optional[int]
    #: When its newest ``create`` was received, in epoch seconds; None if there was none, or a delete followed.
    announced_at: Optional[float]
    #: Of the newest version that is known to be out; None while one is written, or was when the process died.
    digest: Optional[str]
    #: Whether the newest version is the activity in full, not what a list says of it.
    detailed: bool
    #: Of the newest version, see ``fingerprint``; None of one that was collected before lists were looked at.
    fingerprint: Optional[str]
    #: The fingerprint of the newest entry of a list, and when that was seen, in epoch seconds.
    listed: Optional[str]
    listed_at: Optional[float]
    #: Why a list makes a fetch necessary: :data:`DIFFERS` or :data:`MISSING`; None if none does.
    suspicion: Optional[str]
    #: A fetch has shown that it exists although lists do not have it.
    unlisted: bool
    #: The fingerprint of the entry whose activity could not be fetched for good.
    given_up: Optional[str]
    #: Digest of what the samples depend on, as of those that were collected last.
    stream_key: Optional[str]
    #: It was marked as deleted after a 404, and lists have shown the same entry of it again.
    came_back: bool
    #: When something was learnt of it last, but for being seen in a list; epoch seconds.
    updated_at: float


@dataclass(frozen=True)
class Newest:
    """An athlete's activity that was collected last."""

    activity_id: int
    #: In epoch seconds.
    collected_at: float
    #: As Strava says it: ``2026-06-01T05:00:00Z``.
    start_date: str


@dataclass(frozen=True)
class Placed:
    """What has to be written for a new version: the tombstones, then the event with ``collected_at``."""

    collected_at: float
    #: For the places that the activity left, with a ``collected_at`` before the event's.
    tombstones: tuple[Tombstone, ...]


def find(tx: Transaction, activity_id: int) -> Optional[Known]:
    """Return what is known of the activity; None if nothing was ever heard of it."""
    row = _row(tx, activity_id)
    if row is None:
        return None
    return Known(
        activity_id=row["activity_id"],
        athlete_id=row["athlete_id"],
        start_date=row["start_date"],
        collected_at=None if row["collected_ms"] is None else _seconds(row["collected_ms"]),
        deleted=bool(row["deleted"]),
        event_time=row["event_time"],
        delete_time=row["delete_time"],
        announced_at=row["announced_at"],
        digest=row["digest"],
        detailed=bool(row["detailed"]),
        fingerprint=row["fingerprint"],
        listed=row["listed"],
        listed_at=row["listed_at"],
        suspicion=row["suspicion"],
        unlisted=bool(row["unlisted"]),
        given_up=None if (row["given_up"] or "").startswith(_ONCE) else row["given_up"],
        stream_key=row["stream_key"],
        came_back=not row["deleted"] and row["listed"] is not None and row["given_up"] == _ONCE + row["listed"],
        updated_at=row["updated_at"],
    )


def note_event(
    tx: Transaction,
    *,
    activity_id: int,
    athlete_id: int,
    event_time: int,
    now: float,
    announced_at: Optional[float] = None,
    deletes: bool = False,
) -> None:
    """Remember a notification's ``event_time`` if it is the activity's newest, and what it announced.

    ``announced_at`` is when a ``create`` arrived; ``deletes`` says that it was a ``delete``.
    """
    if _row(tx, activity_id) is None:
        tx.execute(
            "INSERT INTO activity (activity_id, athlete_id, created_at, updated_at) VALUES (?, ?, ?, ?)",
            (activity_id, athlete_id, float(now), float(now)),
        )
    tx.execute(
        "UPDATE activity SET event_time = MAX(COALESCE(event_time, ?), ?),"
        # A second announcement of what was never there begins no new hour of asking.
        " announced_at = CASE WHEN start_date IS NULL THEN COALESCE(announced_at, ?)"
        " ELSE COALESCE(?, announced_at) END, updated_at = ? WHERE activity_id = ?",
        (event_time, event_time, announced_at, announced_at, float(now), activity_id),
    )
    if deletes:
        tx.execute(
            "UPDATE activity SET delete_time = MAX(COALESCE(delete_time, ?), ?) WHERE activity_id = ?",
            (event_time, event_time, activity_id),
        )


def place_event(
    tx: Transaction,
    *,
    activity_id: int,
    athlete_id: int,
    start_date: str,
    index: str,
    input: str,
    now: float,
    detailed: bool,
    fingerprint: str,
) -> Placed:
    """Decide where and with which ``collected_at`` a version is written, before it is written.

    ``detailed`` says that it is the activity in full, not what a list says of it; ``fingerprint`` is that of the
    version before anything was left out of it. What lists made us suspect is settled with it.

    All other places of the activity begin to leave and get their tombstones, also those that were leaving
    when the process died. After the flush, :func:`left` says that they are out, and :func:`written` that the
    event is.
    """
    row = _row(tx, activity_id)
    last = None if row is None else _last_given_out(row)
    others = tx.execute(
        "SELECT start_date, index_name FROM place WHERE activity_id = ? AND state IN ('current', 'leaving')"
        " AND NOT (start_date = ? AND index_name = ?) ORDER BY start_date, index_name",
        (activity_id, start_date, index),
    ).fetchall()
    tombstones, last = _leave(tx, activity_id, athlete_id, others, last, now)
    collected_ms = _later(last, now)
    changed = tx.execute(
        "UPDATE place SET state = 'current', tombstone_ms = NULL, replay = 0"
        " WHERE activity_id = ? AND start_date = ? AND index_name = ?",
        (activity_id, start_date, index),
    ).rowcount
    if not changed:
        tx.execute(
            "INSERT INTO place (activity_id, start_date, index_name, state) VALUES (?, ?, ?, 'current')",
            (activity_id, start_date, index),
        )
    if row is None:
        tx.execute(
            "INSERT INTO activity (activity_id, athlete_id, created_at, updated_at) VALUES (?, ?, ?, ?)",
            (activity_id, athlete_id, float(now), float(now)),
        )
    tx.execute(
        "UPDATE activity SET athlete_id = ?, start_date = ?, collected_ms = ?, deleted = 0, delete_time = NULL,"
        " digest = NULL, input = ?, detailed = ?, fingerprint = ?, suspicion = NULL, unlisted = 0,"
        # That it comes back in lists does not make it an activity that can be had.
        " given_up = CASE WHEN ? = 0 AND given_up LIKE ? THEN given_up ELSE NULL END,"
        " updated_at = ? WHERE activity_id = ?",
        (
            athlete_id,
            start_date,
            collected_ms,
            input,
            int(detailed),
            fingerprint,
            int(detailed),
            f"{_ONCE}%",
            float(now),
            activity_id,
        ),
    )
    return Placed(collected_at=_seconds(collected_ms), tombstones=tombstones)


def written(tx: Transaction, activity_id: int, *, collected_at: float, digest: str) -> None:
    """The event with this ``collected_at`` is out; ``digest`` tells whether a later fetch brings anything new.

    Nothing is noted if something else has been decided about the activity since.
    """
    tx.execute(
        "UPDATE activity SET digest = ? WHERE activity_id = ? AND deleted = 0 AND collected_ms = ?",
        (digest, activity_id, _milliseconds(collected_at)),
    )


def unchanged(tx: Transaction, activity_id: int, *, fingerprint: str, now: float) -> None:
    """A fetch brought what the index has. If a list lacked the activity, it exists without being listed."""
    tx.execute(
        "UPDATE activity SET fingerprint = ?, detailed = 1, given_up = NULL,"
        " unlisted = CASE WHEN suspicion = 'missing' THEN 1 ELSE unlisted END, suspicion = NULL, updated_at = ?"
        " WHERE activity_id = ? AND deleted = 0",
        (fingerprint, float(now), activity_id),
    )


def give_up(tx: Transaction, activity_id: int, now: float) -> None:
    """What the newest list shows of the activity could not be fetched for good: not again until it shows another."""
    tx.execute(
        "UPDATE activity SET given_up = listed, suspicion = NULL, updated_at = ? WHERE activity_id = ?",
        (float(now), activity_id),
    )


def holds(tx: Transaction, *, activity_id: int, start_date: str, index: str, digest: str) -> bool:
    """Whether exactly this version was written to this place, and nothing about the activity since."""
    row = tx.execute(
        "SELECT 1 FROM activity JOIN place ON place.activity_id = activity.activity_id AND place.state = 'current'"
        " WHERE activity.activity_id = ? AND activity.deleted = 0 AND activity.digest = ?"
        " AND place.start_date = ? AND place.index_name = ?",
        (activity_id, digest, start_date, index),
    ).fetchone()
    return row is not None


def prune_never_collected(tx: Transaction, *, before: float, limit: int = 200) -> int:
    """Forget activities that were announced, by anybody, and never collected; return how many."""
    return tx.execute(
        "DELETE FROM activity WHERE activity_id IN (SELECT activity_id FROM activity WHERE start_date IS NULL"
        " AND updated_at < ? AND NOT EXISTS (SELECT 1 FROM job WHERE job.activity_id = activity.activity_id"
        " AND kind = 'activity' AND status IN ('pending', 'working')) ORDER BY updated_at LIMIT ?)",
        (float(before), limit),
    ).rowcount


def place_tombstones(tx: Transaction, *, activity_id: int, now: float, doubted: bool = False) -> tuple[Tombstone, ...]:
    """Mark the activity as deleted and return the tombstones to be written, one for each place that it still
    has.

    An activity that was never collected gets the mark only; of one that nothing was heard of there is nothing
    to mark. Asking again gives the tombstones again until :func:`left` says that they are out, and none after
    that. ``doubted`` remembers what lists show of it, in case that they show it again.
    """
    row = _row(tx, activity_id)
    if row is None:
        return ()
    places = tx.execute(
        "SELECT start_date, index_name FROM place WHERE activity_id = ? AND state IN ('current', 'leaving')"
        " ORDER BY start_date, index_name",
        (activity_id,),
    ).fetchall()
    tombstones, last = _leave(tx, activity_id, row["athlete_id"], places, _last_given_out(row), now)
    tx.execute(
        # Its samples may be erased from now on, so they are collected again if it comes back. One that was never
        # collected may be new to Strava itself, so when it was announced is still of interest.
        "UPDATE activity SET deleted = 1, announced_at = CASE WHEN start_date IS NULL THEN announced_at END,"
        " collected_ms = ?, suspicion = NULL,"
        # After a crash the tombstones are asked for again, and nobody doubts any more.
        " given_up = CASE WHEN ? THEN ? || listed WHEN deleted THEN given_up ELSE NULL END,"
        " stream_key = NULL, updated_at = ? WHERE activity_id = ?",
        (last, int(doubted), _ONCE, float(now), activity_id),
    )
    return tombstones


def left(tx: Transaction, tombstones: Iterable[Tombstone]) -> None:
    """Remember that these tombstones are out, flushed to splunkd.

    A place that has an event again since, or that waits for a later tombstone, is not touched.
    """
    for tombstone in tombstones:
        tx.execute(
            "UPDATE place SET state = 'left', replay = 0 WHERE activity_id = ? AND start_date = ? AND index_name = ?"
            " AND state = 'leaving' AND tombstone_ms = ?",
            (
                tombstone.activity_id,
                tombstone.start_date,
                tombstone.index,
                _milliseconds(tombstone.collected_at),
            ),
        )


def collected_of(tx: Transaction, athlete_id: int, *, after: int = 0, limit: int = 100) -> list[int]:
    """Return an athlete's activities that some place in the index shows, by id, those above ``after`` only.

    Also those whose tombstones may not be out yet. Whoever walks through all of them passes on the last one's id.
    """
    rows = tx.execute(
        "SELECT activity_id FROM activity WHERE athlete_id = ? AND activity_id > ? AND EXISTS"
        " (SELECT 1 FROM place WHERE place.activity_id = activity.activity_id AND place.state <> 'left')"
        " ORDER BY activity_id LIMIT ?",
        (athlete_id, after, limit),
    )
    return [row["activity_id"] for row in rows.fetchall()]


def newest_of(tx: Transaction, athlete_id: int) -> Optional[Newest]:
    """Return the activity of the athlete's that was collected last and is not deleted; None if there is none."""
    row = tx.execute(
        "SELECT activity_id, collected_ms, start_date FROM activity WHERE athlete_id = ? AND deleted = 0"
        " AND collected_ms IS NOT NULL ORDER BY collected_ms DESC LIMIT 1",
        (athlete_id,),
    ).fetchone()
    if row is None:
        return None
    return Newest(row["activity_id"], _seconds(row["collected_ms"]), row["start_date"])


def graves(tx: Transaction, activity_id: int) -> tuple[Tombstone, ...]:
    """Return the newest tombstone of every place that the activity has left or is leaving.

    An old version stays in the index when an edit moves ``start_date``: after :func:`place_tombstones` these are all
    places with something to erase.
    """
    rows = tx.execute(
        "SELECT activity.athlete_id, place.start_date, place.tombstone_ms, place.index_name FROM activity"
        " JOIN place ON place.activity_id = activity.activity_id AND place.state <> 'current'"
        " WHERE activity.activity_id = ? ORDER BY place.start_date, place.index_name",
        (activity_id,),
    )
    return tuple(
        Tombstone(activity_id, row["athlete_id"], row["start_date"], _seconds(row["tombstone_ms"]), row["index_name"])
        for row in rows.fetchall()
    )


def _leave(
    tx: Transaction, activity_id: int, athlete_id: int, places: list[Row], last: Optional[int], now: float
) -> tuple[tuple[Tombstone, ...], Optional[int]]:
    """Let places leave; return their tombstones and the newest time given out, in milliseconds."""
    tombstones = []
    for place in places:
        last = _later(last, now)
        tx.execute(
            "UPDATE place SET state = 'leaving', tombstone_ms = ?"
            " WHERE activity_id = ? AND start_date = ? AND index_name = ?",
            (last, activity_id, place["start_date"], place["index_name"]),
        )
        tombstones.append(Tombstone(activity_id, athlete_id, place["start_date"], _seconds(last), place["index_name"]))
    return tuple(tombstones), last


def _last_given_out(row: Row) -> Optional[int]:
    """The newest ``collected_at`` of an activity's row, in milliseconds, for whatever it was: an event, a tombstone or
    samples, which a tombstone must be later than, too."""
    return max((ms for ms in (row["collected_ms"], row["streams_ms"]) if ms is not None), default=None)


def _later(last: Optional[int], now: float) -> int:
    """The time now in milliseconds, or the one after ``last`` if the clock has not got there."""
    return _milliseconds(now) if last is None else max(_milliseconds(now), last + 1)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _seconds(milliseconds: int) -> float:
    return milliseconds / 1000


def _row(tx: Transaction, activity_id: int) -> Optional[Row]:
    row: Optional[Row] = tx.execute("SELECT * FROM activity WHERE activity_id = ?", (activity_id,)).fetchone()
    return row
