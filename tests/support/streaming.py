"""An input that collects samples, and the jobs of these."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable

from strava_collector.job import Job, Kind, Priority, Reason
from strava_collector.store import queue
from strava_collector.transport import Answer
from tests.support.collecting import ANNA, INPUT, Collecting
from tests.support.scripted_transport import answer

STREAMING = replace(INPUT, streams=True)

START = 1_780_290_000


def streams(seconds: int = 3, **data: object) -> Answer:
    """Strava's answer with streams."""
    columns = {"time": list(range(seconds)), "watts": [200] * seconds, **data}
    return answer({name: {"data": values} for name, values in columns.items()})


Streaming = Callable[..., Collecting]


def jobs(c: Collecting, kind: Kind = Kind.STREAMS) -> list[Job]:
    return [job for job in c.jobs() if job.kind is kind]


def the_job(c: Collecting) -> Job:
    (job,) = jobs(c)
    return job


def enqueue(c: Collecting, priority: Priority, *, activity: int = 7, force: bool = False) -> None:
    with c.database.write() as tx:
        queue.join(
            tx,
            kind=Kind.ACTIVITY,
            activity_id=activity,
            athlete_id=ANNA,
            input=INPUT.name,
            reason=Reason.MANUAL,
            priority=priority,
            force=force,
            due_at=c.clock.now(),
            now=c.clock.now(),
            trail="trail",
        )
