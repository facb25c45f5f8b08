"""Runs the enabled modular inputs: start, stop, start again by interval, and what tests do to them."""

from __future__ import annotations

import os
import signal
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Callable

from sandbox.patience import patience

from .configuration import Configuration
from .event_stream import RawEvent
from .faults import Faults
from .index import Index
from .input_process import Ending, InputProcess
from .input_scripts import add_params, as_bytes, command, document
from .installation import Installation
from .journal import Journal
from .sessions import Sessions

#: How long a process may take after SIGTERM. splunkd's own patience is unknown; the add-on promises 10 s.
GRACE_SECONDS = 10.0
#: Longer than it takes to start a process on a busy machine.
_START_SECONDS = 30.0


def next_start(interval: str, ended_at: float) -> float | None:
    """When a process that ended is started again: at once (0), never (-1), or that many seconds later."""
    seconds = float(interval)
    return None if seconds < 0 else ended_at + seconds


@dataclass(frozen=True)
class Count:
    """What has happened to an input so far."""

    starts: int = 0
    #: Runs that ended by SIGKILL, whoever sent it.
    kills: int = 0
    #: Kills that `stop` needed because SIGTERM was not enough.
    forced: int = 0
    #: Events that a kill cut off; they are dropped.
    cut_off: int = 0


class Inputs:
    """The processes of all stanzas. Names are stanzas, `strava_webhook://home`; the part behind `://` will do."""

    def __init__(
        self,
        *,
        installation: Installation,
        configuration: Configuration,
        sessions: Sessions,
        index: Index,
        faults: Faults,
        journal: Journal,
        server_uri: Callable[[], str],
        kinds: Callable[[], list[str]],
        grace: float = GRACE_SECONDS,
    ) -> None:
        self.installation = installation
        self.configuration = configuration
        self.sessions = sessions
        self.index = index
        self.faults = faults
        self.journal = journal
        self.server_uri = server_uri
        self.grace = grace
        #: What splunkd does first when a stanza is deleted, nobody has documented.
        self.stops_before_removing = False
        self._kinds = kinds
        self._lock = threading.Lock()
        self._runners: dict[str, _Runner] = {}
        self._gates: dict[str, threading.Event] = {}

    def settings(self, stanza: str) -> dict[str, str]:
        """The stanza with what it inherits: `[default]`, `[kind]`, `[kind://name]`."""
        stanzas = self.configuration.read("inputs")
        merged: dict[str, str] = {}
        for name in ("default", stanza.partition("://")[0], stanza):
            merged.update(stanzas[name].settings if name in stanzas else {})
        return merged

    def stanzas(self) -> list[str]:
        """All stanzas of known kinds."""
        kinds = self._kinds()
        return [
            name for name in self.configuration.read("inputs") if name.partition("://")[0] in kinds and "://" in name
        ]

    def enabled(self, stanza: str) -> bool:
        return self.settings(stanza).get("disabled", "0").strip().lower() not in ("1", "true")

    def start_enabled(self) -> None:
        """What splunkd does when it starts."""
        for stanza in self.stanzas():
            if self.enabled(stanza):
                self.start(stanza)

    def apply(self, stanza: str) -> None:
        """The configuration of the stanza has changed: stop it, and start it unless it is disabled or gone."""
        self.stop(stanza)
        if stanza in self.stanzas() and self.enabled(stanza):
            self.start(stanza)

    def start(self, name: str) -> None:
        """Start it now, also while it waits for its interval; nothing if it runs. Returns when the process is there."""
        stanza = self._stanza(name)
        with self._lock:
            runner = self._runners.get(stanza)
            new = runner is None or not runner.alive
            if runner is None or new:
                runner = self._runners[stanza] = _Runner(self, stanza, runner.count if runner else Count())
        # Without the lock: the new runner's thread takes it.
        if new:
            runner.begin()
        else:
            runner.start_now()

    def stop(self, name: str) -> None:
        """SIGTERM, and SIGKILL after the grace period; returns when it has ended. It stays stopped."""
        runner = self._runner(name)
        if runner is not None:
            runner.stop()

    def stop_all(self) -> None:
        with self._lock:
            runners = list(self._runners.values())
        for runner in runners:
            runner.begin_stop()
        for runner in runners:
            runner.stop()

    def kill(self, name: str) -> None:
        """SIGKILL to the process that runs now; returns when it has ended. It is started again by its interval."""
        runner = self._runner(name)
        if runner is not None:
            runner.kill()

    def pid(self, name: str) -> int | None:
        """Process id, or None while it does not run."""
        runner = self._runner(name)
        return runner.pid if runner else None

    def unread(self, name: str) -> int:
        """Bytes that the process has written and nobody has read."""
        runner = self._runner(name)
        return runner.unread if runner else 0

    def running(self, name: str) -> bool:
        return self.pid(name) is not None

    def count(self, name: str) -> Count:
        runner = self._runner(name)
        return runner.count if runner else Count()

    def next_start(self, name: str) -> float | None:
        """When it is going to be started again (clock of `time.monotonic`), None if it runs or never will be."""
        runner = self._runner(name)
        return runner.next_start if runner else None

    def wait_for(self, name: str, predicate: Callable[[Inputs], bool], seconds: float) -> bool:
        """Wait until the predicate holds; it is asked again whenever the input starts or ends."""
        runner = self._runner(name)
        return runner.wait_for(lambda: predicate(self), seconds) if runner else predicate(self)

    def pause_reading(self, name: str) -> None:
        """Leave standard output unread until `resume_reading` or the end of the process.

        The pipe fills up and the input blocks. May be called before it is started.
        """
        self.gate(self._stanza(name)).clear()

    def resume_reading(self, name: str) -> None:
        self.gate(self._stanza(name)).set()

    def gate(self, stanza: str) -> threading.Event:
        """Set while the stanza's standard output is read."""
        with self._lock:
            if stanza not in self._gates:
                self._gates[stanza] = threading.Event()
                self._gates[stanza].set()
            return self._gates[stanza]

    def _stanza(self, name: str) -> str:
        if "://" in name:
            return name
        found = [stanza for stanza in self.stanzas() if stanza.partition("://")[2] == name]
        if len(found) != 1:
            raise KeyError(f"There are {len(found)} inputs named {name!r}.")
        return found[0]

    def _runner(self, name: str) -> _Runner | None:
        with self._lock:
            if "://" in name:
                return self._runners.get(name)
            found = [runner for stanza, runner in self._runners.items() if stanza.partition("://")[2] == name]
            return found[0] if len(found) == 1 else None


class _Runner:
    """Supervises one stanza: runs its process, again and again as its interval says, until `stop`."""

    def __init__(self, inputs: Inputs, stanza: str, count: Count) -> None:
        self._inputs = inputs
        self._stanza = stanza
        self._changed = threading.Condition()
        self._process: InputProcess | None = None
        self._wanted = True
        self._now = False
        self._over = False
        self.next_start: float | None = None
        self.count = count
        self._settings: dict[str, str] = {}
        #: Session key of the process that runs.
        self._key = ""
        self._thread = threading.Thread(target=self._supervise, name=f"runner of {stanza}", daemon=True)

    def begin(self) -> None:
        """The first start; returns when the process is there."""
        with self._changed:
            before = self.count.starts
            self._thread.start()
            self._changed.wait_for(lambda: self.count.starts > before, timeout=patience(_START_SECONDS))

    @property
    def alive(self) -> bool:
        return self._wanted and not self._over

    @property
    def pid(self) -> int | None:
        with self._changed:
            return self._process.pid if self._process else None

    @property
    def unread(self) -> int:
        with self._changed:
            return self._process.unread if self._process else 0

    def start_now(self) -> None:
        """End the pause before the next run, if there is one, and wait until the process is there."""
        with self._changed:
            if self._process is None:
                self._now = True
                self._changed.notify_all()
                self._changed.wait_for(lambda: not self._now or not self._wanted, timeout=patience(_START_SECONDS))

    def wait_for(self, predicate: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + patience(seconds)
        while not predicate():
            with self._changed:
                # The predicate takes this lock itself, so it is asked outside; a short nap covers the gap.
                if time.monotonic() >= deadline:
                    return False
                self._changed.wait(timeout=0.02)
        return True

    def signal(self, number: int) -> None:
        with self._changed:
            process = self._process
        if process is not None:
            process.signal(number)

    def kill(self) -> None:
        with self._changed:
            process = self._process
        if process is not None:
            process.signal(signal.SIGKILL)
            # On a busy host the kernel takes its time, and until then the process keeps its port and its locks.
            process.wait_exit(patience(_START_SECONDS))

    def begin_stop(self) -> None:
        with self._changed:
            self._wanted = False
            self._changed.notify_all()
        self.signal(signal.SIGTERM)

    def stop(self) -> None:
        self.begin_stop()
        with self._changed:
            process = self._process
        if process is not None and not process.wait_exit(patience(self._inputs.grace)):
            text = f"{self._stanza} did not end within {self._inputs.grace:g} s of SIGTERM and was killed"
            self._inputs.journal.write("WARN", "ExecProcessor", text)
            self._add(forced=1)
            process.signal(signal.SIGKILL)
        if self._thread.ident is not None:
            self._thread.join()

    def _supervise(self) -> None:
        while True:
            with self._changed:
                if not self._wanted:
                    break
                self._now = False
                self.next_start = None
                process = self._process = self._start()
                self.count = _plus(self.count, starts=1)
                self._changed.notify_all()
            ending = process.wait()
            self._note(ending)
            if not self._pause():
                break
        with self._changed:
            self._over = True
            self.next_start = None
            self._changed.notify_all()

    def _start(self) -> InputProcess:
        inputs, stanza = self._inputs, self._stanza
        kind = stanza.partition("://")[0]
        settings = inputs.settings(stanza)
        self._settings = settings
        self._key = inputs.sessions.issue(stanza)
        stored = inputs.configuration.find("inputs", stanza)
        root = document("input", inputs.installation, kind, inputs.server_uri(), self._key)
        node = ET.SubElement(ET.SubElement(root, "configuration"), "stanza", name=stanza)
        node.set("app", stored.app if stored else inputs.installation.app)
        add_params(node, settings)
        return InputProcess(
            stanza,
            command(inputs.installation, kind, settings),
            as_bytes(root),
            environment=inputs.installation.environment(),
            folder=os.fspath(inputs.installation.home),
            gate=inputs.gate(stanza),
            event=lambda event: self._index(event, settings),
            faults=inputs.faults,
            journal=inputs.journal,
        )

    def _index(self, event: RawEvent, settings: Mapping[str, str]) -> None:
        own = {name: settings[name] for name in ("index", "host", "source", "sourcetype") if settings.get(name)}
        self._inputs.index.add(event, self._stanza, own)

    def _note(self, ending: Ending) -> None:
        killed = ending.code == -signal.SIGKILL
        text = f"{self._stanza} ended with code {ending.code}"
        self._inputs.journal.write("INFO" if ending.code == 0 else "WARN", "ExecProcessor", text)
        self._inputs.sessions.withdraw(self._key)
        with self._changed:
            self._process = None
            self.count = _plus(self.count, kills=int(killed), cut_off=int(ending.cut_off))
            self._changed.notify_all()
        self._inputs.index.wake()

    def _pause(self) -> bool:
        """Wait as the interval says; False if it is not to be started again."""
        with self._changed:
            self.next_start = next_start(self._settings.get("interval", "60"), time.monotonic())
            while self._wanted and not self._now:
                if self.next_start is None:
                    self._changed.notify_all()
                    self._changed.wait()
                    continue
                left = self.next_start - time.monotonic()
                if left <= 0:
                    return True
                self._changed.notify_all()
                self._changed.wait(timeout=left)
            return self._wanted

    def _add(self, forced: int) -> None:
        with self._changed:
            self.count = _plus(self.count, forced=forced)


def _plus(count: Count, *, starts: int = 0, kills: int = 0, forced: int = 0, cut_off: int = 0) -> Count:
    return Count(count.starts + starts, count.kills + kills, count.forced + forced, count.cut_off + cut_off)
