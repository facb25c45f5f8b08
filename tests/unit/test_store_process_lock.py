"""Locks between processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.patience import patience
from strava_collector.errors import AnotherProcess, StoreUnavailable
from strava_collector.store.process_lock import FileLock, ProcessLock, input_lock

HOLD = """
import sys
from pathlib import Path
from strava_collector.store.process_lock import input_lock
input_lock(Path(sys.argv[1]), "rides").acquire()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock of the input until it ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": "package/bin"},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_lock_that_another_process_holds_is_refused_with_its_id(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    with pytest.raises(AnotherProcess, match=rf"process \(id {holder.pid}\) holds the lock"):
        input_lock(tmp_path, "rides").acquire(0.02)


def test_the_operating_system_frees_the_lock_of_a_process_that_was_killed(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    holder.kill()
    lock = input_lock(tmp_path, "rides")
    lock.acquire(patience(60))
    lock.release()


def test_a_lock_is_waited_for(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    assert holder.stdin is not None
    holder.stdin.close()
    lock = input_lock(tmp_path, "rides")
    lock.acquire(patience(60))
    lock.release()


def test_a_lock_excludes_others_of_the_same_process_until_released(tmp_path: Path) -> None:
    first, second = ProcessLock(tmp_path / "x.lock"), ProcessLock(tmp_path / "x.lock")
    with first:
        with pytest.raises(AnotherProcess):
            second.acquire()
        with pytest.raises(RuntimeError, match="held already"):
            first.acquire()
    second.acquire()
    second.release()
    second.release()


@pytest.mark.parametrize("name", ["../../etc/passwd", "ä" * 300, "", "a/b", "a_b", "nul\0"])
def test_every_input_has_a_lock_of_its_own_in_the_folder_whatever_its_name(tmp_path: Path, name: str) -> None:
    with input_lock(tmp_path, name), input_lock(tmp_path, f"{name}2"):
        assert len(list(tmp_path.iterdir())) == 2
        with pytest.raises(AnotherProcess):
            input_lock(tmp_path, name).acquire()


def test_a_lock_that_cannot_be_made_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match=r"x\.lock cannot be used"):
        ProcessLock(tmp_path / "file" / "x.lock").acquire()


def test_a_shared_lock_has_company_a_lock_alone_has_none(tmp_path: Path) -> None:
    locks = [FileLock(tmp_path / "x.lock") for _ in range(3)]
    one, two, three = locks
    assert one.try_shared()
    assert two.try_shared()
    assert not three.try_alone()
    one.unlock()
    assert not three.try_alone()
    two.close()
    assert three.try_alone()
    assert not one.try_shared()
    for lock in locks:
        lock.close()
        lock.close()
    with pytest.raises(ValueError, match="closed"):
        one.try_shared()
