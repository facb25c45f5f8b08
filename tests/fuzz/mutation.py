"""Makes inputs from inputs: bytes are changed blindly, or the JSON in them as a tree, so that it stays JSON.

The same seed makes the same inputs on every host, which is what the short form in ``make test`` needs. In the full form
libFuzzer mutates too, and keeps what reaches new code.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

#: Between the lines of an answer's head and its body, see ``answers``.
_HEAD_ENDS = b"\n\n"

#: Numbers and texts at the edge of something, as JSON or within a header.
_ODD_WORDS: tuple[bytes, ...] = (
    *(b"0", b"-0", b"-1", b"1e309", b"-1e309", b"1e-400", b"0.1", b"1.0", b"NaN", b"Infinity", b"null", b"true", b"[]"),
    *(b"9" * 15, b"9" * 18, b"9" * 41, b"9" * 400, b"9" * 5000, b"9223372036854775807", b"9223372036854775808"),
    *(
        b'""',
        b'"\\ud800"',
        b'"\\u0000"',
        b'"\\u2028"',
        b'"\\uffff"',
        b"\xed\xa0\x80",
        b"\xff",
        b"\x00",
        b"\xef\xbb\xbf",
    ),
    *(b"\r\n", b"\n", b"\r", b"\t", b" ", b"\x0b", b"\x85", b"\xa0", b"%00", b"%0d%0a", b"%", b"+", b"&", b"=", b";"),
    *(b"[" * 70, b"[" * 600, b"[" * 1500 + b"]" * 1500, b"{}", b'{"a":{"a":{"a":{}}}}', b",", b":", b'"', b"\\"),
)

_ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 0.5, -0.0, 1e308, float("inf"), float("nan"), 2**31, 2**53, 2**63 - 1, 2**63),
    *(10**18, 10**41, -(10**400), 10**400, "", " ", "0", "1", "x" * 400, "\x00", "\ud800", "\u2028", "\ufffe", "<&>"),
    *("2024-02-30T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2024-05-01T06:30:60Z"),
    *([], {}, [[]], [None], {"": None}, [0.0, 1], "a\r\nb", "١", "1_0", "-", "../..", "[x", "NaN"),
)

_MOST_AT_ONCE = 4
#: How many of the inputs that are JSON, or end with it, are changed as a tree.
_AS_TREE = 0.6


class Mutator:
    """Changes inputs of one target."""

    def __init__(self, rng: random.Random, words: Sequence[bytes], longest: int) -> None:
        self._rng = rng
        self._words = (*words, *_ODD_WORDS)
        self._longest = longest

    def mutate(self, data: bytes, other: bytes = b"") -> bytes:
        """Return another input that is like ``data``, maybe with a part of ``other``."""
        as_tree = self._rng.random() < _AS_TREE
        for _ in range(self._rng.randint(1, _MOST_AT_ONCE)):
            data = (self._in_tree(data) if as_tree else None) or self._in_bytes(data, other)
        return data[: self._longest]

    def _in_bytes(self, data: bytes, other: bytes) -> bytes:
        rng = self._rng
        begin = rng.randint(0, len(data))
        end = min(len(data), begin + rng.choice((0, 1, 1, 2, 4, 16, 64)))
        kind = rng.randrange(7)
        if kind == 0:  # flip a bit
            middle = bytes(byte ^ (1 << rng.randrange(8)) for byte in data[begin:end])
        elif kind == 1:  # leave out
            middle = b""
        elif kind == 2:  # repeat
            middle = data[begin:end] * rng.choice((2, 2, 3, 50))
        elif kind == 3 and other:  # take from another input
            start = rng.randrange(len(other))
            middle = other[start : start + rng.choice((1, 8, 64, 4096))]
        elif kind == 4:  # any byte
            middle = bytes([rng.randrange(256)])
        else:
            middle = rng.choice(self._words)
        return data[:begin] + middle + data[end:]

    def _in_tree(self, data: bytes) -> bytes | None:
        """Change one place of the JSON in the input; None if there is none."""
        head, separator, body = data.partition(_HEAD_ENDS)
        if not separator:
            head, body = b"", data
        try:
            tree = json.loads(body)
            changed = json.dumps(self._changed(tree), ensure_ascii=self._rng.random() < 0.5)
        except (ValueError, RecursionError, OverflowError):
            return None
        return head + separator + changed.encode("utf-8", "surrogatepass")

    def _changed(self, tree: Any) -> Any:
        rng = self._rng
        containers = [tree, *_containers(tree)] if isinstance(tree, (dict, list)) and tree else []
        if not containers:
            return rng.choice(_ODD_VALUES)
        container = rng.choice(containers)
        key = rng.choice(list(container)) if isinstance(container, dict) else rng.randrange(len(container))
        kind = rng.randrange(6)
        if kind == 0:
            del container[key]
        elif kind == 1:
            container[key] = [container[key]] if rng.random() < 0.5 else {"data": container[key]}
        elif kind == 2 and isinstance(container, dict):
            container[rng.choice(self._words).decode("latin-1")] = container[key]
        elif kind == 2:
            container.insert(key, container[key])
        elif kind == 3:
            container[key] = rng.choice(self._words).decode("latin-1")
        elif kind == 4 and isinstance(container[key], (int, float)) and not isinstance(container[key], bool):
            container[key] += rng.choice((-1, 1, 0.5, -1e9, 1e300))
        else:
            container[key] = rng.choice(_ODD_VALUES)
        return tree


def _containers(tree: Any) -> list[Any]:
    """Every object and list within, but for those that are empty."""
    found: list[Any] = []
    level = [tree]
    while level:
        children = [child for one in level for child in (one.values() if isinstance(one, dict) else one)]
        level = [child for child in children if isinstance(child, (dict, list)) and child]
        found += level
    return found
