"""What a search has shown, as splunkd's REST interface words it: everything is text."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from sandbox.spl import Row
from sandbox.spl.values import number, text


def answer_of(
    rows: list[Row], *, as_columns: bool = True, offset: int = 0, count: int = 0, of_chain: bool = False
) -> dict[str, object]:
    """The body of `results` and `results_preview`.

    Args:
        as_columns: `output_mode=json_cols`, else `json`.
        count: how many rows are wanted; 0: all.
        of_chain: the rows are those of commands that were run over the job's.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    wanted = rows[offset : offset + count] if count else rows[offset:]
    body: dict[str, object] = {
        "preview": False,
        "init_offset": offset,
        "messages": [],
        "fields": [{"name": name} for name in names],
    }
    if of_chain:
        body["post_process_count"] = len(rows)
    if as_columns:
        body["columns"] = [[_value(name, row.get(name)) for row in wanted] for name in names]
    else:
        body["results"] = [
            {name: _value(name, value) for name, value in row.items() if value is not None} for row in wanted
        ]
    return body


def _value(name: str, value: Any) -> object:
    """Times become words, as they do for `_time` alone."""
    at = number(value) if name == "_time" else None
    if at is not None:
        return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds")
    return [text(one) for one in value] if isinstance(value, list) else text(value)
