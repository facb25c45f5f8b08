"""The figures of one or more cases as text."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Callable, Optional

from sandbox.simulation.result import Result

#: How the figures of several cases become one; what is not here is added up.
_JOINED: dict[str, Callable[[Sequence[float]], float]] = {
    "calls per day": statistics.mean,
    "calls on the busiest day": max,
    "calls per day, listing every 4 h": statistics.mean,
    "calls per day, 20 details per sync": statistics.mean,
    "delay median, s": statistics.median,
    "best possible median, s": statistics.median,
    "delay p95, s": statistics.median,
    "best possible p95, s": statistics.median,
    "delay p95 without archives, s": statistics.median,
    "delay p95 of our own, s": statistics.median,
    "delay p95 without history, s": statistics.median,
    "delay p95 of our own without history, s": statistics.median,
    "history: 99 % listed after, s": max,
    "history: 99 % collected after, s": max,
    "history: least of its share used, %": min,
    "history: mean of its share used, %": statistics.mean,
    "lost, in the window: worst repair, s": max,
    "lost, older: worst repair, s": max,
    "never announced, in the window: worst repair, s": max,
    "never announced, older: worst repair, s": max,
    "calls per athlete and day": statistics.mean,
    "of these, lists": statistics.mean,
    "of these, history": statistics.mean,
    "a look each interval would be": statistics.mean,
    "delay worst, s": max,
    "best possible worst, s": max,
}

_WORDS: dict[Callable[[Sequence[float]], float], str] = {
    statistics.mean: "mean",
    statistics.median: "median",
    min: "smallest",
    max: "largest",
}
#: Small figures, of which a digit after the point is shown.
_WITH_A_DIGIT = (
    "history: least of its share used, %",
    "history: mean of its share used, %",
    "calls per athlete and day",
    "of these, lists",
    "of these, history",
    "a look each interval would be",
)


def table(columns: Sequence[tuple[str, Sequence[Result]]]) -> str:
    """One column for each group of cases, one row for each figure."""
    names = list(dict.fromkeys(name for _, results in columns for result in results for name in result.figures))
    rows = [["", *(title for title, _ in columns)]]
    rows += [[_label(name, columns), *(_cell(name, results) for _, results in columns)] for name in names]
    widths = [max(len(row[position]) for row in rows) for position in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if position == 0 else cell.rjust(width)
            for position, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
    )


def details(results: Sequence[Result]) -> str:
    """What explains the figures: reasons with their numbers."""
    lines = []
    for group in dict.fromkeys(group for result in results for group in result.details):
        counted: Counter[str] = Counter()
        for result in results:
            counted.update(result.details.get(group, {}))
        if counted:
            lines.append(f"{group}:")
            lines += [f"  {number:>8,}  {what}" for what, number in sorted(counted.items())]
    return "\n".join(lines)


def _label(name: str, columns: Sequence[tuple[str, Sequence[Result]]]) -> str:
    """Say of a figure how several of it were joined."""
    if all(len(results) == 1 for _, results in columns) or name not in _JOINED:
        return name
    return f"{name} ({_WORDS[_JOINED[name]]})"


def _cell(name: str, results: Sequence[Result]) -> str:
    values = [result.figures[name] for result in results if name in result.figures]
    if not values:
        return "–"
    value = _JOINED.get(name, sum)(values)
    if name.endswith(", s"):
        return _duration(value)
    return f"{value:,.1f}" if name in _WITH_A_DIGIT else f"{value:,.0f}"


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"


def one_line(result: Result, seconds: Optional[float]) -> str:
    """How one case went."""
    figures, case = result.figures, result.case
    took = "" if seconds is None else f"  ({seconds:.0f} s)"
    verdict = "ok" if not result.violations else "FAILS"
    return (
        f"seed {case.seed:>2}, {case.limits:<7}  {figures['notifications']:>6,.0f} notifications"
        f"  {figures['fetches']:>6,.0f} fetches  429: {figures['answers 429']:.0f}"
        f"  lost: {figures['acknowledged lost']:.0f}  stale: {figures['stale']:.0f}"
        f"  p95 {_duration(figures['delay p95, s'])}  {verdict}{took}"
    )
