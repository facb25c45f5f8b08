"""What goes wrong with the process and with splunkd, in a thread of its own, each with proof that it did."""

from __future__ import annotations

import resource
import shutil
import threading
import time
from collections import Counter
from typing import Callable

import psutil

from sandbox.chaos.extent import MOST_DISK_MB, Extent
from sandbox.chaos.plan import Trouble, Woe
from sandbox.chaos.store_view import StoreView
from sandbox.sandbox import Input, Sandbox
from sandbox.strava import Athlete

#: Seconds until a process that was started has to be well.
_PATIENCE = 30.0
#: Seconds that a process which listens may take to read its settings.
_SETTINGS_ARE_READ = 0.5
#: Bytes: less than the store has written by then, so that nothing can be added to it.
_FILE_SIZE_LIMIT = 16_384
#: Bytes that nobody reads. Small writes fill the pipe before it holds the 64 KiB that it can.
_PIPE_IS_FULL = 32_768
_ADVANCED = "TA_strava_webhook_settings/advanced"


class Troubles(threading.Thread):
    """Works through the list as the steps proceed; ``failure`` is what stopped it before its end."""

    def __init__(
        self,
        troubles: tuple[Trouble, ...],
        extent: Extent,
        sandbox: Sandbox,
        made: Input,
        store: StoreView,
        *,
        athletes: list[Athlete],
        reconnect: Callable[[Athlete], None],
        steps_made: Callable[[], int],
    ) -> None:
        super().__init__(name="troubles")
        self._troubles = troubles
        self._extent = extent
        self._sandbox = sandbox
        self._inputs = sandbox.splunkd.inputs
        self._input = made
        self._store = store
        self._athletes = athletes
        self._reconnect = reconnect
        self._steps_made = steps_made
        self._ended = threading.Event()
        self.failure: BaseException | None = None
        #: SIGKILLs that found a process.
        self.kills = 0
        #: What each kind of trouble led to, in countable things: answers 503, refused calls, bytes unread.
        self.proof: Counter[Woe] = Counter()
        #: What cannot be done on this computer, and why.
        self.not_tried: dict[Woe, str] = {}
        #: Athletes who had to connect again, because a kill took their new tokens with it.
        self.reconnected = 0
        #: What is going on, and how many have begun.
        self.now: Woe | None = None
        self.begun = 0
        #: True while what is going on has had no effect yet, and has none without notifications.
        self._needs_notifications = False

    def stop(self) -> None:
        self._ended.set()

    def lag(self, steps: int) -> int:
        """By how many steps the next trouble is overdue after so many steps; negative if it is not.

        None is while this one needs notifications: those who waited for the next would keep them from it for ever.
        """
        if self._needs_notifications:
            return -1
        waiting = self._troubles[self.begun :]
        return steps - waiting[0].after if waiting else -1

    def run(self) -> None:
        try:
            for trouble in self._troubles:
                while self._steps_made() < trouble.after and not self._ended.wait(0.02):
                    pass
                if self._ended.wait(trouble.pause):
                    return
                self.begun += 1
                self.now = trouble.woe
                self._cause(trouble.woe)
                self.now = None
                self.look_after_athletes()
        except BaseException as failure:
            self.failure = failure

    def look_after_athletes(self) -> None:
        """Whom the add-on asks to connect again does so; called with nothing else going on in this thread."""
        for athlete_id in self._store.must_reconnect():
            for athlete in self._athletes:
                if athlete.id == athlete_id:
                    self._reconnect(athlete)
                    self.reconnected += 1

    def _cause(self, woe: Woe) -> None:
        if woe is Woe.KILL:
            self._kill()
        elif woe is Woe.EXPIRY:
            for athlete in self._athletes:
                self._sandbox.strava.expire_access_token(athlete)
            self.proof[woe] += 1
        elif woe is Woe.SCARCE_DISK:
            self._scarce_disk()
        elif woe is Woe.FULL_DISK:
            self._full_disk()
        elif woe is Woe.OUTAGE:
            self._outage()
        else:
            self._full_pipe()

    def _kill(self) -> None:
        """SIGKILL, and a new process without waiting for the input's interval."""
        name = self._input.name
        before = self._inputs.count(name).kills
        if self._inputs.pid(name) is not None:
            self._inputs.kill(name)
            if self._inputs.wait_for(name, lambda inputs: inputs.count(name).kills > before, _PATIENCE):
                self.kills += 1
        self._inputs.start(name)

    def _scarce_disk(self) -> None:
        """*Advanced → Least free disk space* is set to more than this disk has; read when a process starts."""
        if shutil.disk_usage(self._sandbox.splunkd.home).free > MOST_DISK_MB * 1_000_000:
            self.not_tried[Woe.SCARCE_DISK] = "this disk has more space than the setting can ask for"
        delivery = self._sandbox.strava.delivery
        self._sandbox.post(_ADVANCED, least_disk_mb=MOST_DISK_MB)
        # The disk is looked at with the first notification, then every five seconds: until the new process has read its
        # settings nothing is delivered.
        delivery.hold()
        self._kill()
        self._wait_for(lambda: self._sandbox.health(self._input) != 0)
        self._ended.wait(_SETTINGS_ARE_READ)
        before = self._refused()
        delivery.release()
        if Woe.SCARCE_DISK not in self.not_tried:
            self._wait_for_notifications(lambda: self._refused() > before)
            self._ended.wait(self._extent.full_disk)
        self.proof[Woe.SCARCE_DISK] += self._refused() - before
        self._sandbox.post(_ADVANCED, least_disk_mb=500)
        self._kill()
        self._sandbox.wait_until_healthy(self._input, _PATIENCE)

    def _full_disk(self) -> None:
        """The system refuses the process every write beyond what its files have: EFBIG instead of ENOSPC."""
        if not hasattr(resource, "prlimit"):
            self.not_tried[Woe.FULL_DISK] = "this system cannot limit the writing of another process"
            return
        self._sandbox.wait_until_healthy(self._input, _PATIENCE)
        pid = self._inputs.pid(self._input.name)
        assert pid is not None
        before = self._refused()
        unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (_FILE_SIZE_LIMIT, unlimited[1]))
        self._wait_for_notifications(lambda: self._refused() > before)
        self._ended.wait(self._extent.full_disk)
        if psutil.pid_exists(pid):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
        self.proof[Woe.FULL_DISK] += self._refused() - before
        self._sandbox.wait_until_healthy(self._input, _PATIENCE)

    def _outage(self) -> None:
        """splunkd answers 503 to everything: no tokens, no messages, and no settings for a process that starts."""
        splunkd = self._sandbox.splunkd
        before = splunkd.refused
        with splunkd.outage(503):
            if self._extent.start_in_outage:
                self._kill()
            self._wait_for(lambda: splunkd.refused > before)
            self._ended.wait(self._extent.outage)
        self.proof[Woe.OUTAGE] += splunkd.refused - before
        self._sandbox.wait_until_healthy(self._input, _PATIENCE)

    def _full_pipe(self) -> None:
        """Nobody reads the events, until the input has not been able to write for the time that is asked for."""
        name = self._input.name
        self._inputs.pause_reading(name)
        self._wait_for_notifications(lambda: self._inputs.unread(name) >= _PIPE_IS_FULL)
        unread, since = -1, time.monotonic()
        deadline = since + self._extent.full_pipe + _PATIENCE
        while time.monotonic() < min(deadline, since + self._extent.full_pipe) and not self._ended.wait(0.1):
            before, unread = unread, self._inputs.unread(name)
            if unread != before or unread < _PIPE_IS_FULL:
                since = time.monotonic()
        if time.monotonic() < deadline:
            self.proof[Woe.FULL_PIPE] += unread
        self._inputs.resume_reading(name)

    def _wait_for_notifications(self, happens: Callable[[], bool]) -> None:
        self._needs_notifications = True
        self._wait_for(happens)
        self._needs_notifications = False

    def _wait_for(self, happens: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not happens() and time.monotonic() < deadline and not self._ended.wait(0.1):
            pass

    def _refused(self) -> int:
        """Deliveries that were answered 503 so far."""
        return sum(
            attempt.status == 503 for one in self._sandbox.strava.delivery.deliveries for attempt in one.attempts
        )
