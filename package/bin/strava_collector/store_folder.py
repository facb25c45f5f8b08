"""Where the store lies, however one gets there.

An input is told its checkpoint folder by splunkd; a REST handler or the command line knows only the environment that
splunkd gives to all that it starts. Both lead to the same folder, ``$SPLUNK_DB/modinputs/ta_strava_webhook``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Optional

#: The store's folder, next to the checkpoint folders that splunkd gives each kind of input.
NAME = "ta_strava_webhook"


def beside_checkpoints(checkpoint_dir: str) -> Path:
    """Return the store's folder for an input whose checkpoint folder this is."""
    return Path(checkpoint_dir).parent / NAME


def of_environment(environment: Mapping[str, str]) -> Optional[Path]:
    """Return the store's folder for a process that splunkd has started; None if the environment does not say it.

    ``SPLUNK_DB`` counts, and without it the place where it is unless somebody has moved it.
    """
    database, home = environment.get("SPLUNK_DB", "").strip(), environment.get("SPLUNK_HOME", "").strip()
    if database:
        return Path(database) / "modinputs" / NAME
    return Path(home) / "var" / "lib" / "splunk" / "modinputs" / NAME if home else None
