"""What the add-on's store says, read without writing to it: what waits, what was given up, who has to reconnect."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WaitingJob:
    """A job that has not ended."""

    kind: str
    activity_id: int
    athlete_id: int
    status: str
    error: str | None


@dataclass(frozen=True)
class Waiting:
    """What has not ended."""

    notifications: int
    jobs: tuple[WaitingJob, ...]


class StoreView:
    """Reads the database of the add-on, which may be at work or not."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def waiting(self) -> Waiting | None:
        """Notifications that are not dispatched and jobs that are not finished; None while it cannot be read."""
        try:
            with self._open() as store:
                (notifications,) = store.execute(
                    "SELECT COUNT(*) FROM notification WHERE state IN ('pending', 'dispatching')"
                ).fetchone()
                jobs = store.execute(
                    "SELECT kind, activity_id, athlete_id, status, error FROM job"
                    " WHERE status IN ('pending', 'working')"
                ).fetchall()
        except (sqlite3.Error, FileNotFoundError):
            return None
        return Waiting(int(notifications), tuple(WaitingJob(*job) for job in jobs))

    def must_reconnect(self) -> list[int]:
        """The athletes whose access is broken; none while that cannot be read."""
        try:
            with self._open() as store:
                rows = store.execute("SELECT athlete_id FROM athlete WHERE state = 'needs to reconnect'").fetchall()
        except (sqlite3.Error, FileNotFoundError):
            return []
        return [int(athlete_id) for (athlete_id,) in rows]

    def notifications(self, state: str) -> list[str]:
        """The bodies of the notifications in this state, as JSON."""
        with self._open() as store:
            rows = store.execute("SELECT body FROM notification WHERE state = ?", (state,)).fetchall()
        return [str(body) for (body,) in rows]

    def dead_letters(self) -> dict[int, str]:
        """The errors of the activities whose newest job was given up for good."""
        with self._open() as store:
            rows = store.execute(
                "SELECT activity_id, error FROM job AS one WHERE status = 'failed' AND kind = 'activity'"
                " AND id = (SELECT MAX(id) FROM job WHERE activity_id = one.activity_id AND kind = 'activity')"
            ).fetchall()
        return {int(activity_id): str(error) for activity_id, error in rows}

    def counters(self) -> dict[str, int]:
        """What the add-on itself counted, by name; empty if it does not count."""
        try:
            with self._open() as store:
                rows = store.execute("SELECT name, SUM(value) FROM counter GROUP BY name").fetchall()
        except sqlite3.OperationalError:
            return {}
        return {str(name): int(value) for name, value in rows}

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        found = sorted(self._home.rglob("ta_strava_webhook/strava.db"))
        if not found:
            raise FileNotFoundError("The store has not been made yet.")
        with closing(sqlite3.connect(f"{found[0].as_uri()}?mode=ro", uri=True, timeout=5.0)) as connection:
            yield connection
