"""Finds the browser that the tests in ``tests/browser`` drive; on a bare machine of CI, installs it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Optional

from tools import debian

#: What Chromium and its sisters are called, on the PATH or, on macOS, beside it.
_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

#: The variable that names another one.
_NAMED = "CHROMIUM"

HOW_TO_GET_IT = (
    "there is no Chromium on this host (Debian: apt-get install chromium, macOS: brew install --cask chromium; "
    "or name another one's path in the variable CHROMIUM)"
)

#: What it is started with: no name is looked up in the network, so that nothing leaves this computer. Without the
#: sandbox of Chromium's own, because root may not use it, and all pages are ours.
FLAGS = (
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1",
    "--no-sandbox",
    "--disable-dev-shm-usage",
)


def find() -> Optional[Path]:
    """Return the executable, or None."""
    named = os.environ.get(_NAMED)
    for name in (named,) if named else _NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
    return None


def ready() -> Optional[Path]:
    """Return the executable; where CI runs as root on Debian, install it first. None if there is none."""
    if find() is None and _NAMED not in os.environ:
        debian.install("Chromium", "chromium", "fonts-dejavu-core")
    return find()
