"""Where things are below SPLUNK_HOME."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


def make_splunkhome_path(parts: Sequence[str]) -> str:
    """Absolute path of `parts` below SPLUNK_HOME (below SPLUNK_DB for var/lib/splunk).

    Raises:
        KeyError: SPLUNK_HOME is not set.
        ValueError: the path would leave SPLUNK_HOME.
    """
    relative = Path(os.path.normpath(Path(*parts)))
    if relative.is_absolute() or relative.parts[:1] == (os.pardir,):
        raise ValueError(f"Illegal escape from parent directory: {Path(*parts)}")
    home = Path(os.environ["SPLUNK_HOME"])
    database = os.environ.get("SPLUNK_DB")
    inside = Path("var", "lib", "splunk")
    if database and (relative == inside or inside in relative.parents):
        return os.path.normpath(Path(database) / relative.relative_to(inside))
    return os.path.normpath(home / relative)
