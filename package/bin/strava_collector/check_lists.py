"""What the set-up check reads out of the store about lists: how far history has come, what the webhook missed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Callable

from strava_collector.check_facts import ListFacts, MissFacts
from strava_collector.progress import COMPLETE, Progress, progress
from strava_collector.settings import Settings
from strava_collector.store import ledger_lists, misses, walks
from strava_collector.store.sqlite import Transaction
from strava_collector.store.walks import Listed

#: What an athlete makes on a day is judged by so many weeks.
_WEEKS = 4


def lists_of(tx: Transaction, runs: Callable[[str], bool]) -> tuple[ListFacts, ...]:
    """Return what the inputs that list, and run, have done, by name. Looks at each activity of their athletes."""
    mine = sorted((one for one in walks.listed(tx) if one.about.input and runs(one.about.input)), key=_input)
    return tuple(_facts(tx, name, list(group)) for name, group in groupby(mine, key=_input))


def misses_of(tx: Transaction, settings: Settings, runs: Callable[[str], bool], now: float) -> tuple[MissFacts, ...]:
    """Return what the webhooks of inputs that run have missed, by name; of those whose athletes are listed at all."""
    applications = {one.about.application for one in walks.listed(tx) if one.about.input}
    found = []
    for name in sorted(one.name for one in settings.enabled_inputs if one.application in applications):
        if runs(name):
            since = misses.silent_since(tx, name, now)
            found.append(
                MissFacts(
                    name,
                    misses.on_day(tx, now, input=name).all,
                    misses.on_day(tx, now - 86_400.0, input=name).all,
                    None if since == math.inf else since,
                )
            )
    return tuple(found)


def _facts(tx: Transaction, name: str, athletes: list[Listed]) -> ListFacts:
    per_day = sum(_per_day(tx, one) for one in athletes) / len(athletes)
    return facts_of(name, [(one, progress(tx, one)) for one in athletes], per_day=per_day)


def facts_of(name: str, states: Sequence[tuple[Listed, Progress]], *, per_day: float = 0.0) -> ListFacts:
    """Return what was done for these athletes, of whom there is at least one, as that of one input.

    ``per_day`` is how many activities an athlete makes on a day; only what listing costs depends on it.
    """
    athletes = [one for one, _ in states]
    looks = [one.covered.window_at for one in athletes if one.covered.window_at is not None]
    return ListFacts(
        name,
        application=athletes[0].about.application,
        athletes=len(athletes),
        interval=min(one.about.interval for one in athletes),
        found=sum(state.found for _, state in states),
        in_full=sum(state.in_full for _, state in states),
        waiting=sum(state.waiting for _, state in states),
        given_up=sum(state.given_up for _, state in states),
        estimate=next((one.said for one in athletes if one.said), ""),
        unfinished=tuple(f"{one.about.athlete}: {state.lists}" for one, state in states if state.lists != COMPLETE),
        troubles=tuple(f"{one.about.athlete}: {one.trouble}" for one in athletes if one.trouble),
        per_day=per_day,
        oldest_look=min(looks, default=None),
    )


def _per_day(tx: Transaction, one: Listed) -> float:
    """How many activities the athlete made on a day, in the weeks before the last look."""
    at = one.covered.window_at
    return (
        0.0 if at is None else ledger_lists.count_since(tx, one.athlete_id, int(at) - _WEEKS * 7 * 86_400) / 7 / _WEEKS
    )


def _input(one: Listed) -> str:
    return one.about.input
