"""Each refusal of a save is found by its sentence, with the test that has it.

The sentences are read out of the code: a new one has to be named in ``tests/support/refusals.py``, with its test. The
rows of the error table are the names of the cases of ``test_error_table.py``; each attack stands with its test in
``docs/security.md``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.refusals import REFUSALS, Checked

ROOT = Path(__file__).resolve().parents[2]
CODE = ROOT / "package" / "bin"
TESTS = ROOT / "tests"

#: Sentences of these modules that refuse nothing, and what is no sentence by itself.
NO_REFUSALS = {
    "strava_webhook_page_handler.py": ("Splunk's log", "The add-on failed"),
}

#: Modules whose sentences begin with the file that they are about.
OF_FILES = {"strava_collector/pem_file.py"}
#: What a page shows as the reason why something is not saved.
RAISED = r"raise (?:RestError|ConfigurationError|FileFault|RowsBusy|(?:Application|Consent|Deletion)Refused)\("
#: Modules that raise it and refuse no save of their own.
OTHERS = {
    "TA_strava_webhook_rh_oauth.py": "nothing is saved before the consent is there",
    "strava_check_handler.py": "shows lines of the check",
    "strava_endpoint.py": "does what operators ask for",
    "strava_input_handler.py": "has its sentences from the modules that judge",
    "strava_collector/athlete_deletion.py": "deletes",
    "strava_collector/connection.py": "runs, with what is saved",
    "strava_collector/link.py": "runs, with what is saved",
    "strava_collector/listener.py": "runs, with what is saved",
    "strava_collector/proxy.py": "runs, with what is saved",
    "strava_collector/served_pair.py": "runs, with files that are renewed",
}


def sentences(module: str) -> Iterator[str]:
    """The texts for people in a module, with ``{}`` for what is put in."""
    tree = ast.parse((CODE / module).read_text("utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    begin = "[a-z]" if module in OF_FILES else "[A-Z“{]"
    for node in ast.walk(tree):
        if id(node) in docs or id(node) in parts:
            continue
        text = template(node)
        is_sentence = re.match(rf"{begin}.* .*([.?]|\bone of |[.] \{{\}})\Z", text, re.DOTALL) or "}: " in text
        if is_sentence and re.search("[a-z]{3}", text) and not text.startswith(NO_REFUSALS.get(module, ("\0",))):
            yield text


def template(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(template(part) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return ""


@cache
def source(test: str) -> str:
    """The text of a test with its parameters; empty if there is none of this name."""
    file, _, name = test.partition("::")
    text = (TESTS / file).read_text("utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            return "\n".join(text.splitlines()[first - 1 : node.end_lineno])
    return ""


@pytest.mark.parametrize("module", REFUSALS)
def test_each_refusal_of_a_module_is_named_with_its_test(module: str) -> None:
    found = set(sentences(module))
    unnamed = [text for text in found if not text.startswith(tuple(REFUSALS[module]))]
    assert unnamed == [], "name them in tests/support/refusals.py, with a test that has them"
    gone = [begin for begin in REFUSALS[module] if not any(text.startswith(begin) for text in found)]
    assert gone == []


@pytest.mark.parametrize(
    "checked",
    [pytest.param(one, id=f"{module}: {begin}") for module, some in REFUSALS.items() for begin, one in some.items()],
)
def test_the_test_of_a_refusal_has_its_words(checked: Checked) -> None:
    text = source(checked.test)
    assert text, f"there is no test {checked.test}"
    assert checked.words in text


def test_each_module_that_judges_what_is_saved_is_among_them() -> None:
    judges = re.compile(rf"^def \w*faults\(.*\) -> list\[str\]|{RAISED}", re.MULTILINE | re.DOTALL)
    found = {file.relative_to(CODE).as_posix() for file in CODE.rglob("*.py") if judges.search(file.read_text("utf-8"))}
    assert found - set(REFUSALS) == set(OTHERS)
