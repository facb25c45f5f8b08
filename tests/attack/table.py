"""What ``make attack`` prints."""

from __future__ import annotations

from collections.abc import Sequence

from tests.attack.siege import Row


def table(rows: Sequence[Row]) -> str:
    """The attacks, one a line."""
    header = ("attack", "what the client got", "honest", "p99 ms", "worst ms")
    lines = [
        (row.attack.replace("_", " "), row.got, str(row.honest), f"{row.p99 * 1000:.0f}", f"{row.worst * 1000:.0f}")
        for row in rows
    ]
    widths = [max(len(line[column]) for line in (header, *lines)) for column in range(len(header))]
    return "\n".join("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths)) for line in (header, *lines))
