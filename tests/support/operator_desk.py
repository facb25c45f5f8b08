"""Somebody at a terminal of the host that the inputs run on: the built command line, as its own process."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from sandbox.patience import patience
from sandbox.splunkd import Splunkd

#: Seconds for one command; the set-up check may take twenty.
_PATIENCE = 60


class OperatorDesk:
    """Runs ``strava_admin.py`` by Splunk's Python, as the user that runs Splunk."""

    def __init__(self, splunkd: Splunkd) -> None:
        self._splunkd = splunkd

    def run(self, *arguments: str) -> tuple[int, str]:
        """The exit code of a command, and what it wrote."""
        installation = self._splunkd.installation
        if arguments[0] != "jobs":
            arguments = (*arguments, "--splunkd", self._splunkd.uri)
        done = subprocess.run(
            [str(installation.python), str(installation.app_folder / "bin" / "strava_admin.py"), *arguments],
            env=installation.environment(),
            input=f"{self._splunkd.sessions.password}\n",
            capture_output=True,
            text=True,
            timeout=patience(_PATIENCE),
        )
        return done.returncode, done.stdout + done.stderr

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """What a command answers, row by row."""
        _, text = self.run(*arguments, "--json")
        rows = json.loads(text)
        assert isinstance(rows, list)
        return rows

    def row(self, *arguments: str) -> dict[str, Any]:
        """What a command answers that has one row."""
        (row,) = self.rows(*arguments)
        return row

    def check(self) -> dict[str, dict[str, Any]]:
        """The lines of the set-up check, by their names."""
        return {":".join(filter(None, (row["topic"], row["subject"]))): row for row in self.rows("check")}
