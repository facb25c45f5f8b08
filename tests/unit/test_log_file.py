"""The log's file: lines that come together are written together, and it rotates."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest

from strava_collector.log_file import MOST_TOGETHER, LogFile, info_together
from strava_collector.redaction import RedactingFormatter, Redaction
from strava_collector.secret import Secret

LOGGER = "tests.log_file"

Open = Callable[..., logging.Logger]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "add-on.log"


@pytest.fixture
def open_log(path: Path) -> Iterator[Open]:
    """Makes a logger with the file behind it; afterwards logging is as it was."""
    logger = logging.getLogger(LOGGER)

    def make(max_bytes: int = 25_000_000, backup_count: int = 5) -> logging.Logger:
        logger.addHandler(LogFile(str(path), max_bytes=max_bytes, backup_count=backup_count))
        logger.setLevel(logging.INFO)
        logger.propagate = False
        return logger

    yield make
    for handler in list(logger.handlers):
        handler.close()
        logger.removeHandler(handler)
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


class Onlooker(logging.Handler):
    """Notes after each line how many are in the file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self.seen: list[int] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(len(lines(self._path)))


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_lines_that_come_together_reach_the_file_with_the_last_of_them(path: Path, open_log: Open) -> None:
    logger = open_log()
    onlooker = Onlooker(path)
    logger.addHandler(onlooker)

    info_together(logger, ["one", "two", "three"])

    assert onlooker.seen == [0, 0, 3]
    assert lines(path) == ["one", "two", "three"]


def test_a_single_line_is_there_at_once(path: Path, open_log: Open) -> None:
    logger = open_log()

    info_together(logger, ["one"])
    assert lines(path) == ["one"]
    logger.info("two")
    assert lines(path) == ["one", "two"]
    info_together(logger, [])
    assert lines(path) == ["one", "two"]


def test_no_more_than_some_wait(path: Path, open_log: Open) -> None:
    logger = open_log()
    onlooker = Onlooker(path)
    logger.addHandler(onlooker)

    info_together(logger, [str(number) for number in range(MOST_TOGETHER + 2)])

    assert onlooker.seen[MOST_TOGETHER - 2 : MOST_TOGETHER] == [0, MOST_TOGETHER]
    assert lines(path) == [str(number) for number in range(MOST_TOGETHER + 2)]


def test_another_threads_line_takes_those_along_that_wait_before_it(path: Path, open_log: Open) -> None:
    logger = open_log()

    logger.info("waits", extra={"more_follow": True})
    logger.warning("does not")

    assert lines(path) == ["waits", "does not"]


def test_what_waits_is_written_when_the_process_ends(path: Path, open_log: Open) -> None:
    logger = open_log()

    logger.info("waits", extra={"more_follow": True})
    logger.handlers[0].close()

    assert lines(path) == ["waits"]


def test_the_place_in_the_code_is_that_of_the_caller(path: Path, open_log: Open) -> None:
    logger = open_log()
    logger.handlers[0].setFormatter(logging.Formatter("%(filename)s:%(funcName)s %(message)s"))

    info_together(logger, ["one", "two"])

    place = "test_log_file.py:test_the_place_in_the_code_is_that_of_the_caller"
    assert lines(path) == [f"{place} one", f"{place} two"]


def test_a_file_that_would_grow_beyond_its_limit_is_renamed_and_the_oldest_goes(path: Path, open_log: Open) -> None:
    logger = open_log(max_bytes=100, backup_count=2)

    for number in range(12):
        info_together(logger, [f"{number:02} {letter * 7}" for letter in "abc"])

    assert sorted(file.name for file in path.parent.iterdir()) == ["add-on.log", "add-on.log.1", "add-on.log.2"]
    files = [path.with_name("add-on.log.2"), path.with_name("add-on.log.1"), path]
    assert all(file.stat().st_size < 100 for file in files)
    expected = [f"{number:02} {letter * 7}" for number in range(3, 12) for letter in "abc"]
    assert [line for file in files for line in lines(file)] == expected


def test_what_another_process_has_written_counts(path: Path, open_log: Open) -> None:
    logger = open_log(max_bytes=100)
    logger.info("ours")
    with path.open("a") as other:
        other.write("x" * 90 + "\n")

    logger.info("ours again")

    assert lines(path) == ["ours again"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_disturbs_nobody_and_keeps_nothing_in_memory(
    open_log: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = open_log()
    handler = LogFile("/dev/full", max_bytes=0, backup_count=0)
    logger.addHandler(handler)

    for _ in range(3):
        info_together(logger, ["x" * 10_000] * 2)

    said = capsys.readouterr().err
    assert said == "ERROR /dev/full cannot be written (No space left on device): its lines are lost until it can.\n"
    assert handler.__dict__["_lines"] == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_lets_nothing_out_unmasked(open_log: Open, capsys: pytest.CaptureFixture[str]) -> None:
    logger = open_log()
    redaction = Redaction()
    redaction.register(Secret("s3cret-value"))
    handler = LogFile("/dev/full", max_bytes=0, backup_count=0)
    for each in (handler, *logger.handlers):
        each.setFormatter(RedactingFormatter(logging.Formatter("%(message)s"), redaction))
    logger.addHandler(handler)

    try:
        raise ValueError("with s3cret-value inside")
    except ValueError:
        logger.exception("with a traceback" + "x" * 10_000)
    logger.info("said: s3cret-value" + "x" * 10_000)

    assert "s3cret-value" not in capsys.readouterr().err


def test_no_character_costs_a_line_whatever_the_locale(path: Path, open_log: Open) -> None:
    logger = open_log()
    handler = logger.handlers[0]
    assert isinstance(handler, LogFile)
    assert handler.encoding == "utf-8"

    info_together(logger, ["one", "half a character: \udc80", "“three”"])

    assert path.read_text("utf-8").splitlines() == ["one", "half a character: \\udc80", "“three”"]


def test_when_a_file_could_not_be_renamed_the_next_line_tries_again(
    path: Path, open_log: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = open_log(max_bytes=100, backup_count=1)
    in_the_way = path.with_name("add-on.log.1")
    in_the_way.mkdir()
    logger.info("x" * 90)
    logger.info("lost, as the disk says no")
    assert "cannot be written" in capsys.readouterr().err

    in_the_way.rmdir()
    logger.info("there again")

    assert lines(path) == ["there again"]
    in_the_way.unlink(missing_ok=True)
    in_the_way.mkdir()
    logger.info("x" * 90)
    assert "cannot be written" in capsys.readouterr().err
