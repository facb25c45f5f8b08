"""``docs/security.md`` names tests that exist, and every attack that there is; its numbers are the code's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from strava_collector import selector_server
from strava_collector.connection_table import SHARE
from strava_collector.limits import Limits

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
DECISION = (ROOT / "docs" / "decisions" / "0009-sources.md").read_text("utf-8")

#: A file of tests, and maybe one of them.
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
TABLES = ("Threats from the internet", "Threats from who knows the path", "Threats from elsewhere")


def names_in(file: Path) -> set[str]:
    return set(re.findall(r"^ *(?:def|async def|class) ([tT]est_?\w+)", file.read_text("utf-8"), flags=re.MULTILINE))


def section(heading: str) -> str:
    (found,) = [part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE) if part.startswith(f"{heading}\n")]
    return found


def rows(heading: str) -> list[str]:
    return [line for line in section(heading).splitlines() if line.startswith("| ")][1:]


@pytest.mark.parametrize(("file", "test"), sorted(set(NAMED.findall(PAGE))))
def test_a_test_that_is_named_exists(file: str, test: str) -> None:
    assert (ROOT / file).is_file()
    assert not test or test in names_in(ROOT / file)


@pytest.mark.parametrize("heading", TABLES)
def test_every_threat_has_a_test(heading: str) -> None:
    assert len(rows(heading)) > 5
    assert [row for row in rows(heading) if not NAMED.search(row)] == []


def test_every_attack_is_named() -> None:
    named = {test for _, test in NAMED.findall(PAGE)}
    there = {test for file in (ROOT / "tests" / "attack").glob("test_*.py") for test in names_in(file)}
    assert there - named == set()


def test_the_limits_per_source_are_the_documented_ones() -> None:
    places = Limits().connections
    limits = section("Limits per source")
    assert f"within {selector_server._ROUND * 1000:g} ms" in limits
    assert f"all {places:,} places are taken, a source with more than {places * SHARE:g} gives way" in limits
    assert f"{selector_server._ACCEPTING * 1000:g} ms for accepting" in DECISION
    assert f"its share of {SHARE * 100:g} %" in DECISION
    assert f"{selector_server.SelectorServer.request_queue_size:,} long" in DECISION
