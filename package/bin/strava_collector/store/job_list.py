"""Jobs as operators ask for them: the newest first, with filters, and how many of each sort there are.

A store may hold a million jobs. The index ``job_group`` keeps those of each athlete, status, reason and outcome
together, in the order in which they were made; a list takes the newest of each group that fits, until it has enough.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Optional

from strava_collector.job import Job, Outcome, Reason, Status
from strava_collector.store import queue
from strava_collector.store.sqlite import Transaction

#: Ids that are read at once from a group that has given its newest.
_AT_ONCE = 200

#: Later than any id.
_BEYOND = 2**63 - 1


@dataclass(frozen=True)
class Only:
    """Which jobs; None is any."""

    status: Optional[Status] = None
    athlete_id: Optional[int] = None
    reason: Optional[Reason] = None


class Group(NamedTuple):
    """What jobs of a group have in common; the outcome of a live one is None."""

    athlete_id: int
    status: Status
    reason: Reason
    outcome: Optional[Outcome]


class Count(NamedTuple):
    """How many jobs there are of a sort."""

    status: Status
    reason: Reason
    outcome: Optional[Outcome]
    jobs: int


def newest(tx: Transaction, only: Only, *, limit: int, offset: int = 0) -> list[Job]:
    """Return the jobs that were made last, the newest first; looks at ``limit + offset`` of them."""
    if only == Only():
        rows = tx.execute(
            # From the end of the table; the condition lets SQLite's plan say that it is a search.
            "SELECT id FROM job WHERE id < ? ORDER BY id DESC LIMIT ? OFFSET ?",
            (_BEYOND, limit, offset),
        )
        ids = [int(row["id"]) for row in rows.fetchall()]
    else:
        merged = heapq.merge(*(_ids(tx, group) for group in _groups(tx, only)), reverse=True)
        ids = list(itertools.islice(merged, offset, offset + limit))
    jobs = (queue.find(tx, one) for one in ids)
    return [job for job in jobs if job is not None]


def counts(tx: Transaction) -> list[Count]:
    """Return how many jobs have each status, reason and outcome that there is. Walks through an index of all jobs."""
    found: Counter[tuple[str, str, str]] = Counter()
    rows = tx.execute(
        "SELECT status, reason, outcome, COUNT(*) AS n FROM job GROUP BY athlete_id, status, reason, outcome"
    )
    for row in rows.fetchall():
        found[row["status"], row["reason"], row["outcome"] or ""] += row["n"]
    return [
        Count(Status(status), Reason(reason), Outcome(outcome) if outcome else None, jobs)
        for (status, reason, outcome), jobs in sorted(found.items())
    ]


def of_activity(tx: Transaction, activity_id: int) -> Optional[Job]:
    """Return the newest job for this activity; None if there is none."""
    row = tx.execute(
        "SELECT MAX(id) AS newest FROM job WHERE activity_id = ? AND kind = 'activity'", (activity_id,)
    ).fetchone()
    return None if row["newest"] is None else queue.find(tx, row["newest"])


def working(tx: Transaction) -> dict[str, int]:
    """Return how many jobs each input works on; there are never more than a few."""
    rows = tx.execute("SELECT input FROM job WHERE status = 'working' ORDER BY lease_expires_at")
    return dict(Counter(str(row["input"]) for row in rows.fetchall()))


def _groups(tx: Transaction, only: Only) -> Iterator[Group]:
    """Groups that may have jobs, whether they have any or not."""
    for athlete_id in _athletes(tx) if only.athlete_id is None else [only.athlete_id]:
        for status in Status if only.status is None else [only.status]:
            finished = status in (Status.DONE, Status.FAILED)
            for reason in Reason if only.reason is None else [only.reason]:
                for outcome in Outcome if finished else [None]:
                    yield Group(athlete_id, status, reason, outcome)


def _athletes(tx: Transaction) -> Iterator[int]:
    """All who have jobs, by one search each."""
    last = -(2**63)
    while True:
        row = tx.execute("SELECT athlete_id FROM job WHERE athlete_id > ? ORDER BY athlete_id LIMIT 1", (last,))
        found = row.fetchone()
        if found is None:
            return
        last = found["athlete_id"]
        yield last


def _ids(tx: Transaction, group: Group) -> Iterator[int]:
    """The ids of a group's jobs, the newest first, read as they are needed."""
    before, at_once = _BEYOND, 1
    ended, values = ("IS NULL", ()) if group.outcome is None else ("= ?", (group.outcome.value,))
    while True:
        rows = tx.execute(
            "SELECT id FROM job WHERE athlete_id = ? AND status = ? AND reason = ?"  # noqa: S608 - our own words
            f" AND outcome {ended} AND id < ? ORDER BY id DESC LIMIT ?",
            (group.athlete_id, group.status.value, group.reason.value, *values, before, at_once),
        ).fetchall()
        for row in rows:
            yield row["id"]
        if len(rows) < at_once:
            return
        before, at_once = rows[-1]["id"], _AT_ONCE
