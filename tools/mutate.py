"""``make mutate``: whether the tests notice when a decision is wrong.

mutmut changes one thing at a time in the modules that decide (a sign, a number, a word), and runs the tests that go
through the changed function. What they do not notice has survived. Which modules and tests is in ``pyproject.toml``;
which mutants may survive, and why, in ``tests/mutation/survivors.md``. Some minutes on a free computer.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools import environments
from tools.progress import exit_with, run, say

#: mutmut works in a copy, and takes the name of a module from its path below ``src``.
FOLDER = environments.ROOT / "output" / "mutation"
PACKAGE = "strava_collector"
COPIED = ("tests", "sandbox", "pyproject.toml")

#: Of each module's mutants so many have to be noticed, in percent.
ENOUGH = 85.0

#: What mutmut notes as the exit status of the tests: nothing failed, and no test goes through the function.
_SURVIVED, _UNTESTED = 0, 33


@dataclass(frozen=True)
class Module:
    """What became of the mutants of a module."""

    name: str
    mutants: int
    survivors: tuple[str, ...]

    @property
    def killed(self) -> int:
        return self.mutants - len(self.survivors)

    @property
    def percent(self) -> float:
        return 100.0 * self.killed / self.mutants if self.mutants else 0.0

    def __str__(self) -> str:
        return f"{self.name:20} {self.killed:5} of {self.mutants:5} killed, {self.percent:5.1f} %"


def results(mutants: Path) -> Iterator[Module]:
    """Read what mutmut has noted. Raises ValueError if it has not come to its end."""
    for note in sorted(mutants.glob("*.py.meta")):
        statuses = json.loads(note.read_text("utf-8"))["exit_code_by_key"]
        if None in statuses.values():
            raise ValueError(f"mutmut has not tried all mutants of {note.name}.")
        survivors = tuple(key for key, status in statuses.items() if status in (_SURVIVED, _UNTESTED))
        yield Module(note.name.partition(".")[0], len(statuses), survivors)


def main() -> int:
    try:
        python = environments.mutation().ready()
    except environments.EnvironmentFailed as error:
        say(str(error))
        return 1
    _copy()
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(python), "-B", "-m", "mutmut", "run"]
    finished = run("mutmut", command, folder=FOLDER, environment=surroundings)
    try:
        modules = list(results(FOLDER / "mutants" / "src" / PACKAGE))
    except (OSError, ValueError) as error:
        say(f"{finished.output[-3000:]}\n{error}")
        return 1
    if finished.status != 0 or not modules:
        say(finished.output[-3000:])
        return 1
    for module in modules:
        for survivor in module.survivors:
            say(f"  survived: {survivor.replace('ǁ', '.')}")
    for module in modules:
        say(f"mutate: {module}")
    say(f"What a survivor changes: cd {FOLDER.relative_to(environments.ROOT)} && {python} -m mutmut show <its name>")
    return 0 if all(module.percent >= ENOUGH for module in modules) else 1


def _copy() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(environments.ROOT / "package" / "bin" / PACKAGE, FOLDER / "src" / PACKAGE, ignore=ignored)
    for name in COPIED:
        source = environments.ROOT / name
        if source.is_dir():
            shutil.copytree(source, FOLDER / name, ignore=ignored)
        else:
            shutil.copyfile(source, FOLDER / name)


if __name__ == "__main__":
    exit_with(main)
