"""What is kept of athletes' profiles and gear: what they were when they were last looked at and last written."""

from __future__ import annotations

from strava_collector.store.sqlite import Transaction


def note_use(tx: Transaction, *, athlete_id: int, gear_id: str, now: float) -> None:
    """Remember that an activity with this gear has been collected."""
    changed = tx.execute(
        "UPDATE gear SET used_at = ? WHERE athlete_id = ? AND gear_id = ?", (float(now), athlete_id, gear_id)
    ).rowcount
    if not changed:
        tx.execute(
            "INSERT INTO gear (athlete_id, gear_id, used_at) VALUES (?, ?, ?)", (athlete_id, gear_id, float(now))
        )
