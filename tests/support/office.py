"""An operator's desk over a store, in virtual time."""

from __future__ import annotations

from pathlib import Path

from strava_collector.admin import jobs
from strava_collector.admin_desk import Desk
from strava_collector.admin_rows import Row
from strava_collector.job import Job, Outcome, Status
from strava_collector.store import inbox, queue
from strava_collector.store.database import Database, Transaction
from strava_collector.store.inbox import State
from tests.support.clock import VirtualClock
from tests.support.store import RIDES, join, notification

ANNA = 134815


class Office:
    """A store, a clock and whoever works there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "store"
        self.clock = VirtualClock()
        self.store = Database(self.folder, clock=self.clock)
        self.pauses = 0
        self.desk = Desk(self.folder, self.clock, pause=self.pass_time)

    def pass_time(self, seconds: float) -> None:
        self.pauses += 1
        self.clock.advance(seconds)

    def do(self, verb: str, **texts: str) -> list[Row]:
        return jobs(self.desk, verb, texts)

    def one(self, verb: str, **texts: str) -> Row:
        (row,) = self.do(verb, **texts)
        return row

    def job(self, job_id: object) -> Job:
        with self.store.read() as tx:
            found = queue.find(tx, int(str(job_id)))
        assert found is not None
        return found

    def ended(
        self, number: int, status: Status = Status.DONE, outcome: Outcome = Outcome.COLLECTED, error: str = ""
    ) -> int:
        """A job of activity ``number`` that has ended now."""
        with self.store.write() as tx:
            return ended(tx, number, status, outcome, error, self.clock.now())

    def failed(self, number: int) -> int:
        return self.ended(number, Status.FAILED, Outcome.DEAD_LETTER, "Strava said 404.")

    def dead_notification(self, number: int) -> int:
        with self.store.write() as tx:
            arrival = inbox.add(tx, input=RIDES, notification=notification(number), received_at=self.clock.now())
            inbox.mark(tx, [arrival.notification_id], State.DEAD_LETTER, reason="It was forged.", now=self.clock.now())
        return arrival.notification_id


def ended(
    tx: Transaction, number: int, status: Status, outcome: Outcome, error: str, now: float, input: str = RIDES
) -> int:
    joined = join(tx, number, input=input, now=now, due_at=now)
    job = queue.claim(tx, input=input, now=now)
    assert job is not None
    assert job.id == joined.job_id
    assert queue.finish(tx, job, status=status, outcome=outcome, error=error or None, now=now)
    return job.id
