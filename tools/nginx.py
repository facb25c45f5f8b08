"""Finds the nginx that an integration test puts in front of the listener; on a bare machine of CI, installs it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Optional

from tools import debian

#: Debian puts it where only root's PATH leads; macOS's brew does not.
_NAMES = ("nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx")

#: The variable that names another one.
_NAMED = "NGINX"

HOW_TO_GET_IT = (
    "there is no nginx on this host (Debian: apt-get install nginx, macOS: brew install nginx; or name another "
    "one's path in the variable NGINX)"
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
        debian.install("nginx", "nginx")
    return find()
