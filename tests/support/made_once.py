"""What is dear to make and the same for several sessions of tests: it is made once in a run of ``make test``."""

from __future__ import annotations

import gc
import os
import pickle
import platform
from pathlib import Path
from typing import Any, Callable, TypeVar

from tools.environments import locked
from tools.test import SHARED

Made = TypeVar("Made")


def made_once(name: str, make: Callable[[], Made]) -> Made:
    """Return what ``make`` returns; a session that comes later in the same run gets a copy of it.

    The folder is new in each run, so what lies there was made of the sources as they are. Each version of Python has
    its own. Without a folder, that is outside of such a run, it is just made.
    """
    folder = os.environ.get(SHARED)
    if folder is None:
        return make()
    file = Path(folder) / f"{name}-{platform.python_version()}.pickle"
    with locked(file.with_suffix(".lock")):
        if not file.is_file():
            made = make()
            unfinished = file.with_suffix(".unfinished")
            unfinished.write_bytes(pickle.dumps(made, pickle.HIGHEST_PROTOCOL))
            unfinished.replace(file)
            return made
    copy: Made = _read(file)
    return copy


def _read(file: Path) -> Any:
    """Whoever makes as many objects at once has the collector of garbage look through them again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return pickle.loads(file.read_bytes())  # noqa: S301  # written by another session of this run
    finally:
        if was_enabled:
            gc.enable()
