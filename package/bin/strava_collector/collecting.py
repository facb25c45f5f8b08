"""What a running input of either kind does: reads the settings, works on what waits, looks after the store, stops.

``service`` and ``activities_service`` add what only their kind has. Each part is tried again on its own; what only a
new process can mend ends this one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

from strava_collector.bulletin import Bulletin
from strava_collector.claims import SOON
from strava_collector.clock import Clock
from strava_collector.errors import AnotherProcess, CollectorError, StoreUnavailable
from strava_collector.index_check import IndexCheck
from strava_collector.link import Link
from strava_collector.logfmt import line
from strava_collector.loop import Loop
from strava_collector.pipeline import Equipment, Pipeline
from strava_collector.ports import Configuration, Messages, SessionExpired
from strava_collector.pulse import Pulse
from strava_collector.settings import CollectorInput, Settings
from strava_collector.store import crashed_jobs, input_end
from strava_collector.store.bell import Bell
from strava_collector.store.database import Database
from strava_collector.store.process_lock import ProcessLock, input_lock
from strava_collector.token_keeper import TokenStore
from strava_collector.upkeep import Upkeep
from strava_collector.version import version
from strava_collector.writer import EventSink, Writer

log = logging.getLogger(__name__)

#: Seconds between two readings of the settings, and between two attempts while they cannot be read.
SETTINGS_EVERY = 60.0
SETTINGS_RETRY = 5.0
#: A step that takes longer, in seconds, is worth being told: a fetch is over within a minute, a write may block.
LONGEST_STEP = 600.0
#: At most this many worker threads; the setting may say fewer.
MOST_WORKERS = 3
#: Longest wait for the store's lock, in seconds.
STORE_PATIENCE = 1.5
#: How the seconds are shared out when the input stops. splunkd kills what is not gone after a grace period of unknown
#: length; 10 s is a safe guess, and the sum is below it.
WORK_ENDS_AFTER = 6.0
TOKEN_PATIENCE = 0.5
BULLETIN_PATIENCE = 0.5
WRITER_PATIENCE = 0.5

#: A step of a loop: returns how many seconds to wait for the next, None until woken.
Step = Callable[[], Optional[float]]


def _what_is_wrong(loop: Loop) -> str:
    if not loop.is_alive:
        return f"The thread {loop.name} of the input has ended: disable and enable the input."
    if loop.busy_for() > LONGEST_STEP:
        return (
            f"The thread {loop.name} of the input has been busy with one thing for more than {LONGEST_STEP / 60:g} "
            "minutes: it may not get rid of events because Splunk does not take them. Look at Splunk's own health."
        )
    return ""


@dataclass(frozen=True)
class Host:
    """What splunkd and this computer give to a process of an input."""

    configuration: Configuration
    token_store: TokenStore
    sink: EventSink
    messages: Messages
    #: The store's.
    folder: Path
    clock: Clock


class Collecting:
    """One process of one input; a kind adds its own parts in the methods that say so."""

    def __init__(self, collector_input: CollectorInput, host: Host) -> None:
        self._collects = collector_input
        self._host = host
        self._configuration = host.configuration
        self._folder = host.folder
        self._clock = host.clock
        self._settings: Optional[Settings] = None
        #: The settings whose consequences for what waits have been drawn; the store may be locked when they are read.
        self._carried_out: Optional[Settings] = None
        self._link = Link(collector_input.application, host.clock)
        # A locked store must not hold up the main thread for long: it has to notice the signal to stop.
        self._database = Database(host.folder, clock=host.clock, patience=STORE_PATIENCE)
        self._bulletin = Bulletin(host.messages, collector_input.name)
        self._settings_loop = Loop("settings", self._read_settings, fatal=self._give_up)
        self._writer = Writer(host.sink)
        self._end = threading.Event()
        self._pulse = Pulse(self._database, host.clock, input=collector_input.name)
        self._loops: list[Loop] = []
        self._lock: Optional[ProcessLock] = None
        self._settings_read_at = float("-inf")
        self._in_a_hurry = False
        self._bell = Bell(host.folder)
        self._fatal: Optional[CollectorError] = None

    def _equipment(self) -> Equipment:
        """What the kind makes its pipeline of."""
        return Equipment(
            database=self._database,
            writer=self._writer,
            token_store=self._host.token_store,
            clock=self._clock,
            settings=lambda: self._settings,
            connection=lambda: self._link.connection,
            bulletin=self._bulletin,
            stranger=self._hurry_settings,
            stopping=lambda: self._end.is_set(),
            barred=lambda: self._index_check.paused,
        )

    def _put_together(self, pipeline: Pipeline, *, own_loops: Sequence[Loop] = ()) -> None:
        """Take the kind's pipeline and the loops that only the kind has; to be called once, before :meth:`run`."""
        self._flow = pipeline
        self._index_check = IndexCheck(self._collects, self._bulletin, self._clock, pause=pipeline.claims.pause)
        self._upkeep = Upkeep(
            self._collects,
            database=self._database,
            folder=self._folder,
            pipeline=pipeline,
            clock=self._clock,
            bulletin=self._bulletin,
        )
        self._own_loops = own_loops
        self._forgetting_loop = Loop("forgetting", pipeline.forget_departed, fatal=self._give_up)

    # What a kind adds.

    def _begin(self) -> None:
        """Start what does not need the store; the first thing of all."""

    def _look_after_own(self) -> None:
        """Look after the kind's own parts; once a second, in the main thread."""

    def _own_parts(self) -> Mapping[str, str]:
        """The kind's own parts that are no loops, each with what is wrong with it."""
        return {}

    def _settings_were_read(self, settings: Settings) -> None:
        """Draw the kind's own conclusions from the settings."""

    def _end_begins(self) -> None:
        """Stop what lets more work in; the first thing of the end."""

    def _work_has_ended(self, begin: float) -> None:
        """Wait for what else has to end; ``begin`` is when the end began, by the monotonic clock."""

    def run(self, stop: threading.Event) -> None:
        """Run until ``stop`` is set, then stop within some 8 seconds.

        Raises OutputClosed or SessionExpired when only a new process can go on; splunkd starts one after the
        input's interval. Everything else is reported and tried again.
        """
        self._end = stop
        log.info(line("started", input=self._collects.name, version=version(), port=self._port()))
        self._bulletin.start()
        self._begin()
        self._settings_loop.start()
        try:
            while not stop.is_set():
                self._tick()
                stop.wait(1.0)
        finally:
            self._shut_down()
        if self._fatal is not None:
            raise self._fatal

    def _port(self) -> Optional[int]:
        """Where Strava calls the input."""
        return None

    # What has to be done now and then; each part is tried again on its own.

    def _tick(self) -> None:
        if not self._loops:
            self._begin_work()
        self._look_after_own()
        if self._bell.has_rung():
            self._wake_all()
            self._forgetting_loop.wake()
            self._hurry_settings()
        self._read_settings_if_hurried()
        if self._loops:
            self._pulse.beat(self._parts())
        if self._loops and self._upkeep.look(self._settings):
            self._wake_all()

    def _parts(self) -> dict[str, str]:
        """The parts of this input, each with what is wrong with it."""
        said = dict(self._own_parts())
        for loop in self._loops:
            part = loop.name.partition("-")[0]
            said[part] = said.get(part) or _what_is_wrong(loop)
        return said

    def _read_settings(self) -> Optional[float]:
        """A step of the loop "settings": splunkd may take its time, so it is asked in a thread of its own."""
        self._flow.tokens.save_unsaved()
        try:
            settings = self._configuration.settings()
        except SessionExpired:
            raise
        except CollectorError as error:
            self._bulletin.report("settings", str(error))
            return SETTINGS_RETRY
        self._settings_read_at = self._clock.monotonic()
        if settings.row_faults:
            self._bulletin.report("rows", " ".join(settings.row_faults))
        else:
            self._bulletin.resolved("rows")
        self._index_check.look(settings)
        self._settings_were_read(settings)
        self._settings = settings
        try:
            self._link.follow(settings)
        except CollectorError as error:
            self._bulletin.report("settings", str(error))
        else:
            self._bulletin.resolved("settings")
        if self._loops and settings != self._carried_out:
            self._upkeep.settings_changed(settings)
            self._carried_out = settings
        self._wake_all()
        self._forgetting_loop.wake()
        return SETTINGS_RETRY if self._link.connection is None else SETTINGS_EVERY

    def _hurry_settings(self) -> None:
        """A page has saved something; or somebody rides whom we do not know, perhaps just connected elsewhere."""
        self._in_a_hurry = True
        self._read_settings_if_hurried()

    def _read_settings_if_hurried(self) -> None:
        # Not at once if they have just been read: anybody may send notifications of anybody, and scripts save rows.
        if self._in_a_hurry and self._clock.monotonic() >= self._settings_read_at + SETTINGS_RETRY:
            self._in_a_hurry = False
            self._settings_loop.wake()

    def _begin_work(self) -> None:
        """Take over what a dead process of this input left, and start the threads that work."""
        name = self._collects.name
        try:
            if self._lock is None:
                lock = input_lock(self._folder, name)
                lock.acquire(0.0)
                self._lock = lock
            with self._database.write() as tx:
                taken = crashed_jobs.take_over(tx, input=name, now=self._clock.now())
                self._flow.take_over(tx)
                input_end.withdraw(tx, name)
            if self._settings is not None:
                self._upkeep.welcome_back(self._settings)
        except AnotherProcess:
            self._bulletin.report(
                "work", "Another process of this input is still at work; this one waits until it has gone."
            )
            return
        except StoreUnavailable as error:
            self._bulletin.report("work", str(error))
            return
        self._bulletin.resolved("work")
        log.info(line("work_begins", taken_over=taken))
        self._loops = [
            Loop("dispatcher", self._dispatch, fatal=self._give_up),
            *(Loop(f"worker-{number}", self._work_step(number), fatal=self._give_up) for number in range(MOST_WORKERS)),
            Loop("around", self._look_around, fatal=self._give_up),
            *self._own_loops,
        ]
        for loop in (*self._loops, self._forgetting_loop):
            loop.start()

    # The steps of the loops; each returns how many seconds to wait.

    def _dispatch(self) -> Optional[float]:
        if self._index_check.is_missing or self._flow.dispatcher.dispatch() == 0:
            return None
        self._wake_all(but=self._loops[0])
        return 0.0

    def _work_step(self, number: int) -> Step:
        def step() -> Optional[float]:
            settings = self._settings
            if settings is None or self._link.connection is None or number >= settings.advanced.concurrency:
                return None  # woken when the settings change
            if self._flow.worker.work():
                return 0.0
            due = self._flow.worker.next_due()
            if due is None:
                return None
            # Due, but another thread was quicker or something is missing: look again soon, but do not spin.
            return max(due - self._clock.now(), SOON)

        return step

    def _look_around(self) -> Optional[float]:
        return self._flow.around.look(self._settings)

    # Ends.

    def _give_up(self, error: CollectorError) -> None:
        self._fatal = error
        self._end.set()

    def _shut_down(self) -> None:
        log.info(line("stopping"))
        begin = self._clock.monotonic()
        self._end_begins()
        loops = [*self._loops, self._settings_loop, self._forgetting_loop]
        for loop in loops:
            loop.stop()
        left = [loop for loop in loops if not loop.join(begin + WORK_ENDS_AFTER - self._clock.monotonic())]
        self._work_has_ended(begin)
        self._store_step(lambda: self._flow.worker.put_back(also_in_hand=True))
        self._save_tokens()
        self._bulletin.close(BULLETIN_PATIENCE)
        self._writer.close(WRITER_PATIENCE)
        self._database.close()
        self._link.close()
        if self._lock is not None:
            self._lock.release()
        log.info(line("stopped", unfinished_threads=len(left), seconds=self._clock.monotonic() - begin))

    def _save_tokens(self) -> None:
        """Save tokens that splunkd has not taken yet; it may be as slow as it was all the time."""
        saved: list[bool] = []
        thread = threading.Thread(target=lambda: saved.append(self._flow.tokens.save_unsaved()), daemon=True)
        thread.start()
        thread.join(TOKEN_PATIENCE)
        if saved != [True]:
            log.error(line("tokens_not_saved", consequence="an athlete may have to connect again"))

    # Small things that the above share.

    def _store_step(self, step: Callable[[], None]) -> None:
        try:
            step()
        except StoreUnavailable as error:
            log.error(line("store_unavailable", thread="main", error=str(error)))

    def _wake_dispatcher(self) -> None:
        for loop in self._loops[:1]:
            loop.wake()

    def _wake_all(self, *, but: Optional[Loop] = None) -> None:
        for loop in self._loops:
            if loop is not but:
                loop.wake()
