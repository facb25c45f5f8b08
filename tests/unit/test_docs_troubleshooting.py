"""What ``docs/troubleshooting.md`` quotes is what the add-on can say; the cases themselves are integration tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from strava_collector.check_line import TOPICS

ROOT = Path(__file__).resolve().parents[2]
PAGE = re.sub(r"\s+", " ", (ROOT / "docs" / "troubleshooting.md").read_text("utf-8"))
SOURCES = sorted((ROOT / "package" / "bin" / "strava_collector").rglob("*.py"))

#: A text of which less is fixed says nothing about a quotation.
_FIXED = 12


def patterns() -> Iterator[re.Pattern[str]]:
    """Each text of the program, with room for what is put into it."""
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            parts: list[ast.expr] = []
            if isinstance(node, ast.JoinedStr):
                parts = node.values
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                parts = [node]
            fixed = [str(part.value) if isinstance(part, ast.Constant) else None for part in parts]
            if sum(len(text or "") for text in fixed) >= _FIXED:
                yield re.compile("".join(".*" if text is None else re.escape(text) for text in fixed))


PATTERNS = list(patterns())
#: Put together of pieces that are too small to compare; tests/integration/test_troubleshooting.py makes it be said.
PIECES = "12 fetches wait: paused until 00:01 UTC, day limit."

QUOTED = sorted({*re.findall("“([^”]+)”", PAGE)} - {PIECES})


def can_be_said(sentence: str) -> bool:
    """Whether it is a text of the program, or two of them in a row."""
    if any(pattern.fullmatch(sentence) for pattern in PATTERNS):
        return True
    first, dot, second = sentence.partition(". ")
    return bool(dot) and can_be_said(first + ".") and can_be_said(second)


@pytest.mark.parametrize("sentence", QUOTED)
def test_a_quoted_sentence_is_one_of_the_programs(sentence: str) -> None:
    beginning, ellipsis, _ = sentence.partition("…")
    if ellipsis:
        assert any(pattern.match(beginning) or beginning in pattern.pattern.replace("\\", "") for pattern in PATTERNS)
    else:
        assert can_be_said(sentence)


@pytest.mark.parametrize("name", ["troubleshooting.md", "set-up-check.md"])
def test_topics_are_called_as_the_tab_calls_them(name: str) -> None:
    script = (ROOT / "package/appserver/static/js/build/custom/check_tab.js").read_text("utf-8")
    labels = dict(re.findall(r"^    (\w+): '([^']+)',$", script, flags=re.MULTILINE))
    assert set(labels) == set(TOPICS)
    page = re.sub(r"\s+", " ", (ROOT / "docs" / name).read_text("utf-8"))
    sentence = re.search(r"`process` is .*?\.(?= )", page)
    assert sentence
    called = dict(re.findall(r"`(\w+)` (?:is )?\*([^*]+)\*", sentence[0]))
    assert called.items() <= {**labels, "fail": "Fault"}.items()
    assert len(called) >= 5


def test_the_comparison_would_notice() -> None:
    assert len(QUOTED) > 30
    assert can_be_said(
        "rides.example.com answers the challenge with status 404: the server there does not know the path."
    )
    assert not can_be_said("The listener is fine.")
    assert not can_be_said("The input listens. All is well.")
