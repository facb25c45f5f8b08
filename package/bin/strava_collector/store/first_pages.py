"""The first pages of a database, which hold its header and the table of tables: which they are, and new ones."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

#: Of SQLite's file format: the length of the header before the content of page 1, and a kind of page.
_HEADER = 100
_INTERIOR_TABLE_PAGE = 5


def numbers(model: Path, size: int) -> Sequence[int]:
    """The numbers, from 1, of the pages that hold the table of tables (https://sqlite.org/fileformat.html)."""
    with model.open("rb") as file:
        page = file.read(size)
    (kind,) = struct.unpack_from(">B", page, _HEADER)
    if kind != _INTERIOR_TABLE_PAGE:
        return (1,)
    cells, rightmost = struct.unpack_from(">3xH3xI", page, _HEADER)
    pointers = struct.unpack_from(f">{cells}H", page, _HEADER + 12)
    return (1, *(struct.unpack_from(">I", page, pointer)[0] for pointer in pointers), rightmost)


def graft(copy: Path, model: Path, numbers: Sequence[int], size: int) -> None:
    """Replace pages of ``copy`` with those of ``model``."""
    pages = copy.stat().st_size // size
    with model.open("rb") as new, copy.open("r+b") as old:
        for number in numbers:
            new.seek((number - 1) * size)
            page = bytearray(new.read(size))
            if number == 1:
                # As many pages as there are, and none in the list of free ones.
                struct.pack_into(">III", page, 28, pages, 0, 0)
            old.seek((number - 1) * size)
            old.write(page)
