"""How much there is of everything, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

from strava_collector.job import Outcome, Reason, Status
from strava_collector.store import inputs
from strava_collector.store.sqlite import Transaction

#: What a notification can be.
_STATES = ("pending", "dispatching", "dispatched", "held", "dead letter")


def stats(tx: Transaction, *, input: Optional[str] = None) -> Mapping[str, Mapping[str, int]]:
    """Count jobs by status, reason and outcome, and notifications by state, of one input or of all.

    Every word that there is for each is a key. It looks at all jobs, so it is for people, not for loops.
    """
    found: dict[str, dict[str, int]] = {
        "status": dict.fromkeys((status.value for status in Status), 0),
        "reason": dict.fromkeys((reason.value for reason in Reason), 0),
        "outcome": dict.fromkeys((outcome.value for outcome in Outcome), 0),
        "notifications": dict.fromkeys(_STATES, 0),
    }
    only, values = ("", ()) if input is None else (" WHERE input = ?", (input,))
    jobs = tx.execute(
        f"SELECT status, reason, outcome, COUNT(*) AS n FROM job{only} GROUP BY status, reason, outcome",  # noqa: S608 - our own words
        values,
    )
    for row in jobs.fetchall():
        for what in ("status", "reason", "outcome"):
            if row[what] is not None:
                found[what][row[what]] += row["n"]
    for one in inputs.with_notifications(tx) if input is None else [input]:
        for row in tx.execute(
            "SELECT state, COUNT(*) AS n FROM notification WHERE input = ? GROUP BY state", (one,)
        ).fetchall():
            found["notifications"][row["state"]] += row["n"]
    return found
