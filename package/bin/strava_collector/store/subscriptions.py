"""The push subscription of each application: notifications that name another one may be anybody's."""

from __future__ import annotations

from typing import Optional

from strava_collector.store.sqlite import Transaction


def known(tx: Transaction, client_id: str) -> Optional[int]:
    """Return the id of the application's subscription; None if none is known."""
    row = tx.execute("SELECT subscription_id FROM subscription WHERE client_id = ?", (client_id,)).fetchone()
    return None if row is None else int(row["subscription_id"])


def all_known(tx: Transaction) -> frozenset[int]:
    """Return the ids of all applications' subscriptions."""
    return frozenset(
        row["subscription_id"] for row in tx.execute("SELECT subscription_id FROM subscription").fetchall()
    )


def adopt(tx: Transaction, *, client_id: str, subscription_id: int, now: float) -> bool:
    """Let this be the application's subscription, in place of any other; False if it was already."""
    if known(tx, client_id) == subscription_id:
        return False
    tx.execute(
        "INSERT OR REPLACE INTO subscription (client_id, subscription_id, since) VALUES (?, ?, ?)",
        (client_id, subscription_id, float(now)),
    )
    return True
