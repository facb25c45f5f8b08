"""How rows look on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Union

Cell = Union[str, int, float, Sequence[str]]

#: Columns of tables, where a row has more than fits.
COLUMNS: Mapping[str, Sequence[str]] = {
    "jobs list": (
        "job",
        "status",
        "outcome",
        "reason",
        "activity_id",
        "athlete_id",
        "input",
        "attempts",
        "next_run_at",
        "updated_at",
        "error",
    ),
    "jobs counts": ("thing", "status", "reason", "outcome", "count"),
    "history": (
        "athlete",
        "athlete_id",
        "found",
        "collected",
        "waiting",
        "given_up",
        "lists",
        "listed_at",
        "missed_today",
        "estimate",
        "trouble",
    ),
    "subscriptions list": ("subscription", "application", "callback_url", "ours", "input", "created_at", "said"),
    "check": ("status", "topic", "subject", "seen", "to_do"),
}


def table(rows: Sequence[Mapping[str, Cell]], columns: Sequence[str]) -> str:
    """Return lines with a heading; the last column is as long as it is."""
    lines = [list(columns), *([_text(row.get(column, "")) for column in columns] for row in rows)]
    widths = [max(len(line[number]) for line in lines) for number in range(len(columns))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def sheet(row: Mapping[str, Cell]) -> str:
    """Return one row as lines ``name  value``; what is empty is left out."""
    width = max(map(len, row))
    lines = []
    for name, value in row.items():
        for number, text in enumerate([value] if isinstance(value, (str, int, float)) else value):
            shown = _text(text)
            if shown:
                lines.append(f"{name if number == 0 else '':{width}}  {shown}")
    return "\n".join(lines)


def harmless(text: str) -> str:
    """Return a text so that it does nothing to the terminal, whoever has written it."""
    return "".join(each if each.isprintable() else "�" for each in text)


def _text(value: Cell) -> str:
    return harmless("; ".join(value) if isinstance(value, (list, tuple)) else str(value))
