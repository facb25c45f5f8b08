"""Blocks of code out of the documentation, so that what a reader copies is what the tests have run."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"

_BLOCK = re.compile(r"^```([a-z]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def block(page: str, heading: str, language: str) -> str:
    """Return the one block of this language below this heading, before the next heading."""
    text = (DOCS / page).read_text("utf-8")
    section = re.split(r"^##+ ", text.split(f" {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    (found,) = [content for kind, content in _BLOCK.findall(section) if kind == language]
    return str(found)
