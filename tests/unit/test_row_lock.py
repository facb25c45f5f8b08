"""One at a time changes rows; where there can be no lock, rows can be changed all the same."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from strava_collector.row_lock import RowsBusy, alone
from strava_collector.store.process_lock import rows_lock


def test_while_one_changes_rows_another_is_told_to_try_again(tmp_path: Path) -> None:
    with (
        alone(tmp_path / "store"),
        pytest.raises(RowsBusy, match="Try again in a minute"),
        alone(tmp_path / "store", 0.0),
    ):
        raise AssertionError("two at once")
    with alone(tmp_path / "store", 0.0):
        pass


def test_a_change_that_fails_gives_the_lock_back(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), alone(tmp_path):
        raise ZeroDivisionError
    rows_lock(tmp_path).acquire(0.0)


def test_where_no_lock_is_possible_it_goes_on_without(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    (tmp_path / "file").write_text("in the way of the folder")
    done = []
    with alone(tmp_path / "file"):
        done.append(True)
    with alone(None):
        done.append(True)
    assert done == [True, True]
    assert "action=rows_not_locked why=" in caplog.text
