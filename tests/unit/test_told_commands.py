"""Every command that a message tells people to run is one that the command line understands."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from strava_collector.admin_options import parser

SOURCES = sorted((Path(__file__).resolve().parents[2] / "package" / "bin").rglob("*.py"))

#: In quotation marks, as messages have them.
_COMMAND = re.compile(r"“strava_admin\.py ((?:jobs|subscriptions|check)[^”]*)”")


def commands(source: str) -> Iterator[str]:
    """Commands in the texts of a module; what is put into them is a 1, what is left to the reader an …"""
    nodes = list(ast.walk(ast.parse(source)))
    joined = [node for node in nodes if isinstance(node, ast.JoinedStr)]
    parts = {id(part) for one in joined for part in one.values}
    for one in joined:
        text = "".join(str(part.value) if isinstance(part, ast.Constant) else "1" for part in one.values)
        yield from _COMMAND.findall(text)
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield from _COMMAND.findall(node.value)


TOLD = sorted({command for source in SOURCES for command in commands(source.read_text("utf-8"))})


@pytest.mark.parametrize("command", TOLD)
def test_a_command_in_a_message_is_understood(command: str) -> None:
    parser().parse_args(shlex.split(command.replace("…", "1")))


def test_commands_are_found_in_plain_texts_and_in_those_with_values() -> None:
    assert len(TOLD) > 5
    assert list(commands('a = "Try “strava_admin.py check”."')) == ["check"]
    assert list(commands('a = f"Try “strava_admin.py jobs " f"show {job}”, please."')) == ["jobs show 1"]
