"""``docs/reliability.md`` and ``docs/operation.md`` say what the code does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Optional, Union

import pytest

from strava_collector.overview import Overview
from strava_collector.settings import Advanced
from strava_collector.store import schema
from strava_collector.store.counters import Counted
from tests.unit.test_error_table import ROWS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
CODE = ROOT / "package" / "bin"
RELIABILITY = (DOCS / "reliability.md").read_text("utf-8")
OPERATION = (DOCS / "operation.md").read_text("utf-8")

#: Actions that nobody needs to look up, each with the reason.
UNDOCUMENTED: Mapping[str, str] = {}
#: What stands between backquotes in the table of the trail and is a value, not a field.
VALUES = frozenset({"fetched", "noanswer", "unusable", "barred", "postponed", "granted", "sampled"})


# Reading the pages.


@dataclass(frozen=True)
class Table:
    """A table of a page."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(page: str) -> Iterator[Table]:
    for block in re.findall(r"(?:^\|.*\|\n)+", page, flags=re.MULTILINE):
        header, _, *rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in block.splitlines()]
        assert all(len(row) == len(header) for row in rows), header
        yield Table(header, tuple(rows))


def table(page: str, first: str) -> Table:
    """The one table whose first column has this header."""
    (found,) = [one for one in tables(page) if one.header[0] == first]
    return found


def words(cell: str) -> list[str]:
    """What stands between backquotes."""
    return re.findall(r"`([^`]+)`", cell)


def diagram(heading: str) -> set[tuple[str, str]]:
    """The transitions in the state diagram below a heading, those from and to nowhere left out."""
    drawn = RELIABILITY.split(f"### {heading}\n")[1].split("```mermaid\n")[1].split("```")[0]
    names = dict(re.findall(r'state "([^"]+)" as (\w+)', drawn))
    spelled = {alias: name for name, alias in names.items()}
    arrows = re.findall(r"^ +(\S+) --> (\w+|\[\*\])(?::.*)?$", drawn, flags=re.MULTILINE)
    assert len(arrows) == drawn.count("-->")
    states = [(spelled.get(before, before), spelled.get(after, after)) for before, after in arrows]
    return {(before, after) for before, after in states if "[*]" not in (before, after)}


# Reading the code.


def transitions(trigger: str) -> set[tuple[str, str]]:
    """What a trigger of the schema allows."""
    (statement,) = [one for migration in schema.MIGRATIONS for one in migration if f"TRIGGER {trigger} " in one]
    return set(re.findall(r"'([a-z ]+) > ([a-z ]+)'", statement))


@dataclass(frozen=True)
class Line:
    """A place in the code that logs."""

    action: str
    #: Its named fields; None if there may be more.
    fields: Optional[frozenset[str]]
    debug: bool


def lines() -> Iterator[Line]:
    for file in sorted(CODE.rglob("*.py")):
        if file.name != "logfmt.py":
            tree = ast.parse(file.read_text("utf-8"))
            calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
            debug = {id(inner) for call in calls if _called(call) == "debug" for inner in ast.walk(call)}
            for call in calls:
                action = _action(call)
                if action is not None:
                    yield Line(action, _fields(call), id(call) in debug)


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _action(call: ast.Call) -> Optional[str]:
    """``line("action", …)``, and the two ways to log what strangers can cause."""
    receiver = ast.unparse(call.func)
    position = {"line": 0, "logfmt.line": 0, "self.report": 1, "self.rare.write": 2}.get(receiver)
    if position is None or len(call.args) <= position:
        return None
    argument = call.args[position]
    return argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else None


def _fields(call: ast.Call) -> Optional[frozenset[str]]:
    names = [keyword.arg for keyword in call.keywords]
    return None if None in names else frozenset(str(name) for name in names)


# Comparisons.


def test_the_error_table_has_the_rows_that_are_tested() -> None:
    assert [row[0] for row in table(RELIABILITY, "What happened").rows] == [row.title for row in ROWS]


def test_the_error_table_quotes_what_people_read() -> None:
    documented = table(RELIABILITY, "What happened")
    assert documented.header[2] == "What you read"
    for (title, _, reads, *_), row in zip(documented.rows, ROWS):
        quoted = re.findall("“([^”]+)”", reads)
        if row.reads is None:
            assert not quoted, title
        elif quoted:
            assert quoted[0].rstrip("…") in row.reads or title.startswith("The athlete does not connect"), title
        else:
            assert words(reads) == [row.reads], title


@pytest.mark.parametrize(
    ("heading", "trigger"), [("A notification", "notification_transition"), ("A job", "job_transition")]
)
def test_the_diagrams_have_exactly_the_transitions_that_the_database_allows(heading: str, trigger: str) -> None:
    allowed = transitions(trigger)
    assert len(allowed) > 5
    assert diagram(heading) == allowed


def test_the_settings_and_their_defaults_are_those_of_the_code() -> None:
    documented = {words(row[1])[0]: _default(row[2]) for row in table(RELIABILITY, "Setting").rows}
    assert documented == {field.name: getattr(Advanced(), field.name) for field in fields(Advanced)}


def _default(cell: str) -> Union[str, float, bool, None]:
    """``2 s`` → 2, ``60 %`` → 0.6, ``on`` → True, ``none`` → None."""
    if words(cell):
        return words(cell)[0]
    if cell in ("on", "off", "none"):
        return {"on": True, "off": False}.get(cell)
    number = float(cell.split()[0].replace(",", ""))
    return number / 100 if cell.endswith("%") else number


def test_the_counters_are_those_of_the_code() -> None:
    assert [words(row[0]) for row in table(RELIABILITY, "Counter").rows] == [[one.value] for one in Counted]


def test_each_documented_action_is_logged_and_each_that_is_logged_is_documented() -> None:
    logged = {line.action for line in lines() if not line.debug}
    documented = {
        action for one in tables(OPERATION) if one.header[0] == "action" for row in one.rows for action in words(row[0])
    }
    assert len(logged) > 50
    assert documented - logged == set()
    assert logged - documented == set(UNDOCUMENTED)


def test_no_action_has_two_rows_in_a_table() -> None:
    for one in tables(OPERATION):
        named = [action for row in one.rows for action in words(row[0])]
        assert len(named) == len(set(named))


def test_the_trails_lines_have_the_fields_that_are_documented() -> None:
    documented = {
        action: frozenset({"trail", *words(about)}) - VALUES
        for (action,), about in ((words(row[0]), row[1]) for row in table(RELIABILITY, "Line").rows)
    }
    logged = {line.action: line.fields for line in lines()}
    # Its fields are put together in several places.
    assert documented.pop("dispatched") > {"trail", "notification_id", "meaning"}
    assert {action: logged[action] for action in documented} == documented


def test_the_line_queue_has_the_fields_that_are_documented() -> None:
    ((_, about),) = [row for one in tables(OPERATION) for row in one.rows if words(row[0]) == ["queue"]]
    assert words(about) == [field.name for field in fields(Overview)]


#: Pages that were written before there was a rule about their width.
WIDE = frozenset(
    {"appinspect.md", "events.md", "operation.md", "0001-answers-that-are-not-200.md", "0002-who-waits-for-clients.md"}
)


def test_prose_is_no_wider_than_120_columns() -> None:
    for page in sorted(DOCS.rglob("*.md")):
        if page.name not in WIDE:
            for number, text in enumerate(page.read_text("utf-8").splitlines(), start=1):
                assert len(text) <= 120 or text.startswith(("|", "![")), f"{page.name}:{number}"
