"""Group commit: many notifications, one wait for the disk, and no waiting window.

A commit with ``synchronous=FULL`` takes milliseconds, whatever it holds. One thread takes all that has queued
up while the last commit ran and commits it together; when little arrives, nothing waits for company.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass
from typing import Callable, Optional, Union

from strava_collector.clock import Clock
from strava_collector.errors import StoreUnavailable, raised_at
from strava_collector.log_file import info_together
from strava_collector.logfmt import line
from strava_collector.privacy import KEEP_ALL, Privacy
from strava_collector.room import Room
from strava_collector.store import backlog, challenges, counters, inbox
from strava_collector.store.counters import Counted
from strava_collector.store.database import Database, StoreReplaced, Transaction
from strava_collector.store.inbox import Arrival
from strava_collector.webhook import Notification, Receipt

log = logging.getLogger(__name__)

#: Items in a transaction at most, so that other writers get their turn.
MOST_AT_ONCE = 200

#: How long the answer to a health check holds, in seconds: a check writes, and anybody may ask.
HEALTH_HOLDS = 1.0

#: Challenges that wait to be noted, at most; who asks knows the verify token, and asks for one at a time.
MOST_NOTES = 20
#: A note may hold up notifications for so long while the store is locked, and is tried again after this pause, until
#: nobody looks for it any more; all in seconds.
NOTE_PATIENCE = 0.05
NOTE_PAUSE = 0.25
NOTE_LIFETIME = 3.0

_STOPPED = "The store takes nothing any more because the collector is stopping."
_DIED = "The store takes nothing because the thread that writes to it has died."


@dataclass(frozen=True)
class _Submission:
    notification: Notification
    done: Callable[[Union[Receipt, StoreUnavailable]], None]
    received_at: float
    #: Monotonic.
    submitted_at: float


@dataclass(frozen=True)
class _Note:
    digest: str
    #: Monotonic.
    made_at: float


class GroupCommit:
    """Stores the notifications of one input; made to be called by the listener's threads.

    What is submitted before :meth:`start` waits for it.
    """

    def __init__(
        self,
        database: Database,
        *,
        input: str,
        clock: Clock,
        patience: float = 1.0,
        committed: Callable[[], None],
        room: Optional[Room] = None,
        privacy: Callable[[], Privacy] = lambda: KEEP_ALL,
    ) -> None:
        """``patience`` is how long a notification waits for the store's lock, in seconds; it is refused then.

        ``committed`` is called after each commit that stored notifications, in the committer's thread. ``room``
        refuses what there is no room for; without it there is always room. What ``privacy`` tells to leave
        out is gone before anything waits here; it is asked in the threads that submit.
        """
        self._database = database
        self._input = input
        self._clock = clock
        self._patience = patience
        self._committed = committed
        self._room = room
        self._privacy = privacy
        self._changed = threading.Condition()
        self._queue: deque[_Submission] = deque()
        self._probes: list[Callable[[bool], None]] = []
        self._notes: deque[_Note] = deque(maxlen=MOST_NOTES)
        self._stopping = False
        #: The newest answer of the store, and when it came (monotonic).
        self._health: Optional[tuple[bool, float]] = None
        self._failure: Optional[BaseException] = None
        self._trouble: Optional[str] = None
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)

    @property
    def failure(self) -> Optional[BaseException]:
        """What ended the thread, if something did that should not have happened."""
        return self._failure

    @property
    def trouble(self) -> Optional[str]:
        """Why the newest commit was refused, as a sentence; None if it was not."""
        return self._trouble

    def start(self) -> None:
        """Begin to store what is submitted."""
        self._thread.start()

    def stop(self, patience: float = 5.0) -> None:
        """Take nothing new and return when all that was submitted is stored or refused; also without a start.

        ``patience`` seconds at most; what has not had its turn then is refused.
        """
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join(patience)
        self._refuse_all(_STOPPED)

    def submit(self, notification: Notification, done: Callable[[Union[Receipt, StoreUnavailable]], None]) -> None:
        """Store the notification and call ``done`` once, from any thread, when it is on disk or refused."""
        kept = notification.without(self._privacy())
        item = _Submission(kept, done, self._clock.now(), self._clock.monotonic())
        with self._changed:
            refused = self._stopping
            if not refused:
                self._queue.append(item)
                self._changed.notify()
        if refused:
            _call(done, StoreUnavailable(_STOPPED if self._failure is None else _DIED))

    def healthy(self, done: Callable[[bool], None]) -> None:
        """Call ``done`` once, from any thread, with whether the store can be written to.

        Tried by writing, at most once a second, together with whatever else is to be written.
        """
        now = self._clock.monotonic()
        with self._changed:
            answer: Optional[bool] = None
            if self._stopping:
                answer = False
            elif self._health is not None and 0 <= now - self._health[1] < HEALTH_HOLDS:
                answer = self._health[0]
            else:
                self._probes.append(done)
                self._changed.notify()
        if answer is not None:
            _call(done, answer)

    def note(self, digest: str) -> None:
        """Note an answered challenge, after whatever else is to be written and without holding it up.

        What cannot be written is tried for a few seconds and then forgotten.
        """
        with self._changed:
            if not self._stopping:
                self._notes.append(_Note(digest, self._clock.monotonic()))
                self._changed.notify()

    # The thread.

    def _run(self) -> None:
        put_off = False
        try:
            while True:
                with self._changed:
                    while not (self._queue or self._probes or self._stopping):
                        if self._notes and not put_off:
                            break
                        if not self._changed.wait(NOTE_PAUSE if self._notes else None):
                            break
                    notes = [] if self._stopping else list(self._notes)
                    batch = [self._queue.popleft() for _ in range(min(MOST_AT_ONCE, len(self._queue)))]
                    probes, self._probes = self._probes, []
                    stopping = self._stopping
                if batch or probes:
                    self._commit(batch, probes)
                elif stopping:
                    return
                put_off = bool(notes) and not self._write_down(notes)
        except BaseException as error:
            self._failure = error
            with self._changed:
                self._stopping = True
            log.exception(line("group_commit_died", error=type(error).__name__))
            self._refuse_all(_DIED)

    def _write_down(self, notes: list[_Note]) -> bool:
        """Write the notes; False if they have to be tried again. Never raises: this is worth no notification."""
        now = self._clock.monotonic()
        done = True
        try:
            with self._database.write(NOTE_PATIENCE) as tx:
                digests = [one.digest for one in notes]
                challenges.note(tx, input=self._input, digests=digests, now=self._clock.now())
        except StoreUnavailable as error:
            log.debug(line("challenge_not_noted", error=str(error)))
            done = False
        except Exception as error:
            log.error(line("challenge_not_noted", error=type(error).__name__, at=raised_at(error)))
        with self._changed:
            for one in notes:
                if (done or now >= one.made_at + NOTE_LIFETIME) and one in self._notes:
                    self._notes.remove(one)
        return done

    def _commit(self, batch: list[_Submission], probes: list[Callable[[bool], None]]) -> None:
        # Whatever happens here, everybody who submitted gets an answer.
        outcomes: list[Union[Arrival, StoreUnavailable]] = [StoreUnavailable(_DIED)] * len(batch)
        healthy, trouble = False, None
        try:
            try:
                outcomes = [*self._store_again_if_replaced(batch, probe=bool(probes))]
                healthy = True
            except StoreUnavailable as error:
                outcomes, trouble = [error] * len(batch), str(error)
            except Exception as error:
                # One of them cannot be stored, whichever it is; the others must not be refused because of it.
                log.warning(line("group_commit_split", items=len(batch), error=type(error).__name__))
                outcomes = [self._store_alone(item) for item in batch]
                healthy = self._is_writable()
        finally:
            self._trouble = trouble
            committed_at = self._clock.monotonic()
            with self._changed:
                self._health = (healthy, self._clock.monotonic())
            for item, outcome in zip(batch, outcomes):
                _call(item.done, outcome.receipt if isinstance(outcome, Arrival) else outcome)
            for probe in probes:
                _call(probe, healthy)
            if any(isinstance(outcome, Arrival) for outcome in outcomes):
                _call(self._committed)
        # Last: nobody's answer waits for the log.
        info_together(
            log,
            [
                received_line(item.notification, outcome, committed_at - item.submitted_at)
                for item, outcome in zip(batch, outcomes)
                if isinstance(outcome, Arrival)
            ],
        )

    def _store_again_if_replaced(self, batch: list[_Submission], *, probe: bool) -> list[Arrival]:
        try:
            return self._store(batch, probe=probe)
        except StoreReplaced:
            return self._store(batch, probe=probe)

    def _store(self, batch: list[_Submission], *, probe: bool) -> list[Arrival]:
        # Before the transaction: what is counted here must not keep other writers waiting.
        if self._room is not None:
            self._room.check(len(batch), self._waiting)
        with self._database.write(self._patience_left(batch)) as tx:
            if probe:
                tx.execute("INSERT OR REPLACE INTO probe (id, at) VALUES (1, ?)", (self._clock.now(),))
            arrivals = [self._add(tx, item) for item in batch]
            accepted = sum(arrival.receipt is Receipt.ACCEPTED for arrival in arrivals)
            counted = {Counted.RECEIVED: accepted, Counted.REDELIVERED: len(arrivals) - accepted}
            counters.count_all(tx, input=self._input, counted=counted)
        if self._room is not None:
            self._room.took(accepted)
        return arrivals

    def _waiting(self, limit: int) -> int:
        with self._database.read() as tx:
            return backlog.count(tx, input=self._input, limit=limit)

    def _store_alone(self, item: _Submission) -> Union[Arrival, StoreUnavailable]:
        try:
            return self._store_again_if_replaced([item], probe=False)[0]
        except StoreUnavailable as error:
            return error
        except Exception as error:
            log.exception(line("notification_not_storable", error=type(error).__name__))
            return StoreUnavailable("This notification cannot be stored; the log says why.")

    def _add(self, tx: Transaction, item: _Submission) -> Arrival:
        return inbox.add(tx, input=self._input, notification=item.notification, received_at=item.received_at)

    def _patience_left(self, batch: list[_Submission]) -> float:
        """What the one that waits longest has left: a long queue before a locked store empties at once."""
        if not batch:
            return self._patience
        waited = self._clock.monotonic() - min(item.submitted_at for item in batch)
        return max(0.0, self._patience - waited)

    def _is_writable(self) -> bool:
        try:
            self._store([], probe=True)
        except StoreUnavailable:
            return False
        return True

    def _refuse_all(self, why: str) -> None:
        with self._changed:
            items, probes = list(self._queue), self._probes
            self._queue.clear()
            self._probes = []
        for item in items:
            _call(item.done, StoreUnavailable(why))
        for probe in probes:
            _call(probe, False)


def received_line(notification: Notification, arrival: Arrival, waited: float) -> str:
    """The first line of the notification's trail in the log; ``waited`` are seconds for the commit."""
    return line(
        "received",
        trail=arrival.trail,
        notification_id=arrival.notification_id,
        activity_id=notification.object_id if notification.object_type == "activity" else None,
        athlete_id=notification.owner_id,
        aspect=notification.aspect_type,
        event_time=notification.event_time,
        receipt=arrival.receipt.value,
        waited=waited,
    )


def _call(function: Callable[..., object], *arguments: object) -> None:
    """Call what somebody else gave us; its failure is not ours."""
    try:
        function(*arguments)
    except BaseException as error:
        log.exception(line("callback_failed", error=type(error).__name__))
