"""Programs that the tests need besides Python: on a bare machine of CI they are installed, elsewhere asked for."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from tools.progress import run, say

#: Lanes of the tests come at once, and apt-get serves one.
_INSTALLING = threading.Lock()


def in_ci() -> bool:
    """Whether nobody looks, so that what cannot run is a failure."""
    return os.environ.get("CI", "").lower() in ("1", "true")


@dataclass(frozen=True)
class Program:
    """A program, and how to get it."""

    title: str
    #: What it is called on the PATH, or where it may be beside it.
    names: Sequence[str]
    #: The environment variable that names another one.
    variable: str
    #: Debian's packages for it.
    packages: Sequence[str]

    def find(self) -> Optional[Path]:
        """Return the executable, or None."""
        named = os.environ.get(self.variable)
        for name in (named,) if named else self.names:
            found = shutil.which(name)
            if found:
                return Path(found)
        return None

    def ready(self, *, install: bool = False, incomplete: bool = False) -> Optional[Path]:
        """Return the executable; as root on Debian, install it first in CI, or if told to. None if there is none.

        ``incomplete``: it may be there, but something else of its packages is not.
        """
        with _INSTALLING:
            missing = incomplete or self.find() is None
            if missing and self.variable not in os.environ and (install or in_ci()) and _may_install():
                self._install()
            return self.find()

    def _install(self) -> None:
        """What goes wrong is said; that the program is missing then is for the caller to say."""
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (
            ["apt-get", "-qq", "update"],
            ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *self.packages],
        ):
            finished = run(self.title, command, folder=Path.cwd(), environment=quiet)
            if finished.status != 0:
                say(f"{' '.join(command)} failed:\n{finished.output[-2000:]}")


def _may_install() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None
