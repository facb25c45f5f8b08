"""Re-index: what is collected is collected again, for an athlete, a range of days, or all of it.

Each activity gets a job that is forced, with the lowest priority: it keeps to the share of history, and its event is
written again even if nothing has changed.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from typing import Optional

from strava_collector.admin_arguments import Given, WrongArgument
from strava_collector.admin_desk import Desk, NothingSuch, note, refuse_departed, yes
from strava_collector.admin_rows import Row
from strava_collector.errors import CollectorError
from strava_collector.job import Kind, Priority, Reason
from strava_collector.store import backlog, queue
from strava_collector.store.database import Database, Transaction
from strava_collector.store.reindex import Collected, Days, Position, page, read_position
from strava_collector.store.reindex import athletes as collected_athletes

#: With so many jobs waiting at an input nothing is added: notifications need room, too.
MOST_WAITING = 500_000

#: So many sentences about what was left out are enough.
MOST_SAID = 5


@dataclass
class _Progress:
    """How far it has come."""

    fetches: int = 0
    #: Athletes for whom nothing can be fetched.
    left_out: int = 0
    last: Optional[Position] = None
    #: Sentences about what was left out, each once.
    said: dict[str, None] = field(default_factory=dict)


def reindex(desk: Desk, given: Given) -> list[Row]:
    """Do the verb. Raises WrongArgument, NothingSuch, Refused and StoreUnavailable."""
    days, athlete_id = _days(given), _athlete(desk, given)
    progress, more = _Progress(last=_position(given)), False
    with desk.store() as database:
        begin = desk.clock.monotonic()
        for one in _athletes(database, athlete_id, progress.last):
            try:
                owner = _owner(desk, database, one)
            except CollectorError as error:
                if athlete_id is not None:
                    raise
                progress.left_out += 1
                progress.said[str(error)] = None
                continue
            if owner is not None and _is_full(database, owner):
                more = True
                progress.said[f"At the input “{owner}” {MOST_WAITING:,} jobs wait: go on when they are fewer."] = None
            else:
                more = _collect_again(desk, database, one, owner, days, progress, begin)
            if more:
                break
    note("reindex", fetches=progress.fetches, left_out=progress.left_out)
    left_out = list(progress.said)[:MOST_SAID]
    fetches = "1 activity is" if progress.fetches == 1 else f"{progress.fetches} activities are"
    return [
        {
            "verb": "reindex",
            "fetches": progress.fetches,
            "left_out": progress.left_out,
            "more": yes(more),
            "cursor": str(progress.last or "") if more else "",
            "said": " ".join([f"{fetches} collected again, within the share of history.", *left_out]),
        }
    ]


def _days(given: Given) -> Days:
    days = Days(given.day("from"), given.day("to"))
    if days.first is not None and days.last is not None and days.first > days.last:
        raise WrongArgument("The argument from is a day after that of to.")
    if given.yes("all") == any(given.text(name) is not None for name in ("athlete", "from", "to")):
        raise WrongArgument("Say what to collect again: an athlete, the days with from and to, or all of it with all.")
    return days


def _position(given: Given) -> Optional[Position]:
    text = given.text("cursor")
    position = None if text is None else read_position(text)
    if text is not None and position is None:
        raise WrongArgument("The argument cursor has to be as the answer of an earlier reindex said it.")
    return position


def _athlete(desk: Desk, given: Given) -> Optional[int]:
    """The athlete who is meant; None for all. A row may have a name of digits: then it is the row that is meant."""
    text = given.text("athlete")
    if text is None:
        return None
    is_number = re.match(r"[0-9]{1,18}\Z", text) is not None
    if desk.athlete_named is not None:
        try:
            return desk.athlete_named(text)
        except CollectorError:
            if not is_number:
                raise
    if not is_number:
        raise WrongArgument("The argument athlete has to be the athlete's number at Strava: rows are not known here.")
    return int(text)


def _athletes(database: Database, athlete_id: Optional[int], after: Optional[Position]) -> list[int]:
    with database.read() as tx:
        if athlete_id is None:
            return collected_athletes(tx, least=0 if after is None else after.athlete_id)
        if not page(tx, athlete_id, Days(), limit=1):
            raise NothingSuch(f"The store knows no activity of athlete {athlete_id} that is not deleted.")
    return [athlete_id]


def _owner(desk: Desk, database: Database, athlete_id: int) -> Optional[str]:
    """The input that fetches, by the configuration; None if that is not known. Raises a CollectorError if none can."""
    with database.read() as tx:
        refuse_departed(tx, athlete_id)
    return desk.owner(athlete_id, None) if desk.owner else None


def _is_full(database: Database, input: str) -> bool:
    with database.read() as tx:
        return backlog.count(tx, input=input, limit=MOST_WAITING) >= MOST_WAITING


def _collect_again(
    desk: Desk, database: Database, athlete_id: int, owner: Optional[str], days: Days, progress: _Progress, begin: float
) -> bool:
    """Make the jobs of one athlete; whether there may be more to do than the budget had time for.

    Without an owner the input fetches that has written the activity last; the one that is the owner takes over.
    """
    after = progress.last if progress.last is not None and progress.last.athlete_id == athlete_id else None

    def batch(tx: Transaction) -> int:
        nonlocal after
        found = page(tx, athlete_id, days, after=after)
        for one in found:
            _join(tx, one, owner or one.input, desk.clock.now())
        if found:
            progress.last = after = found[-1].position
        return len(found)

    done, more = desk.batches(database, batch, since=begin)
    progress.fetches += done
    return more


def _join(tx: Transaction, one: Collected, input: str, now: float) -> None:
    queue.join(
        tx,
        kind=Kind.ACTIVITY,
        activity_id=one.position.activity_id,
        athlete_id=one.position.athlete_id,
        input=input,
        reason=Reason.MANUAL,
        priority=Priority.HISTORY,
        force=True,
        due_at=now,
        now=now,
        trail=uuid.uuid4().hex[:12],
    )
