"""How much history has written on a UTC day, on this host."""

from __future__ import annotations

from strava_collector.store.sqlite import Transaction


def add(tx: Transaction, now: float, bytes: int) -> None:
    """Count so many bytes of events."""
    day = int(now // 86_400)
    if not tx.execute("UPDATE volume SET bytes = bytes + ? WHERE day = ?", (bytes, day)).rowcount:
        tx.execute("DELETE FROM volume")
        tx.execute("INSERT INTO volume (day, bytes) VALUES (?, ?)", (day, bytes))


def used(tx: Transaction, now: float) -> int:
    """Return the bytes of the UTC day."""
    row = tx.execute("SELECT bytes FROM volume WHERE day = ?", (int(now // 86_400),)).fetchone()
    return 0 if row is None else int(row["bytes"])
