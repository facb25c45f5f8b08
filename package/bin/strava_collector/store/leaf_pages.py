"""Reads rows straight from the pages of a damaged SQLite file, past the pages that should lead to them.

SQLite finds a table's rows by its root page. When that one is lost, all rows are still there, and no query reaches
them. Here every page that looks like one with rows is read by itself (https://sqlite.org/fileformat.html). It may be
an old copy of a page that SQLite does not use any more, so what is found here only fills gaps: a row that SQLite
itself could read is never replaced.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Union

Value = Union[None, int, float, bytes, str]

_LEAF_OF_A_TABLE = 13
#: Longer rows are none of ours: a notification has 64 KiB at most.
_LONGEST = 1 << 20


class LeafRow(NamedTuple):
    """A row of some table; which, its number of columns tells."""

    row_id: int
    #: In the order of the table's columns; the one that is the row id is None.
    values: Sequence[Value]


def page_size(database: Path) -> int:
    """The size of the file's pages as its header says, in bytes."""
    with database.open("rb") as file:
        (size,) = struct.unpack_from(">H", file.read(100), 16)
    return 65_536 if size == 1 else int(size)


def rows(database: Path, size: int) -> Iterator[LeafRow]:
    """All rows in pages of ``size`` bytes that can be made sense of; page 1 holds none of ours."""
    with database.open("rb") as file:
        number = 1
        while True:
            file.seek(number * size)
            page = file.read(size)
            if len(page) < size:
                return
            number += 1
            if page[0] != _LEAF_OF_A_TABLE:
                continue
            (cells,) = struct.unpack_from(">H", page, 3)
            for cell in range(min(cells, (size - 8) // 2)):
                try:
                    (where,) = struct.unpack_from(">H", page, 8 + 2 * cell)
                    length, where = _varint(page, where)
                    row_id, where = _varint(page, where)
                    if length <= _LONGEST:
                        chain = _Overflow(database, size)
                        yield LeafRow(row_id, _record(chain.payload(page, where, length)))
                except (ValueError, IndexError, struct.error):
                    # Not a row, or one that was overwritten.
                    continue


class _Overflow:
    """Puts together what does not fit into one page."""

    def __init__(self, database: Path, size: int) -> None:
        self._database = database
        self._size = size

    def payload(self, page: bytes, where: int, length: int) -> bytes:
        most = self._size - 35
        if length <= most:
            return _exactly(page[where : where + length], length)
        least = (self._size - 12) * 32 // 255 - 23
        local = least + (length - least) % (self._size - 4)
        local = local if local <= most else least
        parts = [_exactly(page[where : where + local], local)]
        (following,) = struct.unpack_from(">I", page, where + local)
        missing = length - local
        with self._database.open("rb") as file:
            while missing > 0:
                if following == 0:
                    raise ValueError("the pages end before the row")
                file.seek((following - 1) * self._size)
                further = _exactly(file.read(self._size), self._size)
                (following,) = struct.unpack_from(">I", further)
                parts.append(further[4 : 4 + missing])
                missing -= self._size - 4
        return b"".join(parts)


def _record(payload: bytes) -> list[Value]:
    header, where = _varint(payload, 0)
    kinds = []
    while where < header:
        kind, where = _varint(payload, where)
        kinds.append(kind)
    values = []
    for kind in kinds:
        value, where = _value(payload, where, kind)
        values.append(value)
    return values


def _value(payload: bytes, where: int, kind: int) -> tuple[Value, int]:
    if kind == 0:
        return None, where
    if kind in (8, 9):
        return kind - 8, where
    length = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8}.get(kind, (kind - 12) // 2)
    content = _exactly(payload[where : where + length], length)
    if kind == 7:
        return float(struct.unpack(">d", content)[0]), where + length
    if kind < 7:
        return int.from_bytes(content, "big", signed=True), where + length
    if kind in (10, 11):
        raise ValueError("reserved by SQLite for itself")
    return (content.decode("utf-8") if kind % 2 else content), where + length


def _varint(content: bytes, where: int) -> tuple[int, int]:
    """SQLite's integer of 1 to 9 bytes at ``where``, and where it ends."""
    result = 0
    for index in range(8):
        byte = content[where + index]
        result = result << 7 | byte & 0x7F
        if byte < 0x80:
            return result, where + index + 1
    result = result << 8 | content[where + 8]
    return (result - (1 << 64) if result >> 63 else result), where + 9


def _exactly(content: bytes, length: int) -> bytes:
    if len(content) != length:
        raise ValueError("the page ends before the row")
    return content
