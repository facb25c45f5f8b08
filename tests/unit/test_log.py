"""Where log lines go."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from solnlib.log import Logs

from strava_collector.log import log_to_handler_file, log_to_input_file, set_level
from strava_collector.log_file import LogFile
from strava_collector.redaction import Redaction
from strava_collector.secret import Secret

NAMES = ("strava_collector", "urllib3", "requests", "solnlib", "splunklib")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A log folder; afterwards logging is as it was."""
    before = {name: (logger := logging.getLogger(name), logger.level, logger.propagate) for name in NAMES}
    Logs.set_context(directory=str(tmp_path))
    yield tmp_path
    for logger, level, propagate in before.values():
        for handler in logger.handlers:
            handler.close()
        logger.handlers.clear()
        logger.setLevel(level)
        logger.propagate = propagate
    Logs().__dict__["_loggers"].clear()


def test_lines_of_the_collector_go_to_the_inputs_file_with_secrets_masked(folder: Path) -> None:
    redaction = Redaction()
    redaction.register(Secret("s3cret-value"))

    log_to_input_file("main", redaction)
    logging.getLogger("strava_collector.worker").info("action=fetched token=s3cret-value")

    text = (folder / "ta_strava_webhook_main.log").read_text()
    assert "log_level=INFO" in text
    assert text.endswith("| action=fetched token=***\n")


def test_the_file_has_the_limits_of_all_of_splunks_logs(folder: Path) -> None:
    log_to_input_file("main", Redaction())

    (handler,) = logging.getLogger("strava_collector").handlers
    assert isinstance(handler, LogFile)
    assert (handler.maxBytes, handler.backupCount) == (25_000_000, 5)


def test_libraries_may_only_warn_and_are_masked_too(folder: Path) -> None:
    redaction = Redaction()
    redaction.register(Secret("s3cret-value"))
    log_to_input_file("main", redaction)

    logging.getLogger("solnlib.conf_manager").info("GET /push?client_secret=s3cret-value")
    logging.getLogger("solnlib.conf_manager").warning("Retrying /push?client_secret=s3cret-value")

    text = (folder / "ta_strava_webhook_main.log").read_text()
    assert "GET" not in text
    assert "Retrying /push?client_secret=***" in text


def test_the_level_acts_on_our_lines_only(folder: Path) -> None:
    log_to_input_file("main", Redaction())

    set_level("ERROR")
    logging.getLogger("strava_collector").warning("not this")
    set_level("DEBUG")
    logging.getLogger("strava_collector").debug("but this")
    logging.getLogger("urllib3").debug("never this")

    text = (folder / "ta_strava_webhook_main.log").read_text()
    assert "but this" in text
    assert "not this" not in text
    assert "never this" not in text


def test_an_inputs_name_cannot_lead_out_of_the_folder(folder: Path) -> None:
    log_to_input_file("../../etc/x", Redaction())

    assert [path.name for path in folder.iterdir()] == ["ta_strava_webhook_______etc_x.log"]


def test_the_handlers_file_is_no_inputs(folder: Path) -> None:
    log_to_handler_file(Redaction())

    assert [path.name for path in folder.iterdir()] == ["ta_strava_webhook.rest.log"]


def test_a_process_that_serves_many_requests_logs_each_line_once(folder: Path) -> None:
    for _ in range(2000):
        log_to_handler_file(Redaction())

    logging.getLogger("strava_collector").info("action=served")

    assert (folder / "ta_strava_webhook.rest.log").read_text().count("action=served") == 1


def test_without_a_place_for_files_lines_go_to_stderr(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Logs.set_context(directory=str(folder / "missing"))

    log_to_input_file("main", Redaction())
    logging.getLogger("strava_collector").error("action=problem")

    assert "ERROR action=problem" in capsys.readouterr().err
