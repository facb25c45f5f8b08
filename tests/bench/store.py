"""What it costs to take a notification, to queue a job and to claim one, in tables of a thousand to a million rows.

Two times are taken of each operation. *Transaction* is from its begin to the end of its commit, which waits for the
disk: that is what a caller pays, and what is judged. *Statements* is the part between: what could grow with the table,
and nothing else.

All sizes are measured in one run, in rounds that visit them in turn, so that whatever else the host does hits all of
them alike; a ratio compares two sizes within one round.
"""

from __future__ import annotations

import itertools
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Callable

from strava_collector.clock import SystemClock
from strava_collector.job import Kind, Outcome, Priority, Reason, Status
from strava_collector.store import inbox, queue
from strava_collector.store.database import Database, Transaction
from strava_collector.webhook import Notification, notification_from_json
from tests.bench.rows import ATHLETES, INPUT, NEW_IDS, NOW, activity_id, fill
from tests.bench.verdict import Verdict

SIZES = (1_000, 10_000, 100_000, 1_000_000)
ROUNDS = 50
#: Of each operation, per size and round.
OPERATIONS = 10

#: Notifications in one commit, as many as the listener's committer takes at once.
BATCH = 200

#: One notification of so many is about an edit, the others are about new activities. People edit what they have just
#: uploaded: one of so many newest activities, whatever else the tables hold.
EDIT_OF = 5
EDITED = 1_000

_COOLDOWN = 15.0


@dataclass(frozen=True)
class Times:
    """How long one operation took, in seconds."""

    statements: float
    transaction: float


@dataclass
class Samples:
    """Seconds that an operation took, by round."""

    statements: list[list[float]] = field(default_factory=list)
    transaction: list[list[float]] = field(default_factory=list)

    def add(self, times: Sequence[Times]) -> None:
        """Add a round."""
        self.statements.append([one.statements for one in times])
        self.transaction.append([one.transaction for one in times])


@dataclass(frozen=True)
class Ratio:
    """How much more an operation costs at a size than at the smallest one: quartiles over the rounds."""

    low: float
    median: float
    high: float


class Subject:
    """A store of one size, and the operations on it. Each leaves as many rows of each kind as there were."""

    def __init__(self, store: Database, rows: int) -> None:
        self._store = store
        self._rows = rows
        self._ids = itertools.count(NEW_IDS)
        self._now = NOW

    def add(self, count: int) -> Iterator[Times]:
        """Take notifications, each in a transaction of its own."""
        for _ in range(count):
            new = self._notifications(1)
            yield self._timed(lambda tx, new=new: self._add(tx, new))  # type: ignore[misc]  # a lambda's default
        self._forget_new()

    def add_batch(self, count: int) -> Iterator[Times]:
        """Take as many notifications as a commit may hold; the times are those of one."""
        new = self._notifications(BATCH)
        times = self._timed(lambda tx: self._add(tx, new))
        yield Times(times.statements / BATCH, times.transaction / BATCH)
        self._forget_new()

    def join(self, count: int) -> Iterator[Times]:
        """Queue live jobs of new activities."""
        for number in itertools.islice(self._ids, count):
            yield self._timed(lambda tx, it=number: self._join(tx, it, 1 + it % ATHLETES))  # type: ignore[misc]  # same
        self._forget_new()

    def claim(self, count: int) -> Iterator[Times]:
        """Claim what is due and finish it."""
        for _ in range(count):
            # So much later that no athlete is held up by the cooldown.
            self._now += 60.0
            claimed: list[int] = []
            yield self._timed(lambda tx, ids=claimed: ids.append(self._claim_and_finish(tx)))  # type: ignore[misc]  # same
            # Another one waits in its stead, as due as it was.
            with self._store.write() as tx:
                row = tx.execute("SELECT * FROM job WHERE id = ?", (claimed[0],)).fetchone()
                tx.execute("DELETE FROM job WHERE id = ?", (row["id"],))
                self._join(tx, row["activity_id"], row["athlete_id"], due_at=row["next_run_at"])

    def _notifications(self, count: int) -> list[Notification]:
        return [self._notification(number) for number in itertools.islice(self._ids, count)]

    def _notification(self, number: int) -> Notification:
        edit = number % EDIT_OF == 0
        row = self._rows - 1 - number * 7_919 % min(EDITED, self._rows)
        body = {
            "object_type": "activity",
            "object_id": activity_id(row) if edit else number,
            "aspect_type": "update" if edit else "create",
            "owner_id": 1 + (row if edit else number) % ATHLETES,
            "subscription_id": 120475,
            "event_time": 1_780_293_600 + number - NEW_IDS,
            "updates": {"title": f"Ride {number}"} if edit else {},
        }
        return notification_from_json(json.dumps(body))

    @staticmethod
    def _add(tx: Transaction, notifications: list[Notification]) -> None:
        for notification in notifications:
            inbox.add(tx, input=INPUT, notification=notification, received_at=NOW)

    def _forget_new(self) -> None:
        with self._store.write() as tx:
            tx.execute("DELETE FROM notification WHERE id > ?", (self._rows,))
            tx.execute("DELETE FROM job WHERE activity_id >= ?", (NEW_IDS,))

    def _claim_and_finish(self, tx: Transaction) -> int:
        athletes = frozenset(range(1, ATHLETES + 1))
        job = queue.claim(tx, input=INPUT, now=self._now, athletes=athletes, per_athlete=2, cooldown=_COOLDOWN)
        if job is None or job.priority is not Priority.LIVE:
            raise AssertionError(f"A live job is due at any time here, but {job} was claimed.")
        queue.finish(tx, job, status=Status.DONE, outcome=Outcome.COLLECTED, error=None, now=self._now)
        return job.id

    @staticmethod
    def _join(tx: Transaction, activity_id: int, athlete_id: int, due_at: float = NOW) -> None:
        queue.join(
            tx,
            kind=Kind.ACTIVITY,
            activity_id=activity_id,
            athlete_id=athlete_id,
            input=INPUT,
            reason=Reason.WEBHOOK,
            priority=Priority.LIVE,
            force=False,
            due_at=due_at,
            now=NOW,
            trail="0123456789ab",
        )

    def _timed(self, operation: Callable[[Transaction], object]) -> Times:
        begin = time.perf_counter()
        with self._store.write() as tx:
            inside = time.perf_counter()
            operation(tx)
            done = time.perf_counter()
        return Times(done - inside, time.perf_counter() - begin)


#: By the name in the table: how the subject does it.
OPERATION: dict[str, Callable[[Subject, int], Iterator[Times]]] = {
    "inbox.add": Subject.add,
    f"inbox.add, one of {BATCH}": Subject.add_batch,
    "queue.join": Subject.join,
    "queue.claim and finish": Subject.claim,
}


def measure(sizes: Sequence[int] = SIZES, rounds: int = ROUNDS) -> dict[str, dict[int, Samples]]:
    """Return what was measured, by operation and size."""
    samples = {name: {size: Samples() for size in sizes} for name in OPERATION}
    with TemporaryDirectory(prefix="bench-") as folder, ExitStack() as stack:
        subjects = {}
        for size in sizes:
            began = time.monotonic()
            with closing(_store(Path(folder), size)) as store:
                fill(store, size)
            # Opened anew: what filling has left in log and cache is gone.
            subjects[size] = Subject(stack.enter_context(closing(_store(Path(folder), size))), size)
            print(f"filled {size:,} rows in {time.monotonic() - began:.1f} s", flush=True)
        for round_number in range(-1, rounds):  # round -1 warms up
            for size, (name, operation) in itertools.product(sizes, OPERATION.items()):
                times = list(operation(subjects[size], OPERATIONS))
                if round_number >= 0:
                    samples[name][size].add(times)
    return samples


def _store(folder: Path, size: int) -> Database:
    return Database(folder / f"rows-{size}", clock=SystemClock())


def ratio(few: list[list[float]], many: list[list[float]]) -> Ratio:
    """Compare two sizes round by round, by the medians of each round."""
    ratios = [statistics.median(m) / statistics.median(f) for f, m in zip(few, many)]
    low, median, high = statistics.quantiles(ratios, n=4)
    return Ratio(low, median, high)


def table(samples: dict[str, dict[int, Samples]]) -> str:
    """Return the figures as text."""
    heads = f"{'ms':>8} {'quartiles':>13} {'ratio':>6} {'quartiles':>11}"
    lines = [
        f"{'':24} {'':>9}   {'transaction':^41}   {'statements':^41}",
        f"{'operation':24} {'rows':>9}   {heads}   {heads}",
    ]
    for name, by_size in samples.items():
        smallest = by_size[min(by_size)]
        for size, one in by_size.items():
            columns = (_columns(smallest.transaction, one.transaction), _columns(smallest.statements, one.statements))
            lines.append(f"{name:24} {size:9,}   {'   '.join(columns)}")
    return "\n".join(lines)


def _columns(few: list[list[float]], many: list[list[float]]) -> str:
    low, median, high = statistics.quantiles([1_000 * one for times in many for one in times], n=4)
    to_few = ratio(few, many)
    spread, ratios = f"{low:.3f}–{high:.3f}", f"{to_few.low:.2f}–{to_few.high:.2f}"
    return f"{median:8.3f} {spread:>13} {to_few.median:6.2f} {ratios:>11}"


def verdicts(samples: dict[str, dict[int, Samples]]) -> list[Verdict]:
    """Judge what was measured: the operation whose cost grows most."""
    sizes = next(iter(samples.values()))
    few, many = min(sizes), max(sizes)
    worst = max(ratio(by_size[few].transaction, by_size[many].transaction).median for by_size in samples.values())
    return [
        Verdict(
            name="enqueue and claim at 10^6 rows against 10^3 rows",
            value=worst,
            must=1.5,
            aim=1.1,
            unit="times the cost",
        )
    ]


def raw(samples: dict[str, dict[int, Samples]]) -> dict[str, object]:
    """Return all that was measured, in seconds, for a JSON file."""
    return {
        name: {str(size): {"statements": one.statements, "transaction": one.transaction} for size, one in sizes.items()}
        for name, sizes in samples.items()
    }
