"""Rows as the collector leaves them, for tests that begin where it has ended."""

from __future__ import annotations

from typing import Optional

from strava_collector.job import Kind, Outcome, Priority, Reason, Status
from strava_collector.store import ledger, queue
from strava_collector.store.database import Transaction
from tests.support.store import RIDES

ANNA, BEN = 134815, 227615
MONDAY = "2026-06-01T06:00:00Z"


def waiting_job(
    tx: Transaction,
    activity_id: int = 1,
    *,
    athlete_id: int = ANNA,
    input: str = RIDES,
    kind: Kind = Kind.ACTIVITY,
    now: float = 100.0,
) -> int:
    """A job that waits; its id."""
    return queue.join(
        tx,
        kind=kind,
        activity_id=activity_id,
        athlete_id=athlete_id,
        input=input,
        reason=Reason.WEBHOOK,
        priority=Priority.LIVE,
        force=False,
        due_at=now,
        now=now,
        trail=f"trail-{activity_id}",
    ).job_id


def finished_job(
    tx: Transaction,
    activity_id: int = 1,
    *,
    outcome: Outcome = Outcome.COLLECTED,
    error: Optional[str] = None,
    athlete_id: int = ANNA,
    input: str = RIDES,
    kind: Kind = Kind.ACTIVITY,
    now: float = 100.0,
) -> int:
    """A job that was worked on and has ended; its id."""
    job_id = waiting_job(tx, activity_id, athlete_id=athlete_id, input=input, kind=kind, now=now)
    tx.execute(
        "UPDATE job SET status = 'working', claimed_generation = generation, claimed_at = ?, lease_id = ?,"
        " lease_expires_at = ? WHERE id = ?",
        (now, f"lease-{job_id}", now + 300.0, job_id),
    )
    status = Status.FAILED if outcome is Outcome.DEAD_LETTER else Status.DONE
    tx.execute(
        "UPDATE job SET status = ?, outcome = ?, error = ?, lease_id = NULL, lease_expires_at = NULL, updated_at = ?"
        " WHERE id = ?",
        (status.value, outcome.value, error, now, job_id),
    )
    return job_id


def stored_notification(
    tx: Transaction,
    object_id: int = 1,
    *,
    state: str = "dispatched",
    reason: Optional[str] = None,
    athlete_id: int = ANNA,
    input: str = RIDES,
    object_type: str = "activity",
    digest: Optional[str] = None,
    now: float = 100.0,
) -> int:
    """A notification in any state; its id."""
    number = tx.execute(
        "INSERT INTO notification (input, digest, athlete_id, object_type, object_id, subscription_id, body,"
        " received_at, trail, state, reason, recorded, updated_at) VALUES (?, ?, ?, ?, ?, 1, '{}', ?, ?, ?, ?, ?, ?)",
        (
            input,
            digest or f"{object_id:064x}",
            athlete_id,
            object_type,
            object_id,
            now,
            f"trail-{object_id}",
            state,
            reason,
            int(state == "dispatched"),
            now,
        ),
    ).lastrowid
    assert number is not None
    return number


def collected(
    tx: Transaction,
    activity_id: int = 1,
    *,
    start_date: str = MONDAY,
    index: str = "strava",
    athlete_id: int = ANNA,
    input: str = RIDES,
    now: float = 100.0,
) -> None:
    """An activity whose event and tombstones are out."""
    placed = ledger.place_event(
        tx,
        activity_id=activity_id,
        athlete_id=athlete_id,
        start_date=start_date,
        index=index,
        input=input,
        now=now,
        detailed=True,
        fingerprint="a-b",
    )
    ledger.left(tx, placed.tombstones)


def deleted(tx: Transaction, activity_id: int = 1, *, now: float = 200.0) -> None:
    """The activity's tombstones are out."""
    ledger.left(tx, ledger.place_tombstones(tx, activity_id=activity_id, now=now))


def count(tx: Transaction, table: str, where: str = "1") -> int:
    """How many rows there are."""
    return int(tx.execute(f"SELECT COUNT(*) FROM {table} WHERE {where}").fetchone()[0])


def walked(tx: Transaction, athlete_id: int) -> None:
    """A row about the athlete in each table about walks through lists; what else is in it means nothing."""
    meant = {"athlete_id": athlete_id, "activity_id": athlete_id, "purpose": "pass", "kind": "new"}
    plain = {"INTEGER": 1, "REAL": 1.0, "TEXT": "1"}
    for table in ("covered", "walk", "miss"):
        columns = tx.execute(f"PRAGMA table_info({table})").fetchall()
        values = [meant.get(column["name"], plain[column["type"]]) for column in columns]
        tx.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(values))})", values)
