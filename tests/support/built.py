"""The built add-on, for tests that run it."""

from __future__ import annotations

import compileall
import shutil
import sys
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
    # Beside the modules, where the processes of a sandbox look, wherever `make test` keeps what tests compile.
    prefix, sys.pycache_prefix = sys.pycache_prefix, None
    try:
        for part in ("bin", "lib"):
            compileall.compile_dir(copy / part, quiet=2)
    finally:
        sys.pycache_prefix = prefix
    return copy
