"""What a strict Splunk would complain about, collected while the sandbox runs."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One thing that must not happen in a correct add-on; a single one fails the demo."""

    #: Short, stable word for tests: "broken-xml", "unknown-index", "time-differs" …
    kind: str
    #: A sentence that says what was wrong and where.
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


class Faults:
    """A list that every thread of the sandbox may append to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, kind: str, text: str) -> None:
        with self._lock:
            self._faults.append(Fault(kind, text))

    def all(self) -> list[Fault]:
        with self._lock:
            return list(self._faults)
