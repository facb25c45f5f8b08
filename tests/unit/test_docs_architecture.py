"""``docs/architecture.md`` has every module, in the order of the layers, and names no file that is not there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
BIN = ROOT / "package" / "bin"

#: By the first column's header of the tables: where their modules lie.
FOLDERS = {
    "Module of `bin`": BIN,
    "Module of the collector": BIN / "strava_collector",
    "Module of the store": BIN / "strava_collector" / "store",
}

#: By the same header: the package whose layers ``pyproject.toml`` has.
LAYERED = {
    "Module of the collector": "strava_collector",
    "Module of the store": "strava_collector.store",
}

#: Ends of names that are files', so that a name without a folder is looked for in the repository's own.
SUFFIXES = (".py", ".md", ".json", ".conf", ".toml", ".xml", ".js", ".spec")


def section(page: str, heading: str) -> str:
    """What stands below a heading of the second level, up to the next one."""
    (found,) = [part for part in re.split(r"^## ", page, flags=re.MULTILINE) if part.startswith(f"{heading}\n")]
    return found


def tables(page: str, first: str) -> list[list[tuple[str, ...]]]:
    """The rows of each table whose first column has this header."""
    blocks = re.findall(r"(?:^\|.*\|\n)+", page, flags=re.MULTILINE)
    found = [
        [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in block.splitlines()] for block in blocks
    ]
    return [rows[2:] for rows in found if rows[0][0] == first]


def named(header: str) -> list[str]:
    """The modules that the tables name, in their order."""
    return [row[0].strip("`") for rows in tables(section(PAGE, "The modules"), header) for row in rows]


def modules(folder: Path) -> set[str]:
    """The modules and packages in a folder; packages beside it have tables of their own, if they are the collector."""
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in folder.glob("*/__init__.py")} - {"strava_collector"}
    return files | packages


def layers(container: str) -> list[set[str]]:
    """The layers of a package from the top down, as import-linter is told; read as text, for Python 3.9 has no TOML."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    (listed,) = re.findall(rf'containers = \["{re.escape(container)}"\].*?^layers = \[\n(.*?)^\]', text, re.M | re.S)
    lines = re.findall(r'^ +"([^"]+)",$', listed, flags=re.MULTILINE)
    return [{name.strip() for name in line.split("|")} for line in lines]


def out_of_order(names: Sequence[str], order: Sequence[set[str]]) -> list[str]:
    """The names that come after one of a lower layer."""
    heights = [next(number for number, layer in enumerate(order) if name in layer) for name in names]
    return [name for number, name in enumerate(names) if number and heights[number] < max(heights[:number])]


def paths(text: str) -> set[str]:
    """What stands between backquotes and is the path of a file or a folder."""
    words = re.findall(r"`([^`\n]+)`", text)
    return {word for word in words if re.fullmatch(r"[\w.-]+(?:/[\w.-]+)*", word) and _is_path(word)}


def _is_path(word: str) -> bool:
    return "/" in word or word.endswith(SUFFIXES)


# The page.


@pytest.mark.parametrize("header", FOLDERS)
def test_each_module_has_its_row_and_each_row_its_module(header: str) -> None:
    names = named(header)
    assert set(names) == modules(FOLDERS[header])
    assert len(names) == len(set(names)), "a module has two rows"


@pytest.mark.parametrize("header", LAYERED)
def test_modules_stand_in_the_order_of_their_layers(header: str) -> None:
    assert out_of_order(named(header), layers(LAYERED[header])) == []


@pytest.mark.parametrize("header", FOLDERS)
def test_a_module_has_one_sentence(header: str) -> None:
    for rows in tables(PAGE, header):
        for module, said in rows:
            assert re.fullmatch(r"[A-Z].*[^.]\.", said), module
            assert not re.search(r"\. [A-Z]", said), module


def test_where_to_change_what_names_files_that_are_there() -> None:
    text = section(PAGE, "Where to change what")
    found = paths(text)
    assert len(found) > 50
    assert sorted(name for name in found if not (ROOT / name).exists()) == []


def test_each_change_has_its_files_and_what_notices() -> None:
    text = section(PAGE, "Where to change what")
    changes = re.split(r"^### ", text, flags=re.MULTILINE)[1:]
    assert len(changes) == 8
    for change in changes:
        for header in ("File", "What was forgotten"):
            assert [len(rows) > 1 for rows in tables(change, header)] == [True], (change.partition("\n")[0], header)
        notices = [row[1] for rows in tables(change, "What was forgotten") for row in rows]
        assert any("`tests/" in cell for cell in notices)


def test_modules_that_the_text_names_are_there() -> None:
    way, locks = section(PAGE, "The way of the data"), section(PAGE, "Processes, threads, locks")
    collector, store = (modules(FOLDERS[header]) for header in LAYERED)
    assert set(re.findall(r"`([a-z_]+)`", way)) <= collector
    # store.lock is the name of a file.
    assert set(re.findall(r"`store\.(\w+)`", way + locks)) - {"lock"} <= store


def test_each_stand_in_has_its_row_and_each_row_its_stand_in() -> None:
    (rows,) = tables(section(PAGE, "The stand-ins"), "Folder or file")
    said = {Path(row[0].strip("`")).relative_to("sandbox").as_posix() for row in rows}
    folders = {path.name for path in (ROOT / "sandbox").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert said - {"certificates.py"} == folders


# The readers.


def test_a_module_out_of_order_would_be_noticed() -> None:
    order = [{"top"}, {"left", "right"}, {"bottom"}]
    assert out_of_order(["top", "right", "left", "bottom"], order) == []
    assert out_of_order(["top", "bottom", "left", "right"], order) == ["left", "right"]


def test_layers_are_all_modules() -> None:
    for header, container in LAYERED.items():
        assert set().union(*layers(container)) == modules(FOLDERS[header])


def test_paths_are_told_from_other_words() -> None:
    text = "`docs/data.md`, `pyproject.toml`, `package/bin/strava_collector/store`; `make lint`, `Kind`, `log.info(x)`"
    assert paths(text) == {"docs/data.md", "pyproject.toml", "package/bin/strava_collector/store"}
