"""What has to be looked after now and then: leases, what is old, what waits for somebody, what changes hands."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Optional

from strava_collector.circuit import Breach
from strava_collector.clock import Clock
from strava_collector.errors import AnotherProcess, StoreUnavailable
from strava_collector.logfmt import line
from strava_collector.overview import overview
from strava_collector.ownership import Owned
from strava_collector.pipeline import Pipeline
from strava_collector.ports import Problems
from strava_collector.privacy import KEEP_ALL, Privacy
from strava_collector.settings import CollectorInput, Settings
from strava_collector.store import (
    applications,
    athletes,
    challenges,
    counters,
    crashed_jobs,
    handover,
    heartbeats,
    inbox,
    leaving_out,
    ledger,
    queue,
    sweeps,
    turns,
)
from strava_collector.store.athletes import AthleteState, Standing
from strava_collector.store.database import Database, Transaction
from strava_collector.store.process_lock import input_lock

log = logging.getLogger(__name__)

#: Seconds between two looks at leases and at what changes hands, at what is old, and two lines with the counters.
LEASES_EVERY = 60.0
PRUNE_EVERY = 600.0
COUNTERS_EVERY = 300.0
CIRCUIT_EVERY = 5.0
#: Seconds between two looks whether the store wants a checkpoint.
CHECKPOINT_EVERY = 1.0
#: What is being stored while another wish comes in was judged by the one before; it is there after so many seconds.
STORED_WITHIN = 5.0
#: Parts of the store that are looked through at once for what is to be left out.
LOOKED_THROUGH = 20
#: Pause between two batches while there is more to do, in seconds.
MORE = 1.0
#: Notifications are kept so long to recognise redeliveries, in seconds.
NOTIFICATIONS_KEPT = 7 * 86_400.0
#: Nobody retries what was given up so long ago, in seconds; anybody may cause dead letters by forging notifications.
DEAD_LETTERS_KEPT = 90 * 86_400.0
#: So long jobs wait for an athlete whose row was deleted, in seconds.
ROW_PATIENCE = 7 * 86_400.0
#: So long a row has to be away by this process's own clock, whatever the time of day does, in seconds.
ABSENT_FOR = 3600.0
#: After the time of day has stepped by more than this, nothing is deleted by it for some hours, in seconds.
LARGEST_STEP = 3600.0
TRUST_AFTER = 6 * 3600.0
#: Nothing waits longer than this on purpose, in seconds: to midnight UTC, and some more.
LONGEST_PAUSE = 25 * 3600.0
#: And nothing that has not been tried longer than this: the longest settle time, and some more.
LONGEST_SETTLE = 310.0


class Upkeep:
    """Looks after one input's share of the store."""

    def __init__(
        self,
        collector_input: CollectorInput,
        *,
        database: Database,
        folder: Path,
        pipeline: Pipeline,
        clock: Clock,
        bulletin: Problems,
    ) -> None:
        self._input = collector_input
        self._owned = Owned(collector_input)
        self._database = database
        self._folder = folder
        self._pipeline = pipeline
        self._clock = clock
        self._bulletin = bulletin
        self._due: dict[str, float] = {}
        self._counted: Mapping[str, int] = {}
        self._offset = clock.now() - clock.monotonic()
        self._trusted_from = float("-inf")
        #: Athletes with waiting jobs and without a row, and since when we have seen that (monotonic).
        self._absent: dict[int, float] = {}
        #: How far the store has been looked through for what is to be left out; None when it has been.
        self._left_out: Optional[leaving_out.Position] = leaving_out.Position()
        #: What it is, or was, looked through for, and what was said of it; nothing is said before it is known.
        self._leaves_out = collector_input.privacy
        self._said_left_out: Optional[Privacy] = None
        #: What was left out may still be read in the store's log.
        self._legible = False

    def look(self, settings: Optional[Settings]) -> bool:
        """Do what is due; True if something can go on that had to wait. Never raises StoreUnavailable."""
        changed = False
        for name, every, step in (
            ("leases", LEASES_EVERY, self._leases),
            ("handover", LEASES_EVERY, self._take_over_from_others),
            ("checkpoint", CHECKPOINT_EVERY, self._checkpoint),
            ("leave_out", MORE, self._leave_out),
            ("prune", PRUNE_EVERY, self._prune),
            ("counters", COUNTERS_EVERY, self._log_counters),
            ("overview", COUNTERS_EVERY, self._log_overview),
            ("circuit", CIRCUIT_EVERY, self._tell_of_circuit),
        ):
            if self._clock.monotonic() < self._due.get(name, 0.0):
                continue
            self._due[name] = self._clock.monotonic() + every
            try:
                if step(settings):
                    changed = True
                    self._due[name] = self._clock.monotonic() + MORE
            except StoreUnavailable as error:
                log.error(line("store_unavailable", thread="main", error=str(error)))
        return changed

    def settings_changed(self, settings: Settings) -> None:
        """Let go on what may have waited for just this change. Raises StoreUnavailable."""
        self._due.pop("handover", None)  # an athlete may be another input's now
        self.welcome_back(settings)
        application = settings.applications.get(self._input.application)
        if application is not None:
            with self._database.write() as tx:
                self._pipeline.allowance.hurry(tx, application.client_id)
        more = True
        while more:
            with self._database.write() as tx:
                more = sweeps.hurry(tx, input=self._input.name, now=self._clock.now()) > 0

    def welcome_back(self, settings: Settings) -> None:
        """Let go on whoever has connected again, and tell who still needs to. Raises StoreUnavailable."""
        with self._database.write() as tx:
            back = athletes.welcome_back(tx, {one.athlete_id: one.connected_at for one in settings.athletes.values()})
            waiting = athletes.standings(tx)
        for athlete_id in back:
            log.info(line("reconnected", athlete_id=athlete_id))
            self._bulletin.resolved(f"athlete_{athlete_id}")
        self._remind(settings, waiting)

    def _remind(self, settings: Settings, waiting: list[Standing]) -> None:
        """Who needs to reconnect is told again after a restart, until it is done."""
        for found in waiting:
            athlete = settings.athletes.get(found.athlete_id)
            if athlete is None:
                self._bulletin.resolved(f"athlete_{found.athlete_id}")
            elif found.state is AthleteState.RECONNECT:
                self._bulletin.report(f"athlete_{found.athlete_id}", f"Athlete “{athlete.name}”: {found.reason}")

    # Each returns whether there is more to do at once.

    def _leases(self, settings: Optional[Settings]) -> bool:
        self._pipeline.worker.renew_leases()
        now = self._clock.now()
        with self._database.write() as tx:
            crashed_jobs.expire(tx, now=now)
            applications.abandon_old(tx, before=now - 2 * queue.JOB_LEASE_SECONDS, now=now)
            turns.forget_old(tx, before=now - 86_400.0)
            athletes.prune_forgotten(tx, now)
            moved = sweeps.set_right(tx, input=self._input.name, now=now)
            moved += sweeps.pull_back(
                tx, input=self._input.name, now=now, longest=LONGEST_PAUSE, longest_fresh=LONGEST_SETTLE
            )
            for found in athletes.standings(tx):
                if found.state is AthleteState.DEAUTHORIZED and _is_present(found, settings):
                    moved += sweeps.cancel(tx, athlete_id=found.athlete_id, now=now)
            if self._clock_is_trusted():
                moved += handover.expire_reconnect(tx, input=self._input.name, now=now)
                if settings is not None:
                    moved += self._give_up_on_the_unconfigured(tx, settings, now)
        return moved > 0

    def _checkpoint(self, settings: Optional[Settings]) -> bool:
        self._database.checkpoint()
        return False

    def _give_up_on_the_unconfigured(self, tx: Transaction, settings: Settings, now: float) -> int:
        given_up = 0
        monotonic = self._clock.monotonic()
        absent = turns.waiting_athletes(tx, self._input.name) - self._owned.ids(settings)
        self._absent = {athlete_id: self._absent.get(athlete_id, monotonic) for athlete_id in absent}
        for athlete_id in [one for one, since in self._absent.items() if monotonic >= since + ABSENT_FOR]:
            # A row that is away for a moment, for instance while it is made anew, costs nothing.
            given_up += sweeps.give_up_waiting(
                tx,
                input=self._input.name,
                athlete_id=athlete_id,
                before=now - ROW_PATIENCE,
                error="The athlete is no longer connected to this input's application (Configuration → Athletes).",
                now=now,
            )
        return given_up

    def _take_over_from_others(self, settings: Optional[Settings]) -> bool:
        """Take the work of our athletes from inputs that nobody runs: renamed, deleted or disabled ones."""
        if settings is None:
            return False
        ours = self._owned.ids(settings)
        with self._database.read() as tx:
            others = handover.inputs_with_work(tx, self._input.name)
        taken = sum(self._take_over_from(other, ours, settings) for other in others)
        if taken:
            self._left_out = leaving_out.Position()
        return taken > 0

    def _take_over_from(self, other: str, ours: Collection[int], settings: Settings) -> int:
        now = self._clock.now()
        lock = input_lock(self._folder, other)
        try:
            lock.acquire(0.0)
        except AnotherProcess:
            # It runs. What waits there for athletes who are ours now, it does not touch any more.
            with self._database.write() as tx:
                return sweeps.adopt(tx, old_input=other, new_input=self._input.name, athletes=ours, now=now)
        try:
            with self._database.write() as tx:
                crashed_jobs.take_over(tx, input=other, now=now)
                # Nobody's athletes come along: here they are held, or given up when their time is over.
                nobodys = handover.athletes_with_work(tx, other) - settings.athletes.keys()
                batch = handover.take_over(
                    tx, old_input=other, new_input=self._input.name, athletes=[*ours, *nobodys], now=now
                )
        finally:
            lock.release()
        if batch:
            log.info(line("taken_over", input=other, rows=batch))
        return batch

    def _leave_out(self, settings: Optional[Settings]) -> bool:
        """Take from the store what is not to be kept: it may be older than that wish, or from another input."""
        privacy = self._pipeline.left_out.of_all()
        if settings is not None:
            self._say_left_out(privacy)
        if privacy != self._leaves_out:
            self._leaves_out, self._left_out = privacy, leaving_out.Position()
            self._due["leave_out"] = self._clock.monotonic() + STORED_WITHIN
            return False
        if privacy == KEEP_ALL:
            return False
        for _ in range(LOOKED_THROUGH):
            if self._left_out is None:
                break
            self._left_out = self._leave_out_part(self._left_out)
        if self._left_out is None and self._legible:
            self._legible = not self._database.empty_log()
        return False

    def _say_left_out(self, privacy: Privacy) -> None:
        """Other inputs have a say in what is left out, so nobody need have touched this one."""
        was = self._said_left_out
        if privacy != was:
            self._said_left_out = privacy
            log.info(
                line(
                    "left_out_changed",
                    application=self._input.application,
                    was=None if was is None else was.words,
                    now=privacy.words,
                )
            )

    def _leave_out_part(self, position: leaving_out.Position) -> Optional[leaving_out.Position]:
        with self._database.read() as tx:
            found = leaving_out.look(tx, input=self._input.name, privacy=self._leaves_out, position=position)
        if found.notifications or found.expected:
            with self._database.write() as tx:
                rows = leaving_out.leave_out(tx, found)
            self._legible = True
            log.info(line("left_out", input=self._input.name, rows=rows))
        return found.position

    def _clock_is_trusted(self) -> bool:
        """Whether the time of day has gone on as it should: what is old is deleted by it, and never comes back."""
        monotonic = self._clock.monotonic()
        offset = self._clock.now() - monotonic
        if abs(offset - self._offset) > LARGEST_STEP:
            log.warning(line("clock_stepped", seconds=offset - self._offset))
            self._trusted_from = monotonic + TRUST_AFTER
        self._offset = offset
        return monotonic >= self._trusted_from

    def _prune(self, settings: Optional[Settings]) -> bool:
        now = self._clock.now()
        if not self._clock_is_trusted():
            return False
        with self._database.write() as tx:
            gone = inbox.prune(tx, before=now - NOTIFICATIONS_KEPT)
            if settings is not None:
                gone += sweeps.prune(tx, before=now - settings.advanced.retention_days * 86_400.0)
            gone += sweeps.prune_dead_letters(tx, before=now - DEAD_LETTERS_KEPT)
            gone += inbox.prune_dead_letters(tx, before=now - DEAD_LETTERS_KEPT)
            gone += ledger.prune_never_collected(tx, before=now - DEAD_LETTERS_KEPT)
            challenges.prune(tx, before=now - challenges.KEPT)
            heartbeats.prune(tx, before=now - DEAD_LETTERS_KEPT)
        return gone > 0

    def _log_counters(self, settings: Optional[Settings]) -> bool:
        """One line with all counters that are not nought, when something has been counted since the last one."""
        with self._database.read() as tx:
            counted = counters.read(tx, self._input.name)
        if counted != self._counted:
            self._counted = counted
            log.info(line("counters", **{name: value for name, value in counted.items() if value}))
        return False

    def _log_overview(self, settings: Optional[Settings]) -> bool:
        """One line with what waits, what for and how long."""
        application = None if settings is None else settings.applications.get(self._input.application)
        if settings is None or application is None:
            return False
        with self._database.read() as tx:
            found = overview(
                tx,
                input=self._input.name,
                client_id=application.client_id,
                allowance=self._pipeline.allowance,
                settings=settings,
                now=self._clock.now(),
            )
        log.info(line("queue", **asdict(found)))
        return False

    def _tell_of_circuit(self, settings: Optional[Settings]) -> bool:
        """Say while nothing can be fetched for anybody, and why."""
        application = None if settings is None else settings.applications.get(self._input.application)
        if application is None:
            return False
        with self._database.read() as tx:
            circuit = applications.circuit(tx, application.client_id)
        if circuit.breach is None:
            self._bulletin.resolved("strava")
        elif circuit.breach is Breach.OUTAGE:
            self._bulletin.report(
                "strava",
                f"Strava cannot be reached, or fails for every activity: {circuit.why} Nothing is lost: activities are "
                "fetched as soon as it works again, which the add-on tries at growing intervals, an hour at most.",
            )
        else:
            self._bulletin.report("strava", f"{circuit.why} Activities wait until then; nothing is lost.")
        return False


def _is_present(found: Standing, settings: Optional[Settings]) -> bool:
    """Whether the standing is of the athlete's present connection, not of one before the athlete connected again."""
    athlete = None if settings is None else settings.athletes.get(found.athlete_id)
    return athlete is None or athlete.connected_at == found.connected_at
