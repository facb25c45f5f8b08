"""``docs/privacy.md`` says what the settings do, field by field."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandbox.spl import stanzas
from strava_collector import privacy
from strava_collector.privacy import Words

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "privacy.md").read_text("utf-8")

SETTINGS = {
    "Leave out location": privacy.LOCATION,
    "Leave out names and texts": privacy.TEXT,
    "Leave out health": privacy.HEALTH,
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_page_has_each_key_that_a_setting_leaves_out_and_no_other(setting: str) -> None:
    (row,) = re.findall(rf"^\| {setting} \|(.*)\|$", PAGE, flags=re.MULTILINE)
    cells = [tuple(re.findall(r"`(\w+)`", cell)) for cell in row.split("|")]
    whole, parts, endings, but = cells
    words = SETTINGS[setting]
    assert Words(whole, parts, endings, but) == words


def test_each_duty_names_a_test_or_has_nothing_to_show() -> None:
    table = PAGE.partition("## What Strava asks of you")[2].partition("###")[0]
    rows = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 9
    for duty, does, _, shown in rows:
        if not re.match(r" (nothing|is called|says so)", does):
            assert "../tests/unit/test_" in shown, duty


def test_the_page_names_the_searches_and_the_macros_that_are_shipped() -> None:
    for name in stanzas("savedsearches.conf"):
        assert f"*{name}*" in PAGE or not name.startswith("Strava erase")
    for name in stanzas("macros.conf"):
        if name.startswith("strava_of_"):
            assert f"`{name.partition('(')[0]}(" in PAGE
    hour, minute = 3, 47
    assert stanzas("savedsearches.conf")["Strava erase"]["cron_schedule"].startswith(f"{minute} {hour} ")
    assert f"daily at {hour:02d}:{minute}" in PAGE
