"""How much work of an input waits: notifications to be dispatched and jobs to be done."""

from __future__ import annotations

from strava_collector.store.sqlite import Transaction


def count(tx: Transaction, *, input: str, limit: int) -> int:
    """Return how many notifications and live jobs of the input wait, ``limit`` if there are as many or more.

    The cost depends on what waits, not on the size of the tables: the indexes that are walked through hold nothing
    else, and counting ends at the limit. A million takes about a tenth of a second.
    """
    found: int = tx.execute(
        "SELECT COUNT(*) FROM (SELECT 1 FROM notification WHERE input = ? AND state IN ('pending', 'dispatching')"
        " LIMIT ?)",
        (input, limit),
    ).fetchone()[0]
    found += tx.execute(
        "SELECT COUNT(*) FROM (SELECT 1 FROM job WHERE input = ? AND status = 'pending' LIMIT ?)",
        (input, limit - found),
    ).fetchone()[0]
    # Those under way are a handful, whatever their input; every lease ends after 1970.
    found += tx.execute(
        "SELECT COUNT(*) FROM job WHERE status = 'working' AND lease_expires_at > 0 AND input = ?", (input,)
    ).fetchone()[0]
    return min(found, limit)
