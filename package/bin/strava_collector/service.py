"""The running input *Strava Webhook*: starts the parts, keeps them alive, stops them in order."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Callable, Optional

from strava_collector.bulletin import Bulletin
from strava_collector.callback_look import seen_at_callback
from strava_collector.claims import SOON
from strava_collector.clock import Clock
from strava_collector.errors import AnotherProcess, CollectorError, StoreUnavailable
from strava_collector.fetcher import Connection
from strava_collector.former_paths import FormerPaths
from strava_collector.heartbeat import LISTENER
from strava_collector.input_check import InputCheck
from strava_collector.link import Link
from strava_collector.listening import Listening
from strava_collector.logfmt import line
from strava_collector.loop import Loop
from strava_collector.pipeline import Pipeline
from strava_collector.ports import Configuration, Messages, SessionExpired
from strava_collector.pulse import Pulse
from strava_collector.room import Room
from strava_collector.settings import Settings, WebhookInput
from strava_collector.store import input_end, queue
from strava_collector.store.bell import Bell
from strava_collector.store.database import Database
from strava_collector.store.group_commit import GroupCommit
from strava_collector.store.process_lock import ProcessLock, input_lock
from strava_collector.subscription_removal import Removal
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
LISTENER_PATIENCE = 3.0
COMMITTER_PATIENCE = 1.5
WORK_ENDS_AFTER = 6.0
REMOVAL_ENDS_AFTER = 7.0
TOKEN_PATIENCE = 0.5
BULLETIN_PATIENCE = 0.5
WRITER_PATIENCE = 0.5


def _what_is_wrong(loop: Loop) -> str:
    if not loop.is_alive:
        return f"The thread {loop.name} of the input has ended: disable and enable the input."
    if loop.busy_for() > LONGEST_STEP:
        return (
            f"The thread {loop.name} of the input has been busy with one thing for more than {LONGEST_STEP / 60:g} "
            "minutes: it may not get rid of events because Splunk does not take them. Look at Splunk's own health."
        )
    return ""


class WebhookService:
    """One process of one input."""

    def __init__(
        self,
        *,
        webhook_input: WebhookInput,
        configuration: Configuration,
        token_store: TokenStore,
        sink: EventSink,
        messages: Messages,
        folder: Path,
        clock: Clock,
        switched_off: Callable[[], bool] = lambda: False,
    ) -> None:
        """``switched_off`` asks splunkd whether the input is disabled or gone; it may raise."""
        self._input = webhook_input
        self._configuration = configuration
        self._folder = folder
        self._clock = clock
        self._settings: Optional[Settings] = None
        #: The settings whose consequences for what waits have been drawn; the store may be locked when they are read.
        self._carried_out: Optional[Settings] = None
        self._link = Link(webhook_input.application, clock)
        # A locked store must not hold up the main thread for long: it has to notice the signal to stop.
        self._database = Database(folder, clock=clock, patience=STORE_PATIENCE)
        self._bulletin = Bulletin(messages, webhook_input.name)
        self._input_check = InputCheck(webhook_input, self._bulletin)
        self._settings_loop = Loop("settings", self._read_settings, fatal=self._give_up)
        self._writer = Writer(sink)
        self._room = Room(
            input=webhook_input.name,
            folder=folder,
            advanced=lambda: self._settings.advanced if self._settings is not None else None,
            clock=clock,
        )
        self._committer = GroupCommit(
            self._database,
            input=webhook_input.name,
            clock=clock,
            committed=self._wake_dispatcher,
            room=self._room,
            privacy=webhook_input.privacy,
        )
        self._end = threading.Event()
        self._pipeline = Pipeline(
            webhook_input,
            database=self._database,
            writer=self._writer,
            token_store=token_store,
            clock=clock,
            settings=lambda: self._settings,
            connection=lambda: self._link.connection,
            bulletin=self._bulletin,
            stranger=self._hurry_settings,
            foreign=self._wake_subscription,
            released=self._wake_dispatcher,
            stopping=lambda: self._end.is_set(),
            listening=lambda: self._listening.listens,
            look_there=self._look_there,
        )
        self._removal = Removal(
            webhook_input,
            keeper=self._pipeline.keeper,
            connection=self._connection_at_last,
            switched_off=switched_off,
            announced=self._end_is_announced,
            messages=messages,
        )
        self._upkeep = Upkeep(
            webhook_input,
            database=self._database,
            folder=folder,
            pipeline=self._pipeline,
            clock=clock,
            bulletin=self._bulletin,
        )
        self._pulse = Pulse(self._database, clock, input=webhook_input.name)
        self._listening = Listening(webhook_input, store=self._committer, clock=clock, bulletin=self._bulletin)
        self._former_paths = FormerPaths(webhook_input, self._database, clock, take_also=self._listening.take_also)
        self._loops: list[Loop] = []
        self._forgetting_loop = Loop("forgetting", self._pipeline.forget_departed, fatal=self._give_up)
        self._subscription_loop = Loop("subscription", self._see_to_subscription, fatal=self._give_up)
        self._lock: Optional[ProcessLock] = None
        self._settings_read_at = float("-inf")
        self._in_a_hurry = False
        self._bell = Bell(folder)
        self._fatal: Optional[CollectorError] = None

    def run(self, stop: threading.Event) -> None:
        """Run until ``stop`` is set, then stop within some 8 seconds.

        Raises OutputClosed or SessionExpired when only a new process can go on; splunkd starts one after the
        input's interval. Everything else is reported and tried again.
        """
        self._end = stop
        log.info(line("started", input=self._input.name, version=version(), port=self._input.port))
        self._bulletin.start()
        self._committer.start()
        self._settings_loop.start()
        try:
            while not stop.is_set():
                self._tick()
                stop.wait(1.0)
        finally:
            self._shut_down()
        if self._fatal is not None:
            raise self._fatal

    # What has to be done now and then; each part is tried again on its own.

    def _tick(self) -> None:
        if not self._loops:
            self._begin_work()
        self._keep_listening()
        if self._bell.has_rung():
            self._wake_all()
            self._forgetting_loop.wake()
            self._hurry_settings()
        self._read_settings_if_hurried()
        if self._loops:
            self._pulse.beat(self._parts())
        if self._loops and self._upkeep.look(self._settings):
            self._wake_all()
        self._watch_committer()
        if self._committer.failure is not None:
            raise RuntimeError("The thread that commits notifications has died.") from self._committer.failure

    def _keep_listening(self) -> None:
        listened = self._listening.listens
        self._former_paths.look()
        self._listening.look(self._settings)
        if self._listening.listens and not listened:
            self._wake_subscription()

    def _parts(self) -> dict[str, str]:
        """The parts of this input, each with what is wrong with it."""
        listener = self._bulletin.told("listener") or self._bulletin.told("store") or ""
        if not self._listening.listens and not listener:
            listener = "The input does not listen yet; it begins, or begins again, within a minute."
        said = {LISTENER: listener}
        for loop in self._loops:
            part = loop.name.partition("-")[0]
            said[part] = said.get(part) or _what_is_wrong(loop)
        return said

    def _watch_committer(self) -> None:
        """Tell the user while nothing can be stored, and look now and then whether it can again."""
        trouble = self._committer.trouble
        if trouble is None:
            self._bulletin.resolved("store")
        else:
            self._bulletin.report("store", f"{trouble} Strava gets 503 until then, and sends again a few times.")
            self._committer.healthy(lambda _healthy: None)

    def _read_settings(self) -> Optional[float]:
        """A step of the loop "settings": splunkd may take its time, so it is asked in a thread of its own."""
        try:
            settings = self._configuration.settings()
        except SessionExpired:
            raise
        except CollectorError as error:
            self._bulletin.report("settings", str(error))
            return SETTINGS_RETRY
        self._settings_read_at = self._clock.monotonic()
        self._removal.take_back_message()
        if settings.row_faults:
            self._bulletin.report("rows", " ".join(settings.row_faults))
        else:
            self._bulletin.resolved("rows")
        self._input_check.look(settings)
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
        try:
            if self._lock is None:
                lock = input_lock(self._folder, self._input.name)
                lock.acquire(0.0)
                self._lock = lock
            with self._database.write() as tx:
                taken = queue.take_over(tx, input=self._input.name, now=self._clock.now())
                self._pipeline.take_over(tx)
                input_end.withdraw(tx, self._input.name)
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
            self._subscription_loop,
        ]
        for loop in (*self._loops, self._forgetting_loop):
            loop.start()

    # The steps of the loops; each returns how many seconds to wait.

    def _dispatch(self) -> Optional[float]:
        if self._pipeline.dispatcher.dispatch() == 0:
            return None
        self._wake_all(but=self._loops[0])
        return 0.0

    def _see_to_subscription(self) -> Optional[float]:
        waits = [self._pipeline.check_subscription(), self._pipeline.keep_subscription()]
        return min((wait for wait in waits if wait is not None), default=None)

    def _work_step(self, number: int) -> Callable[[], Optional[float]]:
        def step() -> Optional[float]:
            settings = self._settings
            if settings is None or self._link.connection is None or number >= settings.advanced.concurrency:
                return None  # woken when the settings change
            if self._pipeline.worker.work():
                return 0.0
            due = self._pipeline.worker.next_due()
            if due is None:
                return None
            # Due, but another thread was quicker or something is missing: look again soon, but do not spin.
            return max(due - self._clock.now(), SOON)

        return step

    # Ends.

    def _give_up(self, error: CollectorError) -> None:
        self._fatal = error
        self._end.set()

    def _shut_down(self) -> None:
        log.info(line("stopping"))
        begin = self._clock.monotonic()
        self._removal.begin()
        self._listening.stop(LISTENER_PATIENCE)
        self._committer.stop(COMMITTER_PATIENCE)
        loops = [*self._loops, self._settings_loop, self._forgetting_loop]
        for loop in loops:
            loop.stop()
        left = [loop for loop in loops if not loop.join(begin + WORK_ENDS_AFTER - self._clock.monotonic())]
        self._removal.finish(begin + REMOVAL_ENDS_AFTER - self._clock.monotonic())
        self._store_step(lambda: self._pipeline.worker.put_back(also_in_hand=True))
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
        thread = threading.Thread(target=lambda: saved.append(self._pipeline.tokens.save_unsaved()), daemon=True)
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

    def _connection_at_last(self) -> Optional[Connection]:
        """The connection, also if the input ends before it has read the settings."""
        if self._link.connection is None:
            self._link.follow(self._configuration.settings())
        return self._link.connection

    def _end_is_announced(self) -> bool:
        with self._database.read() as tx:
            return input_end.is_announced(tx, self._input.name, now=self._clock.now())

    def _look_there(self) -> str:
        ca_file = None if self._settings is None else self._settings.advanced.ca_file
        return seen_at_callback(self._input, ca_file, self._database)

    def _wake_subscription(self) -> None:
        self._subscription_loop.wake()

    def _wake_all(self, *, but: Optional[Loop] = None) -> None:
        for loop in self._loops:
            if loop is not but:
                loop.wake()
