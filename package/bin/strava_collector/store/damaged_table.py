"""Reads a table of a damaged file: all rows that SQLite can still find, around the pages that it cannot read."""

from __future__ import annotations

import heapq
from collections.abc import Generator, Iterator
from typing import Optional

from strava_collector.store.sqlite import Row, Transaction, sqlite3

#: Rows that are read at once as long as all goes well.
_BATCH = 200

#: How many attempts are made to find readable rows between two damaged pages of one table.
_MOST_PROBES = 2_000

_LARGEST_ROWID = 2**63 - 1


class TableReader:
    """Reads a table of a damaged file, row by row where it has to, around the pages that cannot be read."""

    def __init__(self, source: Transaction, table: str) -> None:
        self._source = source
        self._table = table
        #: Whether a part could not be read; known when all rows have been taken.
        self.incomplete = False

    def rows(self) -> Iterator[Row]:
        """All readable rows; not in order where pages are damaged."""
        # Ranges of row ids, bounds excluded. The largest first: between two damaged pages that are far apart
        # lie more rows than within one.
        gaps = [_gap(-1, _LARGEST_ROWID)]
        for _ in range(_MOST_PROBES):
            if not gaps:
                return
            _, above, below = heapq.heappop(gaps)
            reached_up = yield from self._scan(above, below, ascending=True)
            if reached_up is None:
                continue
            self.incomplete = True
            reached_down = yield from self._scan(reached_up, below, ascending=False)
            if reached_down is None:
                continue
            middle = (reached_up + reached_down) // 2
            if reached_up < middle:
                heapq.heappush(gaps, _gap(reached_up, middle + 1))
                heapq.heappush(gaps, _gap(middle, reached_down))

    def _scan(self, above: int, below: int, *, ascending: bool) -> Generator[Row, None, Optional[int]]:
        """Yield rows until one cannot be read; return the last row id before it, None if the range is
        through.
        """
        batch = _BATCH
        while True:
            try:
                rows = self._select(above, below, batch, ascending)
            except (sqlite3.Error, _Nonsense):
                if batch == 1:
                    return above if ascending else below
                # Somewhere in this batch; the rows before it are read one at a time.
                batch = 1
                continue
            yield from rows
            if len(rows) < batch:
                return None
            if ascending:
                above = rows[-1]["row_id"]
            else:
                below = rows[-1]["row_id"]

    def _select(self, above: int, below: int, limit: int, ascending: bool) -> list[Row]:
        rows = self._source.execute(
            f"SELECT rowid AS row_id, * FROM {self._table} NOT INDEXED"  # noqa: S608  # constants only
            f" WHERE rowid > ? AND rowid < ? ORDER BY rowid {'ASC' if ascending else 'DESC'} LIMIT ?",
            (above, below, limit),
        ).fetchall()
        if not all(above < row["row_id"] < below for row in rows):
            # A page with garbage in it can give any row id; going on from there might never end.
            raise _Nonsense
        return rows


class _Nonsense(Exception):
    """SQLite gave rows that were not asked for."""


def _gap(above: int, below: int) -> tuple[int, int, int]:
    return (above - below, above, below)
