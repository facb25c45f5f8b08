"""What several sessions of one run of ``make test`` need is made by the first that comes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.made_once import made_once
from tools.test import SHARED


class Workshop:
    """Counts how often something is made."""

    def __init__(self) -> None:
        self.made = 0

    def make(self) -> list[int]:
        self.made += 1
        return [self.made]


def test_a_second_session_gets_a_copy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(SHARED, str(tmp_path))
    workshop = Workshop()
    first = made_once("thing", workshop.make)
    first.append(7)
    assert made_once("thing", workshop.make) == [1]
    assert made_once("another", workshop.make) == [2]


def test_what_could_not_be_made_is_made_by_the_next(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(SHARED, str(tmp_path))

    def fail() -> list[int]:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        made_once("thing", fail)
    assert made_once("thing", Workshop().make) == [1]


def test_outside_of_a_run_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SHARED, raising=False)
    workshop = Workshop()
    assert [made_once("thing", workshop.make) for _ in range(2)] == [[1], [2]]
