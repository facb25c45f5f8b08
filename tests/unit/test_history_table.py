"""The computed columns of an input *Strava Activities*."""

from __future__ import annotations

from pathlib import Path

from strava_collector import history_table
from strava_collector.history_table import columns
from strava_collector.progress import Progress
from strava_collector.store.walks import About, Listed
from strava_collector.walk import BEGINNING, Covered, Spans
from tests.support.clock import START

SAID = "done in about 3 days at 600 calls per day"
BACK_TO_2015 = Covered(Spans().plus(1_422_662_400 - 1, int(START)), START, START)
ALL = Covered(Spans().plus(BEGINNING, int(START)), START, START)
ROW = {"application": "Club"}


def listed(athlete: str, covered: Covered, *, by: str = "history", trouble: str = "") -> Listed:
    return Listed(len(athlete), About(athlete, "Club", by, by, 60.0, BEGINNING), covered, START, SAID, START, trouble)


ANNA = (listed("anna", BACK_TO_2015), Progress(2000, 204, 1796, 0, "back to 2015-01-31"))
BEN = (listed("ben", ALL, trouble="the token is refused."), Progress(1000, 1000, 0, 0, "complete"))


def test_how_far_history_has_come_is_told_in_numbers_and_in_words() -> None:
    found = columns("history", ROW, (ANNA, BEN))

    assert found["history"] == "1,204 of 3,000 in full"
    for words in (
        "3,000 activities of 2 athletes",
        "done in about 3 days",
        "anna: back to 2015-01-31",
        "ben: the token is refused.",
    ):
        assert words in found["history_help"]


def test_before_anything_is_listed_it_waits() -> None:
    assert columns("history", {"disabled": "0"}, ())["history"] == "waiting"


def test_a_disabled_input_has_no_state() -> None:
    assert columns("history", {"disabled": "1"}, (ANNA, BEN))["history"] == ""


def test_what_cannot_be_seen_is_unknown(tmp_path: Path) -> None:
    assert history_table.look(None) is None
    assert history_table.look(tmp_path) == ()
    (tmp_path / "strava.db").write_bytes(b"no database at all, for sure" * 100)
    assert columns("history", {}, history_table.look(tmp_path))["history"] == "unknown"


def test_an_athlete_whom_another_input_lists_is_said_to_be_listed_there() -> None:
    inputs = {"history": ROW, "second": ROW}
    found = columns("second", ROW, (ANNA, BEN), inputs)
    assert found["history"] == "listed elsewhere"
    assert "anna is listed by the input “history”." in found["history_help"]
    assert "ben is listed by the input “history”." in found["history_help"]
    assert columns("second", ROW, (ANNA, BEN)) == found, "also if the other rows are not known"
    only_anna = {**ROW, "athletes": "anna"}
    of_both = columns("second", ROW, (ANNA, BEN), {"history": only_anna, "second": ROW})
    assert of_both["history"] == "1,000 of 1,000 in full"
    assert "anna is listed by the input “history”." in of_both["history_help"]


def test_before_the_other_input_has_listed_a_named_athlete_is_said_to_be_its_own() -> None:
    row = {**ROW, "athletes": "anna"}
    assert columns("second", row, (), {"history": ROW, "second": row})["history"] == "listed elsewhere"


def test_a_new_input_in_place_of_one_that_is_deleted_or_disabled_shows_what_there_is() -> None:
    gone = columns("new", ROW, (ANNA, BEN), {"new": ROW})
    assert gone["history"] == "1,204 of 3,000 in full"
    assert "listed by" not in gone["history_help"]
    assert columns("new", ROW, (ANNA, BEN), {"history": {**ROW, "disabled": "1"}, "new": ROW}) == gone


def test_athletes_of_another_application_are_not_the_rows() -> None:
    assert columns("new", {"application": "Other"}, (ANNA, BEN), {})["history"] == "waiting"
