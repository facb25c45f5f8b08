"""``make coverage``: which lines and branches of the shipped code the tests go through.

On the newest Python alone, the processes of the built add-on included. It is no part of ``make test``, which would get
too slow. What is measured, what is left out and how much there has to be is in ``pyproject.toml``.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from tools import environments, package
from tools.progress import exit_with, run, say

TESTS = ("tests/unit", "tests/contract", "tests/integration")
FOLDER = environments.ROOT / "output" / "coverage"


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
    enough = _report(python)
    say(f"coverage: {_branches(python)}")
    if not passed:
        say("Some tests failed: see above. What they would have gone through is missing in the table.")
    return 0 if passed and (enough or bool(paths)) else 1


def _measure(python: Path, paths: list[str]) -> bool:
    """Run the tests; whether all of them passed."""
    command = ["run", "-m", "pytest", "-q", "-p", "tests.support.measured_processes", *paths]
    return _coverage(python, *command)


def _report(python: Path) -> bool:
    """Put together what all processes have measured and print it; whether it is enough."""
    return _coverage(python, "combine", "--quiet") and _coverage(python, "report")


def _branches(python: Path) -> str:
    """Return the branches alone, in words: the table counts them together with the lines."""
    result = FOLDER / "coverage.json"
    _coverage(python, "json", "--quiet", "--fail-under=0", "-o", str(result))
    totals = json.loads(result.read_text("utf-8"))["totals"]
    covered, all_of_them = totals["covered_branches"], totals["num_branches"]
    return f"{covered} of {all_of_them} branches, {100 * covered / max(all_of_them, 1):.1f} %"


def _coverage(python: Path, *arguments: str) -> bool:
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(python), "-B", "-m", "coverage", *arguments]
    title = f"coverage {arguments[0]}"
    return run(title, command, folder=environments.ROOT, environment=surroundings, show=True).status == 0


if __name__ == "__main__":
    exit_with(lambda: main(sys.argv[1:]))
