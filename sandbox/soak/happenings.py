"""What an hour brings along, one after the other in a thread, each with proof that it took place."""

from __future__ import annotations

import itertools
import os
import socket
import ssl
import threading
import time
from collections import Counter
from enum import Enum
from pathlib import Path
from typing import Callable

from sandbox.chaos.stage import Stage
from sandbox.sandbox import Sandbox

#: Seconds until something that was begun has to show.
_PATIENCE = 30.0
#: solnlib's log files are put aside at this size, in bytes.
_LOG_IS_FULL = 25_000_000


class Happening(Enum):
    """The value is a word for tables."""

    SWAP = "certificates renewed"
    RECONNECT = "athletes who connected again"
    ROTATION = "log files put aside"
    EXPIRY = "expiries of all access tokens"
    STRAVA_OUTAGE = "outages of Strava"
    SPLUNKD_OUTAGE = "outages of splunkd"


class Happenings(threading.Thread):
    """One after the other, again and again; ``failure`` is what ended it early."""

    def __init__(self, sandbox: Sandbox, stage: Stage, *, pause: float, outage: float) -> None:
        """``pause`` between two of them, ``outage`` how long an outage lasts, in seconds."""
        super().__init__(name="happenings")
        self._sandbox = sandbox
        self._stage = stage
        self._pause = pause
        self._outage = outage
        self._ended = threading.Event()
        #: How often each took place, and was seen to.
        self.proof: Counter[Happening] = Counter()
        self.now: Happening | None = None
        self.failure: BaseException | None = None
        self._athletes = itertools.cycle(stage.cast.athletes)
        self._actions: dict[Happening, Callable[[], None]] = {
            Happening.SWAP: self._swap,
            Happening.RECONNECT: self._reconnect,
            Happening.ROTATION: self._rotate,
            Happening.EXPIRY: self._expire,
            Happening.STRAVA_OUTAGE: self._strava_outage,
            Happening.SPLUNKD_OUTAGE: self._splunkd_outage,
        }

    def run(self) -> None:
        try:
            for happening, action in itertools.cycle(self._actions.items()):
                if self._ended.wait(self._pause):
                    return
                self.now = happening
                action()
                self.now = None
        except BaseException as failure:
            self.failure = failure

    def stop(self) -> None:
        """After what is going on just now."""
        self._ended.set()
        if self.ident is not None:
            self.join()

    def _swap(self) -> None:
        """Another certificate and key under the same names; new connections get it."""
        name = self._stage.input.certificate.cert_file.stem
        files = self._sandbox.certificates.issue(name)
        wanted = ssl.PEM_cert_to_DER_cert(files.leaf_file.read_text())
        self._until(Happening.SWAP, lambda: self._served() == wanted)

    def _served(self) -> bytes | None:
        context = self._sandbox.certificates.client_context()
        address = ("localhost", self._stage.input.port)
        with (
            socket.create_connection(address, timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            return connection.getpeercert(binary_form=True)

    def _reconnect(self) -> None:
        self._stage.cast.reconnect(next(self._athletes))
        self.proof[Happening.RECONNECT] += 1

    def _rotate(self) -> None:
        """Fill the log file up without writing, so that the next line finds it full; then take the filling away."""
        log = self._log_file()
        aside = log.with_name(f"{log.name}.1")
        before, size = log.stat().st_ino, log.stat().st_size
        os.truncate(log, _LOG_IS_FULL)
        self._until(Happening.ROTATION, lambda: log.exists() and log.stat().st_ino != before)
        # Lines that came just before the filling are kept; there are none behind it but the last.
        os.truncate(aside, size)

    def _log_file(self) -> Path:
        (found,) = self._sandbox.splunkd.home.rglob(f"ta_strava_webhook_{self._stage.input.name}.log")
        return found

    def _expire(self) -> None:
        for athlete in self._stage.cast.athletes:
            self._sandbox.strava.expire_access_token(athlete)
        self.proof[Happening.EXPIRY] += 1

    def _strava_outage(self) -> None:
        with self._sandbox.strava.faults.outage(503, path="*") as fault:
            self._ended.wait(self._outage)
            self._until(Happening.STRAVA_OUTAGE, lambda: fault.hits > 0)

    def _splunkd_outage(self) -> None:
        """Every REST call is refused, and nobody reads the events."""
        splunkd, name = self._sandbox.splunkd, self._stage.input.name
        before = splunkd.refused
        splunkd.inputs.pause_reading(name)
        try:
            with splunkd.outage(503):
                self._ended.wait(self._outage)
                self._until(Happening.SPLUNKD_OUTAGE, lambda: splunkd.refused > before)
        finally:
            splunkd.inputs.resume_reading(name)

    def _until(self, happening: Happening, shows: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not shows():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{happening.value}: nothing of it shows after {_PATIENCE:g} s.")
            time.sleep(0.1)
        self.proof[happening] += 1
