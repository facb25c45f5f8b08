"""The bell between processes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from strava_collector.store.bell import Bell, ring


def test_each_ring_is_heard_once(tmp_path: Path) -> None:
    bell = Bell(tmp_path)
    assert not bell.has_rung()
    for _ in range(3):
        ring(tmp_path)
        assert bell.has_rung()
        assert not bell.has_rung()


def test_rings_before_a_listener_comes_are_none_of_its_business(tmp_path: Path) -> None:
    ring(tmp_path)
    assert not Bell(tmp_path).has_rung()


def test_two_rings_at_the_same_moment_are_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: 1_780_293_600_000_000_000)
    bell = Bell(tmp_path)
    ring(tmp_path)
    assert bell.has_rung()
    ring(tmp_path)
    assert bell.has_rung()


def test_the_bell_is_its_owners_alone(tmp_path: Path) -> None:
    ring(tmp_path)
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_bell_that_cannot_be_rung_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "bell").mkdir()
    ring(tmp_path)
    assert "action=bell_not_rung" in caplog.text
    (tmp_path / "bell").rmdir()
    ring(tmp_path / "gone")
