"""What ``make demo`` and ``make sandbox`` have in common as programs: what ends them, and where they print."""

from __future__ import annotations

import contextlib
import io
import signal
import sys
from typing import NoReturn

#: Signals that end the program as Ctrl-C does; Windows has no SIGHUP.
_ENDS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


def prepare() -> None:
    """Call it first in ``main``: the end comes as KeyboardInterrupt, and any terminal can be printed to."""
    for number in _ENDS:
        # Whoever started it with nohup wants it to go on.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal or a pipe that is not UTF-8 gets question marks for quotation marks and bicycles.
        sys.stdout.reconfigure(errors="replace")


def _interrupt(_number: int, _frame: object) -> NoReturn:
    # A terminal that is closed can send SIGHUP twice; the second must not interrupt the clearing up.
    for number in _ENDS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def say_last(text: str) -> None:
    """Print, if there is still somebody to print to: after SIGHUP the terminal is gone."""
    with contextlib.suppress(OSError):
        print(text, flush=True)
