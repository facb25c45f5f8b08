"""``docs/administration.md`` has every verb and every argument, and its examples are understood."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from strava_collector.admin_arguments import JOBS, SUBSCRIPTIONS, Argument, Given
from strava_collector.admin_options import parser

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "administration.md").read_text("utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ENDPOINTS: Mapping[str, tuple[str, Mapping[str, Sequence[Argument]]]] = {
    "strava_jobs": ("Jobs", JOBS),
    "strava_subscriptions": ("Subscriptions", SUBSCRIPTIONS),
}

#: What a GET shows; the rest is a POST, but for the subscription that is deleted.
READS = ("list", "dead_letters", "counts", "show")


def tables(heading: str) -> list[list[list[str]]]:
    """The rows of the section's tables, without their headings; an empty first cell is that of the row above."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = []
    for block in re.findall(r"(?:^\|.*\|\n)+", section, flags=re.MULTILINE):
        rows = [
            [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            for line in block.splitlines()[2:]
        ]
        for above, row in zip(rows, rows[1:]):
            row[0] = row[0] or above[0]
        found.append(rows)
    return found


def examples() -> list[tuple[str, str, str, str, str]]:
    return [
        (endpoint, *(cell.strip("`") for cell in row))  # type: ignore[misc]
        for endpoint, (heading, _) in ENDPOINTS.items()
        for row in tables(heading)[0]
    ]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_verbs_and_arguments_are_those_of_the_code(endpoint: str) -> None:
    heading, verbs = ENDPOINTS[endpoint]
    ways, arguments = tables(heading)
    assert list(dict.fromkeys(row[0].strip("`") for row in ways)) == list(verbs)
    documented = [(row[0].strip("`"), row[1].strip("`")) for row in arguments]
    assert documented == [(verb, argument.name) for verb, known in verbs.items() for argument in known]


@pytest.mark.parametrize(("endpoint", "verb", "rest", "search", "command"), examples())
def test_each_example_is_of_its_verb(endpoint: str, verb: str, rest: str, search: str, command: str) -> None:
    known = ENDPOINTS[endpoint][1][verb]
    method, path, *data = shlex.split(rest)
    reads = verb in READS
    assert method == ("GET" if reads else "DELETE" if verb == "delete" and "sub" in endpoint else "POST")
    given = dict(parse_qsl("&".join(part for part in data if part != "-d")))
    if re.search(r"/[0-9]+$", path):
        given["id"] = path.rpartition("/")[2]
    assert path.partition("/")[2] in ("" if verb == "list" else verb, given.get("id"))
    Given(known, given)
    if reads:
        assert re.fullmatch(r"\| rest /servicesNS/nobody/TA_strava_webhook/(\S+)( count=0)?", search)
        assert search.split()[2].endswith(path)
    else:
        assert search == "–"
    words = shlex.split(command)
    options = {word[2:].replace("-", "_") for word in words if word.startswith("--")}
    assert words[:2] == ["strava_admin.py", "jobs" if endpoint == "strava_jobs" else "subscriptions"]
    assert words[2].replace("-", "_") == ("delete" if verb == "delete_all" else verb)
    assert options <= {argument.name for argument in known} | {"all"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_shows_is_understood(page: Path) -> None:
    groups = "jobs|history|subscriptions|check"
    shown = re.findall(rf"strava_admin(?:\.py)? ((?:{groups})\b[^`|\n#]*)", page.read_text("utf-8"))
    for command in shown:
        parser().parse_args(shlex.split(command))
    assert shown or page.name != "administration.md"
