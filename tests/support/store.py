"""What the tests of the store put into it."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Callable, Optional

from sandbox.patience import patience as until_failed
from strava_collector.job import Kind, Priority, Reason, Status
from strava_collector.store import queue
from strava_collector.store.database import Database, Transaction
from strava_collector.store.queue import Joined
from strava_collector.webhook import Notification, notification_from_json
from tests.support.clock import VirtualClock

#: Name of the input that most tests work for.
RIDES = "rides"
#: Of what tests keep in memory, bytes that have to be free before they do; containers often have much less.
_ROOMY = 512 * 1024 * 1024


def database(folder: Path, *, patience: Optional[float] = None) -> Database:
    """A store in a folder of its own below ``folder``; patient, unless the test is about that."""
    waits = until_failed(10.0) if patience is None else patience
    return Database(folder / "store", clock=VirtualClock(), patience=waits)


def quick_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder in memory where there is room for one: commits wait for no disk there. How durable they are, others
    see."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOMY
    return tempfile.TemporaryDirectory(dir=memory if roomy else None)


def database_file(folder: Path) -> Path:
    """Where :func:`database` keeps its file."""
    return folder / "store" / "strava.db"


def notification(object_id: int = 1, **fields: object) -> Notification:
    """A notification as Strava sends it, with other values for some fields."""
    body: dict[str, object] = {
        "object_type": "activity",
        "object_id": object_id,
        "aspect_type": "create",
        "owner_id": 134815,
        "subscription_id": 120475,
        "event_time": 1_780_293_600,
        "updates": {},
    }
    return notification_from_json(json.dumps({**body, **fields}))


def join(
    tx: Transaction,
    activity_id: int = 1,
    *,
    kind: Kind = Kind.ACTIVITY,
    athlete_id: int = 134815,
    input: str = RIDES,
    reason: Reason = Reason.WEBHOOK,
    priority: Priority = Priority.LIVE,
    force: bool = False,
    due_at: float = 100.0,
    now: float = 100.0,
    trail: str = "0123456789ab",
    expected: Optional[str] = None,
) -> Joined:
    """``queue.join`` with the values of an ordinary notification."""
    return queue.join(
        tx,
        kind=kind,
        activity_id=activity_id,
        athlete_id=athlete_id,
        input=input,
        reason=reason,
        priority=priority,
        force=force,
        due_at=due_at,
        now=now,
        trail=trail,
        expected=expected,
    )


def join_history(tx: Transaction, activity_id: int, athlete_id: int, *, input: str, now: float) -> Joined:
    """A wish for an old activity, due at once."""
    return join(
        tx,
        activity_id,
        athlete_id=athlete_id,
        input=input,
        reason=Reason.MANUAL,
        priority=Priority.HISTORY,
        force=True,
        due_at=now,
        now=now,
    )


def raw(folder: Path) -> sqlite3.Connection:
    """The store's file, opened past the store, as another program would. The caller closes it."""
    return sqlite3.connect(database_file(folder), isolation_level=None)


def query_plans(tx: Transaction, use: Callable[[], object]) -> dict[str, str]:
    """SQLite's plan for each statement with a search in it that ``use`` executes."""
    seen: list[str] = []
    tx.set_trace_callback(seen.append)
    try:
        use()
    finally:
        tx.set_trace_callback(None)
    plans = {}
    for query in map(str.strip, seen):
        if query.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            # Python 3.9 reports what was executed with the values in place, later ones with placeholders.
            numbered = re.findall(r"\?([0-9]+)", query)
            values = [1] * (max(map(int, numbered)) if numbered else query.count("?"))
            rows = tx.execute(f"EXPLAIN QUERY PLAN {query}", values).fetchall()
            plans[query] = "; ".join(row["detail"] for row in rows)
    return plans


def job_counts(tx: Transaction, input: str) -> dict[str, int]:
    """How many jobs of the input have each status; every status is a key."""
    found = dict.fromkeys((status.value for status in Status), 0)
    rows = tx.execute("SELECT status, COUNT(*) AS n FROM job WHERE input = ? GROUP BY status", (input,))
    found.update((row["status"], row["n"]) for row in rows.fetchall())
    return found
