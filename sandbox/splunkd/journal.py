"""splunkd.log: what splunkd itself writes, and what its children write to standard error."""

from __future__ import annotations

import threading
from datetime import datetime, timezone
from pathlib import Path


class Journal:
    """Appends to `splunkd.log` from any thread, and reads every log back."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._lock = threading.Lock()

    def write(self, level: str, component: str, text: str) -> None:
        now = datetime.now(timezone.utc).strftime("%m-%d-%Y %H:%M:%S.%f")[:-3]
        with self._lock, (self._logs / "splunkd.log").open("a", encoding="utf-8") as file:
            file.write(f"{now} +0000 {level} {component} - {text}\n")

    def lines(self) -> list[str]:
        """Every line of every file in `var/log/splunk`, file by file (rotated ones too)."""
        found: list[str] = []
        for path in sorted(self._logs.glob("*.log*")):
            found += path.read_text(encoding="utf-8", errors="replace").splitlines()
        return found
