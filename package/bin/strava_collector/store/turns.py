"""Whose turn it is: which waiting job is claimed next, so that nobody starves.

Within a priority, jobs go in the order of their due times, and athletes take turns. An athlete's live fetches are
paced: three at once, then one per *cooldown*. That holds across processes, because it is counted in the store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Optional

from strava_collector.job import Priority
from strava_collector.store.sqlite import Transaction

#: So many live fetches of one athlete go at once before the cooldown holds them up.
AT_ONCE = 3
#: What is usual of one athlete: so many live fetches at once, and one in so many seconds. Beyond it is a backlog.
USUAL = 20
USUAL_EVERY = 1800.0
#: Nobody counts as busier than by two turns beyond what is usual.
_BUSIEST = (USUAL + 2) * USUAL_EVERY


@dataclass(frozen=True)
class Rules:
    """Who may have a turn."""

    #: The athletes whose jobs may be claimed; None is all.
    athletes: Optional[Collection[int]] = None
    #: The lowest priority that has a turn.
    lowest: Priority = Priority.HISTORY
    #: An athlete with so many jobs under way has to wait, so that calls that hang leave room for others.
    per_athlete: int = 1_000_000
    #: Seconds for each of an athlete's live fetches beyond three.
    cooldown: float = 0.0
    #: Live jobs of an athlete who has had many have a turn.
    backlog: bool = True


@dataclass(frozen=True)
class Turn:
    """An athlete's earliest waiting job of a priority."""

    priority: Priority
    athlete_id: int
    #: When it may be claimed, in epoch seconds.
    at: float
    #: Earlier ones go first. The due time, or when the athlete last had a turn, if that is later.
    order: float
    #: Of those with the same order, who has had a turn less lately goes first.
    paid_until: float = 0.0


def next_turn(tx: Transaction, input: str, rules: Rules, now: float) -> Optional[Turn]:
    """Return whose turn it is now, None if nobody's is."""
    for priority in Priority:
        turns = [turn for turn in _turns(tx, input, priority, rules, now) if turn.at <= now]
        if turns:
            return min(turns, key=lambda turn: (turn.order, turn.paid_until, turn.athlete_id))
    return None


def next_at(tx: Transaction, input: str, rules: Rules, now: float) -> Optional[float]:
    """Return when the next turn is, in epoch seconds, maybe past; None if nothing waits."""
    return min(
        (turn.at for priority in Priority for turn in _turns(tx, input, priority, rules, now)),
        default=None,
    )


def waiting_athletes(tx: Transaction, input: str) -> frozenset[int]:
    """Return the athletes who have waiting jobs."""
    return frozenset(athlete_id for priority in Priority for athlete_id, *_ in _heads(tx, input, priority))


def take(tx: Transaction, athlete_id: int, priority: Priority, cooldown: float, now: float) -> None:
    """Note that the athlete has a turn now."""
    if priority is not Priority.LIVE:
        return
    row = tx.execute("SELECT paid_until, busy_until FROM pace WHERE athlete_id = ?", (athlete_id,)).fetchone()
    paid_until, busy_until = (0.0, 0.0) if row is None else (row["paid_until"], row["busy_until"])
    tx.execute(
        "INSERT OR REPLACE INTO pace (athlete_id, paid_until, busy_until) VALUES (?, ?, ?)",
        (
            athlete_id,
            float(max(now, _sane(paid_until, now + AT_ONCE * cooldown)) + cooldown),
            # However large the backlog is, an hour's rest or two makes room for the next live ride.
            float(min(max(now, _sane(busy_until, now + _BUSIEST)) + USUAL_EVERY, now + _BUSIEST)),
        ),
    )


def give_back(tx: Transaction, athlete_id: int, priority: Priority, cooldown: float) -> None:
    """The turn came to nothing: no call was made."""
    if priority is Priority.LIVE:
        tx.execute(
            "UPDATE pace SET paid_until = paid_until - ?, busy_until = busy_until - ? WHERE athlete_id = ?",
            (float(cooldown), USUAL_EVERY, athlete_id),
        )


def is_backlog(tx: Transaction, athlete_id: int, now: float) -> bool:
    """Whether the turn that the athlete has just taken is one of so many that it counts as history.

    Otherwise one who uploads five thousand old rides would use up the day's calls, and everybody else's rides would
    wait until midnight.
    """
    row = tx.execute("SELECT busy_until FROM pace WHERE athlete_id = ?", (athlete_id,)).fetchone()
    return row is not None and bool(row["busy_until"] - now > USUAL * USUAL_EVERY)


def forget_old(tx: Transaction, before: float) -> None:
    """Delete what says nothing any more."""
    tx.execute("DELETE FROM pace WHERE paid_until < ? AND busy_until < ?", (float(before), float(before)))


def _turns(tx: Transaction, input: str, priority: Priority, rules: Rules, now: float) -> list[Turn]:
    if priority > rules.lowest:
        return []
    under_way = Counter(
        row["athlete_id"]
        for row in tx.execute("SELECT athlete_id FROM job WHERE status = 'working' AND input = ?", (input,)).fetchall()
    )
    turns = []
    for athlete_id, due, paid_until, busy_until in _heads(tx, input, priority):
        if rules.athletes is not None and athlete_id not in rules.athletes:
            continue
        if under_way[athlete_id] >= rules.per_athlete:
            continue
        at = order = due
        if priority is Priority.LIVE:
            paid_until = _sane(paid_until, now + AT_ONCE * rules.cooldown)
            at = max(due, paid_until - (AT_ONCE - 1) * rules.cooldown)
            order = max(due, paid_until)
            if not rules.backlog:
                at = max(at, _sane(busy_until, now + _BUSIEST) - (USUAL - 1) * USUAL_EVERY)
        turns.append(Turn(priority, athlete_id, at, order, paid_until))
    return turns


def _heads(tx: Transaction, input: str, priority: Priority) -> list[tuple[int, float, float, float]]:
    """Each athlete with waiting jobs, when the earliest is due, and the athlete's pace.

    One step in the index per athlete, however many jobs each has.
    """
    rows = tx.execute(
        """
        WITH RECURSIVE head(athlete_id) AS (
            SELECT MIN(athlete_id) FROM job WHERE input = ?1 AND priority = ?2 AND status = 'pending'
            UNION ALL
            SELECT (
                SELECT MIN(athlete_id) FROM job
                WHERE input = ?1 AND priority = ?2 AND status = 'pending' AND athlete_id > head.athlete_id
            ) FROM head WHERE head.athlete_id IS NOT NULL
        )
        SELECT head.athlete_id AS athlete_id,
            (
                SELECT MIN(next_run_at) FROM job
                WHERE input = ?1 AND priority = ?2 AND status = 'pending' AND athlete_id = head.athlete_id
            ) AS due,
            COALESCE(pace.paid_until, 0.0) AS paid_until,
            COALESCE(pace.busy_until, 0.0) AS busy_until
        FROM head LEFT JOIN pace ON pace.athlete_id = head.athlete_id WHERE head.athlete_id IS NOT NULL
        """,
        (input, int(priority)),
    )
    return [(row["athlete_id"], row["due"], row["paid_until"], row["busy_until"]) for row in rows.fetchall()]


def _sane(time: float, latest: float) -> float:
    """A time that is later than any can be was set before the clock was set back, or a setting changed."""
    rounding = 0.001
    return time if time <= latest + rounding else 0.0
