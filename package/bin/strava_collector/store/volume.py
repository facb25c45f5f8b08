"""How much history has written on each UTC day, by all inputs of this host: a Splunk licence is counted by the day."""

from __future__ import annotations

from typing import Optional

from strava_collector.store.sqlite import Transaction

_DAY = 86_400
#: Days that are kept, to tell how much is written at a time.
_KEPT = 8
MEGABYTE = 1_000_000


def add(tx: Transaction, now: float, bytes: int) -> None:
    """Count events of so many bytes, which one call to Strava has brought."""
    day = _day(now)
    if not tx.execute("UPDATE volume SET bytes = bytes + ?, calls = calls + 1 WHERE day = ?", (bytes, day)).rowcount:
        # What lies ahead was written before the clock was set back.
        tx.execute("DELETE FROM volume WHERE day <= ? OR day > ?", (day - _KEPT, day))
        tx.execute("INSERT INTO volume (day, bytes, calls) VALUES (?, ?, 1)", (day, bytes))


def used(tx: Transaction, now: float) -> int:
    """Return how many bytes have been written on the UTC day."""
    row = tx.execute("SELECT bytes FROM volume WHERE day = ?", (_day(now),)).fetchone()
    return 0 if row is None else int(row["bytes"])


def frees_at(tx: Transaction, now: float, megabytes_per_day: float) -> Optional[float]:
    """Return when history may write again, in epoch seconds; None if now. ``megabytes_per_day`` 0 is no limit."""
    if not megabytes_per_day or used(tx, now) < megabytes_per_day * MEGABYTE:
        return None
    return float((_day(now) + 1) * _DAY)


def calls_per_day(tx: Transaction, megabytes_per_day: float) -> Optional[int]:
    """Return how many calls a day bring what history may write, as far as the last days tell; None if any number."""
    row = tx.execute("SELECT SUM(bytes) AS bytes, SUM(calls) AS calls FROM volume").fetchone()
    if not megabytes_per_day or not row["bytes"]:
        return None
    return max(int(megabytes_per_day * MEGABYTE * row["calls"] / row["bytes"]), 1)


def _day(now: float) -> int:
    return int(now // _DAY)
