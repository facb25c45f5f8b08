"""``make audit``: what nobody could be asked about is no success."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tools import audit
from tools.environments import Environment
from tools.progress import Finished

NOT_FOUND = "ERROR:pip_audit._cli:requests: Dependency not found on PyPI and could not be audited: requests (2.32.5)"


def audited(monkeypatch: pytest.MonkeyPatch, *answers: Finished) -> tuple[int, list[str]]:
    """How it ended, and which databases were asked."""
    asked, script = [], list(answers)

    def run(title: str, command: Sequence[str], **others: Any) -> Finished:
        asked.append(command[command.index("-s") + 1])
        return script.pop(0)

    monkeypatch.setattr(Environment, "ready", lambda self: Path("python"))
    monkeypatch.setattr(audit, "run", run)
    return audit.main(), asked


def test_an_answer_of_the_first_database_is_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert audited(monkeypatch, Finished(0, "No known vulnerabilities found", 1.0)) == (0, ["pypi"])
    assert audited(monkeypatch, Finished(1, "Found 1 known vulnerability in 1 package", 1.0)) == (1, ["pypi"])


def test_if_it_cannot_be_asked_the_next_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Finished(1, NOT_FOUND, 1.0), Finished(0, "No known vulnerabilities found", 1.0)
    assert audited(monkeypatch, *answers) == (0, ["pypi", "osv"])


def test_without_any_database_it_fails_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = Finished(1, NOT_FOUND, 1.0), Finished(1, "requests.exceptions.ConnectionError: …", 1.0)
    assert audited(monkeypatch, *answers) == (1, ["pypi", "osv"])
    assert "is open" in capsys.readouterr().out
