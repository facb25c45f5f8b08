"""Leases by name, which hold across threads and processes and end by themselves if their holder dies.

For what must be done by one at a time and takes a network call, during which no transaction may be open.
"""

from __future__ import annotations

from strava_collector.store.sqlite import Transaction


def acquire(tx: Transaction, *, name: str, holder: str, now: float, seconds: float) -> bool:
    """Take the lease for ``seconds``, or prolong it if ``holder`` has it; False while another one has it."""
    row = tx.execute("SELECT holder, expires_at FROM lease WHERE name = ?", (name,)).fetchone()
    if row is not None and row["holder"] != holder and row["expires_at"] > now:
        if row["expires_at"] > now + seconds:
            # Granted before the clock was set back. Its holder may be alive, so it gets the time of a new
            # lease.
            tx.execute("UPDATE lease SET expires_at = ? WHERE name = ?", (float(now + seconds), name))
        return False
    tx.execute(
        "INSERT OR REPLACE INTO lease (name, holder, expires_at) VALUES (?, ?, ?)",
        (name, holder, float(now + seconds)),
    )
    return True


def is_held(tx: Transaction, *, name: str, now: float) -> bool:
    """Whether somebody has the lease."""
    row = tx.execute("SELECT expires_at FROM lease WHERE name = ?", (name,)).fetchone()
    return row is not None and row["expires_at"] > now


def release(tx: Transaction, *, name: str, holder: str) -> None:
    """Give the lease back; does nothing if it ended meanwhile and somebody else has it."""
    tx.execute("DELETE FROM lease WHERE name = ? AND holder = ?", (name, holder))


def release_all(tx: Transaction, *, holder: str) -> None:
    """Give back all that the holder has."""
    tx.execute("DELETE FROM lease WHERE holder = ?", (holder,))


def release_others(tx: Transaction, *, owner: str, holder: str) -> None:
    """Give back all leases of the owner's holders but this one; a holder's name begins with its owner's and a blank.

    To be called by the only process that may act for the owner.
    """
    rows = tx.execute("SELECT name, holder FROM lease").fetchall()
    for row in rows:
        if row["holder"] != holder and row["holder"].rpartition(" ")[0] == owner:
            release(tx, name=row["name"], holder=row["holder"])
