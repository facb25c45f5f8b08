"""What the set-up check reads out of the store: signs of life, what waits, what was given up. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

from strava_collector import check_lists
from strava_collector.allowance import Allowance
from strava_collector.check_facts import ListFacts, MissFacts, Queue, QuotaFacts
from strava_collector.errors import StoreUnavailable
from strava_collector.job import Priority
from strava_collector.notification_rules import Hold
from strava_collector.overview import clock_time, overview
from strava_collector.settings import Advanced, Application, Settings
from strava_collector.store import (
    applications,
    athletes,
    challenges,
    dead_letters,
    heartbeats,
    inbox,
    queue,
    subscriptions,
    view,
)
from strava_collector.store.athletes import Standing
from strava_collector.store.heartbeats import Heartbeat
from strava_collector.store.process_lock import is_at_work
from strava_collector.store.sqlite import Transaction
from strava_collector.store.subscriptions import Watch

#: Held notifications are counted up to here.
_MANY = 10_000


@dataclass(frozen=True)
class Stored:
    """What the store says."""

    #: None if that cannot be seen.
    exists: Optional[bool] = False
    #: Why it could not be looked into; empty if it could, or there is none.
    why_not: str = ""
    #: By input.
    runs: Mapping[str, bool] = field(default_factory=dict)
    heartbeats: Mapping[str, Mapping[str, Heartbeat]] = field(default_factory=dict)
    queues: Mapping[str, Queue] = field(default_factory=dict)
    #: By client id.
    quotas: Mapping[str, QuotaFacts] = field(default_factory=dict)
    subscriptions: Mapping[str, int] = field(default_factory=dict)
    #: How keeping each application's subscription went last.
    watches: tuple[Watch, ...] = ()
    #: Athletes who are not in good standing.
    standings: Mapping[int, Standing] = field(default_factory=dict)
    dead_letters: Optional[int] = None
    newest_dead_letter: str = ""
    lists: tuple[ListFacts, ...] = ()
    misses: tuple[MissFacts, ...] = ()


def look(
    folder: Optional[Path], settings: Settings, inputs: Mapping[str, str], allowance: Allowance, now: float
) -> Stored:
    """Look into the store, if there is one; ``inputs`` are the names of inputs and of their applications.

    Takes a second at most, and more only if very much waits.
    """
    if folder is None:
        return Stored(exists=None, why_not="Neither SPLUNK_DB nor SPLUNK_HOME says where it is.")
    stranger = _stranger(folder)
    if stranger:
        return Stored(exists=None, why_not=stranger)
    runs: dict[str, bool] = {}
    try:
        # Also without a store: somebody may have deleted it while an input runs.
        runs = {name: is_at_work(folder, name) for name in inputs}
        if not view.exists(folder):
            return Stored(exists=False, runs=runs)
        with view.view(folder) as tx:
            return _looked(tx, settings, inputs, runs, allowance, now, lambda name: is_at_work(folder, name))
    except StoreUnavailable as error:
        return Stored(exists=True, why_not=str(error), runs=runs)


def noted_by(folder: Path, digest: str) -> Optional[str]:
    """Return the input whose listener has noted the challenge; None if none has. Raises StoreUnavailable."""
    with view.view(folder) as tx:
        return challenges.noted_by(tx, digest)


def _looked(
    tx: Transaction,
    settings: Settings,
    inputs: Mapping[str, str],
    runs: Mapping[str, bool],
    allowance: Allowance,
    now: float,
    is_running: Callable[[str], bool],
) -> Stored:
    newest = dead_letters.dead_letters(tx, limit=1)
    known = {one.client_id: subscriptions.known(tx, one.client_id) for one in settings.applications.values()}
    return Stored(
        exists=True,
        runs=runs,
        heartbeats={name: heartbeats.of_input(tx, name) for name in inputs},
        queues={
            name: _queue(tx, name, settings.applications.get(application), settings, allowance, now)
            for name, application in inputs.items()
        },
        quotas={
            one.client_id: _quota(tx, one.client_id, settings.advanced, allowance)
            for one in settings.applications.values()
        },
        subscriptions={client_id: found for client_id, found in known.items() if found is not None},
        watches=tuple(subscriptions.watches(tx)),
        standings={found.athlete_id: found for found in athletes.standings(tx)},
        dead_letters=dead_letters.count_dead_letters(tx),
        newest_dead_letter=newest[0].reason if newest else "",
        lists=check_lists.lists_of(tx, is_running),
        misses=check_lists.misses_of(tx, settings, is_running, now),
    )


def _queue(
    tx: Transaction,
    name: str,
    application: Optional[Application],
    settings: Settings,
    allowance: Allowance,
    now: float,
) -> Queue:
    waiting = queue.waiting(tx, name)
    pause = None
    if application is not None:
        pause = overview(
            tx, input=name, client_id=application.client_id, allowance=allowance, settings=settings, now=now
        ).pause
    oldest = queue.oldest_due(tx, input=name)
    return Queue(
        waiting=sum(waiting.values()),
        history=waiting[Priority.HISTORY],
        pause=pause,
        overdue=0.0 if oldest is None else max(0.0, now - oldest),
        held_unknown=inbox.held_count(tx, input=name, why=Hold.UNKNOWN_ATHLETE, limit=_MANY),
        held_foreign=inbox.held_count(tx, input=name, why=Hold.FOREIGN_SUBSCRIPTION, limit=_MANY),
    )


def _quota(tx: Transaction, client_id: str, advanced: Advanced, allowance: Allowance) -> QuotaFacts:
    known = applications.quota(tx, client_id)
    used = allowance.usage(tx, client_id)
    pause = allowance.pause(tx, client_id, advanced)
    return QuotaFacts(
        quarter_used=used.quarter,
        quarter_allowed=known.reads_quarter.allows(advanced.own_quarter_limit),
        day_used=used.day,
        day_allowed=known.reads_day.allows(advanced.own_day_limit),
        pause=None if pause is None else f"paused until {clock_time(pause.until)}, {pause.why}",
    )


def _stranger(folder: Path) -> str:
    """Say why this user must not look: SQLite would leave files of theirs behind, which the input cannot open."""
    me = getattr(os, "geteuid", lambda: None)()
    try:
        owner = folder.stat().st_uid
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"The folder {folder} cannot be looked at ({error.strerror}): run this as the user that Splunk runs as."
    if me is not None and me != owner:
        return f"The folder {folder} belongs to another user: run this as the user that Splunk runs as."
    return ""
