"""The state of each application's quota windows: a restart neither forgets nor doubles what was used."""

from __future__ import annotations

from typing import Optional

from strava_collector.store.sqlite import Transaction


def load(tx: Transaction, application: str) -> Optional[str]:
    """Return the JSON that was saved for the application; what it means, ``quota`` knows. None if there is
    none.
    """
    row = tx.execute("SELECT state FROM quota_window WHERE application = ?", (application,)).fetchone()
    return None if row is None else str(row["state"])


def save(tx: Transaction, application: str, state_json: str, now: float) -> None:
    """Replace the application's state. Load and save within one write transaction, or another process is
    undone.
    """
    tx.execute(
        "INSERT OR REPLACE INTO quota_window (application, state, updated_at) VALUES (?, ?, ?)",
        (application, state_json, float(now)),
    )
