"""The bell: another process has changed something in the store or on a page, and the input's process should look now.

A file whose time of change counts. A running input looks at it every second; without it, it would notice within half
a minute, when its threads look anyway, and a change of the configuration within a minute. Nothing depends on it, so a
bell that cannot be rung is no error.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Optional

from strava_collector.logfmt import line

log = logging.getLogger(__name__)

_NAME = "bell"


def ring(folder: Path) -> None:
    """Tell all running inputs; ``folder`` is the store's, which has to be there."""
    path = folder / _NAME
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        # Not by touching it: a file system may count in steps of milliseconds or seconds, and two rings would be one.
        now = max(time.time_ns(), (_rung_at(path) or 0) + 1)
        os.utime(path, ns=(now, now))
    except OSError as error:
        log.warning(line("bell_not_rung", why=error.strerror or type(error).__name__))


class Bell:
    """Hears rings from now on."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME
        self._heard = _rung_at(self._path)

    def has_rung(self) -> bool:
        """Whether somebody rang since this was asked last."""
        rung_at = _rung_at(self._path)
        if rung_at == self._heard:
            return False
        self._heard = rung_at
        return True


def _rung_at(path: Path) -> Optional[int]:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None
