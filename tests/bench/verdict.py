"""A figure, what it has to be, and what it should be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Verdict:
    """One line of the summary; smaller is better."""

    name: str
    value: float
    #: The most that is allowed.
    must: float
    #: What we would like.
    aim: float
    unit: str

    @property
    def ok(self) -> bool:
        return self.value <= self.must

    def __str__(self) -> str:
        grade = "FAILED" if not self.ok else "ok" if self.value > self.aim else "ok, as aimed for"
        return f"{self.name}: {self.value:.2f} {self.unit} (must {self.must:g}, aim {self.aim:g}): {grade}"


def write_summary(file: Path, verdicts: Sequence[Verdict]) -> None:
    """Write the verdicts as a JSON list of objects."""
    summary = [
        {
            "name": one.name,
            "value": round(one.value, 3),
            "must": one.must,
            "aim": one.aim,
            "unit": one.unit,
            "ok": one.ok,
        }
        for one in verdicts
    ]
    file.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
