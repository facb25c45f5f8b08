"""One run of a modular input: a process, the threads that read it, and how it ended."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Callable

from .event_stream import BrokenStream, EventStream, RawEvent
from .faults import Faults
from .journal import Journal

_PIECE = 65536
_LEVELS = ("DEBUG", "INFO", "WARN", "ERROR", "FATAL")


@dataclass(frozen=True)
class Ending:
    """How a run ended."""

    #: Exit code, or minus the number of the signal that ended it.
    code: int
    #: An event was cut off by a SIGKILL and dropped.
    cut_off: bool


class InputProcess:
    """Started by its construction; `wait` returns when it has ended and everything it wrote is read."""

    def __init__(
        self,
        stanza: str,
        line: Sequence[str],
        stdin: bytes,
        *,
        environment: Mapping[str, str],
        folder: str,
        gate: threading.Event,
        event: Callable[[RawEvent], None],
        faults: Faults,
        journal: Journal,
    ) -> None:
        """
        Args:
            gate: standard output is read only while it is set.
            event: called with every complete event.
        """
        self._stanza = stanza
        self._gate = gate
        self._faults = faults
        self._journal = journal
        self._subject = f'message from "{" ".join(line)}"'
        self._broken: BrokenStream | None = None
        self._stream = EventStream(event)
        self._child = subprocess.Popen(
            line,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
            cwd=folder,
            # A group of its own: Ctrl-C in a terminal is for us, a signal here is for all of the input.
            start_new_session=True,
        )
        self._threads = [
            threading.Thread(target=self._write_stdin, args=(stdin,), name=f"stdin of {stanza}", daemon=True),
            threading.Thread(target=self._read_events, name=f"stdout of {stanza}", daemon=True),
            threading.Thread(target=self._read_errors, name=f"stderr of {stanza}", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def unread(self) -> int:
        """Bytes in the pipe of standard output."""
        assert self._child.stdout is not None
        if self._child.stdout.closed:
            return 0
        answer = fcntl.ioctl(self._child.stdout.fileno(), termios.FIONREAD, b"\0\0\0\0")
        return int.from_bytes(answer, sys.byteorder)

    def signal(self, number: int) -> None:
        """Send a signal to the process and its own children; none if it has ended."""
        if self._child.poll() is None:
            try:
                os.killpg(self._child.pid, number)
            except ProcessLookupError:
                return

    def wait_exit(self, seconds: float) -> bool:
        """Whether the process ended within the time."""
        try:
            self._child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def wait(self) -> Ending:
        """Wait for the end, read what is left in the pipes, and judge the stream."""
        code = self._child.wait()
        # Grandchildren would hold the pipes open, and nobody may stay behind.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._gate.set()
        for thread in self._threads:
            thread.join()
        return Ending(code, self._judge(code))

    def _judge(self, code: int) -> bool:
        """Close the stream; True if an event was cut off by a kill."""
        if self._broken is None:
            try:
                self._stream.close()
            except BrokenStream as fault:
                killed = code == -signal.SIGKILL
                if fault.kind == "cut-off" and killed:
                    return True
                # Between two events a signal loses nothing.
                if not (fault.kind == "not-closed" and code < 0):
                    self._faults.add(fault.kind, f"{self._stanza}: {fault}")
        return False

    def _write_stdin(self, content: bytes) -> None:
        assert self._child.stdin is not None
        try:
            with self._child.stdin as stdin:
                stdin.write(content)
        except BrokenPipeError:
            self._journal.write("WARN", "ModularInputs", f"{self._stanza} ended before it had read its configuration")

    def _read_events(self) -> None:
        assert self._child.stdout is not None
        with self._child.stdout as stdout:
            while True:
                self._gate.wait()
                piece = os.read(stdout.fileno(), _PIECE)
                if not piece:
                    return
                # It may have been closed while the read waited: then what came is held back here.
                self._gate.wait()
                self._feed(piece)

    def _feed(self, piece: bytes) -> None:
        if self._broken is not None:
            return
        try:
            self._stream.feed(piece)
        except BrokenStream as fault:
            self._broken = fault
            self._faults.add(fault.kind, f"{self._stanza}: {fault}")

    def _read_errors(self) -> None:
        assert self._child.stderr is not None
        with self._child.stderr as stderr:
            for raw in stderr:
                text = raw.decode(errors="replace").rstrip()
                first = text.partition(" ")[0]
                self._journal.write(first if first in _LEVELS else "ERROR", "ExecProcessor", f"{self._subject} {text}")
