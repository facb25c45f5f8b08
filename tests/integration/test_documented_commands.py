"""Every command of ``strava_admin.py`` that a page or a message shows is understood by the built command line."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "output" / "TA_strava_webhook"
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
SOURCES = sorted((ROOT / "package" / "bin").rglob("*.py"))

#: Up to the end of the line, of the code or of the quotation, or to what is done with the answer.
_COMMAND = re.compile(r"strava_admin(?:\.py)?\s+((?:jobs|subscriptions|check)(?![\w-])[^`“”\"|>#\n]*)")

#: Says which of several argument lists it does not understand; ``--help`` is none of them.
_JUDGE = """
import contextlib, io, json, sys
sys.path.insert(0, sys.argv[1])
from strava_admin_command import _parser
refused = []
for arguments in json.load(sys.stdin):
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            _parser().parse_args(arguments)
    except SystemExit:
        refused.append([arguments, said.getvalue().splitlines()[-1]])
json.dump(refused, sys.stdout)
"""


def test_every_command_that_is_shown_is_understood() -> None:
    if not APP.is_dir():
        pytest.fail(f"{APP} is missing: `make package` builds it, `make test` does that by itself.")
    shown = sorted({command for text in texts() for command in commands(text)})
    assert len(shown) > 15
    done = subprocess.run(
        [sys.executable, "-c", _JUDGE, str(APP / "bin")],
        input=json.dumps([shlex.split(command) for command in shown]),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert [said for _, said in json.loads(done.stdout)] == []


def test_commands_are_found_in_pages_and_in_messages() -> None:
    assert list(commands("Use `strava_admin.py jobs show 42` or “strava_admin.py check”.")) == ["jobs show 42", "check"]
    assert list(commands("    strava_admin jobs list --json | head\n")) == ["jobs list --json"]
    assert list(commands("strava_admin jobs <verb>, strava_admin.py <group>")) == []


def commands(text: str) -> Iterator[str]:
    # A line that ends with a backslash goes on.
    for found in _COMMAND.findall(text.replace("\\\n", " ")):
        command = found.strip().rstrip(".,;:")
        if "<" not in command and "…" not in command and command not in ("jobs", "subscriptions"):
            yield command


def texts() -> Iterator[str]:
    """All pages, and all texts in the program with a 1 for each value."""
    for page in PAGES:
        yield page.read_text("utf-8")
    for source in SOURCES:
        nodes = list(ast.walk(ast.parse(source.read_text("utf-8"))))
        joined = [node for node in nodes if isinstance(node, ast.JoinedStr)]
        parts = {id(part) for one in joined for part in one.values}
        for one in joined:
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "1" for part in one.values)
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
                yield node.value
