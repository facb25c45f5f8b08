"""The computed columns of an input *Strava Activities*."""

from __future__ import annotations

from pathlib import Path

from strava_collector import history_table
from strava_collector.check_facts import ListFacts
from strava_collector.history_table import columns

HALF = ListFacts(
    "history",
    "Club",
    athletes=2,
    interval=60.0,
    found=3000,
    in_full=1204,
    waiting=1796,
    estimate="done in about 3 days at 600 calls per day",
    unfinished=("anna: back to 2015-01-31",),
    troubles=("ben: the token is refused.",),
)


def test_how_far_history_has_come_is_told_in_numbers_and_in_words() -> None:
    found = columns("history", {}, {"history": HALF})

    assert found["history"] == "1,204 of 3,000 in full"
    for words in (
        "3,000 activities of 2 athletes",
        "done in about 3 days",
        "anna: back to 2015-01-31",
        "ben: the token is refused.",
    ):
        assert words in found["history_help"]


def test_before_anything_is_listed_it_waits() -> None:
    assert columns("history", {"disabled": "0"}, {})["history"] == "waiting"


def test_a_disabled_input_has_no_state() -> None:
    assert columns("history", {"disabled": "1"}, {"history": HALF})["history"] == ""


def test_what_cannot_be_seen_is_unknown(tmp_path: Path) -> None:
    assert history_table.look(None) is None
    assert history_table.look(tmp_path) == {}
    (tmp_path / "strava.db").write_bytes(b"no database at all, for sure" * 100)
    assert columns("history", {}, history_table.look(tmp_path))["history"] == "unknown"
