"""Waiting work that has to go elsewhere: to another input, or to the dead letters.

An athlete's work belongs to one input. When the settings give the athlete to another one, what waits changes hands;
when an athlete has not reconnected for a week, what waits is given up. Both are sweeps over waiting work that the
service makes from time to time, in transactions of bounded size.
"""

from __future__ import annotations

from collections.abc import Collection

from strava_collector.notification_rules import Hold
from strava_collector.store import athletes, inputs, sweeps, turns
from strava_collector.store.sqlite import Row, Transaction

#: So long jobs wait for an athlete to connect again, in seconds.
RECONNECT_PATIENCE = 7 * 86_400.0


def inputs_with_work(tx: Transaction, but: str) -> list[str]:
    """Return the other inputs that have waiting jobs, notifications that wait or are held, or tombstones to be
    written again, by name.
    """
    found = {
        *inputs.with_waiting_jobs(tx),
        *inputs.with_waiting_notifications(tx),
        *inputs.with_replayed_tombstones(tx),
    }
    return sorted(found - {but})


def athletes_with_work(tx: Transaction, input: str, limit: int = 200) -> frozenset[int]:
    """Return athletes, ``limit`` at most, for whom jobs or notifications wait at the input."""
    rows = tx.execute(
        "SELECT DISTINCT athlete_id FROM notification WHERE input = ?"
        " AND state IN ('pending', 'dispatching', 'held') LIMIT ?",
        (input, limit),
    ).fetchall()
    return turns.waiting_athletes(tx, input) | {row["athlete_id"] for row in rows}


def take_over(
    tx: Transaction, *, old_input: str, new_input: str, athletes: Collection[int], now: float, limit: int = 200
) -> int:
    """Give these athletes' waiting work to ``new_input``, ``limit`` rows at most; return how many, 0 when through.

    Only when no process works for ``old_input``. What that one had begun to dispatch comes too: it is as it would be
    after a crash, and its own next process finds the rest.
    """
    moved = sweeps.adopt(tx, old_input=old_input, new_input=new_input, athletes=athletes, now=now, limit=limit)
    for athlete_id in athletes:
        if moved < limit:
            moved += _move_notifications(tx, old_input, new_input, athlete_id, now, limit - moved)
        if moved < limit:
            moved += _move_tombstones(tx, old_input, new_input, athlete_id, limit - moved)
    return moved


def expire_reconnect(
    tx: Transaction, *, input: str, now: float, patience: float = RECONNECT_PATIENCE, limit: int = 200
) -> int:
    """Give up the input's jobs that have waited for ``patience`` seconds for an athlete whose access has not worked
    for as long, ``limit`` at most; return how many, 0 when through.

    They become dead letters, which can be retried when the athlete has connected. While it is being found out whether
    the athlete has withdrawn the permission, that comes first: the job that does it must not be given up.
    """
    given_up = 0
    for found in athletes.standings(tx):
        if found.since <= now - patience and given_up < limit and not _is_being_confirmed(tx, found.athlete_id):
            given_up += sweeps.give_up_waiting(
                tx,
                input=input,
                athlete_id=found.athlete_id,
                before=now - patience,
                error=f"{found.reason} The athlete did not connect again within {patience / 86_400:g} days.",
                now=now,
                limit=limit - given_up,
            )
    return given_up


def _is_being_confirmed(tx: Transaction, athlete_id: int) -> bool:
    row = tx.execute(
        "SELECT 1 FROM job WHERE kind = 'athlete' AND activity_id = ? AND athlete_id = ?"
        " AND status IN ('pending', 'working')",
        (athlete_id, athlete_id),
    ).fetchone()
    return row is not None


def _move_notifications(
    tx: Transaction, old_input: str, new_input: str, athlete_id: int, now: float, limit: int
) -> int:
    rows = tx.execute(
        "SELECT id, object_id, digest, deliveries FROM notification WHERE input = ? AND athlete_id = ?"
        " AND state IN ('pending', 'dispatching', 'held') ORDER BY id LIMIT ?",
        (old_input, athlete_id, limit),
    ).fetchall()
    for row in rows:
        _move_notification(tx, row, new_input, now)
    return len(rows)


def _move_notification(tx: Transaction, row: Row, new_input: str, now: float) -> None:
    twin = tx.execute(
        "SELECT id FROM notification WHERE object_id = ? AND digest = ? AND input = ?",
        (row["object_id"], row["digest"], new_input),
    ).fetchone()
    if twin is None:
        tx.execute("UPDATE notification SET input = ?, updated_at = ? WHERE id = ?", (new_input, float(now), row["id"]))
        # Held because nobody knew the athlete: the new input does.
        tx.execute(
            "UPDATE notification SET state = 'pending', reason = NULL WHERE id = ? AND state = 'held' AND reason = ?",
            (row["id"], Hold.UNKNOWN_ATHLETE.value),
        )
    else:
        # Both inputs have been sent it, and the one that stays does what follows from it.
        tx.execute("UPDATE notification SET deliveries = deliveries + ? WHERE id = ?", (row["deliveries"], twin["id"]))
        tx.execute("DELETE FROM notification WHERE id = ?", (row["id"],))


def _move_tombstones(tx: Transaction, old_input: str, new_input: str, athlete_id: int, limit: int) -> int:
    """An operator wants them written again, and whose input collected the activity writes them."""
    return tx.execute(
        "UPDATE activity SET input = ? WHERE activity_id IN (SELECT activity.activity_id FROM place"
        " CROSS JOIN activity ON activity.activity_id = place.activity_id"
        " WHERE place.replay = 1 AND activity.athlete_id = ? AND activity.input = ? LIMIT ?)",
        (new_input, athlete_id, old_input, limit),
    ).rowcount
