"""What is collected, page by page: for whoever wants it collected again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

from strava_collector.store.sqlite import Row, Transaction

#: Larger than any id.
_LAST_ID = 2**63 - 1


@dataclass(frozen=True)
class Days:
    """Days on which activities began, inclusive, as ``2026-01-31``; None is open."""

    first: Optional[str] = None
    last: Optional[str] = None


@dataclass(frozen=True)
class Position:
    """The last activity that was looked at. Athletes come by their numbers, each one's activities newest first."""

    athlete_id: int
    start_date: str
    activity_id: int

    def __str__(self) -> str:
        return f"{self.athlete_id}/{self.start_date}/{self.activity_id}"


@dataclass(frozen=True)
class Collected:
    """An activity that is in the index."""

    position: Position
    #: The input that wrote it last.
    input: str


def read_position(text: str) -> Optional[Position]:
    """Return what ``str`` made of a position; None for anything else."""
    found = re.match(r"([0-9]{1,18})/([0-9T:Z-]{20})/([0-9]{1,18})\Z", text)
    return None if found is None else Position(int(found[1]), found[2], int(found[3]))


def athletes(tx: Transaction, *, least: int = 0) -> list[int]:
    """Return the athletes of whom anything is collected, by number from ``least`` on; one step in the index each."""
    found: list[int] = []
    while True:
        row: Row = tx.execute(
            "SELECT MIN(athlete_id) AS next FROM activity"
            " WHERE athlete_id >= ? AND deleted = 0 AND start_date IS NOT NULL",
            (found[-1] + 1 if found else least,),
        ).fetchone()
        if row["next"] is None:
            return found
        found.append(row["next"])


def page(
    tx: Transaction, athlete_id: int, days: Days, *, after: Optional[Position] = None, limit: int = 200
) -> list[Collected]:
    """Return an athlete's activities that began on these days and are not deleted, those after the position."""
    start, number = ("~", _LAST_ID) if after is None else (after.start_date, after.activity_id)
    rows = tx.execute(
        # Times go on where days end, and the tilde comes after all that a time can go on with.
        "SELECT activity_id, start_date, input FROM activity WHERE athlete_id = ? AND deleted = 0"
        " AND start_date IS NOT NULL AND input IS NOT NULL AND start_date >= ? AND start_date <= ?"
        " AND (start_date < ? OR activity_id < ?)"
        " ORDER BY start_date DESC, activity_id DESC LIMIT ?",
        (athlete_id, days.first or "", min(start, f"{days.last or ''}~"), start, number, limit),
    )
    return [
        Collected(Position(athlete_id, row["start_date"], row["activity_id"]), row["input"]) for row in rows.fetchall()
    ]
