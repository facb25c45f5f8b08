"""Whoever is excepted from a rule says why, on the same line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

_NOQA = r"noqa: [A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)*"
_TYPE = r"type: ignore\[[a-z, -]+\]"
_UNCOVERED = r"pragma: no (?:cover|branch)"
_EXCEPTION = re.compile(rf"#\s*(?:{_NOQA}|{_TYPE}|{_UNCOVERED})")
_REASON = re.compile(r"[A-Za-z]{2,}")


def unexplained(source: str, exception: re.Pattern[str]) -> list[str]:
    """The lines that have an exception and nothing behind it but other exceptions."""
    found = []
    for line in source.splitlines():
        match = exception.search(line)
        if match is not None and not _REASON.search(_EXCEPTION.sub("", line[match.start() :])):
            found.append(line.strip())
    return found


def sources(folder: str) -> str:
    return "\n".join(path.read_text("utf-8") for path in sorted((ROOT / folder).rglob("*.py")))


def test_shipped_code_explains_each_exception() -> None:
    shipped = sources("package/bin")
    assert unexplained(shipped, _EXCEPTION) == []
    assert len(_EXCEPTION.findall(shipped)) > 20


@pytest.mark.parametrize("folder", ["sandbox", "tools", "tests"])
def test_everything_else_explains_those_from_ruffs_rules(folder: str) -> None:
    assert unexplained(sources(folder), re.compile(rf"#\s*{_NOQA}")) == []


def test_ruffs_settings_explain_theirs() -> None:
    settings = (ROOT / "pyproject.toml").read_text("utf-8")
    ignored = settings.partition("[tool.ruff.lint.per-file-ignores]")[2].partition("\n[")[0]
    lines = [line for line in ignored.splitlines() if re.search(r'"[A-Z]+[0-9]+"', line)]
    assert [line for line in lines if not re.search("# .+", line)] == []
    assert len(lines) > 10


def test_an_exception_without_a_reason_is_found() -> None:
    # In pieces, or this file would have them.
    bare, kind = "#" + " noqa: S105", "#" + " type: ignore[misc]"
    source = f"a = 1  {bare}\nb = 1  {bare} - a word\nc = 1  {kind}  {bare}\nd = 1  {kind}  {bare} # why"
    assert unexplained(source, _EXCEPTION) == [f"a = 1  {bare}", f"c = 1  {kind}  {bare}"]
