"""The built add-on, for tests that run it."""

from __future__ import annotations

import compileall
import shutil
from pathlib import Path

#: What ``make package`` leaves.
OUTPUT = Path(__file__).resolve().parents[2] / "output" / "TA_strava_webhook"


def compiled(folder: Path) -> Path:
    """Return a copy of the built add-on below `folder` with its modules compiled for this interpreter.

    Each sandbox unpacks an add-on of its own, as Splunk does, and its first processes compile what they import. Of
    hundreds of sandboxes that is half the work.

    Raises:
        FileNotFoundError: it is not built.
    """
    if not OUTPUT.is_dir():
        raise FileNotFoundError(f"{OUTPUT} is missing: `make package` builds it, `make test` does that by itself.")
    copy = folder / OUTPUT.name
    shutil.copytree(OUTPUT, copy)
    for part in ("bin", "lib"):
        compileall.compile_dir(copy / part, quiet=2)
    return copy
