"""What the tools show: that a command lives whose output matters only if it fails, and how they themselves end."""

from __future__ import annotations

import io
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, NoReturn, Optional

#: What a shell says of a command that Ctrl-C ended.
INTERRUPTED = 130

#: Seconds between two signs of life.
SIGN_OF_LIFE = 10.0

#: What runs now, in whichever thread.
_running: set[subprocess.Popen[bytes]] = set()

#: Held while a command is started, so that none is once all have been ended.
_starting = threading.Lock()
#: Set when all are being ended: the other threads must not go on with their next command.
_ending = threading.Event()


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    status: int
    #: Standard output and standard error, in the order written.
    output: str
    seconds: float


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


def exit_with(main: Callable[[], int]) -> NoReturn:
    """Run a tool's main function and exit with the status that it returns; Ctrl-C is no fault and has no traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal or a pipe that is not UTF-8 gets question marks.
        sys.stdout.reconfigure(errors="replace")
    try:
        status = main()
    except KeyboardInterrupt:
        _end_all()
        say("Interrupted.")
        status = INTERRUPTED
    sys.exit(status)


def _end_all() -> None:
    """End what other threads wait for; a terminal has told them too, a signal to us alone has not."""
    with _starting:
        _ending.set()
        left = list(_running)
    for process in left:
        process.terminate()
    for process in left:
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()


def run(
    title: str,
    command: Sequence[str],
    *,
    folder: Path,
    environment: Optional[Mapping[str, str]] = None,
    show: bool = False,
) -> Finished:
    """Run the command and return how it ended; its status is the caller's to judge.

    With ``show`` every line is printed as it comes; without, a line every ten seconds says that it still runs.
    Once the tool is being interrupted nothing is started any more, and the thread that wants to is ended.
    """
    began = time.monotonic()
    with _starting:
        if _ending.is_set():
            raise SystemExit(INTERRUPTED)
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=dict(os.environ if environment is None else environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        _running.add(process)
    output = bytearray()
    try:
        _follow(process, output, title, began, show)
    except BaseException:
        # Ctrl-C reaches the child too; leave only once it is gone.
        process.terminate()
        process.wait(timeout=30)
        raise
    finally:
        _running.discard(process)
    return Finished(process.returncode, output.decode("utf-8", "replace"), time.monotonic() - began)


def _follow(process: subprocess.Popen[bytes], output: bytearray, title: str, began: float, show: bool) -> None:
    pipe = process.stdout
    assert pipe is not None
    next_sign = began + SIGN_OF_LIFE
    with selectors.DefaultSelector() as selector, pipe:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if selector.select(timeout=max(0.0, next_sign - time.monotonic())):
                chunk = os.read(pipe.fileno(), 65536)
                if not chunk:
                    break
                output += chunk
                if show:
                    sys.stdout.buffer.write(chunk)
                    sys.stdout.buffer.flush()
            if time.monotonic() >= next_sign:
                next_sign += SIGN_OF_LIFE
                if not show:
                    say(f"  {title} … running {time.monotonic() - began:.0f} s")
    process.wait()
