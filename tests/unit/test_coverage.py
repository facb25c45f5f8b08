"""What ``make coverage`` makes of the figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tools import coverage, environments, package
from tools.coverage import Branches
from tools.progress import Finished


class Measured:
    """In place of coverage.py: what it is asked to do, and the report that it writes."""

    def __init__(self, branches: Branches, *, tests_pass: bool = True) -> None:
        self.branches = branches
        self.tests_pass = tests_pass

    def __call__(self, _title: str, command: list[str], **_named: Any) -> Finished:
        asked = command[command.index("coverage") + 1 :]
        if asked[0] == "json":
            totals = {"covered_branches": self.branches.covered, "num_branches": self.branches.all}
            Path(asked[-1]).write_text(json.dumps({"totals": totals}))
        return Finished(int(asked[0] == "run" and not self.tests_pass), "", 0.0)


def status(measured: Measured, monkeypatch: pytest.MonkeyPatch, folder: Path, paths: list[str]) -> int:
    class Ready:
        def ready(self) -> Path:
            return Path("python")

    monkeypatch.setattr(package, "main", lambda _arguments: 0)
    monkeypatch.setattr(environments, "coverage", Ready)
    monkeypatch.setattr(coverage, "FOLDER", folder / "coverage")
    monkeypatch.setattr(coverage, "run", measured)
    return coverage.main(paths)


@pytest.mark.parametrize(
    ("branches", "tests_pass", "paths", "expected"),
    [
        (Branches(95, 100), True, [], 0),
        (Branches(949, 1000), True, [], 1),
        (Branches(95, 100), False, [], 1),
        (Branches(10, 100), True, ["tests/unit"], 0),
    ],
    ids=["enough", "too little", "a test fails", "a part has no limit"],
)
def test_branches_alone_decide_how_it_ends(
    branches: Branches,
    tests_pass: bool,
    paths: list[str],
    expected: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert status(Measured(branches, tests_pass=tests_pass), monkeypatch, tmp_path, paths) == expected
    assert capsys.readouterr().out.splitlines()[-1] == f"coverage: {branches}"


def test_what_is_said_is_never_more_than_there_is() -> None:
    assert str(Branches(9499, 10000)) == "9499 of 10000 branches, 94.9 %"
