"""Rows that are read past SQLite are those that SQLite would have read, however long they are."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from strava_collector.store import leaf_pages
from strava_collector.store.leaf_pages import LeafRow, Value

#: Of each way in which SQLite writes a number of bytes or a value.
VALUES: list[Value] = [
    None,
    0,
    1,
    -1,
    127,
    -30_000,
    8_000_000,
    -2_000_000_000,
    1 << 40,
    -(1 << 62),
    0.1,
    "",
    "Málaga",
    b"\x00\xff",
    "x" * 200,
    "y" * 20_000,
    b"z" * 300_000,
]


def written(folder: Path, rows: Sequence[tuple[int, Value, Value]], size: int) -> Path:
    path = folder / "rows.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"PRAGMA page_size = {size}")
        connection.execute("CREATE TABLE kept (id INTEGER PRIMARY KEY, one, two)")
        connection.executemany("INSERT INTO kept VALUES (?, ?, ?)", rows)
    return path


def read(path: Path) -> list[LeafRow]:
    return sorted(leaf_pages.rows(path, leaf_pages.page_size(path)), key=lambda row: row.row_id)


@pytest.mark.parametrize("size", [512, 4096, 65_536])
def test_each_value_is_read_as_it_was_written(tmp_path: Path, size: int) -> None:
    ids = [-(1 << 40), -1, *range(1, len(VALUES) - 2), 1 << 62]
    rows = [(row_id, value, "the next one") for row_id, value in zip(ids, VALUES)]
    path = written(tmp_path, rows, size)
    assert leaf_pages.page_size(path) == size
    # The row's id stands beside the values, in whose place is none.
    assert [(row.row_id, *row.values) for row in read(path)] == [(row_id, None, *rest) for row_id, *rest in rows]


def test_a_row_that_is_longer_than_any_of_ours_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, [(1, "x" * (1 << 20), None), (2, "short", None)], 4096)
    assert [row.row_id for row in read(path)] == [2]


def test_a_row_whose_other_pages_are_gone_is_left_out_and_others_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, [(1, "short", None), (2, b"z" * 50_000, None)], 4096)
    whole = path.read_bytes()
    path.write_bytes(whole[: 4 * 4096])
    assert [row.row_id for row in read(path)] == [1]


def test_what_is_no_row_is_left_out_wherever_bytes_are_overwritten(tmp_path: Path) -> None:
    path = written(tmp_path, [(number, "a word", 7) for number in range(1, 6)], 512)
    whole = path.read_bytes()
    for at in range(512, 1024):  # the second page, which has the rows
        for byte in (0x00, 0x0A, 0xFF):
            path.write_bytes(whole[:at] + bytes([byte]) + whole[at + 1 :])
            for row in leaf_pages.rows(path, 512):  # none of them raises, or runs on for ever
                assert len(row.values) < 512
