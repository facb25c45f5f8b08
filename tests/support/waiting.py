"""Waiting for another thread or process, with an end."""

from __future__ import annotations

import time
from typing import Callable

#: Between two looks; short, because a test that waits is waiting for something that is about to happen.
_PAUSE = 0.005
#: Only a test that fails waits so long; a busy host may well take ten times what an idle one does.
_PATIENCE = 90.0


def until(predicate: Callable[[], object], seconds: float = _PATIENCE) -> None:
    """Return as soon as the predicate is true, or what it finds not empty; AssertionError if that takes longer."""
    deadline = time.monotonic() + seconds
    while not predicate():
        if time.monotonic() > deadline:
            name = getattr(predicate, "__name__", repr(predicate))
            raise AssertionError(f"Waited {seconds:g} s in vain for {name}.")
        time.sleep(_PAUSE)
