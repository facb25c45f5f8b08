"""Sweeps over the queue: what happens to many jobs at once, because something about them has changed or is over.

Each does a part, 200 rows at most, and returns how many; whoever calls goes on until it is none.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable

from strava_collector.logfmt import line
from strava_collector.outcome import CONTRADICTED, GONE_ONCE, NOT_THERE
from strava_collector.store import counters
from strava_collector.store.sqlite import Transaction
from strava_collector.stream_outcome import NOT_READY

log = logging.getLogger(__name__)


def cancel(tx: Transaction, *, athlete_id: int, now: float, limit: int = 200) -> int:
    """End an athlete's waiting jobs, because nothing of the athlete may be fetched any more; return how many.

    The question whether that is so stays.
    """
    return tx.execute(
        "UPDATE job SET status = 'done', outcome = 'cancelled', updated_at = ? WHERE id IN"
        " (SELECT id FROM job WHERE athlete_id = ? AND status = 'pending' AND kind <> 'athlete' LIMIT ?)",
        (float(now), athlete_id, limit),
    ).rowcount


def give_up_waiting(
    tx: Transaction, *, input: str, athlete_id: int, before: float, error: str, now: float, limit: int = 200
) -> int:
    """Make dead letters of an athlete's waiting jobs that were asked for before ``before``; return how many."""
    given_up = tx.execute(
        "UPDATE job SET status = 'failed', outcome = 'dead letter', error = ?, updated_at = ? WHERE id IN"
        " (SELECT id FROM job WHERE athlete_id = ? AND status = 'pending'"
        " AND input = ? AND created_at < ?"
        # A delete has been believed without asking; the question whether it was true is never given up.
        " AND NOT EXISTS (SELECT 1 FROM activity WHERE activity.activity_id = job.activity_id AND deleted = 1)"
        " LIMIT ?)",
        (error, float(now), athlete_id, input, float(before), limit),
    ).rowcount
    if given_up:
        counters.count(tx, input=input, name=counters.Counted.DEAD_LETTER, by=given_up)
        log.error(line("given_up", athlete_id=athlete_id, jobs=given_up, why=error))
    return given_up


def adopt(
    tx: Transaction, *, old_input: str, new_input: str, athletes: Iterable[int], now: float, limit: int = 200
) -> int:
    """Give waiting jobs of these athletes to another input; return how many."""
    moved = 0
    for athlete_id in athletes:
        if moved < limit:
            moved += tx.execute(
                "UPDATE job SET input = ?, updated_at = ? WHERE id IN (SELECT id FROM job WHERE input = ?"
                " AND priority IN (0, 1, 2) AND status = 'pending' AND athlete_id = ? LIMIT ?)",
                (new_input, float(now), old_input, athlete_id, limit - moved),
            ).rowcount
    return moved


def hurry(tx: Transaction, *, input: str, now: float, limit: int = 200) -> int:
    """Make due what waits after a failure, because the reason may have gone; return how many jobs.

    A second look is not hurried: it is the pause that makes it worth something.
    """
    return tx.execute(
        "UPDATE job SET next_run_at = ?, updated_at = ? WHERE id IN (SELECT id FROM job WHERE input = ?"
        " AND status = 'pending' AND next_run_at > ? AND error IS NOT NULL AND error NOT IN (?, ?, ?, ?) LIMIT ?)",
        (float(now), float(now), input, float(now), CONTRADICTED, GONE_ONCE, NOT_THERE, NOT_READY, limit),
    ).rowcount


def pull_back(
    tx: Transaction, *, input: str, now: float, longest: float, longest_fresh: float = math.inf, limit: int = 200
) -> int:
    """Make due what would wait longer than anything may: the clock was ahead when its time was set.

    What has not been tried waits at most ``longest_fresh`` seconds, anything else ``longest``.
    """
    return tx.execute(
        "UPDATE job SET next_run_at = ?, updated_at = ? WHERE id IN (SELECT id FROM job WHERE input = ?"
        " AND status = 'pending' AND next_run_at > ? AND (error IS NULL OR next_run_at > ?) LIMIT ?)",
        (float(now), float(now), input, now + min(longest, longest_fresh), float(now + longest), limit),
    ).rowcount


def set_right(tx: Transaction, *, input: str, now: float, limit: int = 200) -> int:
    """Let what was put off before the clock was set back wait for as long as was meant, from now on.

    Whatever was written in the future was written by another clock: the pause is right, its end is not.
    """
    return tx.execute(
        "UPDATE job SET next_run_at = ? + MAX(next_run_at - updated_at, 0.0), updated_at = ? WHERE id IN"
        " (SELECT id FROM job WHERE input = ? AND status = 'pending' AND next_run_at > ? AND updated_at > ? LIMIT ?)",
        (float(now), float(now), input, float(now), float(now), limit),
    ).rowcount


def prune(tx: Transaction, *, before: float, limit: int = 200) -> int:
    """Delete jobs that were done before ``before``, ``limit`` at most; return how many. Dead letters stay."""
    return tx.execute(
        "DELETE FROM job WHERE id IN"
        " (SELECT id FROM job WHERE status = 'done' AND updated_at < ? ORDER BY updated_at LIMIT ?)",
        (float(before), limit),
    ).rowcount


def prune_dead_letters(tx: Transaction, *, before: float, limit: int = 200) -> int:
    """Delete jobs that were given up before ``before``, ``limit`` at most; return how many."""
    return tx.execute(
        "DELETE FROM job WHERE id IN"
        " (SELECT id FROM job WHERE status = 'failed' AND updated_at < ? ORDER BY updated_at LIMIT ?)",
        (float(before), limit),
    ).rowcount
