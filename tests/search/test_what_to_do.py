"""The macro that says what to do about a line of the log, the pages that say it, and the code that writes the lines."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from sandbox.spl import evaluate, expand
from tests.search.knowledge import MACROS
from tests.unit.test_docs_reliability import CODE, DOCS, RELIABILITY, _action, _called, table, words
from tests.unit.test_error_table import ROWS

TROUBLESHOOTING = (DOCS / "troubleshooting.md").read_text("utf-8")
#: Of these the sentence decides.
BY_SENTENCE = frozenset({"postponed", "finished"})
#: What is logged by functions that take the level as an argument, or by no function of that name.
ALSO_LOGGED = frozenset(
    {"accept_failed", "bad_request", "connection_closed", "failed", "notification_refused", "problem", "store_replaced"}
)
#: Rows of the table of errors that leave another line than ``postponed`` or ``finished``.
OTHER_LINES = {
    "Strava confirms it: 401, also with a renewed token, or the refresh token is refused": "deauthorized",
}


def what_to_do(action: str, said: str = "-") -> str:
    return str(evaluate(expand("`strava_what_to_do(action,said)`", MACROS), {"action": action, "said": said}))


def plain(cell: str) -> str:
    """A cell without its marks, as a sentence."""
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", cell).replace("*", "").replace("`", "").rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def documented() -> dict[str, str]:
    return {action: plain(row[1]) for row in table(TROUBLESHOOTING, "Line of the log").rows for action in words(row[0])}


def sentences() -> Iterator[tuple[str, str, str]]:
    """By the table of errors: a title, what people read, what they are to do. “The same” is that of the row above."""
    known: set[str] = set()
    before = ""
    for row, (title, _, reads, to_do) in zip(ROWS, table(RELIABILITY, "What happened").rows):
        before = before if to_do.startswith("the same") else to_do
        if "“" in reads and row.reads is not None and row.reads not in known and not to_do.startswith("as above"):
            known.add(row.reads)
            yield title, row.reads, plain(before)


def warnings() -> Iterator[str]:
    """The actions of lines that the code writes as a warning or an error."""
    for file in sorted(CODE.rglob("*.py")):
        for call in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(call, ast.Call) and _called(call) in ("warning", "error", "exception", "critical"):
                inner = (_action(one) for one in ast.walk(call) if isinstance(one, ast.Call))
                yield from (action for action in inner if action is not None)


@pytest.mark.parametrize(("title", "said", "to_do"), list(sentences()))
def test_a_sentence_leads_to_what_the_table_of_errors_says(title: str, said: str, to_do: str) -> None:
    assert what_to_do(OTHER_LINES.get(title, "postponed"), said) == to_do


def test_the_table_of_errors_has_many_sentences() -> None:
    assert len(list(sentences())) > 20


@pytest.mark.parametrize(("action", "to_do"), documented().items())
def test_a_line_leads_to_what_the_page_says(action: str, to_do: str) -> None:
    assert what_to_do(action) == to_do


def test_each_line_that_warns_is_on_the_page_and_no_other() -> None:
    assert set(documented()) == (set(warnings()) | ALSO_LOGGED) - BY_SENTENCE


def test_a_sentence_goes_before_its_line_but_not_before_what_users_are_told() -> None:
    refused = "Strava refuses access to this activity (403)."
    assert what_to_do("not_listed", refused) == what_to_do("finished", refused) != what_to_do("not_listed")
    assert what_to_do("problem", refused) == what_to_do("problem")
