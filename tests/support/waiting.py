"""Waiting for another thread or process, with an end."""

from __future__ import annotations

import threading
import time
from typing import Callable

from sandbox.patience import patience

#: Between two looks; short, because a test that waits is waiting for something that is about to happen.
_PAUSE = 0.005
#: What has taken so long already is not missed by a look less: pauses grow to a tenth of the time waited, up to this.
#: A look can be costly, and what is waited for needs the processor too.
_LONGEST_PAUSE = 0.1
#: Only a test that fails waits so long, and longer on a busy host.
_PATIENCE = 60.0


def until(predicate: Callable[[], object], seconds: float = _PATIENCE) -> None:
    """Return as soon as the predicate is true, or what it finds not empty; AssertionError if that takes longer.

    ``seconds`` are those of a host that does nothing else; a busy one gets more.
    """
    began = time.monotonic()
    while not predicate():
        waited = time.monotonic() - began
        if waited > patience(seconds):
            name = getattr(predicate, "__name__", repr(predicate))
            raise AssertionError(f"Waited {waited:.1f} s in vain for {name}.")
        time.sleep(min(max(_PAUSE, waited / 10), _LONGEST_PAUSE))


def ended(*threads: threading.Thread, seconds: float = _PATIENCE) -> None:
    """Return when all these threads have come to their end; AssertionError if that takes longer."""
    until(lambda: not any(thread.is_alive() for thread in threads), seconds)
