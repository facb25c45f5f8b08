"""``docs/security.md`` names tests that exist, the targets of the fuzzer, and what is shipped."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.catalogue import NAMES
from tests.unit.test_fuzz import RUNS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")

#: ``tests/unit/test_x.py``, ``tests/unit/test_x.py::test_y`` or ``tests/unit/test_x.py::TestX::test_y``.
_TEST = re.compile(r"`(tests/[a-z_/0-9]+\.py)((?:::\w+)*)`")


def names_in(file: Path) -> Iterator[str]:
    """The names that pytest would know the file's tests and classes by."""
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield f"::{node.name}"
        if isinstance(node, ast.ClassDef):
            yield from (f"::{node.name}::{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef))


def test_every_test_that_is_named_exists() -> None:
    named = _TEST.findall(PAGE)
    assert len(named) > 15
    assert [path for path, _ in named if not (ROOT / path).is_file()] == []
    assert [path + name for path, name in named if name and name not in names_in(ROOT / path)] == []


def test_every_target_of_the_fuzzer_has_a_row() -> None:
    assert sorted(set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) & set(NAMES)) == sorted(NAMES)
    assert f"{RUNS:,} mutations" in PAGE


def test_every_library_that_is_shipped_is_listed_with_its_version() -> None:
    requirements = (ROOT / "package" / "lib" / "requirements.txt").read_text("utf-8")
    shipped = re.findall(r"^([A-Za-z0-9-]+)==([0-9.]+)$", requirements, re.MULTILINE)
    lines = [line for line in requirements.splitlines() if line and not line.startswith("#")]
    assert len(shipped) == len(lines), "something is not pinned"
    assert re.findall(r"^\| ([A-Za-z0-9-]+) \| ([0-9.]+) \|$", PAGE, re.MULTILINE) == shipped
