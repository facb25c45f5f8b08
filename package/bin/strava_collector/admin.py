"""What operators do with jobs: each verb once, for the REST endpoint and for the command line.

They work on the store, beside the inputs that run, and while none runs. Nobody here waits for Strava or for an input:
what is to be fetched is put into the queue, and the bell is rung. Nothing is deleted that has not ended, and nothing
of the ledger.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Mapping
from typing import Callable

from strava_collector.admin_arguments import FARTHEST, JOBS, MOST_ROWS, Given, WrongArgument, thing
from strava_collector.admin_desk import Desk, NothingSuch, Refused, note, refuse_departed, yes
from strava_collector.admin_reindex import reindex
from strava_collector.admin_rows import Row, count_row, dead_letter_row, job_row, notifications_row, trail_row
from strava_collector.errors import AnotherProcess
from strava_collector.job import Kind, Priority, Reason, Status
from strava_collector.store import (
    bell,
    crashed_jobs,
    dead_letters,
    inbox,
    inputs,
    job_list,
    job_trail,
    origin,
    queue,
    replay,
    sweeps,
)
from strava_collector.store.database import Database, Transaction
from strava_collector.store.process_lock import input_lock

log = logging.getLogger(__name__)

#: Rows of a list, unless somebody says how many.
ROWS = 50

#: Later than any time, in epoch seconds.
_NEVER = 1e12


def jobs(desk: Desk, verb: str, texts: Mapping[str, str]) -> list[Row]:
    """Do a verb of ``strava_jobs`` with its arguments as text.

    Raises WrongArgument, NothingSuch, Refused and StoreUnavailable.
    """
    given = Given(JOBS[verb], texts)
    try:
        return _VERBS[verb](desk, given)
    except dead_letters.NoSuchDeadLetter as error:
        raise NothingSuch(str(error)) from None
    except (dead_letters.NotADeadLetter, dead_letters.PermissionWithdrawn) as error:
        raise Refused(str(error)) from None


# To read.


def _list(desk: Desk, given: Given) -> list[Row]:
    only, (limit, offset) = given.only(), _window(given)
    with desk.read() as tx:
        return [job_row(job) for job in job_list.newest(tx, only, limit=limit, offset=offset)]


def _dead_letters(desk: Desk, given: Given) -> list[Row]:
    limit, offset = _window(given)
    with desk.read() as tx:
        return [dead_letter_row(one) for one in dead_letters.dead_letters(tx, limit=limit, offset=offset)]


def _counts(desk: Desk, given: Given) -> list[Row]:
    with desk.read() as tx:
        rows = [count_row(count) for count in job_list.counts(tx)]
        states: dict[str, int] = {}
        for input in inputs.with_notifications(tx):
            for state, number in inbox.counts(tx, input).items():
                states[state] = states.get(state, 0) + number
    return rows + [notifications_row(state, number) for state, number in states.items() if number]


def _show(desk: Desk, given: Given) -> list[Row]:
    job_id = given.number("id")
    if job_id is None:
        raise WrongArgument("The argument id is missing: the number of the job, as the list shows it.")
    with desk.read() as tx:
        found = job_trail.find(tx, job_id)
    if found is None:
        raise NothingSuch(
            f"There is no job {job_id} in the store. Finished jobs are deleted after some days, and a retry makes a "
            "new one; look at the list again."
        )
    return [trail_row(found)]


# To change.


def _fetch(desk: Desk, given: Given) -> list[Row]:
    activity_id = given.number("activity_id")
    if activity_id is None:
        raise WrongArgument("The argument activity_id is missing: the number in the activity's address at Strava.")
    athlete_id, wanted, force = given.number("athlete_id"), given.text("input"), given.yes("force")
    with desk.store() as database:
        with database.read() as tx:
            athlete_id = athlete_id or origin.athlete_of(tx, activity_id)
            if athlete_id is None:
                raise Refused(
                    f"The store does not know activity {activity_id}. Say whose it is, with the argument athlete_id."
                )
            known = origin.input_of(tx, activity_id, athlete_id)
            heard_of = {*inputs.with_heartbeats(tx), *inputs.with_notifications(tx)}
        by_configuration = desk.owner(athlete_id, wanted) if desk.owner else None
        input = by_configuration or wanted or known
        if input is None:
            raise Refused(
                f"Nothing says which input fetches for athlete {athlete_id}. Name it with the argument input."
            )
        now = desk.clock.now()
        with database.write() as tx:
            refuse_departed(tx, athlete_id)
            joined = queue.join(
                tx,
                kind=Kind.ACTIVITY,
                activity_id=activity_id,
                athlete_id=athlete_id,
                input=input,
                reason=Reason.MANUAL,
                priority=Priority.LIVE,
                force=force,
                due_at=now,
                now=now,
                trail=uuid.uuid4().hex[:12],
            )
    bell.ring(desk.folder)
    note("fetch", trail=joined.trail, activity_id=activity_id, athlete_id=athlete_id, input=input)
    how = "shares the fetch that waits already" if joined.merged else "waits for its turn"
    said = f"Job {joined.job_id} of the input “{input}” {how}."
    if not desk.is_running(input):
        is_known = by_configuration is not None or input == known or input in heard_of
        said += _WAITS if is_known else _UNKNOWN + _heard_of(heard_of)
    return [
        {
            "job": joined.job_id,
            "activity_id": activity_id,
            "athlete_id": athlete_id,
            "input": input,
            "trail": joined.trail,
            "said": said,
        }
    ]


_WAITS = " The input does not run now; the fetch is made when it does."
_UNKNOWN = (
    " But the store has heard of no input of this name; if there is none, the input of the athlete's application takes "
    "the fetch over within minutes."
)


def _heard_of(names: Collection[str]) -> str:
    return f" It has heard of {', '.join(f'“{name}”' for name in sorted(names))}." if names else ""


def _retry(desk: Desk, given: Given) -> list[Row]:
    wanted, everything = given.text("id"), given.yes("all")
    if (wanted is None) != everything:
        raise WrongArgument("Say either which dead letter to retry, with id, or all of them, with all.")
    now = desk.clock.now()
    if wanted is None:
        with desk.store() as database:
            done, more = desk.batches(database, lambda tx: dead_letters.retry_all(tx, now))
            left = 0
            if not more:
                with database.read() as tx:
                    left = dead_letters.count_dead_letters(tx)
        note("retry", retried=done)
        return [{"verb": "retry", "retried": done, "left": left, "more": yes(more)}]
    what, number = thing(wanted)
    with desk.store() as database, database.write() as tx:
        again = (dead_letters.retry_job if what == "job" else dead_letters.retry_notification)(tx, number, now)
    bell.ring(desk.folder)
    note("retry", trail=again.trail)
    job = "" if again.job_id is None else again.job_id
    return [{"verb": "retry", "retried": 1, "job": job, "trail": again.trail, "more": yes(False)}]


def _reclaim(desk: Desk, given: Given) -> list[Row]:
    rows: list[Row] = []
    with desk.store() as database:
        with database.read() as tx:
            working = job_list.working(tx)
        for input in sorted(working):
            reclaimed, runs = _reclaim_from(desk, database, input)
            if reclaimed:
                bell.ring(desk.folder)
            with database.read() as tx:
                left = job_list.working(tx).get(input, 0)
            rows.append(
                {
                    "input": input,
                    "reclaimed": reclaimed,
                    "left": left,
                    "said": "The input runs; what its leases still cover is left to it."
                    if runs
                    else "No process works for the input; all that it had begun waits again.",
                }
            )
            note("reclaim", input=input, reclaimed=reclaimed, left=left)
    return rows


def _reclaim_from(desk: Desk, database: Database, input: str) -> tuple[int, bool]:
    """Return how many jobs of the input wait again, and whether it runs."""
    now = desk.clock.now()
    lock = input_lock(desk.folder, input)
    try:
        lock.acquire(0.0)
    except AnotherProcess:
        with database.write() as tx:
            return crashed_jobs.expire(tx, now=now, input=input), True
    try:
        with database.write() as tx:
            return crashed_jobs.take_over(tx, input=input, now=now), False
    finally:
        lock.release()


def _replay(desk: Desk, given: Given) -> list[Row]:
    now = desk.clock.now()
    since = given.moment("since", now)
    text = given.text("cursor")
    cursor = replay.read_cursor(text) if text else replay.ReplayCursor()
    if cursor is None:
        raise WrongArgument("The argument cursor has to be as the answer of an earlier replay said it.")
    steps: list[replay.Replayed] = [replay.Replayed(cursor=cursor)]

    def step(tx: Transaction) -> int:
        before = steps[-1].cursor
        if before is None:
            return 0
        steps.append(replay.replay_since(tx, since=since, now=now, cursor=before))
        return 1

    with desk.store() as database:
        _, more = desk.batches(database, step)
    last = steps[-1].cursor if more else None
    row: Row = {
        "verb": "replay",
        "notifications": sum(one.notifications for one in steps),
        "tombstones": sum(one.tombstones for one in steps),
        "fetches": sum(one.fetches for one in steps),
        "more": yes(last is not None),
        "cursor": "" if last is None else replay.write_cursor(last),
    }
    note("replay", since=since, **{name: int(str(row[name])) for name in ("notifications", "tombstones", "fetches")})
    return [row]


def _delete(desk: Desk, given: Given) -> list[Row]:
    status, hours, everything = given.word("status", Status), given.hours("older_than"), given.yes("all")
    if status not in (Status.DONE, Status.FAILED):
        raise WrongArgument(
            "Say with status what to delete: done or failed. What waits or is worked on is not deleted."
        )
    if (hours is None) != everything:
        raise WrongArgument("Say either how old it has to be, in hours, with older_than, or all.")
    before = _NEVER if hours is None else desk.clock.now() - hours * 3600.0
    with desk.store() as database:
        if status is Status.DONE:
            deleted, more = desk.batches(database, lambda tx: sweeps.prune(tx, before=before))
            letters = 0
        else:
            deleted, more = desk.batches(database, lambda tx: sweeps.prune_dead_letters(tx, before=before))
            letters, more_letters = desk.batches(database, lambda tx: inbox.prune_dead_letters(tx, before=before))
            more = more or more_letters
    note("delete", status=status.value, jobs=deleted, notifications=letters)
    return [{"verb": "delete", "jobs": deleted, "notifications": letters, "more": yes(more)}]


_VERBS: Mapping[str, Callable[[Desk, Given], list[Row]]] = {
    "list": _list,
    "dead_letters": _dead_letters,
    "counts": _counts,
    "show": _show,
    "fetch": _fetch,
    "retry": _retry,
    "reclaim": _reclaim,
    "replay": _replay,
    "reindex": reindex,
    "delete": _delete,
}


def _window(given: Given) -> tuple[int, int]:
    return given.number("limit", most=MOST_ROWS) or ROWS, given.number("offset", least=0, most=FARTHEST) or 0
