"""A figure, what it has to be, and what it should be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Verdict:
    """One line of the summary."""

    name: str
    value: float
    #: The most that is allowed; the least, if more is better.
    must: float
    #: What we would like.
    aim: float
    unit: str
    more_is_better: bool = False

    @property
    def ok(self) -> bool:
        return self._reaches(self.must)

    @property
    def grade(self) -> str:
        """A word or two for people."""
        if not self.ok:
            return "FAILED"
        return "ok, as aimed for" if self._reaches(self.aim) else "ok"

    def _reaches(self, limit: float) -> bool:
        return self.value >= limit if self.more_is_better else self.value <= limit

    def __str__(self) -> str:
        return f"{self.name}: {figure(self.value)} {self.unit} (must {self.must:g}, aim {self.aim:g}): {self.grade}"


def figure(value: float) -> str:
    """A number with as many digits as say something."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2f}"


def table(verdicts: Sequence[Verdict]) -> str:
    """The verdicts as text, and how many are not met."""
    width = max((len(one.name) for one in verdicts), default=0)
    lines = [f"{'':{width}} {'value':>8} {'must':>8} {'aim':>6}  unit"]
    for one in verdicts:
        sign = "≥" if one.more_is_better else "≤"
        limits = f"{sign + f'{one.must:g}':>8} {one.aim:>6g}"
        lines.append(f"{one.name:{width}} {figure(one.value):>8} {limits}  {one.unit}: {one.grade}")
    missed = [one.name for one in verdicts if not one.ok]
    lines.append(f"{len(verdicts) - len(missed)} of {len(verdicts)} musts are met.")
    lines += [f"Missed: {name}" for name in missed]
    return "\n".join(lines)


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
            "more_is_better": one.more_is_better,
        }
        for one in verdicts
    ]
    file.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


def read_summary(file: Path) -> list[Verdict]:
    """The verdicts that :func:`write_summary` wrote."""
    rows = json.loads(file.read_text(encoding="utf-8"))
    return [Verdict(**{name: value for name, value in row.items() if name != "ok"}) for row in rows]
