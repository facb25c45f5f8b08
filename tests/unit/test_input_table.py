"""What the table of inputs shows of the subscriptions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from strava_collector import input_table
from strava_collector.input_table import columns
from tests.support.keeping import OTHER_URL, Keeping

ROW = {"disabled": "0", "manage_subscription": "1"}


@pytest.fixture
def k(tmp_path: Path) -> Iterator[Keeping]:
    keeping = Keeping(tmp_path)
    yield keeping
    keeping.close()


def shown(k: Keeping, **row: str) -> tuple[str, str]:
    found = columns("club", {**ROW, **row}, input_table.look(k.store_folder))
    return found["subscription"], found["subscription_help"]


def test_an_input_that_has_not_looked_yet_waits(k: Keeping) -> None:
    assert shown(k)[0] == "waiting"


def test_the_state_is_that_of_the_last_look_with_its_sentence_and_time(k: Keeping) -> None:
    k.keep()
    state, said = shown(k)
    assert state == "kept"
    assert said.endswith("Looked at: 2026-06-01 06:00 UTC.")


def test_trouble_is_shown_with_what_to_do(k: Keeping) -> None:
    k.strava.subscriptions.add(k.registered, OTHER_URL)
    k.keep()
    state, said = shown(k)
    assert state == "another callback URL"
    assert OTHER_URL in said


def test_a_disabled_input_has_no_state(k: Keeping) -> None:
    k.keep()
    assert shown(k, disabled="1")[0] == ""


def test_a_box_that_was_ticked_or_unticked_counts_before_anybody_has_looked(k: Keeping) -> None:
    k.keep()
    assert shown(k, manage_subscription="0")[0] == "by hand"
    k.begin(manage_subscription=False)
    k.keep()
    assert shown(k, manage_subscription="0")[0] == "by hand"
    assert shown(k, manage_subscription="1")[0] == "waiting"


def test_a_row_from_before_there_was_the_box_is_managed(k: Keeping) -> None:
    k.keep()
    found = columns("club", {}, input_table.look(k.store_folder))
    assert found["subscription"] == "kept"


def test_without_a_store_or_with_an_unreadable_one_the_table_is_shown_all_the_same(tmp_path: Path) -> None:
    assert columns("club", ROW, input_table.look(None))["subscription"] == "unknown"
    assert columns("club", ROW, input_table.look(tmp_path))["subscription"] == "waiting"
    (tmp_path / "strava.db").write_bytes(b"no database" * 1_000)
    assert columns("club", ROW, input_table.look(tmp_path))["subscription"] == "unknown"


def test_the_second_of_two_inputs_of_an_application_says_who_has_the_subscription(k: Keeping) -> None:
    k.keep()
    seen = input_table.look(k.store_folder)
    assert seen is not None
    second = {**ROW, "application": "Club"}
    inputs = {"club": dict(second), "second": second, "third": {**ROW, "application": "Other"}}
    assert input_table.is_waiting("second", second, seen)
    keeper = input_table.keeper_beside("second", inputs, seen)
    assert keeper == "club"
    found = columns("second", second, seen, keeper)
    assert found["subscription"] == "waiting"
    assert found["subscription_help"].startswith("The input “club” keeps the subscription of the application")
    assert input_table.keeper_beside("third", inputs, seen) == ""
    inputs["club"]["disabled"] = "1"
    assert input_table.keeper_beside("second", inputs, seen) == ""
    assert not input_table.is_waiting("club", ROW, seen)
    assert not input_table.is_waiting("second", {**second, "manage_subscription": "0"}, seen)
