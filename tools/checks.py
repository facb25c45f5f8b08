"""What is checked without running the add-on: ``make lint``, and ``make format`` to put the form right."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from tools import environments
from tools.progress import Finished, exit_with, run, say

#: What mypy looks at; ruff looks at everything.
TYPED = ("package/bin", "sandbox", "tools", "tests", "additional_packaging.py")


@dataclass(frozen=True)
class Check:
    """A command of the check environment, and what it is for."""

    title: str
    #: Arguments for the environment's Python.
    arguments: tuple[str, ...]


LINT = Check("lint", ("-m", "ruff", "check"))
FORMAT = Check("format", ("-m", "ruff", "format", "--check"))
TYPES = Check("types", ("-m", "mypy", *TYPED))
IMPORTS = Check(
    "import rules",
    ("-c", "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"),
)

CHECKS = (LINT, FORMAT, TYPES, IMPORTS)

#: What ``make format`` does: sorts imports, repairs what ruff can repair safely, and writes in the project's format.
REWRITES = (Check("lint", ("-m", "ruff", "check", "--fix")), Check("format", ("-m", "ruff", "format")))


def carry_out(check: Check, *, show: bool = False) -> Finished:
    """Run a check in its environment. Raises :class:`tools.environments.EnvironmentFailed`."""
    python = environments.check().ready()
    # import-linter imports the package that it is told about.
    environment = {**os.environ, "PYTHONPATH": str(environments.ROOT / "package" / "bin")}
    command = [str(python), "-B", *check.arguments]
    return run(check.title, command, folder=environments.ROOT, environment=environment, show=show)


def main(arguments: list[str]) -> int:
    failed = []
    try:
        for check in REWRITES if arguments == ["--rewrite"] else CHECKS:
            say(f"{check.title}:")
            if carry_out(check, show=True).status != 0:
                failed.append(check.title)
    except environments.EnvironmentFailed as error:
        say(str(error))
        return 1
    if failed:
        say(f"Failed: {', '.join(failed)}.")
    return 1 if failed else 0


if __name__ == "__main__":
    exit_with(lambda: main(sys.argv[1:]))
