"""Programs that the tests need besides Python: on a bare machine of CI they are installed, elsewhere asked for."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tools.progress import run, say


def in_ci() -> bool:
    """Whether nobody looks, so that what cannot run is a failure."""
    return os.environ.get("CI", "").lower() in ("1", "true")


def install(title: str, *packages: str) -> None:
    """Install packages of Debian if this is CI and we may; what goes wrong is said, under ``title``."""
    if not (in_ci() and _may_install()):
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "-qq", "update"],
        ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages],
    ):
        finished = run(title, command, folder=Path.cwd(), environment=quiet)
        if finished.status != 0:
            say(f"{' '.join(command)} failed:\n{finished.output[-2000:]}")


def _may_install() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None
