"""What is kept of athletes' profiles and gear: what they were when they were last looked at and last written.

Rows are made only where this says so; all else updates those that are there, so that nothing of an athlete comes back
who was forgotten meanwhile. Times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Optional

from strava_collector.store.sqlite import Row, Transaction


class Gear(NamedTuple):
    """A bike or a pair of shoes that is to be looked at."""

    athlete_id: int
    gear_id: str


def profiles(tx: Transaction) -> dict[int, Optional[float]]:
    """Return when the profile of each athlete was looked at last."""
    rows = tx.execute("SELECT athlete_id, looked_at FROM profile").fetchall()
    return {row["athlete_id"]: row["looked_at"] for row in rows}


def gear_to_look_at(tx: Transaction, *, today: float, now: float) -> list[Gear]:
    """Return the gear that has changed as profiles say, or that was used and is in no profile.

    Not what has been looked at since ``today``, the beginning of the UTC day.
    """
    rows = tx.execute(
        "SELECT athlete_id, gear_id FROM gear WHERE (looked_at IS NULL OR looked_at < ? OR looked_at > ?)"
        " AND CASE WHEN shown IS NULL THEN used_at IS NOT NULL AND (looked_at IS NULL OR used_at > looked_at)"
        " ELSE seen IS NULL OR seen <> shown END ORDER BY athlete_id, gear_id",
        (float(today), float(now)),
    )
    return [Gear(row["athlete_id"], row["gear_id"]) for row in rows.fetchall()]


def begin_profile(tx: Transaction, athlete_id: int) -> None:
    """Make the row of an athlete who is about to be looked at."""
    tx.execute("INSERT OR IGNORE INTO profile (athlete_id) VALUES (?)", (athlete_id,))


def profile_news(tx: Transaction, athlete_id: int, digest: str, now: float) -> Optional[float]:
    """Return the ``collected_at`` of the event that is to be written, None if nothing is new."""
    row = tx.execute("SELECT digest, collected_ms FROM profile WHERE athlete_id = ?", (athlete_id,)).fetchone()
    collected_ms = _news(row, digest, now)
    if collected_ms is None:
        return None
    tx.execute("UPDATE profile SET collected_ms = ? WHERE athlete_id = ?", (collected_ms, athlete_id))
    return collected_ms / 1000


def profile_seen(tx: Transaction, athlete_id: int, *, digest: Optional[str], now: float) -> None:
    """The profile was looked at, and what has this digest is in the index; None says nothing about that."""
    tx.execute(
        "UPDATE profile SET looked_at = ?, digest = COALESCE(?, digest) WHERE athlete_id = ?",
        (float(now), digest, athlete_id),
    )


def show_gear(tx: Transaction, athlete_id: int, shown: Mapping[str, str]) -> None:
    """The athlete's profile shows this gear, by id, with a digest of what it says; and no other."""
    if tx.execute("SELECT 1 FROM profile WHERE athlete_id = ?", (athlete_id,)).fetchone() is None:
        return
    tx.execute("UPDATE gear SET shown = NULL WHERE athlete_id = ?", (athlete_id,))
    for gear_id, digest in shown.items():
        _make_gear(tx, athlete_id, gear_id)
        tx.execute("UPDATE gear SET shown = ? WHERE athlete_id = ? AND gear_id = ?", (digest, athlete_id, gear_id))


def note_use(tx: Transaction, *, athlete_id: int, gear_id: str, now: float) -> None:
    """Remember that an activity with this gear has been collected."""
    _make_gear(tx, athlete_id, gear_id)
    tx.execute("UPDATE gear SET used_at = ? WHERE athlete_id = ? AND gear_id = ?", (float(now), athlete_id, gear_id))


def gear_news(tx: Transaction, gear: Gear, digest: str, now: float) -> Optional[float]:
    """Return the ``collected_at`` of the event that is to be written, None if nothing is new."""
    row = tx.execute("SELECT digest, collected_ms FROM gear WHERE athlete_id = ? AND gear_id = ?", gear).fetchone()
    collected_ms = _news(row, digest, now)
    if collected_ms is None:
        return None
    tx.execute("UPDATE gear SET collected_ms = ? WHERE athlete_id = ? AND gear_id = ?", (collected_ms, *gear))
    return collected_ms / 1000


def gear_seen(tx: Transaction, gear: Gear, *, digest: Optional[str], now: float) -> None:
    """The gear was looked at, and what has this digest is in the index; None says nothing about that."""
    tx.execute(
        "UPDATE gear SET looked_at = ?, seen = shown, digest = COALESCE(?, digest)"
        " WHERE athlete_id = ? AND gear_id = ?",
        (float(now), digest, *gear),
    )


def write_again(tx: Transaction, *, since: float) -> None:
    """Let what was written since be written again when it is looked at next."""
    since_ms = round(since * 1000)
    tx.execute("UPDATE profile SET digest = NULL WHERE collected_ms >= ?", (since_ms,))
    tx.execute("UPDATE gear SET digest = NULL, seen = NULL WHERE collected_ms >= ?", (since_ms,))


def forget(tx: Transaction, athlete_id: int) -> None:
    """Delete all of this about an athlete."""
    tx.execute("DELETE FROM profile WHERE athlete_id = ?", (athlete_id,))
    tx.execute("DELETE FROM gear WHERE athlete_id = ?", (athlete_id,))


def _make_gear(tx: Transaction, athlete_id: int, gear_id: str) -> None:
    tx.execute("INSERT OR IGNORE INTO gear (athlete_id, gear_id) VALUES (?, ?)", (athlete_id, gear_id))


def _news(row: Optional[Row], digest: str, now: float) -> Optional[int]:
    """The time of a new event in milliseconds, later than that of the last one whatever the clock does."""
    if row is None or row["digest"] == digest:
        return None
    last = row["collected_ms"]
    return round(now * 1000) if last is None else max(round(now * 1000), last + 1)
