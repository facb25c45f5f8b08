"""Fills a store with rows as months of use leave them, in seconds."""

from __future__ import annotations

from strava_collector.store.database import Database, Transaction

#: The input whose rows these are.
INPUT = "rides"

#: The athletes, 1 to so many. Each of them has finished jobs, and live and history jobs that wait, in a store of any
#: size: what grows from size to size is the tables, not who has to be considered.
ATHLETES = 200

#: Everything happened before this time, in epoch seconds; what waits is due.
NOW = 1_780_293_600.0

#: Rows in a transaction.
_AT_ONCE = 100_000

_NUMBERS = "WITH RECURSIVE number(n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < ?2)"

#: Strava's ids ascend with time, and others' activities lie between ours.
_FIRST_ID = 10_000_000_000
_STEP = 1_009
_ID = f"({_FIRST_ID} + n * {_STEP})"

#: Above every id in the rows.
NEW_IDS = 90_000_000_000

#: An athlete's jobs in turn: a live one and one of history wait; of the others an eighth waits.
_TURN = f"(n / {ATHLETES})"
_PENDING = f"({_TURN} < 2 OR {_TURN} % 8 = 3)"
_LIVE = f"({_TURN} = 0 OR {_TURN} % 32 = 3)"
_FAILED = f"((n + {_TURN}) % 50 = 7)"

_JOBS = f"""
    {_NUMBERS}
    INSERT INTO job (kind, activity_id, athlete_id, input, reason, priority, status, outcome, attempts, max_attempts,
        next_run_at, trail, created_at, updated_at, claimed_generation, claimed_at)
    SELECT 'activity', {_ID}, 1 + n % {ATHLETES}, '{INPUT}', CASE WHEN {_LIVE} THEN 'webhook' ELSE 'polling' END,
        CASE WHEN {_LIVE} THEN 0 ELSE 2 END,
        CASE WHEN {_PENDING} THEN 'pending' WHEN {_FAILED} THEN 'failed' ELSE 'done' END,
        CASE WHEN {_PENDING} THEN NULL WHEN {_FAILED} THEN 'dead letter' ELSE 'collected' END,
        0, 5, {NOW} - 1.0 - n % 86400, substr(hex(randomblob(6)), 1, 12), {NOW} - 604800.0 + n * 0.1,
        {NOW} - 600000.0 + n * 0.1, CASE WHEN {_PENDING} THEN NULL ELSE 1 END,
        CASE WHEN {_PENDING} THEN NULL ELSE {NOW} - 600000.0 + n * 0.1 END
    FROM number
"""

#: Nine of ten are dispatched, one of a hundred is held, one a dead letter; the others wait.
_NOTIFICATIONS = f"""
    {_NUMBERS}
    INSERT INTO notification (input, digest, athlete_id, object_type, object_id, subscription_id, body, received_at,
        trail, state, reason, recorded, updated_at)
    SELECT '{INPUT}', lower(hex(randomblob(32))), 1 + n % {ATHLETES}, 'activity', {_ID}, 120475,
        '{{"object_type":"activity","object_id":' || {_ID} || ',"aspect_type":"create","owner_id":'
            || (1 + n % {ATHLETES}) || ',"subscription_id":120475,"event_time":1780000000,"updates":{{}}}}',
        {NOW} - 604800.0 + n * 0.1, substr(hex(randomblob(6)), 1, 12),
        CASE n % 100 WHEN 1 THEN 'held' WHEN 2 THEN 'dead letter' WHEN 3 THEN 'dispatching'
            ELSE CASE WHEN n % 10 = 4 THEN 'pending' ELSE 'dispatched' END END,
        CASE n % 100 WHEN 1 THEN 'unknown athlete' WHEN 2 THEN 'foreign subscription' END,
        1, {NOW} - 600000.0 + n * 0.1
    FROM number
"""


#: Half of the rows that wait are jobs of history, due long ago, the other half notifications; all of one athlete.
_WAITING_JOBS = f"""
    {_NUMBERS}
    INSERT INTO job (kind, activity_id, athlete_id, input, reason, priority, status, attempts, max_attempts,
        next_run_at, trail, created_at, updated_at)
    SELECT 'activity', {_ID}, ?3, ?4, 'polling', 2, 'pending', 0, 5, {NOW} - 1.0 - n % 86400,
        substr(hex(randomblob(6)), 1, 12), {NOW} - 604800.0 + n * 0.1, {NOW} - 600000.0 + n * 0.1
    FROM number
"""
_WAITING_NOTIFICATIONS = f"""
    {_NUMBERS}
    INSERT INTO notification (input, digest, athlete_id, object_type, object_id, subscription_id, body, received_at,
        trail, state, updated_at)
    SELECT ?4, lower(hex(randomblob(32))), ?3, 'activity', {NEW_IDS} + n, 1,
        '{{"object_type":"activity","object_id":' || ({NEW_IDS} + n) || ',"aspect_type":"create","owner_id":' || ?3
            || ',"subscription_id":1,"event_time":1780000000,"updates":{{}}}}',
        {NOW} - 604800.0 + n * 0.1, substr(hex(randomblob(6)), 1, 12), 'pending', {NOW} - 600000.0 + n * 0.1
    FROM number
"""


def activity_id(row: int) -> int:
    """The activity that a row is about, rows being counted from 0."""
    return _FIRST_ID + row * _STEP


def fill(store: Database, rows: int) -> None:
    """Put so many notifications and so many jobs into an empty store."""
    with store.write() as tx:
        dropped = _drop_what_slows_down(tx)
    for statement in (_JOBS, _NOTIFICATIONS):
        for first in range(0, rows, _AT_ONCE):
            with store.write() as tx:
                tx.execute(statement, (first, min(first + _AT_ONCE, rows)))
    for statement in dropped:
        with store.write() as tx:
            tx.execute(statement)
    with store.read() as tx:
        sizes = {table: tx.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in ("job", "notification")}
    if set(sizes.values()) != {rows}:
        raise AssertionError(f"{rows} rows each were to be made, these are there: {sizes}")


def fill_waiting(store: Database, rows: int, *, input: str, athlete_id: int) -> None:
    """Put so many rows that wait into a store, half of them jobs and half notifications."""
    for statement in (_WAITING_JOBS, _WAITING_NOTIFICATIONS):
        for first in range(0, rows // 2, _AT_ONCE):
            with store.write() as tx:
                tx.execute(statement, (first, min(first + _AT_ONCE, rows // 2), athlete_id, input))


def _drop_what_slows_down(tx: Transaction) -> list[str]:
    """Remove indexes and triggers of the two tables; return the statements that bring them back as they were."""
    found = tx.execute(
        "SELECT type, name, sql FROM sqlite_master"
        " WHERE type IN ('index', 'trigger') AND tbl_name IN ('job', 'notification') AND sql IS NOT NULL"
    ).fetchall()
    for row in found:
        tx.execute(f"DROP {row['type']} {row['name']}")
    return [row["sql"] for row in found]
