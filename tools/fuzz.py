"""Runs the fuzzer on the sources: ``make fuzz``; where atheris cannot be had, with mutations that nothing guides."""

from __future__ import annotations

import os
import sys

from tools import environments
from tools.progress import exit_with, say


def main(arguments: list[str]) -> int:
    """Return only if there is no environment: the fuzzer takes over the process."""
    try:
        python = environments.fuzz().ready()
    except environments.EnvironmentFailed as error:
        say(f"{error}\natheris comes built for Linux and few Pythons. Without it inputs are mutated blindly.")
        _, tests = max(environments.tests().items(), key=lambda item: int(item[0].partition(".")[2]))
        python = tests.ready()
    os.chdir(environments.ROOT)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(environments.ROOT / "package" / "bin"), str(environments.ROOT)])
    return os.execv(str(python), [str(python), "-B", "-m", "tests.fuzz", *arguments])


if __name__ == "__main__":
    exit_with(lambda: main(sys.argv[1:]))
