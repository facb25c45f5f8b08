"""``make coverage``: which lines and branches of the shipped code the tests go through.

On the newest Python alone, the processes of the built add-on included. It is no part of ``make test``, which would get
too slow. What is measured and what is left out is in ``pyproject.toml``; how much there has to be is here, because
coverage.py has a limit only for lines and branches together.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools import environments, package
from tools.progress import exit_with, run, say

TESTS = ("tests/unit", "tests/contract", "tests/integration")
FOLDER = environments.ROOT / "output" / "coverage"

#: Percent of all branches.
WANTED = 95.0


@dataclass(frozen=True)
class Branches:
    """The branches of the shipped code, and those that the tests went through."""

    covered: int
    all: int

    @classmethod
    def of(cls, report: Mapping[str, Mapping[str, int]]) -> Branches:
        """Take them from what ``coverage json`` has written."""
        return cls(report["totals"]["covered_branches"], report["totals"]["num_branches"])

    @property
    def percent(self) -> float:
        return 100 * self.covered / max(self.all, 1)

    @property
    def enough(self) -> bool:
        return self.percent >= WANTED

    def __str__(self) -> str:
        # Rounded down: 94.96 is not 95.
        tenths = 1000 * self.covered // max(self.all, 1)
        return f"{self.covered} of {self.all} branches, {tenths / 10:.1f} %"


def main(paths: list[str]) -> int:
    """Measure with these tests instead of all, if any are named: then the figure is what it is, and no fault."""
    if package.main([]) != 0:
        return 1
    try:
        python = environments.coverage().ready()
    except environments.EnvironmentFailed as error:
        say(str(error))
        return 1
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    passed = _measure(python, paths or list(TESTS))
    if not _report(python):
        say("coverage: nothing was measured")
        return 1
    found = _branches(python)
    if not passed:
        say("Some tests failed: see above. What they would have gone through is missing in the table.")
    if not (paths or found.enough):
        say(f"That is less than the {WANTED:g} % of branches that are wanted.")
    say(f"coverage: {found}")
    return 0 if passed and (found.enough or bool(paths)) else 1


def _measure(python: Path, paths: list[str]) -> bool:
    """Run the tests; whether all of them passed."""
    command = ["run", "-m", "pytest", "-q", "-p", "tests.support.measured_processes", *paths]
    return _coverage(python, *command)


def _report(python: Path) -> bool:
    """Put together what all processes have measured and print it; whether there was anything."""
    return _coverage(python, "combine", "--quiet") and _coverage(python, "report")


def _branches(python: Path) -> Branches:
    """Return the branches alone: the table counts them together with the lines."""
    result = FOLDER / "coverage.json"
    _coverage(python, "json", "--quiet", "-o", str(result))
    return Branches.of(json.loads(result.read_text("utf-8")))


def _coverage(python: Path, *arguments: str) -> bool:
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(python), "-B", "-m", "coverage", *arguments]
    title = f"coverage {arguments[0]}"
    return run(title, command, folder=environments.ROOT, environment=surroundings, show=True).status == 0


if __name__ == "__main__":
    exit_with(lambda: main(sys.argv[1:]))
